// Shapes: a mask as drawn, with its signed distance for drawing it anywhere. masks.make_shape does the same in Python.

const SHAPE_FAR = 1e9, SHAPE_BUDGET = 128e6;  // bytes of distances that are kept at a time

function loadPicture(url) {
  return new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => done(picture);
    picture.onerror = () => failed(new Error('the picture did not load'));
    picture.src = url;
  });
}

// Squared distance of every pixel to the nearest one where bits[i] === of (exact; Felzenszwalb and Huttenlocher's lower
// envelope over Meijster's column distances). There must be one.
function shapeDistances(bits, of, w, h) {
  const column = new Float64Array(w * h), squared = new Float32Array(w * h);
  for (let x = 0; x < w; x++) column[x] = bits[x] === of ? 0 : SHAPE_FAR;
  for (let i = w; i < w * h; i++) column[i] = bits[i] === of ? 0 : column[i - w] + 1;
  for (let i = w * (h - 1) - 1; i >= 0; i--) if (column[i + w] + 1 < column[i]) column[i] = column[i + w] + 1;
  const place = new Int32Array(w), from = new Float64Array(w + 1), height = new Float64Array(w);
  for (let row = 0; row < w * h; row += w) {
    let top = -1;
    for (let x = 0; x < w; x++) {
      const far = column[row + x];
      if (far >= SHAPE_FAR) continue;
      const f = far * far;
      let begin = -Infinity;
      while (top >= 0) {
        const v = place[top];
        begin = (f + x * x - height[top] - v * v) / (2 * (x - v));
        if (begin > from[top]) break;
        top--;
      }
      if (top < 0) begin = -Infinity;
      place[++top] = x;
      height[top] = f;
      from[top] = begin;
    }
    from[top + 1] = Infinity;
    for (let x = 0, k = 0; x < w; x++) {
      while (from[k + 1] < x) k++;
      squared[row + x] = (x - place[k]) * (x - place[k]) + height[k];
    }
  }
  return squared;
}

// Uint8Array (w * h) of 0/1 with both kinds in it -> Float32Array: pixels to the rim, positive inside.
function signedDistance(bits, w, h) {
  const inside = shapeDistances(bits, 0, w, h), outside = shapeDistances(bits, 1, w, h);
  for (let i = 0; i < inside.length; i++) {
    inside[i] = bits[i] ? Math.sqrt(inside[i]) - 0.5 : 0.5 - Math.sqrt(outside[i]);
  }
  return inside;
}

// Distances are large and soon made again, so only the youngest are kept.
const shapesHeld = new Map();
let shapeBytes = 0;

function holdDistances(shape, sdf) {
  shapesHeld.set(shape, sdf);
  shapeBytes += sdf.byteLength;
  for (const [old, kept] of shapesHeld) {
    if (shapeBytes <= SHAPE_BUDGET || old === shape) break;
    shapesHeld.delete(old);
    shapeBytes -= kept.byteLength;
  }
}

// Uint8Array (width * height) of 0/1 -> a shape, or null if nothing is set. `left, top, wide, high` is the place of
// `sdf`, the mask's box with a margin (it may reach out of the frame); `inner` holds the box itself as 0/1.
function makeShape(bits, width, height) {
  let count = 0, sumX = 0, sumY = 0, left = width, right = 0, top = height, bottom = 0;
  for (let y = 0, i = 0; y < height; y++) {
    let first = -1, last = -1, n = 0;
    for (let x = 0; x < width; x++, i++) {
      if (!bits[i]) continue;
      if (first < 0) first = x;
      last = x;
      n++;
      sumX += x;
    }
    if (!n) continue;
    count += n;
    sumY += n * y;
    if (first < left) left = first;
    if (last >= right) right = last + 1;
    if (y < top) top = y;
    bottom = y + 1;
  }
  if (!count) return null;
  const w = right - left, h = bottom - top, inner = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    const row = (top + y) * width + left;
    inner.set(bits.subarray(row, row + w), y * w);
  }
  const margin = 2 + Math.ceil(Math.hypot(w, h) / 2);
  return {
    inner, left: left - margin, top: top - margin, wide: w + 2 * margin, high: h + 2 * margin,
    centre: {x: sumX / count + 0.5, y: sumY / count + 0.5}, box: {left, top, right, bottom}, width, height,
    get sdf() {
      const kept = shapesHeld.get(this);
      if (kept) return kept;
      const padded = new Uint8Array(this.wide * this.high);
      for (let y = 0; y < h; y++) padded.set(inner.subarray(y * w, y * w + w), (y + margin) * this.wide + margin);
      const sdf = signedDistance(padded, this.wide, this.high);
      holdDistances(this, sdf);
      return sdf;
    },
  };
}

// A picture or canvas of a mask -> Uint8Array of 0/1: set where it is bright and opaque.
function shapeBits(picture) {
  const width = picture.naturalWidth || picture.width, height = picture.naturalHeight || picture.height;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.drawImage(picture, 0, 0);
  const data = pen.getImageData(0, 0, width, height).data, bits = new Uint8Array(width * height);
  for (let i = 0, k = 0; i < bits.length; i++, k += 4) {
    const light = 0.299 * data[k] + 0.587 * data[k + 1] + 0.114 * data[k + 2];
    bits[i] = light > 127 && data[k + 3] > 127 ? 1 : 0;
  }
  return bits;
}

// The other way: a data URL of a black and white PNG.
function bitsToUrl(bits, width, height) {
  const canvas = document.createElement('canvas'), pixels = new ImageData(width, height);
  canvas.width = width;
  canvas.height = height;
  const words = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < words.length; i++) words[i] = bits[i] ? 0xffffffff : 0xff000000;
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  return canvas.toDataURL('image/png');
}
