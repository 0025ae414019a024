// The speed curve with its two handles. A box of 100 by 100 is the way from 0 to 1; the handles may reach above and below.
function attachCurve(picture, {move, end, cancel}) {
  const line = picture.querySelector('.curve-line'), arms = picture.querySelector('.curve-arms');
  const handles = [...picture.querySelectorAll('.curve-handle')];
  let shown = LINEAR, fixed = true, drag = null;

  const moved = event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const round = value => Math.round(value * 100) / 100, values = [...shown];
    values[drag.index * 2] = round(Math.min(1, Math.max(0, at.x / 100)));
    values[drag.index * 2 + 1] = round(Math.min(1.3, Math.max(-0.3, 1 - at.y / 100)));
    return values;
  };
  picture.addEventListener('pointerdown', event => {
    if (fixed || event.button !== 0) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const far = i => Math.hypot(at.x - shown[i * 2] * 100, at.y - (1 - shown[i * 2 + 1]) * 100);
    drag = {index: far(0) <= far(1) ? 0 : 1, values: null};
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener('pointermove', event => {
    if (!drag) return;
    drag.values = moved(event);
    move(drag.values);
  });
  picture.addEventListener('pointerup', () => {
    const done = drag;
    drag = null;
    if (done && done.values) end(done.values);
  });
  picture.addEventListener('pointercancel', () => {
    if (drag) cancel();
    drag = null;
  });

  return {
    draw(values, off) {
      shown = values;
      fixed = off;
      picture.dataset.off = off;
      const [x1, y1, x2, y2] = values.map((value, i) => i % 2 ? 100 - 100 * value : 100 * value);
      line.setAttribute('d', `M0 100C${x1} ${y1} ${x2} ${y2} 100 0`);
      arms.setAttribute('d', `M0 100L${x1} ${y1}M100 0L${x2} ${y2}`);
      [[x1, y1], [x2, y2]].forEach(([x, y], i) => { handles[i].setAttribute('cx', x); handles[i].setAttribute('cy', y); });
    },
  };
}
