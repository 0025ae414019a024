// The timeline: a filmstrip and a ruler to seek on, and under them a lane for each track with its keyframes as diamonds
// and what happens between them as bars.

const TIMELINE_GRAB = 13, TIMELINE_FINGER = 22;  // css pixels from a diamond's middle that still take hold of it

// What happens from a keyframe until the next one (or the end): moved, redrawn, hold, hidden or rest.
function timelineKind(key, next) {
  if (key.hidden) return 'hidden';
  if (!next) return 'rest';
  if (key.hold) return 'hold';
  return key.shape === next.shape ? 'moved' : 'redrawn';
}

// The bars of a track: [{from, to, kind}].
function timelineBars(track, frames) {
  const keys = track.keyframes, bars = [];
  if (!keys.length) return [{from: 0, to: frames - 1, kind: 'rest'}];
  if (keys[0].t > 0) bars.push({from: 0, to: keys[0].t, kind: keys[0].hidden ? 'hidden' : 'rest'});
  keys.forEach((key, i) => {
    const to = keys[i + 1] ? keys[i + 1].t : frames - 1;
    if (to > key.t) bars.push({from: key.t, to, kind: timelineKind(key, keys[i + 1])});
  });
  return bars;
}

const TIMELINE_WORDS = {moved: 'moved', redrawn: 'redrawn', hold: 'held', hidden: 'hidden', rest: 'at rest'};

// A lane in words, for its label and its tooltip.
function timelineWords(track, frames) {
  const keys = track.keyframes.map(key => key.t + 1).join(', ');
  const bars = timelineBars(track, frames).map(bar => TIMELINE_WORDS[bar.kind] + ' from ' + (bar.from + 1) + ' to ' + (bar.to + 1));
  return track.name + ': ' + (keys ? 'keys at frames ' + keys : 'no keys') + '; ' + bars.join(', ');
}

function timelinePiece(name, left, width) {
  const piece = document.createElement('i');
  piece.className = name;
  piece.style.left = left;
  if (width !== undefined) piece.style.width = width;
  return piece;
}

// Going along the keyframes of the selected track, or of all if none is selected: way -1 or 1.
function timelineNextKey(editor, way) {
  const tracks = editor.track() ? [editor.track()] : editor.tracks();
  const times = tracks.flatMap(track => track.keyframes.map(key => key.t)).filter(t => (t - editor.time) * way > 0);
  if (times.length) timelineSeek(editor, way > 0 ? Math.min(...times) : Math.max(...times));
}

const timelineFrame = editor => Math.round(editor.time);

function timelineSeek(editor, t) {
  editor.stop();
  editor.set({time: t, keyT: null});
}

function timelineActions() {
  const moves = editor => editor.tracks().some(track => track.visible && track.keyframes.length > 1);
  const step = (label, keys, t) => ({label, keys, group: 'Time', run: editor => timelineSeek(editor, t(editor))});
  return {
    play: {label: 'Play or stop', keys: ['Space'], group: 'Time', enabled: editor => editor.playing || moves(editor),
      run: editor => editor.playing ? editor.stop() : editor.play()},
    step: {label: 'Step', run: (editor, by) => timelineSeek(editor, timelineFrame(editor) + by)},
    back: step('One frame back', ['Ctrl+ArrowLeft'], editor => timelineFrame(editor) - 1),
    forth: step('One frame on', ['Ctrl+ArrowRight'], editor => timelineFrame(editor) + 1),
    'back-far': step('Five frames back', ['PageDown'], editor => timelineFrame(editor) - 5),
    'forth-far': step('Five frames on', ['PageUp'], editor => timelineFrame(editor) + 5),
    first: step('First frame', ['Home'], () => 0),
    last: step('Last frame', ['End'], editor => editor.doc.frames - 1),
    'key-before': {label: 'Keyframe before', keys: ['Ctrl+ArrowUp'], group: 'Time', run: editor => timelineNextKey(editor, -1)},
    'key-after': {label: 'Next keyframe', keys: ['Ctrl+ArrowDown'], group: 'Time', run: editor => timelineNextKey(editor, 1)},
  };
}

function attachTimeline(editor, root) {
  const find = name => root.querySelector(name);
  const time = find('.time'), ruler = find('.ruler'), lanes = find('.lanes'), head = find('.head'), clock = find('.clock');
  const share = t => (editor.doc.frames > 1 ? t / (editor.doc.frames - 1) * 100 : 0) + '%';
  let scrub = false, drag = null, ruled = '', laned = '';

  const frameAt = event => {
    const box = ruler.getBoundingClientRect(), last = editor.doc.frames - 1;
    return Math.max(0, Math.min(last, Math.round((event.clientX - box.left) / box.width * last)));
  };
  const seek = t => timelineSeek(editor, t);
  registerActions(timelineActions());

  time.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    scrub = true;
    time.setPointerCapture(event.pointerId);
    seek(frameAt(event));
  });
  time.addEventListener('pointermove', event => scrub && seek(frameAt(event)));
  for (const end of ['pointerup', 'pointercancel']) time.addEventListener(end, () => { scrub = false; });
  time.addEventListener('keydown', event => {
    const step = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1}[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    editor.run('step', step);
  });

  // The keyframe under the pointer, if it is near enough, and the track whose lane that is.
  function hit(event) {
    const lane = event.target.closest('.lane');
    const track = lane && editor.tracks().find(one => one.id === lane.dataset.track);
    if (!track) return {track: null, key: null};
    const box = ruler.getBoundingClientRect(), reach = event.pointerType === 'touch' ? TIMELINE_FINGER : TIMELINE_GRAB;
    const away = key => Math.abs(box.left + key.t / Math.max(1, editor.doc.frames - 1) * box.width - event.clientX);
    const key = track.keyframes.reduce((best, one) => !best || away(one) < away(best) ? one : best, null);
    return {track, key: key && away(key) <= reach ? key : null};
  }

  lanes.addEventListener('pointerdown', event => {
    const {track, key} = hit(event);
    if (!track || event.button !== 0) return;
    lanes.setPointerCapture(event.pointerId);
    drag = key && !track.locked ? {id: track.id, from: key.t, to: key.t} : {id: track.id};
    editor.stop();
    editor.set({trackId: track.id, time: key ? key.t : frameAt(event), keyT: key ? key.t : null});
  });
  lanes.addEventListener('pointermove', event => {
    if (!drag) {
      lanes.classList.toggle('grab', Boolean(hit(event).key));
      return;
    }
    const t = frameAt(event);
    if (drag.from === undefined) { if (t !== editor.time) seek(t); return; }
    const taken = editor.doc.tracks.find(one => one.id === drag.id).keyframes.some(key => key.t === t && t !== drag.from);
    if (t === drag.to || taken) return;
    drag.to = t;
    editor.preview(withTrack(editor.doc, drag.id, track => moveKey(track, drag.from, t)));
    editor.set({time: t, keyT: t});
  });
  lanes.addEventListener('pointerup', () => {
    const done = drag;
    drag = null;
    if (!done || done.from === undefined) return;
    if (done.from === done.to) { editor.drop(); return; }
    editor.commit(withTrack(editor.doc, done.id, track => moveKey(track, done.from, done.to)), {seek: done.to, trackId: done.id});
  });
  lanes.addEventListener('pointercancel', () => {
    if (drag && drag.from !== undefined) editor.drop();
    drag = null;
  });
  lanes.addEventListener('dblclick', event => {
    if (!hit(event).key) editor.run('add');
  });

  // Bands show the windows {0}, {1-4}, {5-8}, ... that the model codes together.
  function drawRuler(frames) {
    const made = [], gap = [1, 4, 8, 16, 32].find(one => one * 9 >= frames - 1);
    for (let t = 1; t < frames; t += 8) made.push(timelinePiece('window', share(t - 0.5), share(Math.min(4, frames - t))));
    for (let t = 0; t < frames; t++) {
      const major = t === 0 || t === frames - 1 || t % gap === 0 && frames - 1 - t >= gap / 2;
      if (!major && frames > 65) continue;
      const tick = timelinePiece(major ? 'tick major' : 'tick', share(t));
      if (major) tick.dataset.number = t + 1;
      made.push(tick);
    }
    ruler.replaceChildren(...made);
  }

  function drawLanes() {
    const at = Math.round(editor.time), {frames} = editor.doc;
    lanes.replaceChildren(...editor.tracks().map(track => {
      const lane = document.createElement('div'), name = document.createElement('span'), words = timelineWords(track, frames);
      lane.className = 'lane' + (track.id === editor.trackId ? ' chosen' : '') + (track.on ? '' : ' off');
      lane.dataset.track = track.id;
      lane.style.setProperty('--colour', track.colour);
      lane.setAttribute('role', 'img');
      lane.setAttribute('aria-label', words);
      lane.title = words;
      name.className = 'lane-name';
      name.textContent = track.name;
      const row = document.createElement('div');
      row.className = 'lane-row';
      for (const bar of timelineBars(track, frames)) {
        const piece = timelinePiece('bar', share(bar.from), share(bar.to - bar.from));
        piece.dataset.kind = bar.kind;
        row.append(piece);
      }
      for (const key of track.keyframes) {
        row.append(timelinePiece('key' + (key.t === at && track.id === editor.trackId ? ' here' : ''), share(key.t)));
      }
      lane.append(name, row);
      return lane;
    }));
  }

  editor.listen(() => {
    const {frames} = editor.doc, frame = Math.round(editor.time);
    if (ruled !== String(frames)) drawRuler(frames);
    ruled = String(frames);
    const lane = track => [track.id, track.name, track.colour, track.on, track.keyframes.map(k => [k.t, k.shape, k.hold, k.hidden])];
    const now = JSON.stringify([frames, editor.trackId, editor.playing || frame, editor.tracks().map(lane)]);
    if (laned !== now) drawLanes();
    laned = now;
    head.style.left = share(editor.time);
    clock.textContent = (frame + 1) + ' / ' + frames;
    time.setAttribute('aria-valuemax', frames - 1);
    time.setAttribute('aria-valuenow', frame);
    time.setAttribute('aria-valuetext', 'frame ' + (frame + 1) + ' of ' + frames);
  });
  attachFilmstrip(editor, find('.filmstrip'));
  attachLength(editor, find('.length'));
}

// Small pictures of the masks on the frame over time, drawn anew a moment after the last change.
function attachFilmstrip(editor, strip) {
  const made = document.createElement('canvas'), layer = document.createElement('canvas');
  const pen = made.getContext('2d'), brush = layer.getContext('2d');
  let shown = [], waiting = 0;

  function drawMask(track, t, zoom) {
    const picture = rasterMoment(editor.moment(track, t), editor.shapes(track), editor.width, editor.height);
    if (!picture) return;
    layer.width = picture.wide;
    layer.height = picture.high;
    const pixels = new ImageData(picture.wide, picture.high), words = new Uint32Array(pixels.data.buffer);
    const colour = parseInt(track.colour.slice(1), 16);
    const word = 184 << 24 | (colour & 255) << 16 | (colour & 0xff00) | colour >> 16;  // the bytes r, g, b and .72 from low to high
    for (let i = 0; i < words.length; i++) words[i] = picture.alpha[i] ? word : 0;
    brush.putImageData(pixels, 0, 0);
    pen.drawImage(layer, picture.left * zoom, picture.top * zoom, picture.wide * zoom, picture.high * zoom);
  }

  function draw() {
    const wide = strip.clientWidth, aspect = editor.width / editor.height;
    if (!editor.frame || !wide) return;
    const count = Math.max(6, Math.min(10, Math.round(wide / 66)));
    const cell = wide / count, high = Math.round(Math.min(72, cell / aspect)), scale = Math.min(2, window.devicePixelRatio || 1);
    made.width = Math.round(wide * scale);
    made.height = Math.round(high * scale);
    const zoom = high / editor.height * scale, inner = high * aspect * scale;
    for (let i = 0; i < count; i++) {
      const t = i / (count - 1) * (editor.doc.frames - 1);
      pen.setTransform(1, 0, 0, 1, (i + 0.5) * cell * scale - inner / 2, 0);
      pen.save();
      pen.beginPath();
      pen.rect(0, 0, inner, made.height);
      pen.clip();
      pen.drawImage(editor.frame, 0, 0, inner, made.height);
      for (const track of editor.tracks()) if (track.visible) drawMask(track, Math.round(t), zoom);
      pen.restore();
    }
    strip.style.height = high + 'px';
    strip.style.backgroundImage = 'url(' + made.toDataURL('image/jpeg', 0.85) + ')';
  }

  editor.listen(() => {
    strip.classList.toggle('blank', !editor.frame);
    if (editor.shown !== editor.doc) return;  // while something is dragged
    const decoded = editor.tracks().map(track => editor.shapes(track).every(Boolean)).join();
    const now = [editor.shown, editor.frame, strip.clientWidth, decoded];
    if (now.every((value, i) => value === shown[i])) return;
    shown = now;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 160);
  });
}

// The number of frames. Video models make 4n + 1, and keyframes that are there ask what should become of them.
function attachLength(editor, box) {
  const field = box.querySelector('[data-field=frames]'), note = box.querySelector('.length-note');
  const ask = box.querySelector('.ask'), question = box.querySelector('.ask-text');
  let wanted = 0;

  const close = () => {
    wanted = 0;
    ask.hidden = true;
    field.value = editor.doc.frames;
  };
  const change = way => {
    const frames = wanted, time = Math.round(editor.time);
    close();
    const at = way === 'stretch' ? Math.round(time * (frames - 1) / Math.max(1, editor.doc.frames - 1)) : Math.min(time, frames - 1);
    editor.commit(rescaleFrames(editor.doc, frames, way, track => editor.shapes(track)), {seek: at});
    field.focus();
  };
  field.addEventListener('change', () => {
    const typed = Number(field.value);
    if (!Number.isFinite(typed) || !field.value) { close(); return; }
    wanted = 4 * Math.round((Math.min(129, Math.max(5, typed)) - 1) / 4) + 1;
    field.value = wanted;
    if (wanted === editor.doc.frames) { close(); return; }
    if (editor.doc.tracks.every(track => track.keyframes.every(key => key.t === 0))) { change('keep'); return; }
    question.textContent = 'From ' + editor.doc.frames + ' to ' + wanted + ' frames: what should the keyframes do?';
    ask.hidden = false;
  });
  registerActions({
    'frames-stretch': {label: 'Stretch the keyframes', run: () => change('stretch')},
    'frames-keep': {label: 'Keep their times', run: () => change('keep')},
    'frames-cancel': {label: 'Cancel', run: close},
  });
  editor.listen(() => {
    if (!wanted && document.activeElement !== field) field.value = editor.doc.frames;
    note.textContent = '4n + 1 frames, from 5 to 129: the model codes the first alone, then four at a time.'
      + (editor.doc.frames === editor.modelFrames ? '' : ' The model makes ' + editor.modelFrames + ' frames: yours are played into them.');
  });
}
