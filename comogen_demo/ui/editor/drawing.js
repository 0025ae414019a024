// One picture of the editor's state. Lengths in css pixels are turned into frame pixels by `unit`.

const INK = {path: '#ffffff', key: '#ffffff', accent: '#5b8cff', shade: 'rgba(12,16,28,.62)'};

function drawScene(pen, view, state) {
  const {frame, subject, keyframes, time, frames, playing} = state;
  pen.setTransform(view.zoom, 0, 0, view.zoom, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = 'high';
  pen.clearRect(0, 0, view.width, view.height);
  if (!frame) return;
  pen.drawImage(frame, 0, 0, view.width, view.height);
  if (!subject) return;
  const pose = poseAt(keyframes, time), moved = keyframes.length > 1, unit = view.unit;
  if (moved) {
    pen.fillStyle = 'rgba(12,16,28,.28)';
    pen.fillRect(0, 0, view.width, view.height);
    if (!playing) drawPath(pen, subject, keyframes, frames, unit);
    pen.globalAlpha = 0.75;
    pen.drawImage(subject.ghost, 0, 0);
    pen.globalAlpha = 1;
  }
  pen.save();
  place(pen, pose, subject.centre);
  if (moved) pen.drawImage(subject.cutout, 0, 0);
  pen.globalAlpha = moved ? 0.16 : 0.34;
  pen.drawImage(subject.tint, 0, 0);
  pen.globalAlpha = 1;
  pen.drawImage(subject.rim, 0, 0);
  pen.restore();
  if (!playing) drawHandles(pen, handlesOf(subject, pose, 30 * unit), unit);
}

function drawPath(pen, subject, keyframes, frames, unit) {
  pen.beginPath();
  for (let t = 0; t < frames; t++) {
    const pose = poseAt(keyframes, t), x = subject.centre.x + pose.x, y = subject.centre.y + pose.y;
    t ? pen.lineTo(x, y) : pen.moveTo(x, y);
  }
  for (const [width, colour] of [[4, INK.shade], [2, INK.path]]) {
    pen.lineWidth = width * unit;
    pen.strokeStyle = colour;
    pen.setLineDash([7 * unit, 6 * unit]);
    pen.stroke();
  }
  pen.setLineDash([]);
  for (const key of keyframes) dot(pen, subject.centre.x + key.x, subject.centre.y + key.y, 4 * unit, INK.key, unit);
}

function drawHandles(pen, handles, unit) {
  for (const [width, colour] of [[4, INK.shade], [2, INK.path]]) {
    pen.beginPath();
    pen.moveTo(handles.stem.x, handles.stem.y);
    pen.lineTo(handles.rotate.x, handles.rotate.y);
    pen.lineWidth = width * unit;
    pen.strokeStyle = colour;
    pen.stroke();
  }
  dot(pen, handles.rotate.x, handles.rotate.y, 8 * unit, INK.accent, unit);
  const half = 7 * unit, {x, y} = handles.scale;
  pen.fillStyle = INK.accent;
  pen.strokeStyle = '#ffffff';
  pen.lineWidth = 2 * unit;
  pen.beginPath();
  pen.rect(x - half, y - half, 2 * half, 2 * half);
  pen.fill();
  pen.stroke();
}

function dot(pen, x, y, radius, colour, unit) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = colour === INK.key ? INK.shade : '#ffffff';
  pen.stroke();
}
