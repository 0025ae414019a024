// Painting masks: bitmaps (Uint8Array of 0/1, row by row, of the frame's size) and what a painted one does to the
// document. A pixel is painted where its centre is inside of what was drawn.

const paintFirst = at => Math.ceil(at - 0.5);  // the first pixel whose centre is at or after a coordinate
const paintWithin = (at, size) => Math.max(0, Math.min(size, at));

// The pixels that an area of the frame can touch, kept within it: {left, top, right, bottom}.
function paintBox(left, top, right, bottom, width, height) {
  return {
    left: paintWithin(Math.floor(left), width), top: paintWithin(Math.floor(top), height),
    right: paintWithin(Math.ceil(right), width), bottom: paintWithin(Math.ceil(bottom), height),
  };
}

// One piece of a stroke, from a to b ({x, y, radius}; the radius changes evenly on the way): every pixel whose centre is
// no farther from it than the radius gets the value. -> the box that it can have touched.
function paintPiece(bits, width, height, a, b, value) {
  const most = Math.max(a.radius, b.radius), dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const box = paintBox(Math.min(a.x, b.x) - most, Math.min(a.y, b.y) - most,
    Math.max(a.x, b.x) + most, Math.max(a.y, b.y) + most, width, height);
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const px = x + 0.5 - a.x, py = y + 0.5 - a.y;
      const u = length ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : b.radius > a.radius ? 1 : 0;
      const radius = a.radius + u * (b.radius - a.radius), ox = px - u * dx, oy = py - u * dy;
      if (ox * ox + oy * oy <= radius * radius) bits[y * width + x] = value;
    }
  }
  return box;
}

// The inside of a closed line through points, by the even-odd rule.
function paintPolygon(bits, width, height, points, value) {
  for (let y = 0; y < height; y++) {
    const level = y + 0.5, crossings = [];
    for (let i = 0, a = points[points.length - 1]; i < points.length; a = points[i++]) {
      const b = points[i];
      if (a.y <= level !== b.y <= level) crossings.push(a.x + (level - a.y) / (b.y - a.y) * (b.x - a.x));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = paintWithin(paintFirst(crossings[i]), width), to = paintWithin(paintFirst(crossings[i + 1]), width);
      bits.fill(value, y * width + from, y * width + to);
    }
  }
}

// A rectangle [x0, y0, x1, y1].
function paintRectangle(bits, width, height, [x0, y0, x1, y1], value) {
  paintPolygon(bits, width, height, [{x: x0, y: y0}, {x: x1, y: y0}, {x: x1, y: y1}, {x: x0, y: y1}], value);
}

function paintCentre(bits, width) {
  let count = 0, x = 0, y = 0;
  for (let i = bits.indexOf(1); i >= 0; i = bits.indexOf(1, i + 1)) {
    count += 1;
    x += i % width;
    y += Math.floor(i / width);
  }
  return {x: x / count + 0.5, y: y / count + 0.5};
}

// A moment as a bitmap of the whole frame.
function paintBits(moment, shapes, width, height) {
  const bits = new Uint8Array(width * height), drawn = rasterMoment(moment, shapes, width, height);
  if (!drawn) return bits;
  for (let y = 0, i = 0; y < drawn.high; y++) {
    let at = (drawn.top + y) * width + drawn.left;
    for (let x = 0; x < drawn.wide; x++) bits[at++] = drawn.alpha[i++] ? 1 : 0;
  }
  return bits;
}

// What painting would start from: {track or null for a new one, t, bits}; null after saying why there can be none.
function paintBegin(editor, subtract) {
  const track = editor.track(), t = Math.round(editor.time), {width, height} = editor;
  if (!track) {
    if (!subtract) return {track: null, t, bits: new Uint8Array(width * height)};
    editor.say('There is nothing to take away from yet: select an object first.');
    return null;
  }
  if (track.locked) {
    editor.say('"' + track.name + '" is locked: unlock it in the list to change it.');
    return null;
  }
  const shapes = editor.shapes(track);
  if (shapes.some(shape => !shape)) {
    editor.say('One moment, the mask is still being read.');
    return null;
  }
  return {track, t, bits: paintBits(editor.moment(track, t), shapes, width, height)};
}

// The pose in which a shape is painted over in place, so that all its keyframes follow; null where painting makes a
// shape of its own with a keyframe at t: where the mask was moved, is between two shapes, or hidden.
function paintPose(track, moment, shapes, t) {
  if (!moment || moment.kind === 'redrawn') return null;
  const pose = poseAt(track, shapes, t), rests = !pose.x && !pose.y && !pose.rotation && pose.scale === 1;
  return rests || t === 0 ? pose : null;
}

// The track after its shape was painted over as it stands in `pose`: what is left of the old mask stays where it was at
// every keyframe, though the centre that it is turned about has moved from `before` to `after`.
function paintOver(track, url, pose, before, after) {
  const keyframes = track.keyframes.map(key => {
    if (key.shape !== pose.shape) return key;
    const turn = key.rotation - pose.rotation, growth = key.scale / pose.scale;
    if (!turn && growth === 1) return {...key, x: key.x - pose.x, y: key.y - pose.y, rotation: 0, scale: 1};
    const angle = turn * Math.PI / 180, cos = growth * Math.cos(angle), sin = growth * Math.sin(angle);
    const dx = after.x - before.x - pose.x, dy = after.y - before.y - pose.y;
    return {
      ...key, rotation: turn, scale: growth,
      x: before.x + key.x + cos * dx - sin * dy - after.x, y: before.y + key.y + sin * dx + cos * dy - after.y,
    };
  });
  return {...replaceShape(track, pose.shape, url), keyframes};
}

// Puts the painted bits into the document. False after saying why, when that would leave nothing.
function paintEnd(editor, begun, bits) {
  const {track, t} = begun;
  if (!bits.includes(1)) {
    editor.say(track ? 'That would leave nothing of the mask, so it stays. To be rid of it, remove the object from the list.'
      : 'Nothing was painted: draw over the object.');
    return false;
  }
  if (!track) {
    const doc = newTrack(editor.doc, {name: 'object', shape: editor.keepShape(bits), t});
    editor.commit(doc, {seek: t, trackId: doc.tracks[doc.tracks.length - 1].id});
    return true;
  }
  if (bits.every((bit, i) => bit === begun.bits[i])) return false;
  const shapes = editor.shapes(track), pose = paintPose(track, editor.moment(track, t), shapes, t);
  const url = editor.keepShape(bits);
  const changed = pose ? paintOver(track, url, pose, shapes[pose.shape].centre, paintCentre(bits, editor.width))
    : addShapeKey(track, t, url);
  editor.commit(withTrack(editor.doc, track.id, () => changed), {seek: t, trackId: track.id});
  if (pose && t > 0 && track.keyframes.length > 0) editor.say('The mask is changed in every frame that shows this drawing of it.');
  return true;
}

// Painting with the pointer: begin(point, event) -> an act as in gestures.js, or null. `hand` has what the pointer is about:
// pointOf(event), far(a, b), moved(a, b), subtracts(event), brushAt(point, event) and show(live).
function paintTools(editor, hand) {
  const {pointOf, far, moved, subtracts, brushAt, show} = hand;
  let polygon = null;

  function strokeAct(start, event) {
    const subtract = editor.tool === 'eraser' || subtracts(event) || (event.buttons & 32) > 0, begun = paintBegin(editor, subtract);
    if (!begun) return null;
    const {width, height} = editor, bits = begun.bits.slice(), picture = document.createElement('canvas');
    picture.width = width;
    picture.height = height;
    const colour = begun.track ? begun.track.colour : freeColour(editor.doc), pen = picture.getContext('2d');
    strokePicture(pen, bits, width, height, {left: 0, top: 0, right: width, bottom: height}, colour, editor.unit);
    const tip = (point, from) => {
      const pressure = from.pointerType === 'pen' && from.pressure > 0 ? 0.25 + 0.75 * from.pressure : 1;
      return {...point, radius: Math.max(0.75, editor.brush * pressure)};
    };
    let last = tip(start, event);
    const piece = to => {
      const box = paintPiece(bits, width, height, last, to, subtract ? 0 : 1);
      strokePicture(pen, bits, width, height, box, colour, editor.unit);
      last = to;
    };
    const update = () => show({picture, subtract, brush: last});
    piece(last);
    update();
    return {
      move(point, later) {
        const steps = later.getCoalescedEvents ? later.getCoalescedEvents() : [];
        for (const step of steps.length ? steps : [later]) piece(tip(pointOf(step), step));
        update();
      },
      end(point, event) { show(brushAt(point, event)); paintEnd(editor, begun, bits); },
      cancel() { show(null); },
    };
  }

  function areaEnd(begun, subtract, paint) {
    show(null);
    if (!begun) return;
    const bits = begun.bits.slice();
    paint(bits, editor.width, editor.height, subtract ? 0 : 1);
    paintEnd(editor, begun, bits);
  }

  function lassoAct(start, event) {
    const subtract = subtracts(event), line = [start], begun = paintBegin(editor, subtract);
    if (!begun) return null;
    return {
      move(point) {
        if (far(point, line[line.length - 1]) >= editor.unit) line.push(point);
        show({line, subtract});
      },
      end() {
        if (line.length > 2) areaEnd(begun, subtract, (bits, w, h, value) => paintPolygon(bits, w, h, line, value));
        else { show(null); editor.say('Draw around the object with the lasso.'); }
      },
      cancel() { show(null); },
    };
  }

  function boxAct(start, event) {
    const subtract = subtracts(event), begun = subtract ? paintBegin(editor, true) : {};
    if (!begun) return null;
    const boxTo = p => {
      const x = paintWithin(p.x, editor.width), y = paintWithin(p.y, editor.height);
      const x0 = paintWithin(start.x, editor.width), y0 = paintWithin(start.y, editor.height);
      return [Math.min(x0, x), Math.min(y0, y), Math.max(x0, x), Math.max(y0, y)];
    };
    return {
      move(point) { show({box: boxTo(point), subtract}); },
      end(point) {
        const box = boxTo(point);
        show(null);
        if (box[2] - box[0] < SLOP * editor.unit || box[3] - box[1] < SLOP * editor.unit) editor.say('Drag a box around the object.');
        else if (subtract) areaEnd(begun, true, (bits, w, h, value) => paintRectangle(bits, w, h, box, value));
        else editor.pick({points: [], box, trackId: ''});
      },
      cancel() { show(null); },
    };
  }

  // Every click is a corner; the first corner, a double click or Enter closes the polygon.
  function polygonPress(point, event) {
    if (!polygon) {
      const subtract = subtracts(event), begun = paintBegin(editor, subtract);
      if (!begun) return;
      polygon = {points: [], subtract, begun};
    }
    const {points} = polygon, reach = (event.pointerType === 'touch' ? 20 : 10) * editor.unit;
    if (points.length > 2 && far(point, points[0]) <= reach) { polygonClose(); return; }
    const last = points[points.length - 1];
    if (last && !moved(point, last)) { polygonClose(); return; }
    points.push(point);
    polygonShow(point);
  }

  function polygonShow(point) {
    const {points, subtract} = polygon;
    show({line: point ? [...points, point] : points, corners: points.length, subtract});
  }

  function polygonClose() {
    const {points, subtract, begun} = polygon;
    if (points.length < 3) return;
    polygon = null;
    areaEnd(begun, subtract, (bits, w, h, value) => paintPolygon(bits, w, h, points, value));
  }

  function polygonBack(point) {
    polygon.points.pop();
    if (polygon.points.length) polygonShow(point);
    else polygonDrop();
  }

  function polygonDrop() {
    polygon = null;
    show(null);
  }

  return {
    stroke: strokeAct, lasso: lassoAct, box: boxAct, polygon: polygonPress,
    get corners() { return polygon ? polygon.points.length : 0; },
    hover: polygonShow, close: polygonClose, drop: polygonDrop, back: polygonBack,
  };
}

// Draws a mask that is being painted into its picture, within a box and a rim's width around it: tinted, with a rim.
function strokePicture(pen, bits, width, height, box, colour, unit) {
  const thick = Math.max(1, Math.round(unit)), left = Math.max(0, box.left - thick), top = Math.max(0, box.top - thick);
  const right = Math.min(width, box.right + thick), bottom = Math.min(height, box.bottom + thick);
  if (right <= left || bottom <= top) return;
  const pixels = new ImageData(right - left, bottom - top), data = pixels.data;
  const rgb = [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16));
  const out = (x, y) => x >= 0 && y >= 0 && x < width && y < height && !bits[y * width + x];
  for (let y = top, o = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, o += 4) {
      if (!bits[y * width + x]) continue;
      const rim = out(x - thick, y) || out(x + thick, y) || out(x, y - thick) || out(x, y + thick);
      data[o] = rgb[0]; data[o + 1] = rgb[1]; data[o + 2] = rgb[2];
      data[o + 3] = rim ? 255 : 120;
    }
  }
  pen.putImageData(pixels, left, top);
}
