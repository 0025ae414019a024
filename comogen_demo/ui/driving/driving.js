// The driving video: a clip is brought in, cut, its subject picked and tracked, and its track put on the picture.
// All that is known of the clip lives on the server; the browser keeps its unguessable id, by which a reload finds it, and
// a key of its own, without which the id is of no use to others.
// Events to Python, each with the clip's id, the key `owner` and a `turn` by which its answer is known: bring {file}, reopen,
// cut {start, end, fps}, pick {frame, points, box, mode}, hide {frame}, forget {frame}, undo, track, halt, leave,
// put {track, begin, lasts}.
// Props from Python: clip (its whole state as told in clip_state.py, or {}), answer {turn, text, kind}, most
// {frames, minutes, megabytes}.

const root = element.querySelector('.driving'), hint = root.querySelector('.hint'), told = root.querySelector('.told');
const find = name => root.querySelector(name), time = find('.time'), film = root.querySelector('.watch');
const MODES = ['pick', 'add', 'take'], PATIENCE = 180_000;
const HINTS = matchMedia('(pointer: coarse)').matches ? {
  fresh: 'Tap what moves.', pick: 'A tap picks something else.', add: 'Tap what is missing.', take: 'Tap what is too much.',
} : {
  fresh: 'Click what moves, or draw a box around it.',
  pick: 'A click picks something else; Shift adds, Alt or a right click takes away.',
  add: 'Click what is missing; Alt or a right click takes away.',
  take: 'Click what is too much.',
};
let clip = null, frame = 0, mode = 'pick', boxing = false, playing = false, recut = false, follows = true, loop = 0, turns = 0;
let waiting = {turn: '', text: ''};

const cut = () => clip && clip.cut;
const kind = t => cut() ? cut().kinds[t] : '.';
const tracking = () => Boolean(clip && clip.job), free = () => !waiting.turn && !tracking(), owner = keepingOwner();
const plain = value => value === undefined || value === null ? null : JSON.parse(JSON.stringify(value));

function say(text, kind = 'info') {
  told.textContent = text;
  told.dataset.kind = kind;
}

// A question to Python; the page waits for its answer, and says so.
function ask(name, data = {}, text = '') {
  const turn = String(++turns) + '-' + Math.random().toString(36).slice(2);
  waiting = {turn, text};
  say('');
  trigger(name, {clip: clip ? clip.id : '', owner, ...data, turn});
  setTimeout(() => { if (waiting.turn === turn && !tracking()) { waiting = {turn: '', text: ''}; say('No answer came: please try that again.', 'error'); show(); } }, PATIENCE);
  show();
}

const bringing = attachBringing(root, {
  most: () => props.most, free, say,
  begin(name) {
    waiting = {turn: 'upload', text: 'Uploading ' + name + '…'};
    say('');
    show();
  },
  broken() {
    waiting = {turn: '', text: ''};
    say('The upload broke off: please try it again.', 'error');
    show();
  },
  done(path, name) {
    screen.shelf.rest();
    ask('bring', {file: path}, 'Reading ' + name + '…');
  },
});

// Going through the clip

function seek(t, own = true) {
  if (!cut()) return;
  frame = Math.max(0, Math.min(cut().count - 1, Math.round(t)));
  if (own) { stop(); follows = false; }
  mode = 'td'.includes(kind(frame)) && (cut().tracked || !cut().given.includes(frame)) ? 'add' : 'pick';
  show();
}

function stop() {
  cancelAnimationFrame(loop);
  playing = false;
}

function play() {
  if (playing) { stop(); show(); return; }
  const from = frame >= cut().count - 1 ? 0 : frame, begun = performance.now();
  playing = true;
  const step = now => {
    frame = (from + Math.floor(Math.max(0, now - begun) / 1000 * cut().fps)) % cut().count;
    showFrame();
    if (playing && root.isConnected) loop = requestAnimationFrame(step);
  };
  loop = requestAnimationFrame(step);
  show();
}

// The first frame of the next run of doubtful ones, round the end.
function nextDoubt() {
  const runs = stripRuns(cut().kinds).filter(run => run.kind === 'd');
  if (runs.length) seek((runs.find(run => run.from > frame) || runs[0]).from);
}

function pick(data) {
  follows = false;
  stop();
  ask('pick', {frame, ...data}, 'Selecting…');
}

// The editor's selected track as its lane shows it, null for none.
const lane = () => document.querySelector('#editor .lane.chosen');
let lanes = null;

// What will take the motion; said anew whenever the editor's lanes change.
function showTaker() {
  if (!lanes && (lanes = document.querySelector('#editor .lanes'))) new MutationObserver(showTaker).observe(lanes, {childList: true});
  const words = lane() ? 'It will lie on “' + lane().querySelector('.lane-name').textContent + '”, which is selected in the editor.'
    : 'No object is selected in the editor: the motion will lie where the video shows it.';
  if (find('.taker').textContent !== words) find('.taker').textContent = words;
}

const number = name => Number(find('[data-field=' + name + ']').value);
const ACTIONS = {
  choose: bringing.choose,
  cut: () => { screen.shelf.rest(); ask('cut', trim.part, 'Cutting the part out…'); },
  recut: () => { recut = true; say(''); trim.open(clip.video, cut()); },
  'keep-cut': () => { recut = false; say(''); },
  box: () => { boxing = !boxing; },
  undo: () => ask('undo', {}, 'Taking it back…'),
  hide: () => ask('hide', {frame}, 'Taking it out of sight…'),
  forget: () => ask('forget', {frame}, 'Taking it back…'),
  play, doubt: nextDoubt,
  track: () => { follows = true; stop(); ask('track', {}, 'Tracking…'); },
  halt: () => trigger('halt', {clip: clip.id, owner}),
  put: () => ask('put', {track: lane()?.dataset.track || '', begin: number('begin'), lasts: number('lasts')}, 'Laying the motion on the picture…'),
  leave: () => { screen.shelf.rest(); ask('leave', {}, 'Removing the video…'); },
};

function can(name) {
  const own = cut();
  if (name === 'halt') return tracking() && clip.job.state !== 'stopping';
  if (name === 'recut') return free();
  if (name === 'keep-cut') return Boolean(own);
  if (name === 'cut') return free() && trim.count >= 2 && trim.count <= trim.most;
  if (MODES.includes(name) || name === 'box' || name === 'play') return Boolean(own);
  if (name === 'doubt') return Boolean(own) && own.kinds.includes('d');
  if (name === 'hide') return free() && Boolean(own) && own.given.some(t => t !== frame) && kind(frame) !== 'h';
  if (name === 'undo') return free() && Boolean(own) && own.undo > 0;
  if (name === 'forget') return free() && Boolean(own) && own.given.includes(frame);
  if (name === 'track') return free() && Boolean(own) && own.missing > 0;
  if (name === 'put') return free() && Boolean(own) && own.given.length > 0;
  return free();
}

root.addEventListener('click', event => {
  const button = event.target.closest('[data-do]');
  if (!button || button.disabled) return;
  const name = button.dataset.do;
  if (MODES.includes(name)) mode = name; else ACTIONS[name]();
  show();
});

root.addEventListener('keydown', event => {
  const {key} = event, typing = event.target.matches('input'), control = event.ctrlKey || event.metaKey;
  const group = event.target.closest('[role=radiogroup]'), by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[key];
  if (typing || !cut()) return;
  if (control && key.toLowerCase() === 'z' && !event.shiftKey) { if (can('undo')) ACTIONS.undo(); }
  else if (control) return;
  else if (group && by) {
    mode = MODES[(MODES.indexOf(mode) + by + MODES.length) % MODES.length];
    show();
    group.querySelector('[data-do=' + mode + ']').focus();
  } else if (event.target !== screen.place) return;
  else if (key === ',' || key === '.') seek(frame + (key === ',' ? -1 : 1));
  else if (key === ' ') play();
  else if (key === 'n' && can('doubt')) nextDoubt();
  else if (!screen.keys(event)) return;
  event.preventDefault();
  event.stopPropagation();
});

const screen = attachScreen(root, {
  size: () => cut() || {width: 0, height: 0},
  frameUrl: () => cut() && frameUrl(frame),
  maskUrl: () => cut() && cut().versions[frame] ? cut().masks + frame + '-' + cut().versions[frame] + '.png' : '',
  mode: () => mode,
  boxing: () => boxing,
  free: () => Boolean(cut()) && free(),
  pick,
});
const frameUrl = t => cut().frames + t + '.jpg';

stripSlider(time, {seek, count: () => cut() ? cut().count : 1, now: () => frame});
const trim = stripTrim(root, {
  most: () => props.most.frames,
  changed(side) {
    const {start, end, fps} = trim ? trim.part : {}, count = trim ? trim.count : 0, {frames} = props.most;
    const long = count > frames;
    find('.count').textContent = count + (count === 1 ? ' frame, ' : ' frames, ') + (end - start).toFixed(2) + ' s'
      + (long ? ': at most ' + frames + ' are tracked, so choose a shorter part or fewer frames a second.'
        : count < 2 ? ': choose a longer part, or more frames a second.' : '.');
    if (side === 'start' || side === 'end') film.currentTime = side === 'start' ? start : Math.max(start, end - 1 / fps);
    show();
  },
});

film.addEventListener('loadeddata', () => { film.hidden = false; });
film.addEventListener('error', () => { film.hidden = true; });  // a kind that this browser can't play: the strip is there

// Showing

function showFrame() {
  if (!cut()) return;
  const {count, fps} = cut(), job = clip.job;
  const word = {t: 'tracked', d: 'doubtful', h: 'out of sight'}[kind(frame)] || 'not tracked yet';
  const state = cut().given.includes(frame) ? 'given by you' : word;
  find('.head').style.left = stripLeft(count > 1 ? frame / (count - 1) : 0);
  find('.clock').textContent = (frame + 1) + ' / ' + count;
  for (const [name, value] of [['max', count], ['now', frame + 1], ['text', 'Frame ' + (frame + 1) + ' of ' + count + ', ' + state]]) {
    time.setAttribute('aria-value' + name, value);
  }
  const words = job ? job.text : waiting.text || (!cut().given.length ? HINTS.fresh : playing ? ''
    : kind(frame) === '.' && cut().missing ? 'Press Track to follow it through the video.' : HINTS[mode]);
  if (hint.textContent !== words) hint.textContent = words;
  screen.redraw();
}

function showShare({share, text}) {
  const rail = find('.rail');
  rail.firstElementChild.style.width = 100 * share + '%';
  rail.setAttribute('aria-valuenow', Math.round(100 * share));
  rail.setAttribute('aria-valuetext', text);
}

function show() {
  const stage = !clip ? 'none' : cut() && !recut ? 'work' : 'cut', under = stage === 'work' ? find('.legend') : find('.body').lastElementChild;
  if (told !== under && told.previousElementSibling !== under) under.after(told);  // where it is seen, and moves nothing that is being clicked
  root.dataset.stage = stage;
  root.classList.toggle('playing', playing);
  root.classList.toggle('boxing', boxing);
  root.classList.toggle('busy', Boolean(waiting.turn));
  for (const button of root.querySelectorAll('[data-do]')) {
    const off = !can(button.dataset.do);
    if (off && document.activeElement === button) (stage === 'work' ? screen.place : find('summary')).focus({preventScroll: true});
    if (button.disabled !== off) button.disabled = off;
    if (button.role === 'radio') {
      button.setAttribute('aria-checked', button.dataset.do === mode);
      button.tabIndex = button.dataset.do === mode ? 0 : -1;
    }
  }
  find('[data-do=box]').setAttribute('aria-pressed', boxing);
  find('[data-do=keep-cut]').hidden = !cut();
  find('[data-do=halt]').hidden = find('.rail').hidden = !tracking();
  if (tracking()) showShare(clip.job);
  find('[data-do=track]').hidden = tracking();
  find('[data-do=play]').setAttribute('aria-label', playing ? 'Pause' : 'Play');
  if (cut()) {
    const {kinds, given, missing, tracked} = cut(), doubts = [...kinds].filter(one => one === 'd').length;
    stripMarks(find('.sure'), kinds, given);
    find('[data-do=track]').textContent = tracked && missing ? 'Track ' + missing + (missing === 1 ? ' frame' : ' frames') : 'Track';
    find('[data-do=doubt]').hidden = !doubts;
    find('[data-do=doubt] span').textContent = 'Next of ' + doubts + ' doubtful';
    showTaker();
  }
  if (waiting.turn && stage !== 'work') say(waiting.text);
  showFrame();
}

function take(next) {
  if (next && clip && next.id === clip.id && next.serial < clip.serial) return;  // an answer that was overtaken
  const before = clip;
  clip = next;
  keepingSet(clip ? clip.id : '');
  if (!clip) { stop(); recut = false; screen.forget(); show(); return; }
  const {video, job} = clip, facts = clip.name + ' · ' + video.width + ' × ' + video.height + ', ' + video.seconds.toFixed(1) + ' s';
  find('.models').textContent = clip.note;
  if (!before || before.id !== clip.id) {
    film.hidden = true;
    film.src = video.url;
    find('.trim .thumbs').style.backgroundImage = 'url("' + video.strip + '")';
    find('.cutting .about').textContent = facts + ', ' + Math.round(video.fps * 100) / 100 + ' frames a second';
    trim.open(video, cut() || clip.part);
    recut = false;
  }
  if (cut() && (!before || !before.cut || before.cut.frames !== cut().frames)) {
    recut = false;
    follows = false;
    frame = cut().given.length ? cut().given[0] : 0;
    screen.forget();
    find('.work .about').textContent = facts + ' · ' + cut().count + ' frames from ' + cut().start.toFixed(2) + ' to ' + cut().end.toFixed(2) + ' s';
    time.querySelector('.thumbs').style.backgroundImage = 'url("' + cut().strip + '")';
    const urls = Array.from({length: cut().count}, (_, t) => frameUrl(t));
    screen.shelf.keep(new Set(urls));
    for (const url of urls) screen.shelf.get(url);
    seek(frame, false);
  }
  if (job && follows && job.at !== null) frame = job.at;
  else if (!job && before && before.job && cut()) seek(frame, false);
  show();
}

watch('clip', () => take(props.clip && props.clip.id ? plain(props.clip) : null));
watch('answer', () => {
  const answer = plain(props.answer);
  if (!answer) return;
  if (answer.turn === waiting.turn && !answer.wait) waiting = {turn: '', text: ''};
  if (answer.wait) waiting.text = answer.wait;
  else say(answer.text || '', answer.kind);
  if (!clip) keepingSet('');  // it is not asked for again
  if (cut()) seek(frame, false);
  show();
});

find('.limits').textContent = 'MP4, MOV, WebM, AVI or GIF, up to ' + props.most.megabytes + ' MB and ' + props.most.minutes
  + ' minutes. You choose the part; up to ' + props.most.frames + ' frames of it are tracked.';
show();
keepingFind().then(id => {
  if (!id || clip) return;
  root.open = true;
  ask('reopen', {clip: id}, 'Looking for your video…');
});
