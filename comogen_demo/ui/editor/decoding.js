// The shapes of a document's masks, by their urls: each is decoded once, one after the other.

const DECODED_MOST = 400;  // beyond these, the masks of states long past are decoded again when they come back

// changed() is called after each shape, damaged() for what is no picture.
function makeDecoder(changed, damaged) {
  const decoded = new Map();  // url of a mask -> its shape; null if it is empty, damaged or being decoded
  const decoding = [], known = new WeakMap();
  let version = 0;

  async function decodeAll() {
    while (decoding.length) {
      let shape = null;
      try {
        const picture = await loadPicture(decoding[0]);
        shape = makeShape(shapeBits(picture), picture.naturalWidth, picture.naturalHeight);
      } catch { damaged(); }
      if (!decoded.get(decoding[0])) learn(decoding[0], shape);
      decoding.shift();
      changed();
    }
  }

  function learn(url, shape) {
    decoded.set(url, shape);
    version += 1;
  }

  function shapeOf(url) {
    if (!decoded.has(url)) {
      decoded.set(url, null);
      decoding.push(url);
      if (decoding.length === 1) decodeAll();
    }
    return decoded.get(url);
  }

  return {
    learn,
    // Those of a track, in its order; null for one that is not decoded yet.
    shapes(track) {
      const found = known.get(track);
      if (found && found.version === version) return found.shapes;
      const shapes = track.shapes.map(shapeOf);
      known.set(track, {version, shapes});
      return shapes;
    },
    // Lets go of what no track of the document shows, once there is much of it.
    forget(tracks) {
      if (decoded.size < DECODED_MOST) return;
      const used = new Set(tracks.flatMap(track => track.shapes));
      for (const url of decoded.keys()) if (!used.has(url) && !decoding.includes(url)) decoded.delete(url);
      version += 1;
    },
  };
}
