// Outlines of masks: once traced, a mask is drawn by a transform.

const shapeOutlines = new WeakMap(), betweenOutlines = new WeakMap();

// The outline of a shape as drawn, in frame coordinates.
function outlineOf(shape) {
  let path = shapeOutlines.get(shape);
  if (!path) {
    const {left, top, right, bottom} = shape.box;
    path = traceOutline(shape.inner, right - left, bottom - top, left, top, 0.5);
    shapeOutlines.set(shape, path);
  }
  return path;
}

// The outline of a mask between two shapes, kept for the time that is shown.
function drawnBetween(editor, track, moment, shapes) {
  const kept = betweenOutlines.get(track);
  if (kept && kept.time === editor.time) return kept.path;
  const drawn = rasterMoment(moment, shapes, editor.width, editor.height, true);
  const path = drawn ? traceOutline(drawn.alpha, drawn.wide, drawn.high, drawn.left, drawn.top, 127.5) : new Path2D();
  betweenOutlines.set(track, {time: editor.time, path});
  return path;
}

// From which side of a cell of four values to which one the outline leads, with the inside on its right; the sides are
// 0 top, 1 right, 2 below, 3 left, the number of the case is 1 (top left is inside) + 2 (top right) + 4 + 8 clockwise.
const TRACE = [[], [0, 3], [1, 0], [1, 3], [2, 1], [0, 3, 2, 1], [2, 0], [2, 3], [3, 2], [0, 2], [1, 0, 3, 2], [1, 2], [3, 1], [0, 1], [3, 0], []];

// Rows of values, wide x high, the first one's corner at (left, top) -> Path2D around those above the level. Outside of
// the rows all is 0. The line goes between the centres of neighbouring values by their shares, and is smoothed a little.
function traceOutline(values, wide, high, left, top, level) {
  const w = wide + 2, h = high + 2, grid = new Float32Array(w * h).fill(-level);
  for (let y = 0, i = 0; y < high; y++) for (let x = 0, o = (y + 1) * w + 1; x < wide; x++) grid[o++] = values[i++] - level;
  // Between grid value i and its right neighbour is edge 2 i, between it and the one below edge 2 i + 1.
  const next = new Int32Array(2 * w * h).fill(-1), begins = [], sides = [0, 3, 2 * w, 1];
  for (let y = 0; y < h - 1; y++) {
    for (let x = 0, i = y * w; x < w - 1; x++, i++) {
      const kind = (grid[i] > 0) + 2 * (grid[i + 1] > 0) + 4 * (grid[i + w + 1] > 0) + 8 * (grid[i + w] > 0);
      if (kind === 0 || kind === 15) continue;
      const steps = TRACE[kind];
      for (let k = 0; k < steps.length; k += 2) {
        next[2 * i + sides[steps[k]]] = 2 * i + sides[steps[k + 1]];
        begins.push(2 * i + sides[steps[k]]);
      }
    }
  }
  const path = new Path2D();
  for (const begin of begins) {
    const xs = [], ys = [];
    for (let edge = begin; next[edge] >= 0;) {
      const i = edge >> 1, down = edge & 1, a = grid[i], b = grid[down ? i + w : i + 1], u = a / (a - b);
      xs.push(left + i % w - 0.5 + (down ? 0 : u));
      ys.push(top + Math.floor(i / w) - 0.5 + (down ? u : 0));
      const to = next[edge];
      next[edge] = -1;
      edge = to;
    }
    if (!xs.length) continue;
    const rounds = xs.length > 24 ? 3 : 1, smoothX = traceSmooth(xs, rounds), smoothY = traceSmooth(ys, rounds);
    path.moveTo(smoothX[0], smoothY[0]);
    for (let k = 1; k < smoothX.length; k++) path.lineTo(smoothX[k], smoothY[k]);
    path.closePath();
  }
  return path;
}

// Numbers around a ring, each taken towards its neighbours: the stairs of the pixels are less seen.
function traceSmooth(numbers, rounds) {
  const n = numbers.length;
  let ring = numbers;
  for (let round = 0; round < rounds; round++) ring = ring.map((v, k) => (ring[k ? k - 1 : n - 1] + 2 * v + ring[k + 1 < n ? k + 1 : 0]) / 4);
  return ring;
}
