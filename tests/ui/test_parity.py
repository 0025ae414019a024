"""The browser's preview and Python's masks are the same: random documents drawn by both."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import comogen_demo.ui.editor as editor
from comogen_demo.masks import Keyframe, make_shape, moment_at, rasterise
from comogen_demo.ui.document import mask_url

DOCUMENTS, BATCH, FRAMES = 240, 12, 25
FOLDER = Path(editor.__file__).parent
KERNEL = "\n".join((FOLDER / f"{name}.js").read_text("utf-8") for name in ("shape", "motion", "raster"))
DRAW = """async ([kernel, documents]) => {
  const kit = new Function(kernel + '; return {loadPicture, shapeBits, makeShape, momentAt, rasterMoment}')();
  const {loadPicture, shapeBits, makeShape, momentAt, rasterMoment} = kit;
  const answers = [];
  for (const {track, times, width, height} of documents) {
    const shapes = [];
    for (const url of track.shapes) shapes.push(makeShape(shapeBits(await loadPicture(url)), width, height));
    for (const t of times) {
      const moment = momentAt(track, shapes, t), drawn = rasterMoment(moment, shapes, width, height);
      const bits = new Uint8Array(width * height);
      if (drawn) for (let y = 0, i = 0; y < drawn.high; y++) for (let x = 0; x < drawn.wide; x++, i++)
        bits[(drawn.top + y) * width + drawn.left + x] = drawn.alpha[i] ? 1 : 0;
      let text = '';
      for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode(...bits.subarray(i, i + 8192));
      answers.push({bits: btoa(text), moment});
    }
  }
  return answers;
}"""


def random_mask(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An object of 60 to 120 px: a blob, a ring, a cross with thin arms, or a block at the frame's edge."""
    drawn = np.zeros((height, width), np.uint8)
    reach = int(rng.integers(30, 61))
    x, y = int(rng.integers(reach, width - reach)), int(rng.integers(reach, height - reach))
    kind = rng.integers(4)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        radii = rng.uniform(0.5, 1, 12) * reach
        corners = np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], 1)
        cv2.fillPoly(drawn, [corners.astype(np.int32)], 1)
    elif kind == 1:
        cv2.ellipse(drawn, (x, y), (reach, reach * 2 // 3), float(rng.uniform(0, 180)), 0, 360, 1, -1)
        cv2.circle(drawn, (x, y), reach // 3, 0, -1)
    elif kind == 2:
        cv2.line(drawn, (x - reach, y - reach // 2), (x + reach, y + reach // 2), 1, 5)
        cv2.line(drawn, (x, y - reach), (x, y + reach), 1, 7)
        cv2.circle(drawn, (x, y), reach // 2, 1, -1)
    else:
        edge = int(rng.integers(4))
        block = np.zeros_like(drawn)
        cv2.rectangle(block, (x - reach, 0), (x + reach, reach), 1, -1)
        drawn = np.ascontiguousarray(np.rot90(block, edge)) if width == height else block[:, ::-1]
    return drawn.astype(bool)


def random_document(rng: np.random.Generator) -> tuple[dict[str, Any], list[np.ndarray], list[Keyframe]]:
    """One track with 1 to 3 shapes and up to 5 keyframes of every kind, for a frame of 160 to 320 px a side."""
    width, height = (int(side) for side in rng.integers(160, 321, 2))
    masks = [random_mask(rng, height, width) for _ in range(rng.integers(1, 4))]
    keys = []
    for t in sorted(rng.choice(FRAMES, rng.integers(0, 6), replace=False).tolist()):
        eased = rng.random() < 0.5
        x1, x2 = rng.uniform(0, 1, 2)
        y1, y2 = rng.uniform(-0.4, 1.4, 2)
        whole = rng.random() < 0.3
        move = rng.uniform(-40, 40, 2)
        keys.append(
            Keyframe(
                t=t,
                shape=int(rng.integers(len(masks))),
                x=float(np.round(move[0])) if whole else float(move[0]),
                y=float(np.round(move[1])) if whole else float(move[1]),
                rotation=0.0 if whole else float(rng.uniform(-400, 400)),
                scale=1.0 if whole else float(np.exp(rng.uniform(-0.5, 0.7))),
                ease=(float(x1), float(y1), float(x2), float(y2)) if eased else (0.0, 0.0, 1.0, 1.0),
                hold=bool(rng.random() < 0.15),
                hidden=bool(rng.random() < 0.15),
            )
        )
    times = [0.0, *rng.uniform(0, FRAMES - 1, 3).tolist(), *(float(k.t) for k in keys[1:2])]
    smooth = float(rng.choice([0, rng.uniform(0, 1), 1]))
    track = {
        "shapes": [mask_url(mask) for mask in masks],
        "keyframes": [{**vars(key), "ease": list(key.ease)} for key in keys],
        "smooth": smooth,
    }
    return {"track": track, "times": times, "width": width, "height": height}, masks, keys


def test_the_browser_and_python_draw_the_same_masks(desk, record_property):
    rng = np.random.default_rng(11)
    overlaps, empty, kinds = [], 0, set()
    for _ in range(DOCUMENTS // BATCH):
        made = [random_document(rng) for _ in range(BATCH)]
        answers = iter(desk.evaluate(DRAW, [KERNEL, [document for document, _, _ in made]]))
        for document, masks, keys in made:
            size = (document["height"], document["width"])
            shapes = [make_shape(mask) for mask in masks]
            smooth, times = document["track"]["smooth"], document["times"]
            ours = rasterise(shapes, keys, FRAMES, size, smooth, times)
            for t, own in zip(times, ours, strict=True):
                answer = next(answers)
                their = np.frombuffer(base64.b64decode(answer["bits"]), np.uint8).reshape(size) != 0
                moment = moment_at(shapes, keys, smooth, t)
                assert (moment is None) == (answer["moment"] is None)
                if moment is not None:
                    kinds.add(answer["moment"]["kind"])
                    assert answer["moment"]["x"] == pytest.approx(moment.x, abs=1e-6)
                    assert answer["moment"]["y"] == pytest.approx(moment.y, abs=1e-6)
                together = (own | their).sum()
                empty += not together
                overlaps.append((own & their).sum() / together if together else 1.0)
    record_property("documents", DOCUMENTS)
    record_property("lowest overlap", float(min(overlaps)))
    print(f"{DOCUMENTS} documents, {len(overlaps)} masks ({empty} empty): lowest IoU {min(overlaps):.5f}")
    assert kinds == {"key", "affine", "redrawn", "hold"}
    assert empty < len(overlaps) / 4, "most documents show something"
    assert min(overlaps) >= 0.99


def test_distances_are_those_of_python(desk):
    rng = np.random.default_rng(3)
    masks = [random_mask(rng, 200, 240) for _ in range(4)]
    script = """async ([kernel, urls]) => {
        const kit = new Function(kernel + '; return {loadPicture, shapeBits, makeShape}')();
        const made = [];
        for (const url of urls) {
            const picture = await kit.loadPicture(url), bits = kit.shapeBits(picture);
            const {sdf, ...rest} = kit.makeShape(bits, picture.naturalWidth, picture.naturalHeight);
            made.push({...rest, inner: 0, sdf: Array.from(sdf)});
        }
        return made; }"""
    for mask, their in zip(masks, desk.evaluate(script, [KERNEL, [mask_url(m) for m in masks]]), strict=True):
        own = make_shape(mask)
        assert (their["left"], their["top"]) == (own.left, own.top)
        assert (their["centre"]["x"], their["centre"]["y"]) == pytest.approx(own.centre)
        assert [their["box"][side] for side in ("left", "top", "right", "bottom")] == list(own.box)
        field = np.array(their["sdf"]).reshape(their["high"], their["wide"])
        assert field.shape == own.sdf.shape and np.abs(field - own.sdf).max() < 1e-3


def test_a_mask_comes_back_from_its_png_and_at_rest_as_it_was_drawn(desk):
    mask = random_mask(np.random.default_rng(8), 180, 220)
    script = """async ([kernel, url]) => {
        const kit = new Function(kernel
            + '; return {loadPicture, shapeBits, bitsToUrl, makeShape, momentAt, rasterMoment}')();
        const read = async one => kit.shapeBits(await kit.loadPicture(one));
        const bits = await read(url), again = await read(kit.bitsToUrl(bits, 220, 180));
        const shapes = [kit.makeShape(bits, 220, 180)], track = {keyframes: [], smooth: 0};
        const drawn = kit.rasterMoment(kit.momentAt(track, shapes, 7), shapes, 220, 180);
        return {count: bits.reduce((a, b) => a + b), same: bits.every((bit, i) => bit === again[i]),
            left: drawn.left, top: drawn.top, wide: drawn.wide, alpha: Array.from(drawn.alpha),
            empty: kit.makeShape(new Uint8Array(12), 4, 3)}; }"""
    answer = desk.evaluate(script, [KERNEL, mask_url(mask)])
    assert answer["same"] and answer["count"] == mask.sum() and answer["empty"] is None
    alpha = np.array(answer["alpha"]).reshape(-1, answer["wide"])
    at = np.s_[
        answer["top"] : answer["top"] + alpha.shape[0], answer["left"] : answer["left"] + alpha.shape[1]
    ]
    assert (mask[at] == (alpha == 255)).all() and mask.sum() == (alpha == 255).sum()


def test_easing_is_the_curve_of_css(desk):
    """Against the browser's own animation timing."""
    script = """kernel => {
        const {easeAt} = new Function(kernel + '; return {easeAt}')(), box = document.body, off = [];
        const curves = [[.25, .1, .25, 1], [.42, 0, 1, 1], [0, 0, .58, 1], [.3, -1, .2, 2], [1, 0, 0, 1], [0, 0, 1, 1]];
        for (const ease of curves) {
            const shown = box.animate([{marginLeft: '0px'}, {marginLeft: '1000px'}],
                {duration: 1000, easing: `cubic-bezier(${ease})`, fill: 'both'});
            shown.pause();
            for (let u = 0; u <= 1; u += .05) {
                shown.currentTime = 1000 * u;
                off.push(Math.abs(parseFloat(getComputedStyle(box).marginLeft) / 1000 - easeAt(ease, u)));
            }
            shown.cancel();
        }
        return Math.max(...off); }"""
    assert desk.evaluate(script, KERNEL) < 2e-3
