// The list of tracks: select, name, colour, and the switches of each; the actions on whole tracks.

const TRACK_SIGNS = {
  on: '<svg viewBox="0 0 24 24" class="line"><path d="M4 12h13M12 6.5l5.5 5.5-5.5 5.5M20.5 5v14"/></svg>',
  visible: '<svg viewBox="0 0 24 24" class="line"><path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z"/><path class="struck" d="M4 20L20 4"/></svg>',
  locked: '<svg viewBox="0 0 24 24" class="line"><path d="M6 11h12v9H6z"/><path class="shackle" d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3"/><path class="open" d="M8.5 11V7.5a3.5 3.5 0 0 1 6.7-1.3"/></svg>',
};

// Entry of a track, its name in the list, and what it says when it is on and when it is off.
const TRACK_SWITCHES = [
  ['on', 'Moves', 'It is part of the control: the video follows it', 'It is not part of the control'],
  ['visible', 'Shown', 'It is drawn here', 'It is not drawn here; the video still follows it'],
  ['locked', 'Locked', 'It cannot be changed', 'It can be changed'],
];

function trackNext(editor, way) {
  const ids = editor.tracks().map(track => track.id), at = ids.indexOf(editor.trackId);
  editor.set({trackId: ids[at < 0 ? (way > 0 ? 0 : ids.length - 1) : (at + way + ids.length) % ids.length]});
}

function trackActions() {
  const some = editor => editor.tracks().length > 0, chosen = editor => Boolean(editor.track());
  return {
    'next-track': {label: 'Next track', keys: ['T'], group: 'Tracks', enabled: some, run: editor => trackNext(editor, 1)},
    'previous-track': {label: 'Track before', keys: ['Shift+T'], group: 'Tracks', enabled: some, run: editor => trackNext(editor, -1)},
    'copy-track': {label: 'Duplicate the track', keys: ['D'], group: 'Tracks', enabled: chosen, run: editor => {
      const doc = copyTrack(editor.doc, editor.trackId);
      editor.stop();
      editor.commit(doc, {trackId: doc.tracks[doc.tracks.length - 1].id});
    }},
    'delete-track': {label: 'Delete the track', keys: ['Shift+Delete'], group: 'Tracks', enabled: inspectorFree, run: editor => {
      const {name} = editor.track();
      editor.stop();
      editor.commit(removeTrack(editor.doc, editor.trackId), {trackId: ''});
      editor.say('"' + name + '" is deleted: undo brings it back.');
    }},
    clear: {label: 'Deselect', keys: ['Escape'], group: 'Tracks', enabled: chosen, run: editor => editor.set({trackId: '', keyT: null})},
  };
}

// One row: it is made once and filled at every change, so that the focus and what is being typed stay.
function trackRow(editor, id) {
  const row = document.createElement('li');
  row.className = 'track';
  row.innerHTML = '<button type="button" class="tool chip"><i></i></button><input type="text" class="track-name" maxlength="60">'
    + TRACK_SWITCHES.map(([entry]) => '<button type="button" class="tool switch" data-switch="' + entry + '">' + TRACK_SIGNS[entry] + '</button>').join('')
    + '<div class="track-more"><label class="tool wide colour"><input type="color"><span>Colour</span></label>'
    + '<button type="button" class="tool wide" data-do="copy-track">Duplicate</button>'
    + '<button type="button" class="tool wide" data-do="delete-track">Delete</button></div>';
  const chip = row.querySelector('.chip'), name = row.querySelector('.track-name'), colour = row.querySelector('[type=color]');
  const track = () => editor.tracks().find(one => one.id === id);
  const change = patch => {
    editor.stop();
    editor.commit(withTrack(editor.doc, id, one => ({...one, ...patch})));
  };
  const choose = () => { if (editor.trackId !== id) editor.set({trackId: id}); };

  chip.addEventListener('click', choose);
  name.addEventListener('focus', choose);
  name.addEventListener('change', () => {
    const typed = name.value.trim();
    if (typed && typed !== track().name) change({name: typed});
    name.value = track().name;
  });
  name.addEventListener('keydown', event => {
    if (event.key === 'Escape') name.value = track().name;
    if (event.key === 'Enter' || event.key === 'Escape') chip.focus();
  });
  colour.addEventListener('input', () => editor.preview(withTrack(editor.doc, id, one => ({...one, colour: colour.value}))));
  colour.addEventListener('change', () => change({colour: colour.value}));
  for (const button of row.querySelectorAll('[data-switch]')) {
    button.addEventListener('click', () => change({[button.dataset.switch]: !track()[button.dataset.switch]}));
  }
  row.addEventListener('click', event => { if (event.target === row) choose(); });

  row.fill = () => {
    const shown = track(), chosen = editor.trackId === id;
    row.classList.toggle('chosen', chosen);
    row.classList.toggle('off', !shown.on);
    row.style.setProperty('--colour', shown.colour);
    chip.setAttribute('aria-pressed', chosen);
    chip.setAttribute('aria-label', 'Select ' + shown.name);
    name.setAttribute('aria-label', 'Name of the track ' + shown.name);
    if (document.activeElement !== name) name.value = shown.name;
    if (document.activeElement !== colour) colour.value = shown.colour;
    for (const [entry, label, yes, no] of TRACK_SWITCHES) {
      const button = row.querySelector('[data-switch=' + entry + ']');
      button.setAttribute('aria-pressed', shown[entry]);
      button.setAttribute('aria-label', label + ': ' + shown.name);
      button.title = shown[entry] ? yes : no;
    }
    row.querySelector('.track-more').hidden = !chosen;
  };
  return row;
}

function attachTracks(editor, root) {
  const list = root.querySelector('.tracks'), empty = root.querySelector('.tracks-empty'), rows = new Map();
  registerActions(trackActions());
  let listed = '';

  editor.listen(() => {
    const tracks = editor.tracks(), ids = tracks.map(track => track.id);
    if (ids.join() !== listed) {
      listed = ids.join();
      for (const id of rows.keys()) if (!ids.includes(id)) { rows.get(id).remove(); rows.delete(id); }
      for (const id of ids) if (!rows.has(id)) rows.set(id, trackRow(editor, id));
      ids.forEach((id, i) => { if (list.children[i] !== rows.get(id)) list.insertBefore(rows.get(id), list.children[i] || null); });
    }
    empty.hidden = tracks.length > 0;
    for (const row of rows.values()) row.fill();
  });
}
