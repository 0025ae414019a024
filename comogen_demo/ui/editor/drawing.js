// One picture of the editor's state on its canvas. Masks are drawn as outlines (Path2D), filled with the track's colour or
// with the first frame itself, so that a moved mask costs one transform and no pixel work. Lengths of lines and dots are
// css pixels, turned into frame pixels by `editor.unit`. Nothing moves by itself, so reduced motion needs no case.

const INK = {
  light: '#ffffff', shade: 'rgba(12,16,28,.6)', dim: 'rgba(12,16,28,.3)', left: 'rgba(12,16,28,.42)', deep: 'rgba(12,16,28,.8)',
  accent: '#5b8cff', before: '#ff9f43', after: '#38bdf8', whole: '#ffd24a', chosen: '#2d4fd8', minus: '#ff6b6b',
};

// Entry: everything that is on the canvas.
function drawScene(editor) {
  const {canvas, width, height, frame, view} = editor, pen = canvas.getContext('2d');
  const scale = Math.min(window.devicePixelRatio || 1, 2), wide = Math.max(1, Math.round(canvas.clientWidth * scale));
  const high = Math.max(1, Math.round(wide * height / width));
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  pen.setTransform(wide / width, 0, 0, high / height, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!frame) return;
  pen.imageSmoothingEnabled = true;
  pen.lineJoin = pen.lineCap = 'round';
  pen.drawImage(frameOnScreen(frame, wide, high), 0, 0, width, height);
  const chosen = editor.track(), live = editor.live || {};
  const placed = editor.tracks().filter(track => track.visible).map(track => drawnPlace(editor, track, track === chosen));
  placed.sort((a, b) => a.chosen - b.chosen);  // the selected one on top
  if (view === 'model') drawCells(pen, editor);
  else if (view === 'cutout' && placed.some(one => one.moved)) drawLeft(pen, editor, placed);
  for (const one of placed) if (!(live.picture && one.chosen)) drawMask(pen, editor, one);
  drawCut(pen, editor);
  if (!editor.playing && !live.picture) {
    for (const one of placed) {
      if (one.chosen && editor.onion) drawOnion(pen, editor, one);
      if (one.chosen && editor.whole) drawAll(pen, editor, one);
      drawWay(pen, editor, one);
      if (one.chosen && editor.tool === 'select' && !one.track.locked) drawHandles(pen, editor, one);
    }
  }
  if (view === 'model') drawCaption(pen, editor);
  if (!editor.playing) drawFound(pen, editor);
  if (!editor.playing) drawLive(pen, editor, live);
}

// Dims what the model does not get of the picture, as it makes another aspect.
function drawCut(pen, {width, height, crop}) {
  if (crop.wide === width && crop.high === height) return;
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.rect(crop.left, crop.top, crop.wide, crop.high);
  pen.fillStyle = INK.deep;
  pen.fill('evenodd');
}

// Where a track's mask is now: {track, chosen, moved, shapes, moment, path} with the outline `path` in the coordinates of
// its shape, or of the frame if it is between two shapes; `pose` is where to draw it, null for the latter.
function drawnPlace(editor, track, chosen) {
  const shapes = editor.shapes(track), moment = editor.moment(track, editor.time), moved = track.keyframes.length > 1;
  const place = {track, chosen, moved, shapes, moment, pose: null, path: null};
  if (moment && moment.kind === 'redrawn') return {...place, path: drawnBetween(editor, track, moment, shapes)};
  const pose = moment ? null : poseAt(track, shapes, editor.time), shape = shapes[moment ? moment.parts[0].shape : pose.shape];
  if (!shape) return place;
  const {rotation, scale} = moment ? moment.parts[0] : pose;
  const x = moment ? moment.x : shape.centre.x + pose.x, y = moment ? moment.y : shape.centre.y + pose.y;
  return {...place, pose: {x, y, rotation, scale, centre: shape.centre}, path: outlineOf(shape)};
}

// Lets the pen draw in the coordinates of a shape that is shown in a pose; `line(w)` is then a width on the screen.
function drawPosed(pen, pose) {
  if (!pose) return;
  pen.translate(pose.x, pose.y);
  pen.rotate(pose.rotation * Math.PI / 180);
  pen.scale(pose.scale, pose.scale);
  pen.translate(-pose.centre.x, -pose.centre.y);
}

function keyPose(shapes, key) {
  const centre = shapes[key.shape].centre;
  return {x: centre.x + key.x, y: centre.y + key.y, rotation: key.rotation, scale: key.scale, centre};
}

// The shape that is at its place in the first frame: only its pixels can be cut out of it.
const firstShape = track => track.keyframes.length ? track.keyframes[0].shape : 0;

function drawMask(pen, editor, one) {
  const {track, chosen, moment, path, pose} = one, {unit, view} = editor;
  if (!path) return;
  pen.save();
  drawPosed(pen, pose);
  const line = unit / (pose ? pose.scale : 1), pale = track.on ? 1 : 0.45;
  if (moment && view !== 'outline' && view !== 'model') drawInside(pen, editor, one, pale);
  pen.globalAlpha = moment ? pale : 0.55;
  pen.setLineDash(moment && track.on ? [] : [5 * line, 6 * line]);
  const width = (chosen ? 2.25 : 1.25) * (view === 'model' ? 0.6 : 1);
  for (const [wide, colour] of [[width + 2, INK.shade], [width, track.colour]]) {
    pen.lineWidth = wide * line;
    pen.strokeStyle = colour;
    pen.stroke(path);
  }
  pen.restore();
}

// The inside of a mask: in the cut-out view the pixels of the first frame as far as they belong to it, else a tint.
function drawInside(pen, editor, one, pale) {
  const {track, moved, moment, path, pose, shapes} = one, cut = editor.view === 'cutout' && moved;
  const own = moment.parts.find(part => part.shape === firstShape(track)), known = own ? own.weight : 0;
  if (cut && known > 0) {
    const pattern = framePattern(pen, editor.frame);
    const shape = shapes[own.shape], matrix = new DOMMatrix();
    if (!pose) {
      matrix.translateSelf(moment.x, moment.y).rotateSelf(own.rotation).scaleSelf(own.scale);
      matrix.translateSelf(-shape.centre.x, -shape.centre.y);
    }
    pattern.setTransform(matrix);
    pen.globalAlpha = pale * known;
    pen.fillStyle = pattern;
    pen.fill(path, 'evenodd');
  }
  pen.globalAlpha = pale * (cut ? 0.14 * known + 0.6 * (1 - known) : editor.view === 'fill' ? 0.55 : 0.34);
  pen.fillStyle = track.colour;
  pen.fill(path, 'evenodd');
}

// The frame at the canvas' own size, scaled well but once.
let frameScaled = {frame: null, picture: null};
function frameOnScreen(frame, wide, high) {
  const {picture} = frameScaled;
  if (frameScaled.frame === frame && picture.width === wide && picture.height === high) return picture;
  const made = document.createElement('canvas'), pen = made.getContext('2d');
  made.width = wide;
  made.height = high;
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(frame, 0, 0, wide, high);
  frameScaled = {frame, picture: made};
  return made;
}

let patternOf = {frame: null, pattern: null};
function framePattern(pen, frame) {
  if (patternOf.frame !== frame) patternOf = {frame, pattern: pen.createPattern(frame, 'no-repeat')};
  return patternOf.pattern;
}

// The frame a little darker, and more so where something has moved away.
function drawLeft(pen, editor, placed) {
  pen.fillStyle = INK.dim;
  pen.fillRect(0, 0, editor.width, editor.height);
  pen.fillStyle = INK.left;
  for (const {track, moved, shapes, pose} of placed) {
    const shape = shapes[firstShape(track)];
    const there = pose && pose.centre === (shape && shape.centre) && Math.hypot(pose.x - pose.centre.x, pose.y - pose.centre.y) < 1;
    if (moved && shape && !there) pen.fill(outlineOf(shape), 'evenodd');
  }
}

// The selected track's neighbouring keyframes: two before (warm) and two after (cool), the nearer the stronger.
function drawOnion(pen, editor, one) {
  const keys = one.track.keyframes, {time} = editor;
  const before = keys.filter(key => key.t < time).slice(-2).reverse(), after = keys.filter(key => key.t > time).slice(0, 2);
  for (const [list, colour] of [[before, INK.before], [after, INK.after]]) list.forEach((key, i) => drawKey(pen, editor, one, key, colour, i ? 0.4 : 0.9));
}

// What is moved with the switch "Move all keys": the masks at some ten keyframes.
function drawAll(pen, editor, one) {
  const keys = one.track.keyframes.filter(key => !key.hidden), gap = Math.ceil(keys.length / 10);
  keys.forEach((key, i) => { if (i % gap === 0 || i === keys.length - 1) drawKey(pen, editor, one, key, INK.whole, 0.75); });
}

// The mask at a keyframe, as a line and a breath of its colour.
function drawKey(pen, editor, one, key, colour, strength) {
  if (key.hidden || !one.shapes[key.shape]) return;
  const pose = keyPose(one.shapes, key), path = outlineOf(one.shapes[key.shape]);
  pen.save();
  drawPosed(pen, pose);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = 1.75 * editor.unit / pose.scale;
  pen.globalAlpha = 0.13 * strength;
  pen.fill(path, 'evenodd');
  pen.globalAlpha = strength;
  pen.stroke(path);
  pen.restore();
}

// The way through a track's keyframes, from key to key: [{a, points}], null while a shape is not decoded.
const wayCache = new WeakMap();
function wayOf(track, shapes) {
  const kept = wayCache.get(track);
  if (kept) return kept;
  if (track.keyframes.some(key => !shapes[key.shape])) return null;
  const even = {...track, keyframes: track.keyframes.map(key => ({...key, ease: LINEAR}))}, steps = track.smooth ? 24 : 1;
  const way = even.keyframes.slice(0, -1).map((a, i) => {
    const length = even.keyframes[i + 1].t - a.t;
    return {a, points: Array.from({length: steps + 1}, (_, k) => motionBetween(even, shapes, i, a.t + length * k / steps))};
  });
  wayCache.set(track, way);
  return way;
}

function drawWay(pen, editor, one) {
  const {track, chosen, shapes} = one, {unit} = editor, way = wayOf(track, shapes);
  if (!way || !way.length) return;
  const {points: [start]} = way[0];
  if (way.every(({points}) => points.every(p => Math.hypot(p.x - start.x, p.y - start.y) < unit))) return;
  pen.save();
  pen.globalAlpha = track.on ? 1 : 0.45;
  for (const {a, points} of way) {
    if (a.hidden) continue;
    pen.beginPath();
    for (const p of points) pen.lineTo(p.x, p.y);
    const dash = a.hold ? [0, 7 * unit] : [6 * unit, 6 * unit];
    drawLine(pen, unit, chosen ? 1.75 : 1.25, chosen ? INK.light : track.colour, dash);
    drawArrow(pen, unit, points, chosen ? 1.75 : 1.25, chosen ? INK.light : track.colour);
  }
  for (const key of track.keyframes) {
    const {x, y} = keyPose(shapes, key), here = chosen && key.t === editor.keyT;
    const radius = chosen ? here ? 6.5 : 5 : 3;
    drawDot(pen, x, y, radius, here ? INK.accent : key.hidden ? INK.shade : chosen ? INK.light : track.colour,
      here || key.hidden ? INK.light : chosen ? track.colour : INK.shade, unit);
  }
  pen.restore();
}

function drawLine(pen, unit, width, colour, dash = []) {
  pen.setLineDash(dash);
  for (const [wide, ink] of [[width + Math.min(1.75, width), INK.shade], [width, colour]]) {
    pen.lineWidth = wide * unit;
    pen.strokeStyle = ink;
    pen.stroke();
  }
  pen.setLineDash([]);
}

// An open arrowhead in the middle of a line that is long enough for it.
function drawArrow(pen, unit, points, width, colour) {
  const length = points.slice(1).reduce((sum, p, i) => sum + Math.hypot(p.x - points[i].x, p.y - points[i].y), 0);
  if (length < 44 * unit) return;
  const i = Math.floor((points.length - 1) / 2), p = points[i], q = points[i + 1];
  const angle = Math.atan2(q.y - p.y, q.x - p.x), share = points.length === 2 ? 0.5 : 0;
  const x = p.x + share * (q.x - p.x), y = p.y + share * (q.y - p.y), size = (4 + 2 * width) * unit;
  pen.beginPath();
  for (const side of [2.5, 0, -2.5]) {
    pen.lineTo(x + (side ? size * Math.cos(angle + side) : 0), y + (side ? size * Math.sin(angle + side) : 0));
  }
  drawLine(pen, unit, width, colour);
}

function drawDot(pen, x, y, radius, inside, rim, unit) {
  pen.beginPath();
  pen.arc(x, y, radius * unit, 0, 2 * Math.PI);
  pen.fillStyle = inside;
  pen.fill();
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = rim;
  pen.stroke();
}

// What the pointer is just doing: a stroke, a line being drawn, a box, the brush.
function drawLive(pen, editor, live) {
  const {unit} = editor, {picture, line, box, brush} = live;
  if (picture) {
    pen.imageSmoothingEnabled = false;
    pen.drawImage(picture, 0, 0);
  }
  if (box) {
    pen.beginPath();
    pen.rect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
    drawArea(pen, unit, live.subtract);
  }
  if (line) {
    pen.beginPath();
    for (const p of line) pen.lineTo(p.x, p.y);
    if (!live.corners) pen.closePath();
    drawArea(pen, unit, live.subtract);
    if (live.corners) line.slice(0, live.corners).forEach((p, i) => drawDot(pen, p.x, p.y, i ? 3.5 : 6, INK.light, INK.accent, unit));
  }
  if (brush) {
    for (const [width, colour] of [[3.5, INK.shade], [1.5, INK.light]]) {
      pen.lineWidth = width * unit;
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.arc(brush.x, brush.y, brush.radius, 0, 2 * Math.PI);
      pen.moveTo(brush.x - 3 * unit, brush.y);
      pen.lineTo(brush.x + 3 * unit, brush.y);
      if (!live.subtract) { pen.moveTo(brush.x, brush.y - 3 * unit); pen.lineTo(brush.x, brush.y + 3 * unit); }
      pen.stroke();
    }
  }
}

function drawArea(pen, unit, subtract) {
  const colour = subtract ? INK.minus : INK.light;
  pen.globalAlpha = 0.16;
  pen.fillStyle = colour;
  pen.fill('evenodd');
  pen.globalAlpha = 1;
  drawLine(pen, unit, 1.5, colour, [6 * unit, 5 * unit]);
}
