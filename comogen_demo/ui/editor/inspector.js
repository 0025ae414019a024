// The selected track: its pose as numbers, the speed and the path of its motion, and the actions on keyframes and motion.

const inspectorAny = editor => Boolean(editor.track());
const inspectorFree = editor => { const track = editor.track(); return Boolean(track) && !track.locked; };
const inspectorKey = (track, t) => track.keyframes.find(key => key.t === t) || null;

function inspectorChange(editor, fn, where = {}) {
  editor.stop();
  editor.commit(withTrack(editor.doc, editor.trackId, fn), where);
}

// The track with a keyframe at t that changes nothing of what is shown.
function inspectorKeyed(editor, track, t) {
  if (inspectorKey(track, t)) return track;
  const shapes = editor.shapes(track), moment = editor.moment(track, t);
  if (moment && moment.kind === 'redrawn') {
    return addShapeKey(track, t, editor.keepShape(paintBits(moment, shapes, editor.width, editor.height)));
  }
  const base = track.keyframes.length ? track : setKey(track, 0, {});
  const before = base.keyframes[keyBefore(base.keyframes, t)], rest = t < before.t;
  return setKey(base, t, {...poseAt(track, shapes, t), hidden: !moment, hold: !rest && before.hold});
}

// The keyframe at the present time (made if there is none) with some of its entries changed.
function inspectorSetKey(editor, change, t = timelineFrame(editor)) {
  inspectorChange(editor, track => {
    const keyed = inspectorKeyed(editor, track, t);
    return setKey(keyed, t, change(inspectorKey(keyed, t)));
  }, {seek: t, trackId: editor.trackId});
  editor.set({keyT: t});
}

// change: {dx, dy}, {turn} in degrees clockwise, or {growth}, of the mask at the present time or of all keyframes alike. At
// the first frame the end pose is meant, as by dragging: there the object is where it is.
function inspectorMove(editor, change) {
  if (editor.whole) { inspectorMoveWhole(editor, change); return; }
  const {dx, dy, turn, growth} = change;
  inspectorSetKey(editor, key => {
    if (turn) return {rotation: wrapDegrees(key.rotation + turn)};
    if (growth) return {scale: Math.min(MAX_SCALE, Math.max(MIN_SCALE, key.scale * growth))};
    return {x: key.x + dx, y: key.y + dy};
  }, editor.time < 1 ? editor.doc.frames - 1 : timelineFrame(editor));
}

function inspectorMoveWhole(editor, change) {
  const track = editor.track(), shapes = editor.shapes(track), pose = poseAt(track, shapes, editor.time), shape = shapes[pose.shape];
  const moved = shape && moveWhole(track, shapes, {x: shape.centre.x + pose.x, y: shape.centre.y + pose.y, ...change});
  if (moved) inspectorChange(editor, () => moved);
  else editor.say(shape ? 'A key would be too far out of the picture: nothing was moved.' : 'One moment, the mask is still being read.', 'error');
}

// The keyframe that Delete and the like mean: the one that was clicked, else the one at the present time.
function inspectorChosenKey(editor) {
  const track = editor.track();
  return track && ((editor.keyT !== null && inspectorKey(track, editor.keyT)) || inspectorKey(track, timelineFrame(editor)));
}

function inspectorMoveKey(editor, by) {
  const key = inspectorChosenKey(editor), to = key.t + by;
  if (to < 0 || to >= editor.doc.frames || inspectorKey(editor.track(), to)) return;
  inspectorChange(editor, track => moveKey(track, key.t, to), {seek: to, trackId: editor.trackId});
  editor.set({keyT: to});
}

function inspectorMirror(editor) {
  const track = editor.track(), shapes = editor.shapes(track), {width, height} = editor;
  const urls = shapes.map((shape, i) => {
    const rest = {keyframes: [], smooth: 0}, bits = paintBits(momentAt(rest, [shape], 0), [shape], width, height);
    for (let y = 0; y < height; y++) bits.subarray(y * width, (y + 1) * width).reverse();
    return editor.keepShape(bits);
  });
  inspectorChange(editor, one => mirrorTrack(one, urls));
}

const INSPECTOR_WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

function inspectorNudge(editor, event) {
  const [dx, dy] = INSPECTOR_WAYS[event.key], far = event.shiftKey ? 10 : 1;
  inspectorMove(editor, {dx: dx * far, dy: dy * far});
}

function inspectorTurn(editor, event) {
  const left = event.key === ',' || event.key === 'ArrowLeft', by = event.shiftKey ? 15 : 1;
  inspectorMove(editor, {turn: left ? -by : by});
}

function inspectorGrow(editor, event) {
  const less = event.key === '<' || event.key === 'ArrowDown', by = event.altKey && event.shiftKey ? 1.2 : 1.02;
  inspectorMove(editor, {growth: less ? 1 / by : by});
}

function inspectorKeyActions() {
  const here = editor => inspectorFree(editor) && inspectorKey(editor.track(), timelineFrame(editor));
  const flip = name => editor => inspectorSetKey(editor, key => ({[name]: !key[name]}));
  const state = name => editor => {
    const track = editor.track(), t = timelineFrame(editor);
    if (!track || !track.keyframes.length) return false;
    const key = track.keyframes[keyBefore(track.keyframes, t)];
    return key[name] && (t >= key.t || name === 'hidden');
  };
  let pose = null;
  return {
    add: {label: 'Add a key at this frame', keys: ['K'], group: 'Keyframes', enabled: editor => inspectorFree(editor) && !here(editor),
      run: editor => inspectorSetKey(editor, () => ({}))},
    remove: {label: 'Remove the key', keys: ['Delete', 'Backspace'], group: 'Keyframes',
      enabled: editor => { const key = inspectorFree(editor) && inspectorChosenKey(editor); return Boolean(key) && (key.t > 0 || editor.track().keyframes.length > 1); },
      run: editor => { const {t} = inspectorChosenKey(editor); inspectorChange(editor, track => removeKey(track, t)); editor.set({keyT: null}); }},
    'key-earlier': {label: 'Key one frame earlier', keys: ['Shift+PageDown'], group: 'Keyframes',
      enabled: editor => inspectorFree(editor) && Boolean(inspectorChosenKey(editor)), run: editor => inspectorMoveKey(editor, -1)},
    'key-later': {label: 'Key one frame later', keys: ['Shift+PageUp'], group: 'Keyframes',
      enabled: editor => inspectorFree(editor) && Boolean(inspectorChosenKey(editor)), run: editor => inspectorMoveKey(editor, 1)},
    hold: {label: 'Hold until the next key', keys: ['H'], group: 'Keyframes', enabled: inspectorFree, pressed: state('hold'), run: flip('hold')},
    hide: {label: 'Hide until the next key', keys: ['X'], group: 'Keyframes', enabled: inspectorFree, pressed: state('hidden'), run: flip('hidden')},
    'copy-pose': {label: 'Copy the pose', keys: ['Ctrl+C'], group: 'Keyframes', enabled: inspectorAny, run: editor => {
      const {x, y, rotation, scale} = poseAt(editor.track(), editor.shapes(editor.track()), editor.time);
      pose = {x, y, rotation, scale};
      editor.say('The pose is copied: go to another frame or track and paste it.');
      editor.set({});
    }},
    'paste-pose': {label: 'Paste the pose', keys: ['Ctrl+V'], group: 'Keyframes', enabled: editor => inspectorFree(editor) && pose !== null,
      run: editor => { inspectorSetKey(editor, () => pose); editor.say(''); }},
  };
}

function inspectorMotionActions() {
  const times = editor => Math.round(Number(editor.root.querySelector('[data-field=times]').value)) || 2;
  const moves = editor => inspectorFree(editor) && editor.track().keyframes.length > 1;
  const loop = way => editor => inspectorChange(editor, track => loopTrack(track, editor.doc.frames, way, times(editor)));
  const shift = by => editor => inspectorChange(editor, track => shiftTrack(track, by, editor.doc.frames));
  const shifts = by => editor => moves(editor) && shiftTrack(editor.track(), by, editor.doc.frames) !== editor.track();
  const arrows = more => Object.keys(INSPECTOR_WAYS).flatMap(key => more.map(one => one + key));
  return {
    nudge: {label: 'Move it by one pixel, with Shift by ten', keys: arrows(['', 'Shift+']), shown: ['Arrows'], group: 'Motion',
      enabled: inspectorFree, run: inspectorNudge},
    turn: {label: 'Turn it by one degree', keys: [',', '.', 'Alt+ArrowLeft', 'Alt+ArrowRight', 'Alt+Shift+ArrowLeft', 'Alt+Shift+ArrowRight'],
      shown: [',', '.', 'Alt+← →'], group: 'Motion', enabled: inspectorFree, run: inspectorTurn},
    grow: {label: 'Make it smaller or larger', keys: ['<', '>', 'Alt+ArrowDown', 'Alt+ArrowUp', 'Alt+Shift+ArrowDown', 'Alt+Shift+ArrowUp'],
      shown: ['<', '>', 'Alt+↓ ↑'], group: 'Motion', enabled: inspectorFree, run: inspectorGrow},
    whole: {label: 'Move all keys: handles, arrows and numbers change the whole motion', keys: ['W'], shown: ['W', 'Ctrl+Drag'], group: 'Motion',
      pressed: editor => editor.whole, run: editor => {
        editor.set({whole: !editor.whole});
        editor.say(editor.whole ? 'Handles, arrows and numbers change all keys of the track.' : 'They change the key at this frame again.');
      }},
    mirror: {label: 'Mirror left and right', group: 'Motion', keys: ['M'],
      enabled: editor => inspectorFree(editor) && editor.shapes(editor.track()).every(Boolean), run: inspectorMirror},
    reverse: {label: 'Backwards in time', group: 'Motion', keys: ['Shift+R'], enabled: moves,
      run: editor => inspectorChange(editor, track => reverseTrack(track, editor.doc.frames))},
    earlier: {label: 'All keys one frame earlier', group: 'Motion', keys: ['Alt+,'], enabled: shifts(-1), run: shift(-1)},
    later: {label: 'All keys one frame later', group: 'Motion', keys: ['Alt+.'], enabled: shifts(1), run: shift(1)},
    repeat: {label: 'Repeat the motion, jumping back to its begin', enabled: moves, run: loop('repeat')},
    'there-and-back': {label: 'The motion there and back', enabled: moves, run: loop('pingpong')},
  };
}

// The panel

// What must happen to the present mask for a number of its pose to be as typed.
function inspectorTyped(editor, name, value) {
  const pose = poseAt(editor.track(), editor.shapes(editor.track()), editor.time);
  return {x: {dx: value - pose.x}, y: {dy: value - pose.y}, rotation: {turn: value - pose.rotation}, scale: {growth: value / 100 / pose.scale}}[name];
}

const EASES = {linear: [0, 0, 1, 1], in: [0.42, 0, 1, 1], out: [0, 0, 0.58, 1], both: [0.42, 0, 0.58, 1]};

// The keyframe whose speed, hold and hiding are in force at a time, with the one after it; null without keyframes.
function inspectorSegment(track, t) {
  const keys = track.keyframes;
  if (!keys.length) return null;
  const i = keyBefore(keys, t);
  return {key: keys[i], next: keys[i + 1] || null, t};
}

// What is at the present time, in a few words.
function inspectorState(editor, track) {
  const t = timelineFrame(editor), frame = 'frame ' + (t + 1);
  if (track.locked) return 'locked';
  if (editor.whole) return 'all keys, ' + frame;
  if (inspectorKey(track, t)) return 'key at ' + frame;
  const segment = inspectorSegment(track, t);
  if (!segment || t < segment.key.t) return 'at rest, ' + frame;
  return TIMELINE_WORDS[timelineKind(segment.key, segment.next)] + ', ' + frame;
}

function attachInspector(editor, root) {
  const panel = root.querySelector('.inspector'), find = name => panel.querySelector('[data-field="' + name + '"]');
  const body = panel.querySelector('.inspector-body'), empty = panel.querySelector('.inspector-empty');
  const whole = root.querySelector('.whole'), state = panel.querySelector('.state'), smooth = find('smooth'), ease = find('ease');
  const corners = [0, 1, 2, 3].map(i => find('ease-' + i)), numbers = ['x', 'y', 'rotation', 'scale'].map(find);
  registerActions({...inspectorKeyActions(), ...inspectorMotionActions()});

  const limits = {x: [-1e5, 1e5], y: [-1e5, 1e5], rotation: [-36000, 36000], scale: [5, 2000]};
  for (const field of numbers) {
    const name = field.dataset.field, [low, high] = limits[name];
    field.addEventListener('change', () => {
      const typed = Number(field.value);
      if (field.value === '' || !Number.isFinite(typed)) { editor.set({}); return; }
      const value = Math.min(high, Math.max(low, typed));
      field.value = value;
      if (editor.whole) inspectorMoveWhole(editor, inspectorTyped(editor, name, value));
      else inspectorSetKey(editor, () => ({[name]: name === 'scale' ? value / 100 : value}));
    });
  }

  // A slider shows its way while it is dragged and is one step in the history.
  const smoothed = () => withTrack(editor.doc, editor.trackId, track => ({...track, smooth: Number(smooth.value)}));
  smooth.addEventListener('input', () => editor.preview(smoothed()));
  smooth.addEventListener('change', () => editor.commit(smoothed()));

  const eased = values => {
    const {key} = inspectorSegment(editor.doc.tracks.find(track => track.id === editor.trackId), timelineFrame(editor));
    return withTrack(editor.doc, editor.trackId, track => setKey(track, key.t, {ease: values}));
  };
  ease.addEventListener('change', () => {
    if (EASES[ease.value]) editor.commit(eased(EASES[ease.value]));
    else corners[0].focus();
  });
  for (const corner of corners) {
    corner.addEventListener('change', () => {
      const values = corners.map((field, i) => {
        const [low, high] = i % 2 ? [-1, 2] : [0, 1];
        return Math.min(high, Math.max(low, Number(field.value) || 0));
      });
      editor.commit(eased(values));
    });
  }
  const curve = attachCurve(panel.querySelector('.curve'), {
    move: values => editor.preview(eased(values)), end: values => editor.commit(eased(values)), cancel: () => editor.drop(),
  });

  // A field that is being typed into is left alone.
  const put = (field, value) => { if (document.activeElement !== field) field.value = value; };

  editor.listen(() => {
    const track = editor.track();
    empty.hidden = Boolean(track);
    body.hidden = whole.hidden = !track;
    state.textContent = track ? inspectorState(editor, track) : '';
    if (!track) return;
    const pose = poseAt(track, editor.shapes(track), editor.time), segment = inspectorSegment(track, timelineFrame(editor));
    const busy = editor.playing && !track.locked;
    for (const field of numbers) {
      const name = field.dataset.field;
      if (!busy) put(field, Math.round((name === 'scale' ? pose.scale * 100 : pose[name]) * 10) / 10);
      field.disabled = track.locked;
    }
    put(smooth, track.smooth);
    smooth.disabled = track.locked || track.keyframes.length < 2;
    const values = segment ? segment.key.ease : LINEAR, known = Object.keys(EASES).find(name => EASES[name].every((v, i) => v === values[i]));
    const fixed = track.locked || !segment || !segment.next || segment.key.hold || segment.key.hidden || segment.t < segment.key.t;
    put(ease, known || 'custom');
    corners.forEach((corner, i) => { put(corner, Math.round(values[i] * 100) / 100); corner.disabled = fixed; });
    ease.disabled = fixed;
    curve.draw(values, fixed);
  });
}
