// The handles of the selected mask, and what is under a pointer. Places are in frame pixels, reaches in css pixels.

const REACH = 30, GRAB = 22, TOUCH = 12;  // length of the rotation handle, size of a target, and more of it for fingers

// What is held of a mask: its centre, how it is turned and scaled, and its box about the centre before that.
function gripOf(editor, track) {
  const shapes = editor.shapes(track), moment = editor.moment(track, editor.time);
  if (!moment) return null;
  if (moment.kind !== 'redrawn') {
    const {shape, rotation, scale} = moment.parts[0], {box, centre} = shapes[shape];
    return {
      x: moment.x, y: moment.y, rotation, scale,
      box: {left: box.left - centre.x, top: box.top - centre.y, right: box.right - centre.x, bottom: box.bottom - centre.y},
    };
  }
  const drawn = rasterMoment(moment, shapes, editor.width, editor.height), {x, y} = moment;
  if (!drawn) return null;
  const box = {left: drawn.left - x, top: drawn.top - y, right: drawn.left + drawn.wide - x, bottom: drawn.top + drawn.high - y};
  return {x, y, rotation: 0, scale: 1, box};
}

// A point about the centre, before turning and scaling -> the frame, and back.
function gripOut(grip, x, y) {
  const angle = grip.rotation * Math.PI / 180, cos = Math.cos(angle) * grip.scale, sin = Math.sin(angle) * grip.scale;
  return {x: grip.x + cos * x - sin * y, y: grip.y + sin * x + cos * y};
}

function gripIn(grip, point) {
  const angle = grip.rotation * Math.PI / 180, cos = Math.cos(angle) / grip.scale, sin = Math.sin(angle) / grip.scale;
  const x = point.x - grip.x, y = point.y - grip.y;
  return {x: cos * x + sin * y, y: cos * y - sin * x};
}

// Where the handles are: above the mask to turn it, at its corner to resize it; at another side if that is out of sight.
function handlesOf(editor, grip) {
  const {unit, width, height} = editor, gap = REACH * unit / grip.scale, {left, top, right, bottom} = grip.box, edge = 8 * unit;
  const seen = p => p.x >= edge && p.y >= edge && p.x <= width - edge && p.y <= height - edge;
  const midX = (left + right) / 2, midY = (top + bottom) / 2, out = gap / 4;
  const stems = [[midX, top, 0, -gap], [midX, bottom, 0, gap], [right, midY, gap, 0], [left, midY, -gap, 0]];
  const turns = stems.map(([x, y, dx, dy]) => ({stem: gripOut(grip, x, y), rotate: gripOut(grip, x + dx, y + dy)}));
  const corners = [[right + out, bottom + out], [left - out, bottom + out], [right + out, top - out], [left - out, top - out]];
  const scales = corners.map(([x, y]) => gripOut(grip, x, y));
  return {...(turns.find(one => seen(one.rotate)) || turns[0]), scale: scales.find(seen) || scales[0]};
}

function drawHandles(pen, editor, one) {
  const grip = gripOf(editor, one.track), {unit} = editor, colour = editor.whole ? INK.whole : INK.accent, rim = editor.whole ? INK.deep : INK.light;
  if (!grip) return;
  const {stem, rotate, scale} = handlesOf(editor, grip), half = 6.5 * unit;
  pen.beginPath();
  pen.moveTo(stem.x, stem.y);
  pen.lineTo(rotate.x, rotate.y);
  drawLine(pen, unit, 2, INK.light);
  drawDot(pen, rotate.x, rotate.y, 8, colour, rim, unit);
  pen.beginPath();
  pen.roundRect(scale.x - half, scale.y - half, 2 * half, 2 * half, 2 * unit);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = rim;
  pen.stroke();
}

// Whether a mask is under a point at time t, or within `margin` pixels of it.
function maskAt(editor, track, point, margin = 0, t = editor.time) {
  const shapes = editor.shapes(track), moment = editor.moment(track, t);
  if (!moment) return false;
  const drawn = moment.kind === 'redrawn' ? rasterMoment(moment, shapes, editor.width, editor.height) : null;
  const part = moment.parts[0], shape = shapes[part.shape], grip = {x: moment.x, y: moment.y, rotation: part.rotation, scale: part.scale};
  const inside = p => {
    if (moment.kind === 'redrawn') {
      const x = drawn ? Math.floor(p.x) - drawn.left : -1, y = drawn ? Math.floor(p.y) - drawn.top : -1;
      return x >= 0 && y >= 0 && x < drawn.wide && y < drawn.high && drawn.alpha[y * drawn.wide + x] > 0;
    }
    const at = gripIn(grip, p), {left, top, right, bottom} = shape.box;
    const x = Math.floor(at.x + shape.centre.x) - left, y = Math.floor(at.y + shape.centre.y) - top;
    return x >= 0 && y >= 0 && x < right - left && y < bottom - top && shape.inner[y * (right - left) + x] > 0;
  };
  if (inside(point)) return true;
  for (let k = 0; margin && k < 8; k++) {
    const angle = k * Math.PI / 4;
    if (inside({x: point.x + margin * Math.cos(angle), y: point.y + margin * Math.sin(angle)})) return true;
  }
  return false;
}

// The keyframe of the selected track whose dot is under a point, but not the one that is shown: there is the mask itself.
function dotAt(editor, track, point, touch) {
  const shapes = editor.shapes(track), now = Math.round(editor.time), first = track.keyframes[0];
  if (track.keyframes.length < 2) return null;
  const onMask = maskAt(editor, track, point), reach = (onMask ? 8 : 12) + (touch ? TOUCH / 2 : 0);
  let best = null, least = reach * editor.unit;
  for (const key of track.keyframes) {
    if (key.t === now || (editor.time < 1 && key === first) || !shapes[key.shape]) continue;
    const {x, y} = keyPose(shapes, key), far = Math.hypot(point.x - x, point.y - y);
    if (far <= least) { best = key; least = far; }
  }
  return best;
}

// What a press with the selection tool would take hold of: {kind: 'rotate' | 'scale' | 'key' | 'move', track, key}, or
// {kind: 'scene'}. What is locked or not visible is not there for the pointer.
function targetAt(editor, point, touch) {
  const free = editor.tracks().filter(track => track.visible && !track.locked), chosen = free.find(track => track === editor.track());
  const margin = touch ? TOUCH * editor.unit : 0;
  if (chosen) {
    const grip = gripOf(editor, chosen), more = touch ? TOUCH / 2 : 0;
    if (grip) {
      const handles = handlesOf(editor, grip), far = p => Math.hypot(point.x - p.x, point.y - p.y) / editor.unit;
      // On a small mask the targets reach into it: there only their middle counts.
      const reach = maskAt(editor, chosen, point) ? 0.5 : 1;
      if (far(handles.rotate) <= (GRAB + more) * reach) return {kind: 'rotate', track: chosen};
      if (far(handles.scale) <= (GRAB * 0.8 + more) * reach) return {kind: 'scale', track: chosen};
    }
    const key = dotAt(editor, chosen, point, touch);
    if (key) return {kind: 'key', track: chosen, key};
    if (maskAt(editor, chosen, point)) return {kind: 'move', track: chosen};
  }
  const topmost = [...free].reverse();
  const track = topmost.find(one => maskAt(editor, one, point)) || (margin && topmost.find(one => maskAt(editor, one, point, margin)));
  return track ? {kind: 'move', track} : {kind: 'scene'};
}
