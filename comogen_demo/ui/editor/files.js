// Files in and out. What is dropped on the page or chosen from the File menu is uploaded, and Python says what it is;
// projects are written here, masks by Python.
// Events to Python: take_in {files, want, turn}, hand_out {form, turn}. Props from Python: imported {turn, image, track} or
// {turn, error}, exported {turn, url, name} or {turn, error}; a project comes as `opened`, a picture as `frame` (editor.js).
// An imported track takes the place of the one that has its id; with `fit` the handles change all of it while it is selected.

const FILE_MOST = 513, FILE_MEGABYTES = 64, FILE_AT_ONCE = 6;
const FILE_KINDS = {
  '': '', project: '.json,.mp4,application/json,video/mp4', masks: '.png,.zip,.mp4,.gif,.npz',
};

// One sentence on what can't be uploaded at all, or ''.
function fileTrouble(files) {
  if (!files.length) return 'There is no file in what was dropped: drop files from a folder.';
  if (files.length > FILE_MOST) return 'These are ' + files.length + ' files: choose at most ' + FILE_MOST + '.';
  const large = files.find(file => file.size > FILE_MEGABYTES * 2 ** 20);
  if (large) return large.name + ' is over ' + FILE_MEGABYTES + ' MB: choose a smaller file.';
  const empty = files.find(file => !file.size);
  return empty ? empty.name + ' is empty: choose another file.' : '';
}

// The files' places on the server, in their order; some at a time.
async function fileUploads(files) {
  const paths = [];
  for (let i = 0; i < files.length; i += FILE_AT_ONCE) {
    const some = await Promise.all(files.slice(i, i + FILE_AT_ONCE).map(file => upload(file)));
    paths.push(...some.map(one => one.path));
  }
  return paths;
}

function fileDownload(url, name) {
  const link = document.createElement('a');
  Object.assign(link, {href: url, download: name});
  document.body.append(link);
  link.click();
  link.remove();
}

// The first frame as a data URL, so that the project needs no other file.
async function fileImage(editor) {
  const url = editor.imageUrl;
  if (!url || url.startsWith('data:')) return url;
  const blob = await (await fetch(url)).blob();
  return new Promise((done, fail) => {
    const reader = new FileReader();
    Object.assign(reader, {onload: () => done(reader.result), onerror: () => fail(reader.error)});
    reader.readAsDataURL(blob);
  });
}

function attachFiles(editor, root) {
  let turn = 0, depth = 0, copied = null;

  async function takeIn(given, want = '') {
    const files = [...given], trouble = fileTrouble(files);
    if (trouble) { editor.say(trouble, 'error'); return; }
    editor.say('Reading ' + (files.length > 1 ? files.length + ' files' : files[0].name) + '…');
    try {
      const paths = await fileUploads(files);
      trigger('take_in', {files: paths, want, turn: String(++turn)});
    } catch {
      editor.say('The upload broke off: please try it again.', 'error');
    }
  }

  function choose(want) {
    const field = document.createElement('input');
    Object.assign(field, {type: 'file', accept: FILE_KINDS[want], multiple: want === 'masks'});
    field.addEventListener('change', () => takeIn(field.files, want));
    field.click();
  }

  async function saveProject() {
    try {
      const text = JSON.stringify({...editor.doc, image: await fileImage(editor)});
      const url = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
      fileDownload(url, 'comogen-project.json');
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      editor.say('The project is in your downloads. Drop it on the page to go on.');
    } catch {
      editor.say('The picture could not be read: please try it again.', 'error');
    }
  }

  function handOut(form) {
    if (!editor.doc.tracks.some(track => track.on)) {
      editor.say('There are no masks yet: click an object first.', 'error');
      return;
    }
    editor.say('Drawing the masks…');
    trigger('hand_out', {form, turn: String(++turn)});
  }

  function copyMask() {
    const track = editor.track(), moment = editor.moment(track, editor.time);
    if (!moment) { editor.say('The track shows nothing at this frame: go to another one.', 'error'); return; }
    copied = {bits: paintBits(moment, editor.shapes(track), editor.width, editor.height), image: editor.doc.image};
    editor.say('The mask is copied: go to another frame or track and paste it.');
    editor.set({});
  }

  // At the present frame the track shows the copied mask; between keyframes one shape grows into the other.
  function pasteMask() {
    const url = editor.keepShape(copied.bits), t = Math.round(editor.time);
    editor.stop();
    if (!editor.track()) {
      const next = newTrack(editor.doc, {name: 'copy', shape: url});
      editor.commit(next, {trackId: next.tracks.at(-1).id});
      return;
    }
    const begun = track => track.keyframes.length ? track : setKey(track, 0, {});
    editor.commit(withTrack(editor.doc, editor.trackId, track => addShapeKey(begun(track), t, url)), {seek: t});
    editor.set({keyT: t});
  }

  const free = () => Boolean(editor.track()) && !editor.track().locked;
  const some = () => editor.doc.tracks.some(track => track.on);
  registerActions({
    open: {label: 'Open a project', keys: ['Ctrl+O'], group: 'File', run: () => choose('project')},
    save: {label: 'Save the project', keys: ['Ctrl+S'], group: 'File', enabled: () => Boolean(editor.frame), run: saveProject},
    'import-masks': {label: 'Import masks', keys: ['Ctrl+I'], group: 'File', enabled: () => Boolean(editor.frame), run: () => choose('masks')},
    'export-zip': {label: 'Export masks as PNG (zip)', keys: [], group: 'File', enabled: some, run: () => handOut('zip')},
    'export-mp4': {label: 'Export masks as video (mp4)', keys: [], group: 'File', enabled: some, run: () => handOut('mp4')},
    'export-npz': {label: 'Export masks as array (npz)', keys: [], group: 'File', enabled: some, run: () => handOut('npz')},
    'copy-mask': {label: 'Copy the mask of this frame', keys: ['Ctrl+Alt+C'], group: 'Keyframes', enabled: () => Boolean(editor.track()), run: copyMask},
    'paste-mask': {label: 'Paste the mask at this frame', keys: ['Ctrl+Alt+V'], group: 'Keyframes',
      enabled: () => Boolean(copied) && copied.image === editor.doc.image && (free() || !editor.track()), run: pasteMask},
  });

  // Anywhere on the page, but for the fields that take files themselves.
  const ours = event => [...(event.dataTransfer?.types || [])].includes('Files') && !event.target.closest?.('#upload');
  const over = on => {
    root.classList.toggle('dropping', on);
    if (on) editor.say('Drop it: a project, a video made here, masks, or a picture.');
    else if (depth) advise();
    depth = on ? 1 : 0;
  };
  window.addEventListener('dragover', event => {
    if (!ours(event)) { if (depth) over(false); return; }
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    if (!depth) over(true);
  });
  window.addEventListener('dragleave', event => { if (!event.relatedTarget && depth) over(false); });
  window.addEventListener('drop', event => {
    if (!ours(event)) return;
    event.preventDefault();
    over(false);
    takeIn(event.dataTransfer.files);
  });

  watch('imported', () => {
    const answer = plain(props.imported);
    if (!answer) return;
    if (answer.error) { editor.say(answer.error, 'error'); return; }
    if (answer.image !== editor.doc.image) return;
    const {id = '', name, shapes, keyframes, smooth = 0, note, fit} = answer.track, there = editor.doc.tracks.some(track => track.id === id);
    const next = there ? editor.doc : newTrack(editor.doc, {name, shape: shapes[0], id}), own = there ? id : next.tracks.at(-1).id;
    const filled = withTrack(next, own, track => ({...track, shapes, keyframes: keyframes.map(keyOf), smooth}));
    editor.stop();
    editor.commit(filled, {seek: 0, trackId: own});
    editor.say(note);
    if (!fit) return;
    editor.set({whole: true, fitted: own, tool: 'select'});
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    editor.canvas.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
  });

  watch('exported', () => {
    const answer = plain(props.exported);
    if (!answer) return;
    if (answer.error) { editor.say(answer.error, 'error'); return; }
    fileDownload(answer.url, answer.name);
    editor.say('The masks are in your downloads.');
  });
}
