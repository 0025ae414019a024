// What the model sees: the masks of a causal window joined by OR, on the cells of its grid.

// The causal window of the model's frames that holds time t of `frames`: {first, last, times} with times in the document.
function modelWindow(t, frames, modelFrames) {
  const stretch = modelFrames > 1 ? (frames - 1) / (modelFrames - 1) : 0, at = stretch ? Math.round(t / stretch) : 0;
  const first = at < 1 ? 0 : 4 * Math.floor((at - 1) / 4) + 1, last = Math.min(modelFrames - 1, first && first + 3);
  return {first, last, times: Array.from({length: last - first + 1}, (_, k) => (first + k) * stretch)};
}

// Drawn masks ({left, top, wide, high, alpha} or null) -> Float32Array (rows * columns): their union, each cell the share
// of its pixels that belong to it, as control.adapter.occupancy has it.
function modelCells(masks, width, height, rows, columns) {
  const union = new Uint8Array(width * height), cells = new Float32Array(rows * columns), drawn = masks.filter(Boolean);
  if (!drawn.length) return cells;
  for (const mask of drawn) {
    for (let y = 0, i = 0; y < mask.high; y++) {
      for (let x = 0, o = (mask.top + y) * width + mask.left; x < mask.wide; x++, o++) if (mask.alpha[i++]) union[o] = 1;
    }
  }
  // Only cells within the box of all masks can hold something.
  const bounds = (values, size, count) => [Math.floor(Math.min(...values[0]) * count / size), Math.ceil(Math.max(...values[1]) * count / size)];
  const [firstRow, endRow] = bounds([drawn.map(m => m.top), drawn.map(m => m.top + m.high)], height, rows);
  const [firstColumn, endColumn] = bounds([drawn.map(m => m.left), drawn.map(m => m.left + m.wide)], width, columns);
  for (let row = firstRow; row < endRow; row++) {
    const top = Math.floor(row * height / rows), bottom = Math.ceil((row + 1) * height / rows);
    for (let column = firstColumn; column < endColumn; column++) {
      const left = Math.floor(column * width / columns), right = Math.ceil((column + 1) * width / columns);
      let count = 0;
      for (let y = top; y < bottom; y++) for (let o = y * width + left, end = y * width + right; o < end; o++) count += union[o];
      cells[row * columns + column] = count / ((bottom - top) * (right - left));
    }
  }
  return cells;
}

// A track's masks in a window, kept while neither changes: in a drag only one track is drawn anew.
const windowMasks = new WeakMap();
function masksIn(editor, track, {first, times}) {
  const kept = windowMasks.get(track), shapes = editor.shapes(track);
  if (kept && kept.first === first && kept.shapes === shapes) return kept.masks;
  const masks = times.map(t => rasterMoment(editor.moment(track, t), shapes, editor.width, editor.height));
  windowMasks.set(track, {first, shapes, masks});
  return masks;
}

let cellsShown = {masks: null, rows: 0, columns: 0, picture: null};
function drawCells(pen, editor) {
  const {width, height, shown, grid: [rows, columns]} = editor, span = modelWindow(editor.time, shown.frames, editor.modelFrames);
  const masks = editor.tracks().filter(track => track.on).flatMap(track => masksIn(editor, track, span));
  const other = cellsShown.rows !== rows || cellsShown.columns !== columns;
  if (other || !cellsShown.masks || masks.length !== cellsShown.masks.length || masks.some((mask, i) => mask !== cellsShown.masks[i])) {
    const cells = modelCells(masks, width, height, rows, columns), picture = document.createElement('canvas');
    picture.width = columns;
    picture.height = rows;
    const pixels = new ImageData(columns, rows);
    cells.forEach((value, i) => pixels.data.set([232, 236, 244, Math.round(255 * value)], 4 * i));
    picture.getContext('2d').putImageData(pixels, 0, 0);
    cellsShown = {masks, rows, columns, picture};
  }
  pen.fillStyle = INK.deep;
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(cellsShown.picture, 0, 0, width, height);
  pen.imageSmoothingEnabled = true;
}

function drawCaption(pen, editor) {
  const {unit, grid: [rows, columns], modelFrames, shown} = editor, {first, last} = modelWindow(editor.time, shown.frames, modelFrames);
  // Counted from 1, as on the timeline.
  const frames = first === last ? 'frame ' + (first + 1) : 'frames ' + (first + 1) + '-' + (last + 1);
  const text = frames + (modelFrames === shown.frames ? '' : ' of the model\'s ' + modelFrames) + ', ' + rows + ' x ' + columns + ' cells';
  pen.font = 12 * unit + 'px ui-sans-serif, system-ui, sans-serif';
  pen.textBaseline = 'middle';
  const wide = pen.measureText(text).width + 20 * unit;
  pen.beginPath();
  pen.roundRect(12 * unit, 12 * unit, wide, 26 * unit, 13 * unit);
  pen.fillStyle = INK.shade;
  pen.fill();
  pen.fillStyle = INK.light;
  pen.fillText(text, 22 * unit, 25.5 * unit);
}
