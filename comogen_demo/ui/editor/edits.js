// Changes of the document, all pure: they take a document or a track and return a new one.

const COLOURS = ['#5b8cff', '#ff7a45', '#2fbf71', '#d957c8', '#e0a800', '#14b5c8', '#9b6bff', '#e5484d'];
const DOCUMENT_VERSION = 2;
const MIN_SCALE = 0.05, MAX_SCALE = 20, MAX_OFFSET = 1e5;  // of a keyframe, within what the format allows

const keyOf = given => ({t: 0, shape: 0, ...REST, ease: LINEAR, hold: false, hidden: false, ...given});
const sortKeys = keys => [...keys].sort((a, b) => a.t - b.t);

// A document of any version, as kept or loaded -> one of today's. Unknown entries stay.
function migrateDoc(given) {
  const tracks = (given.tracks || []).map((track, i) => {
    const {mask, ...rest} = track, keys = (track.keyframes || []).map(keyOf);
    return {
      id: String(i + 1), name: 'object ' + (i + 1), colour: COLOURS[i % COLOURS.length], on: true, visible: true, locked: false,
      smooth: 0, ...rest, shapes: track.shapes || (mask ? [mask] : []), keyframes: sortKeys(keys),
    };
  });
  return {frames: 25, image: '', source: null, model: '', prompt: '', settings: {}, ...given, version: DOCUMENT_VERSION, tracks};
}

// The first of "name", "name 2", "name 3", ... that no track has.
function freeName(doc, name) {
  const used = new Set(doc.tracks.map(track => track.name));
  let free = name;
  for (let n = 2; used.has(free); n++) free = name + ' ' + n;
  return free;
}

function freeColour(doc) {
  const uses = colour => doc.tracks.filter(track => track.colour === colour).length;
  return COLOURS.reduce((best, colour) => uses(colour) < uses(best) ? colour : best);
}

function freeId(doc) {
  let n = doc.tracks.length + 1;
  while (doc.tracks.some(track => track.id === String(n))) n++;
  return String(n);
}

// -> a document with one more track, the last; it rests where its shape was drawn. id: its own, if it has one already.
function newTrack(doc, {name = 'object', shape, t = 0, id = ''}) {
  const track = {
    id: id || freeId(doc), name: freeName(doc, name), colour: freeColour(doc), on: true, visible: true, locked: false, smooth: 0,
    shapes: [shape], keyframes: [keyOf({t})],
  };
  return {...doc, tracks: [...doc.tracks, track]};
}

// fn(track) -> the changed track; the others stay.
function withTrack(doc, id, fn) {
  return {...doc, tracks: doc.tracks.map(track => track.id === id ? fn(track) : track)};
}

function removeTrack(doc, id) {
  return {...doc, tracks: doc.tracks.filter(track => track.id !== id)};
}

// -> a document with the copy as its last track.
function copyTrack(doc, id) {
  const track = doc.tracks.find(one => one.id === id);
  const copy = {...track, id: freeId(doc), name: freeName(doc, track.name), colour: freeColour(doc)};
  return {...doc, tracks: [...doc.tracks, copy]};
}

// Shapes that no keyframe shows are dropped, and the others numbered anew.
function dropShapes(track) {
  const used = [...new Set(track.keyframes.map(key => key.shape))].sort((a, b) => a - b);
  if (!used.length || used.length === track.shapes.length) return track;
  const keyframes = track.keyframes.map(key => ({...key, shape: used.indexOf(key.shape)}));
  return {...track, shapes: used.map(i => track.shapes[i]), keyframes};
}

// The keyframe at t changed by the patch, or a new one of it.
function setKey(track, t, patch) {
  const there = track.keyframes.find(key => key.t === t);
  const key = {...(there || keyOf()), ...patch, t};
  return {...track, keyframes: sortKeys([...track.keyframes.filter(one => one !== there), key])};
}

function removeKey(track, t) {
  const keyframes = track.keyframes.filter(key => key.t !== t);
  if (keyframes.length) return dropShapes({...track, keyframes});
  const last = track.keyframes.find(key => key.t === t);
  return {...track, shapes: last ? [track.shapes[last.shape]] : track.shapes, keyframes};
}

// A keyframe that is already at the new time makes room.
function moveKey(track, from, to) {
  if (from === to) return track;
  const keyframes = track.keyframes.filter(key => key.t !== to).map(key => key.t === from ? {...key, t: to} : key);
  return dropShapes({...track, keyframes: sortKeys(keyframes)});
}

function replaceShape(track, index, url) {
  return {...track, shapes: track.shapes.map((shape, i) => i === index ? url : shape)};
}

// From t on the track shows another mask, where it was drawn.
function addShapeKey(track, t, url) {
  const shapes = [...track.shapes, url];
  return dropShapes(setKey({...track, shapes}, t, {...REST, shape: shapes.length - 1, hidden: false}));
}

// Backwards in time. What held or hid the mask between two keyframes does so between the same two again.
function reverseTrack(track, frames) {
  const keys = track.keyframes, last = keys.length - 1, at = key => frames - 1 - key.t;
  const turned = [];
  keys.forEach((key, i) => {
    const before = keys[i - 1];  // begins the segment that `key` begins when time goes back
    if (!before) {
      turned.push({...key, t: at(key), ease: LINEAR, hold: false});
      return;
    }
    const [x1, y1, x2, y2] = before.ease, t = at(key);
    turned.push({...key, t, ease: [1 - x2, 1 - y2, 1 - x1, 1 - y1], hold: false, hidden: before.hidden});
    if (!before.hold) return;
    if (before.t < key.t - 1) turned.push({...before, t: t + 1, ease: LINEAR});
    else turned[turned.length - 1].hold = true;
  });
  // What comes before the first keyframe is as it was after the last.
  const first = sortKeys(turned)[0];
  if (first && first.t > 0 && first.hidden !== keys[last].hidden) turned.push({...keys[last], t: 0, ease: LINEAR});
  return {...track, keyframes: sortKeys(turned)};
}

// All keyframes earlier or later, as far as the frames allow.
function shiftTrack(track, by, frames) {
  const keys = track.keyframes;
  if (!keys.length) return track;
  const step = Math.max(-keys[0].t, Math.min(frames - 1 - keys[keys.length - 1].t, Math.round(by)));
  return step ? {...track, keyframes: keys.map(key => ({...key, t: key.t + step}))} : track;
}

// The way from the first to the last keyframe, `times` times within all frames: 'repeat' jumps back to its begin,
// 'pingpong' goes back and forth.
function loopTrack(track, frames, way, times) {
  const keys = track.keyframes, begin = keys.length ? keys[0].t : 0, span = keys.length ? keys[keys.length - 1].t - begin : 0;
  const rounds = Math.min(Math.round(times), Math.floor(frames / 2));
  if (!span || rounds < 1) return track;
  const back = reverseTrack({...track, keyframes: keys.map(key => ({...key, t: key.t - begin}))}, span + 1).keyframes;
  const made = new Map();
  for (let round = 0; round < rounds; round++) {
    const pong = way === 'pingpong', turned = pong && round % 2 === 1;
    const from = pong ? round * (frames - 1) / rounds : round * frames / rounds;
    const length = pong ? (frames - 1) / rounds : frames / rounds - 1;
    for (const key of turned ? back : keys.map(key => ({...key, t: key.t - begin}))) {
      const t = Math.round(from + key.t / span * length);
      if (t < frames && (!made.has(t) || key.t === 0 || key.t === span)) made.set(t, {...key, t});
    }
  }
  return {...track, keyframes: sortKeys([...made.values()])};
}

// Left and right exchanged; `flipped` are the track's shapes, mirrored in the frame.
function mirrorTrack(track, flipped) {
  return {...track, shapes: flipped, keyframes: track.keyframes.map(key => ({...key, x: -key.x, rotation: -key.rotation}))};
}

// How far a growth of the whole motion can be followed, so that every keyframe's scale stays within its limits.
function wholeGrowth(track, growth) {
  const scales = track.keyframes.length ? track.keyframes.map(key => key.scale) : [1];
  const least = Math.min(1, MIN_SCALE / Math.min(...scales)), most = Math.max(1, MAX_SCALE / Math.max(...scales));
  return Math.min(most, Math.max(least, growth));
}

// The whole motion turned by degrees clockwise and resized about a place (x, y) of the frame, and moved: a similarity takes
// every keyframe's centre with it, and with them all that lies between. A track without keyframes gets one, as it rests
// elsewhere from now on. Null when a keyframe would be too far out, or while a shape is not decoded.
function moveWhole(track, shapes, {x, y, dx = 0, dy = 0, turn = 0, growth = 1}) {
  const keys = track.keyframes.length ? track.keyframes : [keyOf()], [first] = keys;
  if (keys.some(key => !shapes[key.shape])) return null;
  // In steps that sums of numbers keep exactly: half a turn between two keyframes stays one and goes the same way round.
  const by = Math.round((wrapDegrees(first.rotation + turn) - first.rotation) * 1024) / 1024, more = wholeGrowth(track, growth);
  const angle = by * Math.PI / 180, cos = more * Math.cos(angle), sin = more * Math.sin(angle);
  const keyframes = keys.map(key => {
    const {centre} = shapes[key.shape], px = centre.x + key.x - x, py = centre.y + key.y - y;
    return {
      ...key, rotation: key.rotation + by, scale: key.scale * more,
      x: x + dx + cos * px - sin * py - centre.x, y: y + dy + sin * px + cos * py - centre.y,
    };
  });
  return keyframes.some(key => Math.max(Math.abs(key.x), Math.abs(key.y)) > MAX_OFFSET) ? null : {...track, keyframes};
}

// Another number of frames: 'stretch' keeps every keyframe at its share of the time (where there are fewer frames than
// keyframes, those stay that fit best), 'keep' at its frame; what comes later is cut then, and at the new end the track
// is as it was there. `shapesOf(track)` gives its decoded shapes.
function rescaleFrames(doc, frames, way, shapesOf) {
  const stretch = (frames - 1) / Math.max(1, doc.frames - 1);
  const tracks = doc.tracks.map(track => {
    if (way === 'stretch') {
      const made = new Map(), off = key => Math.abs(key.t * stretch - Math.round(key.t * stretch));
      for (const key of [...track.keyframes].sort((a, b) => off(a) - off(b))) {
        const t = key.t * stretch, free = [Math.round(t), Math.floor(t), Math.ceil(t)].find(one => !made.has(one));
        if (free !== undefined) made.set(free, {...key, t: free});
      }
      return dropShapes({...track, keyframes: sortKeys([...made.values()])});
    }
    const kept = track.keyframes.filter(key => key.t < frames);
    if (kept.length === track.keyframes.length) return track;
    const i = keyBefore(track.keyframes, frames - 1), {hold, hidden} = track.keyframes[i];
    const end = keyOf({...poseAt(track, shapesOf(track), frames - 1), t: frames - 1, hold, hidden});
    return dropShapes(kept.some(key => key.t === frames - 1) ? {...track, keyframes: kept}
      : {...track, keyframes: sortKeys([...kept, end])});
  });
  return {...doc, frames, tracks};
}
