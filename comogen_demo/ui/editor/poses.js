// Poses between keyframes, by the same rules as masks.rasterise: x and y linear, rotation the short way round,
// scale on a logarithmic axis; before the first and after the last keyframe the pose stays.

const REST = {x: 0, y: 0, rotation: 0, scale: 1};

// Degrees -> the same angle in [-180, 180).
function wrapDegrees(angle) {
  return ((angle + 180) % 360 + 360) % 360 - 180;
}

// keyframes sorted by t, at least one -> {x, y, rotation, scale} at time t.
function poseAt(keyframes, t) {
  if (!keyframes.length) return {...REST};
  if (t <= keyframes[0].t) return poseOf(keyframes[0]);
  const after = keyframes.findIndex(k => k.t >= t);
  if (after < 0) return poseOf(keyframes[keyframes.length - 1]);
  const a = keyframes[after - 1], b = keyframes[after], u = (t - a.t) / (b.t - a.t);
  return {
    x: a.x + u * (b.x - a.x),
    y: a.y + u * (b.y - a.y),
    rotation: a.rotation + u * wrapDegrees(b.rotation - a.rotation),
    scale: Math.exp(Math.log(a.scale) + u * (Math.log(b.scale) - Math.log(a.scale))),
  };
}

function poseOf(key) {
  return {x: key.x, y: key.y, rotation: key.rotation, scale: key.scale};
}

// A copy of the keyframes with the pose fixed at time t.
function withKey(keyframes, t, pose) {
  return [...keyframes.filter(k => k.t !== t), {t, ...pose}].sort((a, b) => a.t - b.t);
}

// Lets a canvas context draw the mask at rest where the pose puts it.
function place(pen, pose, centre) {
  pen.translate(centre.x + pose.x, centre.y + pose.y);
  pen.rotate(pose.rotation * Math.PI / 180);
  pen.scale(pose.scale, pose.scale);
  pen.translate(-centre.x, -centre.y);
}

// Frame pixels -> the pixel of the mask at rest that the pose brings there.
function toRest(point, pose, centre) {
  const angle = -pose.rotation * Math.PI / 180;
  const dx = (point.x - centre.x - pose.x) / pose.scale, dy = (point.y - centre.y - pose.y) / pose.scale;
  return {
    x: centre.x + dx * Math.cos(angle) - dy * Math.sin(angle),
    y: centre.y + dx * Math.sin(angle) + dy * Math.cos(angle),
  };
}

// The other way: a point of the mask at rest -> where the pose puts it.
function fromRest(point, pose, centre) {
  const angle = pose.rotation * Math.PI / 180;
  const dx = (point.x - centre.x) * pose.scale, dy = (point.y - centre.y) * pose.scale;
  return {
    x: centre.x + pose.x + dx * Math.cos(angle) - dy * Math.sin(angle),
    y: centre.y + pose.y + dx * Math.sin(angle) + dy * Math.cos(angle),
  };
}
