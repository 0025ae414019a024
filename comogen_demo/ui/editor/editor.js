// The editor's store: the project document (the only truth), what is on the screen of it, and the wires to Python.
// Events to Python: restore {image, job, result} (the page has opened), pick {image, points, box, track, turn} (a mask is
// wanted), pick_slowly (the same, of a model), leave {turns} (no answer is wanted any more), edit (the document has
// changed); those of files.js, finding.js and weights.js are told there.
// Props from Python: frame {id, url, source} (a new first frame), picked {image, turn, track, mask, name, error} (the answer
// to a pick; `slow` if a model must be asked, `wait` as news of it), opened {doc, frame} (a loaded project), missing (it
// knows no such frame), job and result (ids), fps; model (the one that is chosen), its modelFrames, modelAspect (width / height)
// and grid [rows, columns].

const root = element.querySelector('.editor'), hint = root.querySelector('.hint');
const canvas = root.querySelector('canvas');
const images = {};  // id of a first frame -> url
const decoder = makeDecoder(redraw, () => say('A mask of this project is damaged: undo, or remove its object.', 'error'));
const questions = makeQuestions(redraw, () => say('No answer came: please try it again.', 'error'));
const listeners = [];
let doc = migrateDoc(plain(props.value)), past = makeHistory(), work = null, loop = 0, saving = 0, drawing = 0;

// A copy of JSON values; long texts are shared, not copied. (Props come wrapped, and what is wrapped can't be stored.)
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function alike(a, b) {
  if (a === b) return true;
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => alike(a[name], b[name]));
}

const editor = {
  root, canvas, shown: doc, frame: null, width: 1, height: 1, unit: 1,
  time: 0, trackId: '', keyT: null, tool: 'select', negative: false, brush: 12, view: 'cutout', onion: false, playing: false,
  whole: false, fitted: '', found: null,
  get doc() { return doc; },
  get picking() { return questions.named('pick'); },
  get waits() { return questions.some; },
  get waitsLong() { return questions.slow; },
  get canUndo() { return past.canUndo; },
  get canRedo() { return past.canRedo; },
  // What the model gets of the picture: its middle, {left, top, wide, high}.
  get crop() {
    const {width, height} = editor, wide = Math.min(width, height * props.modelAspect), high = Math.min(height, width / props.modelAspect);
    const whole = Math.abs(width / height / props.modelAspect - 1) <= 0.02;
    return whole ? {left: 0, top: 0, wide: width, high: height} : {left: (width - wide) / 2, top: (height - high) / 2, wide, high};
  },
  // The model's grid, gone on with over the whole picture.
  get grid() {
    const {wide, high} = editor.crop, [rows, columns] = props.grid;
    return [Math.round(rows * editor.height / high), Math.round(columns * editor.width / wide)];
  },
  get modelFrames() { return props.modelFrames; },
  get fps() { return props.fps; },
  get imageUrl() { return images[doc.image] || ''; },

  tracks() { return this.shown.tracks; },
  track() { return this.shown.tracks.find(track => track.id === this.trackId) || null; },
  shapes: track => decoder.shapes(track),
  moment(track, t) { return momentAt(track, this.shapes(track), t); },
  keepShape(bits) {
    const url = bitsToUrl(bits, this.width, this.height);
    decoder.learn(url, makeShape(bits, this.width, this.height));
    return url;
  },

  // Every change of the document goes through here; `seek` and `trackId` say what is shown after it.
  commit(next, {seek, trackId} = {}) {
    past.push(doc);
    if (trackId !== undefined) editor.trackId = trackId;
    if (seek !== undefined) editor.time = seek;
    take(next);
  },
  preview(next) { editor.shown = next; redraw(); },
  drop() { editor.shown = doc; redraw(); },
  undo() { if (past.canUndo) goTo(past.undo(doc)); },
  redo() { if (past.canRedo) goTo(past.redo(doc)); },

  set(change) {
    const other = change.trackId !== undefined && change.trackId !== editor.trackId;
    if (change.time !== undefined && editor.playing) editor.stop();
    Object.assign(editor, change);
    leaveFit();
    editor.time = Math.max(0, Math.min(doc.frames - 1, editor.time));
    if (other) { if (change.keyT === undefined) editor.keyT = null; advise(); }
    redraw();
  },
  asking: name => questions.named(name),
  ask(name, data) { questions.ask(name, {image: doc.image, ...data}); },
  hear: given => questions.hear(plain(given)),
  leave() {
    const news = questions.slow, turns = questions.leave();
    if (turns.length) trigger('leave', {turns});
    if (news) advise();
  },
  pick({points = [], box = null, trackId = ''}) {
    if (doc.image) editor.ask('pick', {points, box, track: trackId});
  },
  play() {
    if (!doc.tracks.some(track => track.visible && track.keyframes.length > 1)) {
      say('Drag the object first, then play its way.');
      return;
    }
    cancelAnimationFrame(loop);
    editor.playing = true;
    const from = editor.time >= doc.frames - 1 ? 0 : editor.time, begun = performance.now();
    const step = now => {
      const gone = from + Math.max(0, now - begun) / 1000 * props.fps;
      editor.time = Math.min(doc.frames - 1, gone % (doc.frames + props.fps * 0.4));
      draw();
      if (editor.playing) loop = requestAnimationFrame(step);
    };
    loop = requestAnimationFrame(step);
    redraw();
  },
  stop() {
    if (!editor.playing) return;
    cancelAnimationFrame(loop);
    editor.playing = false;
    editor.time = Math.round(editor.time);
    redraw();
  },
  say,
  listen(fn) { listeners.push(fn); },  // fn(editor) after every redraw; run(name) is added by actions.js
};

function redraw() {
  drawing ||= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(drawing);
  drawing = 0;
  editor.unit = editor.width / Math.max(1, canvas.clientWidth);
  const own = editor.track();
  drawScene(editor);
  root.classList.toggle('playing', editor.playing);
  root.classList.toggle('picking', editor.picking);
  root.classList.toggle('selected', Boolean(own) && editor.shapes(own).some(Boolean));
  root.dataset.tool = editor.tool;
  for (const fn of listeners) fn(editor);
}

function say(text, kind = 'info') {
  hint.textContent = text;
  hint.dataset.kind = kind;
}

function advise() {
  const own = editor.track();
  if (!editor.frame) say('');
  else if (!doc.tracks.length) say('Click the object that you want to move.');
  else if (own && own.keyframes.length < 2) say('Now drag it to where it should end up.');
  else say('');
}

// Shows the document's picture; an answer that comes after a newer change is dropped.
let frameTurn = 0, frameShown = '';
async function showFrame() {
  const mine = ++frameTurn, id = doc.image, url = images[id];
  if (id === frameShown) { advise(); return; }
  let frame = null;
  try {
    frame = url ? await loadPicture(url) : null;
  } catch {
    if (mine === frameTurn) say('The picture could not be shown: please choose the frame again.', 'error');
    return;
  }
  if (mine !== frameTurn) return;
  editor.frame = frame;
  editor.width = frame ? frame.naturalWidth : 1;
  editor.height = frame ? frame.naturalHeight : 1;
  frameShown = frame ? id : '';
  root.classList.toggle('empty', !frame);
  root.style.setProperty('--aspect', editor.width + ' / ' + editor.height);
  advise();
  redraw();
}

// A motion that was put on the picture is moved as a whole, for as long as it is selected.
function leaveFit() {
  if (editor.fitted && editor.trackId !== editor.fitted) Object.assign(editor, {whole: false, fitted: ''});
}

// Makes `next` the document; what is selected stays selected, and a track that came back is.
function take(next, tell = true) {
  const has = id => next.tracks.some(track => track.id === id), before = new Set(doc.tracks.map(track => track.id));
  const back = next.tracks.filter(track => !before.has(track.id)).pop(), last = next.tracks[next.tracks.length - 1];
  if (!has(editor.trackId)) editor.trackId = back ? back.id : editor.trackId && last ? last.id : '';
  leaveFit();
  if (next.image !== doc.image) editor.leave();
  doc = editor.shown = next;
  editor.time = Math.max(0, Math.min(doc.frames - 1, editor.time));
  const own = editor.track();
  if (!own || !own.keyframes.some(key => key.t === editor.keyT)) editor.keyT = null;
  props.value = plain(doc);
  decoder.forget(doc.tracks);
  save();
  showFrame();
  redraw();
  if (tell) trigger('edit');
}

function goTo(next) {
  const other = next.image !== doc.image;
  editor.stop();
  take(next);
  if (other && images[doc.image]) keepImage(doc.image, images[doc.image]);
}

// `data-saved` on the root tells whether the browser has kept all that was made.
function save() {
  clearTimeout(saving);
  root.dataset.saved = 'no';
  if (!work) return;
  work.doc = doc;
  saving = setTimeout(saveNow, 120);
}

async function saveNow() {
  clearTimeout(saving);
  if (!work) return;
  const {doc: mine, image} = work, kept = await saveWorkspace(work);
  if (kept && work.doc === mine && work.image === image) root.dataset.saved = 'yes';
  if (!kept) say('This browser keeps no drafts: download the project to keep your work.', 'error');
}

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

// Hands the picture and the ids of the last jobs to the server: at the start, and when it has forgotten them. What selects
// there is asked by an event of its own: what one event calls runs in turn, and a download would keep the page from opening.
function restore(image) {
  trigger('restore', {image, job: work.job, result: work.result});
  trigger('follow');
}

// A new first frame, or a project with its own: one step that can be undone.
function takeFrame(frame, next) {
  editor.stop();
  images[frame.id] = frame.url;
  if (doc.image) past.push(doc);
  Object.assign(editor, {time: 0, trackId: '', keyT: null});
  take(next);
  keepImage(frame.id, frame.url);
}

watch('frame', () => {
  const frame = plain(props.frame);
  if (frame && frame.id) takeFrame(frame, {...doc, image: frame.id, source: frame.source, tracks: []});
});

watch('opened', () => {
  const opened = plain(props.opened);
  if (!opened || !opened.frame) return;
  const {frame} = opened;
  takeFrame(frame, {...migrateDoc(opened.doc), image: frame.id, source: frame.source || null, model: doc.model});
});

watch('picked', () => {
  const picked = editor.hear(props.picked);
  if (!picked) return;
  if (picked.slow) { trigger('pick_slowly', questions.data(picked.turn)); return; }
  if (picked.wait || picked.error) { say(picked.wait || picked.error, picked.wait ? 'info' : 'error'); return; }
  if (!picked.track) {
    const next = newTrack(doc, {name: picked.name, shape: picked.mask});
    editor.commit(next, {seek: doc.frames - 1, trackId: next.tracks[next.tracks.length - 1].id});
  } else if (doc.tracks.some(track => track.id === picked.track)) {
    editor.commit(withTrack(doc, picked.track, track => replaceShape(track, 0, picked.mask)));
  }
});

watch(['job', 'result'], () => {
  if (!work) return;
  Object.assign(work, {job: props.job, result: props.result});
  saveNow();
});

// The server has forgotten the picture (it was restarted, say): hand it over again.
watch('missing', () => {
  questions.leave();
  if (!props.missing || !images[doc.image]) return;
  say('The connection was renewed: please do that once more.');
  restore(images[doc.image]);
});

// The fields beside the editor (prompt, settings) write into the document too.
watch('value', () => {
  if (!props.value || alike(props.value, doc)) return;
  const {prompt, settings} = plain(props.value);
  doc = {...doc, prompt, settings};
  editor.drop();
  props.value = plain(doc);  // the fields may have written over an older state of the rest
  save();
});

// The choice of a model is part of the draft, though not of its history.
watch('model', () => {
  if (!props.model || props.model === doc.model) return;
  doc = {...doc, model: props.model};
  editor.drop();
  props.value = plain(doc);
  save();
});
watch(['modelFrames', 'modelAspect', 'grid'], redraw);

window.addEventListener('pagehide', () => {
  if (!work) return;
  leaveWorkspace(work);
  work.left = true;
  saveNow();
});
document.addEventListener('visibilitychange', () => { if (document.hidden) saveNow(); });

attachGestures(editor);
// In this order a key does what it stands for: Escape leaves what was found before it deselects.
for (const attach of [attachFinding, attachTimeline, attachTracks, attachInspector, attachWeights, attachActions, attachFiles]) attach(editor, root);
new ResizeObserver(redraw).observe(canvas);
redraw();
openWorkspace().then(found => {
  const {doc: kept, image} = found, whole = Boolean(kept && image);
  work = {...found, doc, image, imageKept: null};
  if (whole) {
    images[image.id] = image.data;
    take(migrateDoc(kept), false);
  }
  restore(whole ? image.data : '');
});
