// The timeline: 25 places, the keyframes as diamonds, a head that is dragged or moved by the arrow keys.

function attachTimeline(editor, root) {
  const time = root.querySelector('.time'), ticks = root.querySelector('.ticks'), keys = root.querySelector('.keys');
  const head = root.querySelector('.head'), span = root.querySelector('.span'), clock = root.querySelector('.clock');
  const place = t => (editor.frames > 1 ? t / (editor.frames - 1) * 100 : 0) + '%';
  let dragging = false;

  const seek = event => {
    const box = time.querySelector('.rail').getBoundingClientRect();
    editor.seek(Math.round((event.clientX - box.left) / box.width * (editor.frames - 1)));
  };
  time.addEventListener('pointerdown', event => {
    dragging = true;
    time.setPointerCapture(event.pointerId);
    editor.stop();
    seek(event);
  });
  time.addEventListener('pointermove', event => dragging && seek(event));
  for (const end of ['pointerup', 'pointercancel']) time.addEventListener(end, () => { dragging = false; });
  time.addEventListener('keydown', event => {
    const step = {ArrowLeft: -1, ArrowRight: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity}[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    editor.stop();
    editor.seek(Math.max(0, Math.min(editor.frames - 1, editor.time + step)));
  });

  return function drawTimeline() {
    if (ticks.children.length !== editor.frames) {
      ticks.replaceChildren(...Array.from({length: editor.frames}, (_, t) => {
        const tick = document.createElement('i');
        tick.style.left = place(t);
        if (t % 6 === 0) tick.className = 'major';
        return tick;
      }));
    }
    const times = editor.keyframes.map(k => k.t);
    keys.replaceChildren(...times.map(t => {
      const key = document.createElement('i');
      key.style.left = place(t);
      if (t === Math.round(editor.time)) key.className = 'here';
      return key;
    }));
    span.style.width = times.length ? place(Math.max(...times)) : '0%';
    head.style.left = place(editor.time);
    const frame = Math.round(editor.time);
    clock.textContent = (frame + 1) + ' / ' + editor.frames;
    time.setAttribute('aria-valuemax', editor.frames - 1);
    time.setAttribute('aria-valuenow', frame);
    time.setAttribute('aria-valuetext', 'frame ' + (frame + 1) + ' of ' + editor.frames);
  };
}
