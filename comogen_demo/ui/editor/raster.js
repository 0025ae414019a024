// A moment drawn into pixels, by the same arithmetic as comogen_demo.masks: a pixel belongs to the mask where the
// (blended) signed distance is positive. At rest this is the mask as drawn.

const RASTER_EDGE = 1e-3;  // px: where a rim falls on pixels' centres, rounding errors would else decide pixel by pixel

// The frame's pixels that a part of a moment can touch.
function rasterBox(moment, part, shape, width, height) {
  const angle = part.rotation * Math.PI / 180, cos = Math.cos(angle) * part.scale, sin = Math.sin(angle) * part.scale;
  const {left, top, right, bottom} = shape.box, {x: cx, y: cy} = shape.centre;
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (let corner = 0; corner < 4; corner++) {
    const dx = (corner & 1 ? right : left) - cx, dy = (corner & 2 ? bottom : top) - cy;
    const x = moment.x + cos * dx - sin * dy, y = moment.y + sin * dx + cos * dy;
    x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
  }
  return {
    left: Math.max(0, Math.floor(x0) - 1), top: Math.max(0, Math.floor(y0) - 1),
    right: Math.min(width, Math.ceil(x1) + 1), bottom: Math.min(height, Math.ceil(y1) + 1),
  };
}

// The mask as drawn, moved by whole pixels: it needs no distances.
function rasterShifted(shape, dx, dy, width, height) {
  const box = shape.box, w = box.right - box.left;
  const left = Math.max(0, box.left + dx), top = Math.max(0, box.top + dy);
  const wide = Math.min(width, box.right + dx) - left, high = Math.min(height, box.bottom + dy) - top;
  if (wide <= 0 || high <= 0) return null;
  const alpha = new Uint8Array(wide * high), inner = shape.inner;
  for (let y = 0, o = 0; y < high; y++) {
    for (let x = 0, i = (top - dy - box.top + y) * w + left - dx - box.left; x < wide; x++) alpha[o++] = inner[i++] ? 255 : 0;
  }
  return {left, top, wide, high, alpha};
}

// Adds a part's distances in frame pixels, times its weight, to `values` (the box wide * high at left, top).
function rasterAdd(values, left, top, wide, high, moment, part, shape) {
  const angle = part.rotation * Math.PI / 180, factor = part.weight * part.scale;
  const cos = Math.cos(angle) / part.scale, sin = Math.sin(angle) / part.scale;
  const sdf = shape.sdf, across = shape.wide, lastX = across - 1, lastY = shape.high - 1;
  const shiftX = shape.centre.x - shape.left - 0.5, shiftY = shape.centre.y - shape.top - 0.5;
  const dx = left + 0.5 - moment.x;
  for (let row = 0, o = 0; row < high; row++) {
    const dy = top + row + 0.5 - moment.y;
    const beginX = cos * dx + sin * dy + shiftX, beginY = cos * dy - sin * dx + shiftY;
    for (let i = 0; i < wide; i++, o++) {
      let qx = beginX + i * cos, qy = beginY - i * sin;
      qx = qx < 0 ? 0 : qx > lastX ? lastX : qx;
      qy = qy < 0 ? 0 : qy > lastY ? lastY : qy;
      const ix = qx < lastX ? qx | 0 : lastX - 1, iy = qy < lastY ? qy | 0 : lastY - 1;
      const u = qx - ix, at = iy * across + ix, above = sdf[at], below = sdf[at + across];
      const upper = above + u * (sdf[at + 1] - above), lower = below + u * (sdf[at + across + 1] - below);
      values[o] += factor * (upper + (qy - iy) * (lower - upper));
    }
  }
}

let rasterValues = new Float64Array(0);

// A moment and the track's shapes -> {left, top, wide, high, alpha: Uint8Array of 0 or 255}, or null if nothing of it is
// within the frame. `soft` gives smooth rims for the screen.
function rasterMoment(moment, shapes, width, height, soft = false) {
  if (!moment) return null;
  const parts = moment.parts.filter(part => part.weight > 0), first = parts[0], shape = shapes[first.shape];
  if (parts.length === 1 && first.rotation === 0 && first.scale === 1) {
    const dx = moment.x - shape.centre.x, dy = moment.y - shape.centre.y, x = Math.round(dx), y = Math.round(dy);
    if (Math.abs(dx - x) + Math.abs(dy - y) < 1e-9) return rasterShifted(shape, x, y, width, height);
  }
  const boxes = parts.map(part => rasterBox(moment, part, shapes[part.shape], width, height));
  const left = Math.min(...boxes.map(b => b.left)), top = Math.min(...boxes.map(b => b.top));
  const wide = Math.max(...boxes.map(b => b.right)) - left, high = Math.max(...boxes.map(b => b.bottom)) - top;
  if (wide <= 0 || high <= 0) return null;
  const count = wide * high;
  if (rasterValues.length < count) rasterValues = new Float64Array(count);
  else rasterValues.fill(0, 0, count);
  const values = rasterValues, alpha = new Uint8Array(count);
  for (const part of parts) rasterAdd(values, left, top, wide, high, moment, part, shapes[part.shape]);
  if (soft) {
    for (let i = 0; i < count; i++) {
      const value = values[i] + 0.5;
      alpha[i] = value <= 0 ? 0 : value >= 1 ? 255 : value * 255;
    }
  } else {
    const edge = parts.length > 1 ? RASTER_EDGE : RASTER_EDGE * first.scale;
    for (let i = 0; i < count; i++) alpha[i] = values[i] > edge ? 255 : 0;
  }
  return {left, top, wide, high, alpha};
}
