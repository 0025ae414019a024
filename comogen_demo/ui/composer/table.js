// The camera's view of the table: places (x, y) in table units <-> points of the picture in 0..1.

const along = (v, k, w) => v.map((n, i) => n + k * w[i]);
const dot3 = (v, w) => v[0] * w[0] + v[1] * w[1] + v[2] * w[2];

function toPicture(camera, x, y, z) {
  const rel = along([x, y, z], -1, camera.eye), depth = dot3(rel, camera.forward);
  return {
    x: (1 + camera.focal * dot3(rel, camera.right) / depth) / 2,
    y: (1 - camera.focal * dot3(rel, camera.up) / depth) / 2,
    unit: camera.focal / depth / 2,  // the share of the picture's width that one unit takes there
  };
}

function toTable(camera, x, y) {
  let ray = along(camera.forward, (2 * x - 1) / camera.focal, camera.right);
  ray = along(ray, (1 - 2 * y) / camera.focal, camera.up);
  const hit = along(camera.eye, -camera.eye[2] / ray[2], ray);
  return {x: hit[0], y: hit[1]};
}
