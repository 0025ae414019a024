// Finding things by their names: words go to Python, what it finds are boxes on the canvas and a list under it, and the
// chosen ones become tracks, all in one step.
// Events to Python: find {image, words, turn}, add_found {image, boxes: [{box, words}], turn}. Props from Python: found
// {image, turn, candidates: [{box, confidence, words, chosen}], note}, added {image, turn, tracks: [{name, mask}], note}; or
// with {error}, or with {wait}: news that it takes longer (see `hear` in editor.js).

// The number of the candidate at a point; of several the smallest. -1 without one.
function foundAt(editor, point) {
  const list = editor.found ? editor.found.candidates : [], size = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  const hits = list.filter(({box: [left, top, right, bottom]}) => point.x >= left && point.x <= right && point.y >= top && point.y <= bottom);
  return list.indexOf(hits.sort((a, b) => size(a.box) - size(b.box))[0]);
}

function foundToggle(editor, index) {
  const candidates = editor.found.candidates.map((one, i) => i === index ? {...one, chosen: !one.chosen} : one);
  editor.set({found: {...editor.found, candidates}});
}

const foundShare = one => Math.round(one.confidence * 100) + ' %';

// Boxes, the chosen ones in full lines, and on top of them all their numbers.
function drawFound(pen, editor) {
  const {unit, found} = editor;
  if (!found) return;
  const order = [...found.candidates.entries()].sort(([, a], [, b]) => a.chosen - b.chosen);
  for (const [, {box: [left, top, right, bottom], chosen}] of order) {
    pen.beginPath();
    pen.rect(left, top, right - left, bottom - top);
    pen.fillStyle = INK.accent;
    pen.globalAlpha = chosen ? 0.1 : 0;
    pen.fill();
    pen.globalAlpha = 1;
    drawLine(pen, unit, chosen ? 2.5 : 1.75, chosen ? INK.accent : INK.light, chosen ? [] : [6 * unit, 5 * unit]);
  }
  pen.font = '600 ' + 12 * unit + 'px ui-sans-serif, system-ui, sans-serif';
  pen.textBaseline = 'middle';
  for (const [i, one] of order) drawFoundNumber(pen, editor, one, i + 1 + ' · ' + foundShare(one));
}

// Above its box, within the frame.
function drawFoundNumber(pen, {unit, width, height}, {box: [left, top], chosen}, text) {
  const high = 22 * unit, wide = pen.measureText(text).width + 12 * unit, x = Math.max(0, Math.min(width - wide, left));
  const y = top >= high ? top - high : Math.min(top, height - high);
  pen.fillStyle = chosen ? INK.chosen : INK.deep;
  pen.beginPath();
  pen.roundRect(x, y, wide, high, 5 * unit);
  pen.fill();
  pen.fillStyle = INK.light;
  pen.fillText(text, x + 6 * unit, y + high / 2 + 0.5 * unit);
}

// One candidate of the list: a box to tick, for the keyboard and for who can't see the canvas.
function foundRow(editor, index) {
  const {words, confidence} = editor.found.candidates[index], row = document.createElement('button');
  row.type = 'button';
  row.className = 'tool wide found-one';
  row.setAttribute('role', 'checkbox');
  row.innerHTML = '<svg viewBox="0 0 24 24" class="line"><path class="tick" d="M5 12.5l4.5 4.5L19 7.5"/></svg><b></b><span></span><small></small>';
  row.querySelector('b').textContent = index + 1;
  row.querySelector('span').textContent = words;
  row.querySelector('small').textContent = foundShare({confidence});
  row.addEventListener('click', () => foundToggle(editor, index));
  return row;
}

function attachFinding(editor, root) {
  const find = name => root.querySelector(name), words = find('.words'), panel = find('.found'), list = find('.found-list');
  const note = find('.find-note'), add = find('[data-do=add-found]'), leave = find('.finding [data-do=leave]');
  let listed = null, said = '', kind = '';

  const chosen = () => editor.found ? editor.found.candidates.filter(one => one.chosen) : [];
  const asking = () => editor.asking('find') || editor.asking('add_found');
  // kind: 'news' hold for as long as an answer is waited for, and 'trouble' is what went wrong.
  const tell = (text, how = '') => { said = text; kind = how; editor.set({}); };
  const tellCount = (text, answer) => tell([text, answer.note].filter(Boolean).join(' '));

  registerActions({
    'find-focus': {label: 'Find things by their names', keys: ['F'], group: 'Tools', enabled: () => Boolean(editor.frame),
      run: () => { words.focus(); words.select(); }},
    find: {label: 'Find what has this name', enabled: () => Boolean(editor.frame) && !editor.asking('find'), run: () => {
      const text = words.value.trim();
      if (!text) { tell('Say what to find, such as "red cube, yellow cylinder".', 'trouble'); words.focus(); return; }
      editor.stop();
      editor.found = null;
      editor.ask('find', {words: text});
      tell('Looking for it…', 'news');
    }},
    'add-found': {label: 'Make tracks of what is chosen', enabled: () => chosen().length > 0 && !editor.asking('add_found'), run: () => {
      editor.ask('add_found', {boxes: chosen().map(one => ({box: one.box, words: one.words}))});
      tell('Outlining…', 'news');
    }},
    leave: {label: 'Stop looking', keys: ['Escape'], group: 'Tools', enabled: () => editor.waits || Boolean(editor.found), run: () => {
      if (panel.contains(document.activeElement)) words.focus();
      editor.leave();
      editor.found = null;
      tell('');
    }},
  });

  words.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    editor.run('find');
  });

  watch('found', () => {
    const answer = editor.hear(props.found);
    if (!answer) return;
    if (answer.wait || answer.error) { tell(answer.wait || answer.error, answer.wait ? 'news' : 'trouble'); return; }
    editor.say('');
    editor.set({found: answer, tool: 'select'});
    const count = answer.candidates.length;
    tellCount(count === 1 ? 'One thing found: add it, or leave it.' : count + ' things found: choose here or on the picture, then add them.', answer);
  });

  watch('added', () => {
    const answer = editor.hear(props.added);
    if (!answer) return;
    if (answer.wait || answer.error) { tell(answer.wait || answer.error, answer.wait ? 'news' : 'trouble'); return; }
    const next = answer.tracks.reduce((doc, {name, mask}) => newTrack(doc, {name, shape: mask}), editor.doc);
    editor.stop();
    editor.found = null;
    if (panel.contains(document.activeElement)) root.focus({preventScroll: true});
    editor.commit(next, {seek: next.frames - 1, trackId: next.tracks.at(-1).id});
    tellCount(answer.tracks.length === 1 ? 'One new track.' : answer.tracks.length + ' new tracks.', answer);
  });

  editor.listen(() => {
    if (editor.found && editor.found.image !== editor.doc.image) { said = ''; editor.set({found: null}); }
    const {found} = editor;
    panel.hidden = !found;
    leave.hidden = !found && !editor.waitsLong && !asking();
    if (kind === 'news' && !asking()) said = '';
    if (note.textContent !== said) note.textContent = said;
    note.hidden = !said;
    note.classList.toggle('trouble', kind === 'trouble');
    if ((found && found.turn) !== listed) {
      listed = found && found.turn;
      list.replaceChildren(...(found ? found.candidates.map((_, i) => foundRow(editor, i)) : []));
    }
    if (found) found.candidates.forEach((one, i) => list.children[i].setAttribute('aria-checked', one.chosen));
    const count = chosen().length;
    add.textContent = count > 1 ? 'Add ' + count + ' as tracks' : 'Add as track';
  });
}
