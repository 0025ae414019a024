// Filmstrips and what lies on them: a slider that goes along frames, the marks of what is known of each, and two handles
// that cut a part out. Time goes from 10 px inside of the left rim to 10 px inside of the right one.

const STRIP_MARGIN = 10;

const stripLeft = share => 'calc(' + STRIP_MARGIN + 'px + (100% - ' + 2 * STRIP_MARGIN + 'px) * ' + share + ')';

function stripShare(strip, event) {
  const box = strip.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left - STRIP_MARGIN) / (box.width - 2 * STRIP_MARGIN)));
}

// The frames' state in runs of the same: 'tdd' -> [{kind: 't', from: 0, to: 0}, {kind: 'd', from: 1, to: 2}].
function stripRuns(kinds) {
  const runs = [];
  [...kinds].forEach((kind, i) => {
    const last = runs[runs.length - 1];
    if (last && last.kind === kind) last.to = i;
    else runs.push({kind, from: i, to: i});
  });
  return runs;
}

const STRIP_KINDS = {t: 'tracked', d: 'doubtful', h: 'hidden'};

function stripPiece(left, width, kind, name = '') {
  const piece = document.createElement('i');
  Object.assign(piece.style, {left, width});
  if (kind) piece.dataset.kind = kind;
  piece.className = name;
  return piece;
}

// What is known of each frame: a bar for every run of the same, a triangle over doubtful ones, a diamond where a mask is given.
function stripMarks(place, kinds, given) {
  const last = Math.max(1, kinds.length - 1), share = t => Math.max(0, Math.min(1, t / last)) * 100 + '%';
  const runs = stripRuns(kinds).filter(run => STRIP_KINDS[run.kind]), doubtful = runs.filter(run => run.kind === 'd');
  place.replaceChildren(
    ...runs.map(({kind, from, to}) => {
      const left = Math.max(0, from - 0.5), right = Math.min(last, to + 0.5);
      return stripPiece(share(left), 'max(4px, ' + share(right - left) + ')', STRIP_KINDS[kind]);
    }),
    ...doubtful.map(({from, to}) => stripPiece(share((from + to) / 2), '', '', 'mark')),
    ...given.map(t => stripPiece(share(t), '', '', 'given')));
  const words = ({from, to}) => from === to ? String(from + 1) : (from + 1) + ' to ' + (to + 1);
  place.setAttribute('aria-label', !runs.length && !given.length ? 'No frame is tracked yet.'
    : 'Masks given at frames ' + (given.map(t => t + 1).join(', ') || 'none') + '; doubtful frames: '
      + (doubtful.map(words).join(', ') || 'none') + '.');
}

// A strip as a slider over frames: seek(frame), count().
function stripSlider(strip, {seek, count, now}) {
  let held = false;
  const to = event => seek(Math.round(stripShare(strip, event) * (count() - 1)));
  strip.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    held = true;
    strip.setPointerCapture(event.pointerId);
    to(event);
  });
  strip.addEventListener('pointermove', event => held && to(event));
  for (const end of ['pointerup', 'pointercancel']) strip.addEventListener(end, () => { held = false; });
  strip.addEventListener('keydown', event => {
    const step = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -count(), End: count()}[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    seek(now() + step);
  });
}

// Two handles and three numbers that choose a part of a video: its start and end in seconds, and its frames a second.
// changed(side) is called after each change; `part` is {start, end, fps}.
function stripTrim(root, {most, changed}) {
  const strip = root.querySelector('.trim'), watchPart = {start: 0, end: 0, fps: 1}, about = {seconds: 1, fps: 1};
  const field = name => root.querySelector('[data-field=' + name + ']');
  const step = () => 1 / watchPart.fps;
  const count = () => Math.ceil((watchPart.end - watchPart.start) * watchPart.fps - 1e-6);  // as the server counts them

  function show() {
    const {start, end, fps} = watchPart;
    for (const [name, value] of [['start', start], ['end', end]]) {
      const grip = strip.querySelector('.grip[data-side=' + name + ']'), share = value / about.seconds;
      grip.style.left = stripLeft(share);
      for (const [key, shown] of [['now', value.toFixed(2)], ['min', 0], ['max', about.seconds.toFixed(2)], ['text', value.toFixed(2) + ' seconds']]) {
        grip.setAttribute('aria-value' + key, shown);
      }
    }
    Object.assign(strip.querySelector('.out[data-side=start]').style, {left: STRIP_MARGIN + 'px', width: 'calc(' + stripLeft(start / about.seconds) + ' - ' + STRIP_MARGIN + 'px)'});
    Object.assign(strip.querySelector('.out[data-side=end]').style, {left: stripLeft(end / about.seconds), right: STRIP_MARGIN + 'px'});
    for (const [name, value] of [['start', start], ['end', end], ['fps', fps]]) {
      if (document.activeElement !== field(name)) field(name).value = Math.round(value * 100) / 100;
    }
  }

  function set(change, side = '') {
    const next = {...watchPart, ...change};
    next.fps = Math.max(1, Math.min(60, next.fps || 1));
    const least = Math.min(about.seconds, 1 / next.fps);
    if (side === 'start') next.start = Math.max(0, Math.min(next.start, next.end - least));
    else next.end = Math.min(about.seconds, Math.max(next.end, next.start + least));
    Object.assign(watchPart, next);
    show();
    changed(side);
  }

  for (const grip of strip.querySelectorAll('.grip')) {
    const {side} = grip.dataset;
    let held = false;
    grip.addEventListener('pointerdown', event => {
      if (event.button !== 0) return;
      held = true;
      grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener('pointermove', event => held && set({[side]: stripShare(strip, event) * about.seconds}, side));
    for (const end of ['pointerup', 'pointercancel']) grip.addEventListener(end, () => { held = false; });
    grip.addEventListener('keydown', event => {
      const by = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -1e6, End: 1e6}[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      set({[side]: Math.max(0, watchPart[side] + by * step())}, side);
    });
  }
  for (const name of ['start', 'end', 'fps']) {
    field(name).addEventListener('change', event => {
      const typed = Number(event.target.value);
      if (event.target.value !== '' && Number.isFinite(typed)) set({[name]: Math.max(0, typed)}, name);
      event.target.value = Math.round(watchPart[name] * 100) / 100;
    });
  }

  return {
    get part() { return {...watchPart}; },
    get count() { return count(); },
    get most() { return most(); },
    open(video, part) {
      Object.assign(about, {seconds: video.seconds, fps: video.fps});
      Object.assign(watchPart, {start: part.start, end: Math.min(part.end, video.seconds), fps: part.fps});
      show();
      changed('');
    },
  };
}
