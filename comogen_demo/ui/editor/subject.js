// The selected object: its mask as a picture, cut out of the frame, with outline, centroid and bounding box.

function loadPicture(url) {
  return new Promise((done, failed) => {
    const picture = new Image();
    picture.onload = () => done(picture);
    picture.onerror = () => failed(new Error('the picture did not load'));
    picture.src = url;
  });
}

function blank(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function filled(mask, colour) {
  const canvas = blank(mask.width, mask.height), pen = canvas.getContext('2d');
  pen.drawImage(mask, 0, 0);
  pen.globalCompositeOperation = 'source-in';
  pen.fillStyle = colour;
  pen.fillRect(0, 0, mask.width, mask.height);
  return canvas;
}

// The rim of a mask, `thick` pixels wide, just outside of it.
function rimOf(mask, colour, thick) {
  const canvas = blank(mask.width, mask.height), pen = canvas.getContext('2d'), whole = filled(mask, colour);
  for (let i = 0; i < 12; i++) {
    const angle = i * Math.PI / 6;
    pen.drawImage(whole, thick * Math.cos(angle), thick * Math.sin(angle));
  }
  pen.globalCompositeOperation = 'destination-out';
  pen.drawImage(mask, 0, 0);
  return canvas;
}

// mask picture (white on black) and frame picture -> everything that is drawn of the subject.
function makeSubject(picture, frame) {
  const width = picture.naturalWidth, height = picture.naturalHeight;
  const mask = blank(width, height), pen = mask.getContext('2d', {willReadFrequently: true});
  pen.drawImage(picture, 0, 0);
  const pixels = pen.getImageData(0, 0, width, height), data = pixels.data;
  let count = 0, sumX = 0, sumY = 0, left = width, right = 0, top = height, bottom = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4, inside = data[i] > 127;
      data[i] = data[i + 1] = data[i + 2] = 255;
      data[i + 3] = inside ? 255 : 0;
      if (!inside) continue;
      count += 1; sumX += x + 0.5; sumY += y + 0.5;
      left = Math.min(left, x); right = Math.max(right, x + 1);
      top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
    }
  }
  if (!count) return null;
  pen.putImageData(pixels, 0, 0);
  const cutout = blank(width, height), scissors = cutout.getContext('2d');
  scissors.drawImage(mask, 0, 0);
  scissors.globalCompositeOperation = 'source-in';
  scissors.drawImage(frame, 0, 0, width, height);
  return {
    mask, cutout, width, height, data,
    tint: filled(mask, '#5b8cff'), rim: rimOf(mask, '#ffffff', 2.2), ghost: rimOf(mask, '#ffffff', 1.4),
    centre: {x: sumX / count, y: sumY / count}, box: {left, right, top, bottom},
  };
}

// Whether a point (frame pixels) lies on the subject in a pose; `margin` px around it count too, for fingers.
function onSubject(subject, pose, point, margin) {
  const steps = margin ? [[0, 0], [margin, 0], [-margin, 0], [0, margin], [0, -margin]] : [[0, 0]];
  return steps.some(([dx, dy]) => {
    const rest = toRest({x: point.x + dx, y: point.y + dy}, pose, subject.centre);
    const x = Math.floor(rest.x), y = Math.floor(rest.y);
    if (x < 0 || y < 0 || x >= subject.width || y >= subject.height) return false;
    return subject.data[(y * subject.width + x) * 4 + 3] > 0;
  });
}

// Where the two handles are, in frame pixels: above the object to turn it, at its corner to resize it.
function handlesOf(subject, pose, reach) {
  const {left, right, top, bottom} = subject.box, gap = reach / pose.scale;
  return {
    rotate: fromRest({x: (left + right) / 2, y: top - gap}, pose, subject.centre),
    stem: fromRest({x: (left + right) / 2, y: top}, pose, subject.centre),
    scale: fromRest({x: right + gap / 4, y: bottom + gap / 4}, pose, subject.centre),
  };
}
