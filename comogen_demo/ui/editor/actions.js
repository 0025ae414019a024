// Everything that the editor can do, by name. Buttons (data-do), keys and menus all go through `editor.run(name)`, and
// the help sheet is made from the same list.
// An action: {label, keys: ['Ctrl+Z'], group (of the help sheet), shown (what the sheet says of its keys), enabled(editor),
// pressed(editor) or checked(editor) for switches and choices, run(editor, ...given)}.

const actionRegistry = new Map();

function registerActions(given) {
  for (const [name, action] of Object.entries(given)) actionRegistry.set(name, action);
}

// A key press as it is written in the lists. Signs like ? or < need Shift on some keyboards only, so it does not count there.
function actionCombo(event) {
  const sign = event.key.length === 1 && event.key !== ' ' && event.key.toLowerCase() === event.key.toUpperCase();
  const key = event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [(event.ctrlKey || event.metaKey) && 'Ctrl', event.altKey && 'Alt', event.shiftKey && !sign && 'Shift', key].filter(Boolean).join('+');
}

const actionTyping = target => target.matches('input:not([type=range], [type=color]), select, textarea, [contenteditable=true]');

function actionTools() {
  const tool = (name, label, key) => ({
    [name]: {label, keys: [key], group: 'Tools', checked: editor => editor.tool === name, run: editor => editor.set({tool: name})},
  });
  const view = (name, label, key) => ({
    ['view-' + name]: {label, keys: [key], group: 'View', checked: editor => editor.view === name, run: editor => editor.set({view: name})},
  });
  const paints = editor => editor.tool === 'brush' || editor.tool === 'eraser';
  const size = by => editor => editor.set({brush: Math.min(256, Math.max(1, editor.brush * by))});
  return {
    ...tool('select', 'Select and move', 'V'), ...tool('box', 'Box around an object', 'R'), ...tool('brush', 'Brush', 'B'),
    ...tool('eraser', 'Eraser', 'E'), ...tool('lasso', 'Lasso', 'L'), ...tool('polygon', 'Polygon', 'P'),
    negative: {label: 'Take away instead of adding', keys: ['-'], group: 'Tools', pressed: editor => editor.negative,
      run: editor => editor.set({negative: !editor.negative})},
    thinner: {label: 'Thinner brush', keys: ['['], group: 'Tools', enabled: paints, run: size(1 / 1.25)},
    thicker: {label: 'Thicker brush', keys: [']'], group: 'Tools', enabled: paints, run: size(1.25)},
    ...view('cutout', 'Cut-out', '1'), ...view('fill', 'Filled', '2'), ...view('outline', 'Outline', '3'),
    ...view('model', 'What the model sees', '4'),
    onion: {label: 'Onion skin: the frames around', keys: ['O'], group: 'View', pressed: editor => editor.onion,
      run: editor => editor.set({onion: !editor.onion})},
  };
}

// The help sheet

const ACTION_GROUPS = ['Tools', 'View', 'Time', 'Keyframes', 'Motion', 'Tracks', 'File', 'Help'];
const ACTION_SIGNS = {ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', PageUp: 'Page up', PageDown: 'Page down', Delete: 'Del'};
// What pointers do, which no list of keys tells.
const ACTION_POINTERS = [
  ['Click', 'on an object: select it'], ['Drag', 'a mask: move it; its round handle turns it, its square one resizes it'],
  ['Shift+Click', 'add a part to the selected mask'], ['Alt+Click', 'or right click: take a part away'],
  ['Double click', 'in a lane of the timeline: add a key; drag a diamond to move it'],
];

function actionKeycaps(keys) {
  const line = document.createElement('span');
  for (const part of keys.split('+')) {
    const cap = document.createElement('kbd');
    cap.textContent = ACTION_SIGNS[part] || part;
    line.append(cap);
  }
  return line;
}

function fillHelp(dialog) {
  dialog.innerHTML = '<div class="help-head"><h2 id="editor-help-title">Keys</h2>'
    + '<button type="button" class="tool" aria-label="Close the help"><svg viewBox="0 0 24 24" class="line"><path d="M6 6l12 12M18 6L6 18"/></svg></button></div>'
    + '<p class="note">They work while the editor has the focus, and not while you type into a field.</p><div class="help-groups" tabindex="0" role="region" aria-label="All keys"></div>';
  const groups = dialog.querySelector('.help-groups');
  const add = (title, entries) => {
    const section = document.createElement('section'), heading = document.createElement('h3'), list = document.createElement('dl');
    heading.textContent = title;
    for (const [keys, label] of entries) {
      const row = document.createElement('div'), term = document.createElement('dt'), text = document.createElement('dd');
      term.append(...keys.map(actionKeycaps));
      text.textContent = label;
      row.append(term, text);
      list.append(row);
    }
    section.append(heading, list);
    groups.append(section);
  };
  add('Mouse and touch', ACTION_POINTERS.map(([keys, label]) => [[keys], label]));
  for (const group of ACTION_GROUPS) {
    const mine = [...actionRegistry.values()].filter(action => action.group === group && [].concat(action.keys || []).length);
    if (mine.length) add(group, mine.map(action => [action.shown || [].concat(action.keys), action.label]));
  }
  dialog.querySelector('button').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
}

// The menu

function attachMenu(editor, root) {
  const folder = root.querySelector('.folder'), button = folder.querySelector('[aria-haspopup]'), menu = folder.querySelector('.menu');
  const items = () => [...menu.querySelectorAll('[role=menuitem]:not(:disabled)')];
  const open = show => {
    menu.hidden = !show;
    button.setAttribute('aria-expanded', show);
    if (show && items().length) items()[0].focus();
  };
  registerActions({'file-menu': {label: 'File', run: () => open(menu.hidden)}});
  menu.addEventListener('click', event => { if (event.target.closest('[role=menuitem]')) { open(false); button.focus(); } });
  menu.addEventListener('keydown', event => {
    event.stopPropagation();
    const all = items(), at = all.indexOf(document.activeElement);
    const to = {ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1}[event.key];
    if (to !== undefined) { event.preventDefault(); all[to].focus(); }
    if (event.key === 'Escape') { event.preventDefault(); open(false); button.focus(); }
  });
  folder.addEventListener('focusout', event => { if (event.relatedTarget && !folder.contains(event.relatedTarget)) open(false); });
  document.addEventListener('pointerdown', event => { if (!menu.hidden && !event.composedPath().includes(folder)) open(false); });
}

// The cross

// A pointer for the keyboard: the arrows move a cross, Enter clicks there, Space presses and lifts (to paint). What it
// does goes to the canvas as pointer events, so every tool works by it. -> keydown handler, true if it took the key.
function attachCross(editor, root) {
  const cross = root.querySelector('.crosshair'), {canvas} = editor;
  let at = null, last = {x: 0.5, y: 0.5}, down = false;

  function send(type, event = {}) {
    const box = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new PointerEvent(type, {
      bubbles: true, cancelable: true, pointerId: 8191, pointerType: 'mouse', isPrimary: true, button: type === 'pointermove' ? -1 : 0,
      buttons: down ? 1 : 0, shiftKey: Boolean(event.shiftKey), altKey: Boolean(event.altKey),
      clientX: box.left + at.x * box.width, clientY: box.top + at.y * box.height,
    }));
  }
  const show = place => {
    at = place;
    cross.hidden = !at;
    if (at) last = at;
    if (at) Object.assign(cross.style, {left: at.x * 100 + '%', top: at.y * 100 + '%'});
  };
  const press = event => { down = true; send('pointerdown', event); };
  const lift = event => { send('pointerup', event); down = false; };
  const leave = () => {
    if (!at) return;
    if (down) send('pointercancel');
    down = false;
    show(null);
  };
  registerActions({cross: {
    label: 'A cross in place of the mouse: arrows move it, Enter clicks, Space presses and lifts', keys: ['N'], group: 'Tracks',
    enabled: () => Boolean(editor.frame),
    run: () => {
      if (at) { leave(); return; }
      editor.stop();
      show(last);
      root.focus({preventScroll: true});
      canvas.scrollIntoView({block: 'nearest'});
      editor.say('Arrows move the cross (Shift: far), Enter clicks there.');
    },
  }});
  canvas.addEventListener('pointerdown', event => { if (event.pointerId !== 8191) leave(); });
  const within = value => Math.min(1, Math.max(0, value));
  const ways = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

  return event => {
    if (!at || event.ctrlKey || event.metaKey || event.target.closest('button, input, select, .time')) return false;
    const way = ways[event.key], far = event.shiftKey ? 0.1 : 0.01, round = value => Math.round(value * 1000) / 1000;
    if (way && !event.altKey) {
      show({x: round(within(at.x + way[0] * far)), y: round(within(at.y + way[1] * far))});
      send('pointermove', event);
    } else if (event.key === 'Enter' || event.key === ' ') {
      if (down) lift(event);
      else press(event);
      // A click is a press and a lift; painting goes on until the second press of the key.
      const paints = !['select', 'polygon'].includes(editor.tool);
      if (down && (event.key === 'Enter' || !paints)) lift(event);
      if (!down && editor.tool === 'select') leave();
    } else if (event.key === 'Escape') {
      leave();
      editor.say('');
    } else return false;
    return true;
  };
}

// The wires

// One of a group of choices can be reached by Tab; the arrows choose among them.
function attachChoice(editor, group) {
  const buttons = [...group.querySelectorAll('[role=radio]')];
  group.addEventListener('keydown', event => {
    const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key], at = buttons.indexOf(event.target);
    if (!by || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[(at + by + buttons.length) % buttons.length];
    editor.run(next.dataset.do);
    next.focus();
  });
}

// Buttons say what they do now: off, pressed, chosen.
function showButtons(editor, root) {
  for (const button of root.querySelectorAll('[data-do]')) {
    const action = actionRegistry.get(button.dataset.do), off = !action || Boolean(action.enabled && !action.enabled(editor));
    if (off && document.activeElement === button) root.focus({preventScroll: true});
    if (button.disabled !== off) button.disabled = off;
    if (!action) continue;
    const [keys] = [].concat(action.keys || []), title = action.label + (keys ? ' (' + actionKeycaps(keys).textContent + ')' : '');
    if (button.title !== title && button.role !== 'menuitem') button.title = title;
    if (action.pressed) button.setAttribute('aria-pressed', Boolean(action.pressed(editor)));
    if (action.checked) {
      const chosen = Boolean(action.checked(editor));
      button.setAttribute('aria-checked', chosen);
      button.tabIndex = chosen ? 0 : -1;
    }
  }
  const play = root.querySelector('[data-do=play]');
  play.setAttribute('aria-label', editor.playing ? 'Stop' : 'Play');
}

function attachActions(editor, root) {
  const dialog = root.querySelector('dialog'), brush = root.querySelector('.size');
  registerActions({
    ...actionTools(),
    undo: {label: 'Undo', keys: ['Ctrl+Z'], group: 'File', enabled: () => editor.canUndo, run: () => { editor.stop(); editor.undo(); }},
    redo: {label: 'Redo', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'], group: 'File', enabled: () => editor.canRedo,
      run: () => { editor.stop(); editor.redo(); }},
    help: {label: 'Keys and help', keys: ['?'], group: 'Help', run: () => { fillHelp(dialog); dialog.showModal(); }},
  });
  editor.run = (name, ...given) => {
    const action = actionRegistry.get(name);
    if (action && (!action.enabled || action.enabled(editor))) action.run(editor, ...given);
  };
  attachMenu(editor, root);
  const crossTakes = attachCross(editor, root);
  for (const group of root.querySelectorAll('[role=radiogroup]')) attachChoice(editor, group);

  root.addEventListener('click', event => {
    const button = event.target.closest('[data-do]');
    if (button && !button.disabled) editor.run(button.dataset.do, event);
  });

  root.addEventListener('keydown', event => {
    const {target} = event, combo = actionCombo(event);
    if (event.defaultPrevented || dialog.open || event.isComposing) return;
    if (actionTyping(target)) {
      if (event.key === 'Escape') root.focus({preventScroll: true});
      if (combo !== 'Ctrl+S' && combo !== 'Ctrl+O') return;
    }
    if (crossTakes(event)) { event.preventDefault(); return; }
    if (['Space', 'Enter'].includes(combo) && target.closest('button, a, [role=menuitem]')) return;
    if (target.matches('input') && /Arrow|Home|End|Page/.test(combo) && !event.ctrlKey && !event.altKey) return;
    const meant = [...actionRegistry].filter(([, action]) => [].concat(action.keys || []).includes(combo));
    if (!meant.length) return;
    event.preventDefault();
    const [name] = meant.find(([, {enabled}]) => !enabled || enabled(editor)) || meant[0];
    editor.run(name, event);
  });

  brush.addEventListener('input', () => editor.set({brush: Number(brush.value)}));
  editor.listen(() => {
    brush.hidden = editor.tool !== 'brush' && editor.tool !== 'eraser';
    if (document.activeElement !== brush) brush.value = editor.brush;
    brush.setAttribute('aria-valuetext', Math.round(editor.brush) + ' pixels');
    showButtons(editor, root);
  });
}
