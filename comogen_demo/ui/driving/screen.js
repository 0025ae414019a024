// A frame of the clip with the mask on it, and what the pointer does there: a press picks a point, a drag a box.
// Pictures and masks are files of the server; each is loaded once.

const SCREEN_SLOP = 5;  // css pixels that count as a drag
const SCREEN_BEHIND = 8;  // frames that may be on their way

// Files by their url, loaded when first asked for; `ready` is called when one has come. -> the picture, or null until then.
function pictureShelf(ready) {
  const held = new Map();
  const drop = url => {
    Object.assign(held.get(url), {onload: null, onerror: null, src: ''});
    held.delete(url);
  };
  const come = picture => picture && picture.complete && picture.naturalWidth ? picture : null;
  return {
    // The picture if it is here already.
    held: url => come(held.get(url)),
    get(url) {
      if (!url) return null;
      if (!held.has(url)) {
        const picture = new Image();
        held.set(url, picture);
        picture.onload = ready;
        picture.onerror = () => held.delete(url);
        picture.src = url;
      }
      return come(held.get(url));
    },
    // Lets go of all but the urls that are still in use.
    keep(urls) { for (const url of [...held.keys()]) if (!urls.has(url)) drop(url); },
    // Asks for no more pictures of what has not come: they are about to go.
    rest() { for (const [url, picture] of [...held]) if (!picture.complete) drop(url); },
  };
}

// options: size() -> {width, height}; frameUrl() and maskUrl(); mode() -> pick, add or take; boxing(); free(): whether
// picks are taken; pick({points, box, mode}).
function attachScreen(root, options) {
  const place = root.querySelector('.screen'), canvas = place.querySelector('canvas'), cross = place.querySelector('.crosshair');
  const shelf = pictureShelf(() => redraw());
  let drawing = 0, act = null, at = null, corner = null, wanted = [];  // frames with their masks that were asked for, the last one last

  const redraw = () => { drawing ||= requestAnimationFrame(draw); };
  const unit = () => options.size().width / Math.max(1, canvas.clientWidth);
  const pointOf = event => {
    const box = canvas.getBoundingClientRect(), {width, height} = options.size();
    const scale = Math.min(box.width / width, box.height / height);  // the canvas may be letterboxed
    const x = (event.clientX - box.left - (box.width - width * scale) / 2) / scale;
    const y = (event.clientY - box.top - (box.height - height * scale) / 2) / scale;
    return {x: Math.max(0, Math.min(width - 0.01, x)), y: Math.max(0, Math.min(height - 0.01, y))};
  };
  const modeOf = event => event.altKey || event.button === 2 ? 'take' : event.shiftKey ? 'add' : options.mode();
  const boxOf = (a, b) => [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];

  // The urls of the frame and its mask, '' for none; while they are loaded, of those asked for before: a picture always stays.
  function pair() {
    const now = [options.frameUrl(), options.maskUrl()], last = wanted.at(-1) || [];
    if (now[0] !== last[0] || now[1] !== last[1]) wanted.push(now);
    for (const url of now) shelf.get(url);
    const here = wanted.findLastIndex(urls => urls.every(url => !url || shelf.held(url)));
    const shown = here < 0 ? [] : [wanted[here]];
    wanted = [...shown, ...wanted.slice(here + 1).slice(-SCREEN_BEHIND)];
    return shown.flat();
  }

  function draw() {
    drawing = 0;
    const {width, height} = options.size(), pen = canvas.getContext('2d');
    if (!width) return;
    const scale = Math.min(2, window.devicePixelRatio || 1) * Math.max(1, canvas.clientWidth) / width;
    const wide = Math.round(width * scale), high = Math.round(height * scale);
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, {width: wide, height: high});
    root.style.setProperty('--aspect', width + ' / ' + height);
    pen.setTransform(wide / width, 0, 0, high / height, 0, 0);
    pen.imageSmoothingQuality = 'high';
    for (const url of pair()) if (url) pen.drawImage(shelf.held(url), 0, 0, width, height);
    const box = act && act.box || corner && at && boxOf(corner, at);
    if (box) {
      pen.setLineDash([6 * unit(), 5 * unit()]);
      for (const [line, colour] of [[3.5, 'rgba(12,16,28,.7)'], [1.5, (act ? act.mode : options.mode()) === 'take' ? '#ff6b6b' : '#fff']]) {
        pen.lineWidth = line * unit();
        pen.strokeStyle = colour;
        pen.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
      }
      pen.setLineDash([]);
    }
    cross.hidden = !at;
    if (at) Object.assign(cross.style, {left: at.x / width * 100 + '%', top: at.y / height * 100 + '%'});
  }

  canvas.addEventListener('pointerdown', event => {
    if (!event.isPrimary || (event.button !== 0 && event.button !== 2) || !options.free()) return;
    at = corner = null;
    act = {id: event.pointerId, from: pointOf(event), mode: modeOf(event), box: null, finger: event.pointerType === 'touch'};
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    if (!act || act.id !== event.pointerId || (act.finger && !options.boxing())) return;
    const point = pointOf(event);
    if (act.box || Math.hypot(point.x - act.from.x, point.y - act.from.y) > SCREEN_SLOP * unit()) act.box = boxOf(act.from, point);
    redraw();
  });
  canvas.addEventListener('pointerup', event => {
    if (!act || act.id !== event.pointerId) return;
    const {box, from, mode} = act;
    act = null;
    redraw();
    if (box) options.pick({points: [], box, mode});
    else if (!options.boxing()) options.pick({points: [from], box: null, mode});
  });
  canvas.addEventListener('pointercancel', () => { act = null; redraw(); });
  canvas.addEventListener('contextmenu', event => event.preventDefault());
  canvas.addEventListener('touchstart', event => { if (options.boxing() && event.cancelable) event.preventDefault(); }, {passive: false});

  // A cross for the keyboard. -> whether the key was taken.
  function keys(event) {
    const {width, height} = options.size(), by = (event.shiftKey ? 1 : 10);
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (way) {
      at ||= {x: width / 2, y: height / 2};
      at = {x: Math.max(0, Math.min(width - 1, at.x + way[0] * by)), y: Math.max(0, Math.min(height - 1, at.y + way[1] * by))};
    } else if (event.key === 'Escape' && (at || act)) at = corner = act = null;
    else if (event.key === 'Enter' && at && options.free()) options.pick({points: [{...at}], box: null, mode: modeOf(event)});
    else if (event.key === 'b' && at && options.free()) {
      const box = corner && boxOf(corner, at), [left, top, right, bottom] = box || [0, 0, 0, 0];
      corner = box ? null : {...at};
      if (box && right > left && bottom > top) options.pick({points: [], box, mode: options.mode()});
    } else return false;
    redraw();
    return true;
  }

  new ResizeObserver(redraw).observe(canvas);
  return {redraw, keys, shelf, place, forget() { wanted = []; at = corner = act = null; }};
}
