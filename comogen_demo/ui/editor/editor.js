// The editor: the project document (the only truth), what is on the screen of it, and the wires to Python.
// Events to Python: restore (the page has opened), pick (a click), edit (the document has changed).
// Props from Python: frame (a new first frame), picked (the answer to a pick), missing (it knows no such frame), and the
// ids of the running job and of the last result.

const root = element.querySelector('.editor'), hint = root.querySelector('.hint');
const canvas = root.querySelector('canvas'), pen = canvas.getContext('2d');
const clone = value => JSON.parse(JSON.stringify(value));
const images = {};   // id of a first frame -> url
let doc = clone(props.value), past = makeHistory(), work = null, dragged = null, loop = 0, saving = 0;

const editor = {
  canvas, frame: null, subject: null, width: 1, height: 1, unit: 1, time: 0, playing: false, picking: false,
  get frames() { return doc.frames; },
  get keyframes() { return dragged ? dragged.keyframes : doc.tracks.length ? doc.tracks[0].keyframes : []; },
  pose() { return poseAt(this.keyframes, this.time); },

  seek(t) { this.time = Math.max(0, Math.min(doc.frames - 1, t)); draw(); },
  pick(point) {
    if (!doc.image) return;
    this.picking = true;
    trigger('pick', {image: doc.image, x: point.x, y: point.y});
  },
  // Dragging at the first frame means the end pose: there the object is where it is.
  beginDrag() {
    if (this.time < 1) this.time = doc.frames - 1;
    this.time = Math.round(this.time);
    return this.pose();
  },
  preview(pose) {
    dragged = {keyframes: withKey(doc.tracks[0].keyframes, this.time, pose)};
    draw();
  },
  endDrag() { const keyframes = dragged.keyframes; dragged = null; setKeyframes(keyframes); },
  dropDrag() { dragged = null; draw(); },
  play() {
    if (!editor.subject || editor.keyframes.length < 2) { say('Drag the object first, then play its way.'); return; }
    editor.playing = true;
    const from = editor.time >= doc.frames - 1 ? 0 : editor.time, begun = performance.now();
    const step = now => {
      const gone = from + (now - begun) / 1000 * props.fps, length = doc.frames + props.fps * 0.4;
      editor.time = Math.min(doc.frames - 1, Math.floor(gone % length));
      draw();
      loop = requestAnimationFrame(step);
    };
    loop = requestAnimationFrame(step);
  },
  stop() {
    cancelAnimationFrame(loop);
    editor.playing = false;
    draw();
  },
};
const drawTimeline = attachTimeline(editor, root);
attachGestures(editor);

function draw() {
  const scale = Math.min(window.devicePixelRatio || 1, 2), shown = canvas.clientWidth;
  const wide = Math.max(1, Math.round(shown * scale)), high = Math.max(1, Math.round(wide * editor.height / editor.width));
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  editor.unit = editor.width / Math.max(1, shown);
  const view = {width: editor.width, height: editor.height, zoom: wide / editor.width, unit: editor.unit};
  drawScene(pen, view, {...editor, keyframes: editor.keyframes, frames: doc.frames});
  drawTimeline();
  root.classList.toggle('playing', editor.playing);
  root.classList.toggle('selected', Boolean(editor.subject));
  const here = editor.keyframes.some(k => k.t === editor.time);
  const off = {undo: !past.canUndo, redo: !past.canRedo, clear: !editor.subject, play: editor.keyframes.length < 2,
    add: !editor.subject || here, remove: !here || editor.time === 0};
  for (const button of root.querySelectorAll('[data-do]')) button.disabled = off[button.dataset.do];
}

function say(text, kind = 'info') {
  hint.textContent = text;
  hint.dataset.kind = kind;
}

function advise() {
  if (!editor.frame) say('');
  else if (!editor.subject) say('Click the object that you want to move.');
  else if (editor.keyframes.length < 2) say('Now drag it to where it should end up.');
  else say('');
}

// Shows the document's picture and mask; an answer that comes after a newer change is dropped.
let turn = 0, shown = '';
async function show() {
  const mine = ++turn, track = doc.tracks[0], url = images[doc.image], wanted = doc.image + (track ? track.mask : '');
  if (wanted === shown) { draw(); advise(); return; }
  try {
    const frame = url ? await loadPicture(url) : null;
    const picture = track && frame ? await loadPicture(track.mask) : null;
    if (mine !== turn) return;
    editor.frame = frame;
    editor.width = frame ? frame.naturalWidth : 1;
    editor.height = frame ? frame.naturalHeight : 1;
    editor.subject = picture ? makeSubject(picture, frame) : null;
    shown = frame ? wanted : '';
    root.classList.toggle('empty', !frame);
    root.style.setProperty('--aspect', editor.width + ' / ' + editor.height);
    draw();
    advise();
  } catch (error) {
    if (mine === turn) say('The picture could not be shown: please choose the frame again.', 'error');
  }
}

// Every change of the document goes through here.
function commit(next, tell = true) {
  past.push(doc);
  take(next, tell);
}

function take(next, tell) {
  doc = next;
  dragged = null;
  props.value = clone(doc);
  save();
  show();
  if (tell) trigger('edit');
}

function setKeyframes(keyframes) {
  commit({...doc, tracks: [{...doc.tracks[0], keyframes}]});
}

function save() {
  clearTimeout(saving);
  if (!work) return;
  work.doc = doc;
  saving = setTimeout(() => {
    if (!saveWorkspace(work)) say('This browser keeps no drafts: download the project to keep your work.', 'error');
  }, 120);
}
window.addEventListener('pagehide', () => { if (work) saveWorkspace(work); });

async function keepImage(id, url) {
  images[id] = url;
  try {
    const blob = await (await fetch(url)).blob();
    const data = await new Promise(done => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(blob);
    });
    images[id] = data;
    if (work && doc.image === id) { work.image = {id, data}; save(); }
  } catch { /* the picture is shown from the server then, and not kept */ }
}

// Hands the picture and the ids of the last jobs to the server: at the start, and when it has forgotten them.
function restore(image) {
  trigger('restore', {image, job: work.job, result: work.result});
}

const actions = {
  play: () => editor.playing ? editor.stop() : editor.play(),
  add: () => setKeyframes(withKey(doc.tracks[0].keyframes, Math.round(editor.time), editor.pose())),
  remove: () => setKeyframes(doc.tracks[0].keyframes.filter(k => k.t !== editor.time)),
  undo: () => { if (past.canUndo) { take(past.undo(doc), true); keepShownImage(); } },
  redo: () => { if (past.canRedo) { take(past.redo(doc), true); keepShownImage(); } },
  clear: () => commit({...doc, tracks: []}),
};

function keepShownImage() {
  if (work && images[doc.image]) keepImage(doc.image, images[doc.image]);
}

root.addEventListener('click', event => {
  const button = event.target.closest('[data-do]');
  if (!button || button.disabled) return;
  if (button.dataset.do !== 'play') editor.stop();
  actions[button.dataset.do]();
});

root.addEventListener('keydown', event => {
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  let name = '';
  if (command && key === 'z') name = event.shiftKey ? 'redo' : 'undo';
  else if (command && key === 'y') name = 'redo';
  else if (command || event.altKey) return;
  else if (key === ' ' && event.target.closest('button') === null) name = 'play';
  else if (key === 'delete' || key === 'backspace') name = 'remove';
  else if (key === 'escape') name = 'clear';
  else if (key === 'k') name = 'add';
  if (name) {
    event.preventDefault();
    root.querySelector('[data-do=' + name + ']').click();
    return;
  }
  const way = {arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1]}[key];
  if (!way || !editor.subject) return;
  event.preventDefault();
  editor.stop();
  const pose = editor.beginDrag(), far = event.shiftKey ? 10 : 1;
  editor.preview({...pose, x: pose.x + way[0] * far, y: pose.y + way[1] * far});
  editor.endDrag();
});

watch('frame', () => {
  const frame = props.frame;
  if (!frame || !frame.id) return;
  editor.stop();
  editor.time = 0;
  images[frame.id] = frame.url;
  const next = {...doc, image: frame.id, source: frame.source, tracks: []};
  doc.image ? commit(next) : take(next, true);
  keepImage(frame.id, frame.url);
});

watch('picked', () => {
  const picked = props.picked;
  editor.picking = false;
  if (!picked || picked.image !== doc.image) return;
  if (picked.error) { say(picked.error, 'error'); return; }
  editor.time = doc.frames - 1;
  commit({...doc, tracks: [{id: '1', name: picked.name, colour: '#5b8cff', mask: picked.mask, keyframes: [{t: 0, ...REST}]}]});
});

watch(['job', 'result'], () => {
  if (!work) return;
  Object.assign(work, {job: props.job, result: props.result});
  saveWorkspace(work);
});

// The server has forgotten the picture (it was restarted, say): hand it over again.
watch('missing', () => {
  editor.picking = false;
  if (!props.missing || !images[doc.image]) return;
  say('The connection was renewed: please do that once more.');
  restore(images[doc.image]);
});

// The fields beside the editor (prompt, settings) write into the document too.
watch('value', () => {
  if (!props.value || JSON.stringify(props.value) === JSON.stringify(doc)) return;
  const other = props.value;
  doc = {...doc, prompt: other.prompt, settings: other.settings};
  props.value = clone(doc);  // the fields may have written over an older state of the rest
  save();
});

new ResizeObserver(draw).observe(canvas);
draw();
openWorkspace().then(found => {
  const image = found.image && found.doc && found.image.id === found.doc.image ? found.image : null;
  work = {...found, image, imageKept: image ? image.id : null};
  if (image) {
    images[image.id] = image.data;
    doc = found.doc;
    props.value = clone(doc);
    show();
  }
  restore(image ? image.data : '');
});
