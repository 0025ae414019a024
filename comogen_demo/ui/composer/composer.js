// The scene composer. value: {objects: [{shape, colour, shiny, size, x, y, yaw}]}; Python draws the picture.
// Events to Python: redraw (the value), shuffle, use. Props: camera, colours, picture, note.

const root = element.querySelector('.composer'), stage = root.querySelector('.stage'), marks = root.querySelector('.marks');
const view = root.querySelector('.view'), note = root.querySelector('.note');
const ICONS = {sphere: 'M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16', cube: 'M5 8l7-3 7 3v9l-7 3-7-3zM5 8l7 3 7-3M12 11v9',
  cylinder: 'M6 7v10c0 1.5 2.7 3 6 3s6-1.5 6-3V7M6 7c0 1.5 2.7 3 6 3s6-1.5 6-3-2.7-3-6-3-6 1.5-6 3'};
const MOST = 5, EDGE = 0.08;
let objects = props.value.objects, chosen = -1, drag = null;

function change(next, pick) {
  objects = next;
  chosen = pick;
  props.value = {objects};
  trigger('redraw');
  draw();
}
const edit = part => change(objects.map((o, i) => i === chosen ? {...o, ...part} : o), chosen);

function button(name, title, inside) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = name;
  made.title = title;
  made.setAttribute('aria-label', title);
  made.innerHTML = inside;
  return made;
}

for (const [shape, icon] of Object.entries(ICONS)) {
  const inside = '<svg viewBox="0 0 24 24" class="line"><path d="' + icon + '"/></svg>';
  const add = button('tool', 'Add a ' + shape, inside), set = button('tool', 'Make it a ' + shape, inside);
  add.onclick = () => addObject(shape);
  set.onclick = () => edit({shape});
  set.dataset.shape = shape;
  root.querySelector('.shapes.add').append(add);
  root.querySelector('.shapes.set').append(set);
}
for (const [colour, css] of Object.entries(props.colours)) {
  const swatch = button('swatch', colour, '');
  swatch.style.backgroundColor = css;
  swatch.dataset.colour = colour;
  swatch.onclick = () => edit({colour});
  root.querySelector('.colours').append(swatch);
}

// A new object goes to the place farthest from all others, in a colour that is still free.
function addObject(shape) {
  if (objects.length >= MOST) { say('The table holds five objects: remove one first.', 'error'); return; }
  const used = objects.map(o => o.colour), colour = Object.keys(props.colours).find(c => !used.includes(c));
  let best = {x: 0, y: 0}, room = -1;
  for (let u = 0.2; u <= 0.8; u += 0.1) {
    for (let v = 0.3; v <= 0.8; v += 0.1) {
      const place = toTable(props.camera, u, v);
      const nearest = Math.min(3 - Math.hypot(u - 0.5, v - 0.55), ...objects.map(o => Math.hypot(o.x - place.x, o.y - place.y)));
      if (nearest > room) { room = nearest; best = place; }
    }
  }
  change([...objects, {shape, colour, shiny: false, size: 0.42, yaw: 0.4, ...best}], objects.length);
}

function say(text, kind = 'info') {
  note.textContent = text;
  note.dataset.kind = kind;
}

function draw() {
  marks.replaceChildren(...objects.map((o, i) => {
    const at = toPicture(props.camera, o.x, o.y, 0), ring = document.createElementNS('http://www.w3.org/2000/svg', 'ellipse');
    const far = toPicture(props.camera, o.x, o.y + o.size * 1.35, 0);
    ring.setAttribute('cx', at.x);
    ring.setAttribute('cy', at.y);
    ring.setAttribute('rx', at.unit * o.size * 1.35);
    ring.setAttribute('ry', Math.abs(at.y - far.y));
    if (i === chosen) ring.setAttribute('class', 'chosen');
    return ring;
  }));
  const own = objects[chosen];
  root.classList.toggle('idle', !own);
  for (const b of root.querySelectorAll('[data-shape]')) b.setAttribute('aria-pressed', Boolean(own) && own.shape === b.dataset.shape);
  for (const b of root.querySelectorAll('[data-colour]')) b.setAttribute('aria-pressed', Boolean(own) && own.colour === b.dataset.colour);
  root.querySelector('.shiny').setAttribute('aria-pressed', Boolean(own) && own.shiny);
  if (!own) return;
  root.querySelector('.size').value = own.size;
  root.querySelector('.turn').value = own.yaw;
}

const pointOf = event => {
  const box = stage.getBoundingClientRect();
  return {x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height};
};
const within = v => Math.min(1 - EDGE, Math.max(EDGE, v));

function objectAt(point) {
  let best = -1, nearest = 1.5;
  objects.forEach((o, i) => {
    const at = toPicture(props.camera, o.x, o.y, o.size);
    const distance = Math.hypot(point.x - at.x, point.y - at.y) / (at.unit * o.size);
    if (distance < nearest) { nearest = distance; best = i; }
  });
  return best;
}

stage.addEventListener('pointerdown', event => {
  if (!event.isPrimary || event.button !== 0) return;
  const point = pointOf(event);
  chosen = objectAt(point);
  if (chosen >= 0) {
    stage.setPointerCapture(event.pointerId);
    const at = toPicture(props.camera, objects[chosen].x, objects[chosen].y, 0);
    drag = {dx: at.x - point.x, dy: at.y - point.y};
  }
  draw();
});
stage.addEventListener('pointermove', event => {
  if (!drag) return;
  const point = pointOf(event);
  edit(toTable(props.camera, within(point.x + drag.dx), Math.max(0.2, within(point.y + drag.dy))));
});
for (const end of ['pointerup', 'pointercancel']) stage.addEventListener(end, () => { drag = null; });
stage.addEventListener('keydown', event => {
  const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
  if (event.key === 'Delete' || event.key === 'Backspace') removeObject();
  else if (way && objects[chosen]) edit({x: objects[chosen].x + way[0] * 0.06, y: objects[chosen].y + way[1] * 0.06});
  else return;
  event.preventDefault();
});

function removeObject() {
  if (chosen < 0) return;
  if (objects.length === 1) { say('The table needs at least one object.', 'error'); return; }
  change(objects.filter((_, i) => i !== chosen), -1);
}

root.querySelector('.size').oninput = event => edit({size: Number(event.target.value)});
root.querySelector('.turn').oninput = event => edit({yaw: Number(event.target.value)});
root.querySelector('.shiny').onclick = () => objects[chosen] && edit({shiny: !objects[chosen].shiny});
root.querySelector('.remove').onclick = removeObject;
root.querySelector('.shuffle').onclick = () => trigger('shuffle');
root.querySelector('.use').onclick = () => trigger('use');

watch('picture', () => { if (props.picture) view.src = props.picture; });
watch('note', () => say(props.note || 'Drag the objects where you like them.', props.note ? 'error' : 'info'));
watch('value', () => {
  if (JSON.stringify(props.value.objects) === JSON.stringify(objects)) return;
  objects = props.value.objects;
  chosen = Math.min(chosen, objects.length - 1);
  draw();
});
if (props.picture) view.src = props.picture;
say('Drag the objects where you like them.');
draw();
