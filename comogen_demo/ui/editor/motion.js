// Where a track's mask is at a time: keyframes -> a moment. The same arithmetic as comogen_demo.masks.

const REST = {x: 0, y: 0, rotation: 0, scale: 1}, LINEAR = [0, 0, 1, 1];

// Degrees -> the same angle in [-180, 180).
function wrapDegrees(angle) {
  return ((angle + 180) % 360 + 360) % 360 - 180;
}

// The cubic Bezier curve of CSS: share of time u (0..1) -> share of the way. Overshoot is allowed.
function easeAt(ease, u) {
  const [x1, y1, x2, y2] = ease;
  if (u <= 0 || u >= 1 || (x1 === y1 && x2 === y2)) return u;
  const along = (a, b, s) => ((1 + 3 * a - 3 * b) * s + 3 * b - 6 * a) * s * s + 3 * a * s;
  let low = 0, high = 1, s = u;
  for (let i = 0; i < 50; i++) {
    const off = along(x1, x2, s) - u;
    if (off > 0) high = s; else low = s;
    const slope = (3 * (1 + 3 * x1 - 3 * x2) * s + 2 * (3 * x2 - 6 * x1)) * s + 3 * x1, next = s - off / slope;
    s = next > low && next < high ? next : (low + high) / 2;
  }
  return along(y1, y2, s);
}

// Number of the last keyframe at or before t, or 0 before the first.
function keyBefore(keys, t) {
  let i = keys.length - 1;
  while (i > 0 && keys[i].t > t) i--;
  return i;
}

// The share of the way and the place between the keyframes number i and i + 1, or null if a shape is not there.
function motionBetween(track, shapes, i, t) {
  const keys = track.keyframes, a = keys[i], b = keys[i + 1], dt = b.t - a.t;
  const e = easeAt(a.ease, (t - a.t) / dt), s = track.smooth;
  const at = k => {
    const shape = shapes[k.shape];
    return shape && {x: shape.centre.x + k.x, y: shape.centre.y + k.y};
  };
  const from = at(a), to = at(b);
  if (!from || !to) return null;
  if (!s) return {e, x: from.x + e * (to.x - from.x), y: from.y + e * (to.y - from.y)};
  const before = i > 0 ? at(keys[i - 1]) : from, after = i + 2 < keys.length ? at(keys[i + 2]) : to;
  if (!before || !after) return null;
  const past = b.t - (i > 0 ? keys[i - 1].t : a.t), rest = (i + 2 < keys.length ? keys[i + 2].t : b.t) - a.t;
  const curve = (p, q, o, r) => {
    const v = (q - p) / dt, c = p + dt / 3 * ((1 - s) * v + s * (q - o) / past), d = q - dt / 3 * ((1 - s) * v + s * (r - p) / rest);
    const w = 1 - e;
    return w * w * w * p + 3 * w * w * e * c + 3 * w * e * e * d + e * e * e * q;
  };
  return {e, x: curve(from.x, to.x, before.x, after.x), y: curve(from.y, to.y, before.y, after.y)};
}

const motionTurn = (a, b, e) => a.rotation + e * wrapDegrees(b.rotation - a.rotation);
const motionGrowth = (a, b, e) => a.scale === b.scale ? a.scale : Math.exp(Math.log(a.scale) + e * (Math.log(b.scale) - Math.log(a.scale)));

// What is shown of a track at time t (a real number): {x, y} is where the shape's centroid is, `parts` what is drawn
// there (`shape` is its number); null while it is hidden or its shape is not decoded.
function momentAt(track, shapes, t) {
  const keys = track.keyframes;
  if (!keys.length) return motionRest(shapes, {...REST, shape: 0}, null, null, 'key');
  const i = keyBefore(keys, t), a = keys[i], b = t > a.t && keys[i + 1] || null;
  if (a.hidden) return null;
  if (!b) return motionRest(shapes, a, a, null, 'key');
  if (a.hold) return motionRest(shapes, a, a, b, 'hold');
  const way = motionBetween(track, shapes, i, t);
  if (!way) return null;
  const {e, x, y} = way;
  if (a.shape === b.shape) {
    const part = {shape: a.shape, weight: 1, rotation: motionTurn(a, b, e), scale: motionGrowth(a, b, e)};
    return {x, y, parts: [part], a, b, kind: 'affine'};
  }
  const share = Math.min(1, Math.max(0, e));
  const part = (key, weight) => ({shape: key.shape, weight, rotation: key.rotation, scale: key.scale});
  return {x, y, parts: [part(a, 1 - share), part(b, share)], a, b, kind: 'redrawn'};
}

function motionRest(shapes, key, a, b, kind) {
  const shape = shapes[key.shape];
  if (!shape) return null;
  const part = {shape: key.shape, weight: 1, rotation: key.rotation, scale: key.scale};
  return {x: shape.centre.x + key.x, y: shape.centre.y + key.y, parts: [part], a, b, kind};
}

// The pose at time t as a keyframe would have it, also while hidden. Between two different shapes it is that of the nearer.
function poseAt(track, shapes, t) {
  const keys = track.keyframes;
  const still = key => ({x: key.x, y: key.y, rotation: key.rotation, scale: key.scale, shape: key.shape});
  if (!keys.length) return {...REST, shape: 0};
  const i = keyBefore(keys, t), a = keys[i], b = t > a.t && keys[i + 1] || null;
  if (!b || a.hold) return still(a);
  const way = motionBetween(track, shapes, i, t);
  if (!way) return still(a);
  const {e} = way, near = e < 0.5 ? a : b, centre = shapes[near.shape].centre, place = {x: way.x - centre.x, y: way.y - centre.y};
  if (a.shape !== b.shape) return {...still(near), ...place};
  return {...place, rotation: motionTurn(a, b, e), scale: motionGrowth(a, b, e), shape: a.shape};
}
