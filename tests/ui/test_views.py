"""What the canvas shows in each view, read back from its pixels, and the arithmetic of the model's view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, BrowserContext

from comogen_demo.control.adapter import occupancy
from tests.ui.stage import Stage, stages, track, windows

HEIGHT, WIDTH = 240, 320
LAST = 24
RED, TABLE = np.array([220, 60, 50]), np.array([120, 120, 120])
BLUE = "#2040ff"
# The colour of the canvas at places of the frame, each the mean of 3 x 3 pixels.
LOOK = """places => { const canvas = editor.canvas, pen = canvas.getContext('2d'), k = canvas.width / editor.width;
    return places.map(([x, y]) => { const {data} = pen.getImageData(Math.round(x * k) - 1, Math.round(y * k) - 1, 3, 3);
        return [0, 1, 2].map(c => [...data].filter((_, i) => i % 4 === c).reduce((a, b) => a + b) / 9); }); }"""


def disc(x: int = 80, y: int = 120, radius: int = 30) -> np.ndarray:
    return cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (x, y), radius, 1, -1).astype(bool)


def picture() -> np.ndarray:
    frame = np.tile(TABLE.astype(np.uint8), (HEIGHT, WIDTH, 1))
    frame[disc()] = RED
    return frame


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    with windows(browser, reduced_motion="reduce") as window:
        yield window


@pytest.fixture
def stage(window: BrowserContext) -> Iterator[Callable[..., Stage]]:
    with stages(window, picture()) as open_stage:
        yield open_stage


def look(shown: Stage, *places: tuple[float, float]) -> np.ndarray:
    """(N, 3) colours in 0..255."""
    return np.array(shown.page.evaluate(LOOK, list(places)))


def whole(shown: Stage) -> np.ndarray:
    """The canvas at the size of the frame, (H, W, 3)."""
    side = np.arange(4, WIDTH, 8), np.arange(4, HEIGHT, 8)
    places = [(float(x), float(y)) for y in side[1] for x in side[0]]
    return look(shown, *places).reshape(len(side[1]), len(side[0]), 3)


MOVED = ({"t": 0}, {"t": LAST, "x": 120, "y": 20})
OLD, NEW, FAR = (80, 105), (200, 125), (300, 20)


def test_cut_out_moves_the_pixels_and_darkens_where_they_were(stage):
    shown = stage(track([disc()], *MOVED, colour=BLUE))
    shown.set(time=LAST)
    old, new, far = look(shown, OLD, NEW, FAR)
    assert np.abs(new - (0.86 * RED + 0.14 * np.array([32, 64, 255]))).max() < 8
    assert old.sum() < 0.55 * RED.sum() and far.sum() < 0.8 * TABLE.sum()
    assert old[0] > 1.5 * old[2]  # dark, but still the red object


def test_nothing_is_darkened_before_anything_moves(stage):
    shown = stage(track([disc()], {"t": 0}, colour=BLUE))
    (far,) = look(shown, FAR)
    assert np.abs(far - TABLE).max() < 2


def test_what_a_model_of_another_aspect_does_not_get_is_dimmed(stage):
    shown = stage(track([disc()], {"t": 0}, colour=BLUE), modelAspect=1)
    row = HEIGHT * 0.9
    left, inside = look(shown, (5, row), (shown.width / 2, row))
    assert left.sum() < 0.5 * TABLE.sum() and np.abs(inside - TABLE).max() < 2


def test_fill_tints_and_outline_leaves_the_inside_alone(stage):
    shown = stage(track([disc()], *MOVED, colour=BLUE))
    shown.set(time=LAST, view="fill")
    old, new = look(shown, OLD, NEW)
    assert np.abs(old - RED).max() < 4
    assert np.abs(new - (0.45 * TABLE + 0.55 * np.array([32, 64, 255]))).max() < 6
    shown.set(view="outline")
    old, new = look(shown, OLD, NEW)
    assert np.abs(old - RED).max() < 4 and np.abs(new - TABLE).max() < 4
    (rim,) = look(shown, (170, 140.5))
    assert rim[2] > rim[0] + 60  # blue


def test_what_is_not_visible_is_not_drawn_and_what_is_off_is_paler(stage):
    shown = stage(track([disc()], *MOVED, colour=BLUE))
    shown.set(time=LAST, view="fill", trackId="")
    full = look(shown, NEW)[0]
    change = (
        "more => editor.commit({...editor.doc, tracks: [{...editor.doc.tracks[0], ...more}]}, {trackId: ''})"
    )
    shown.page.evaluate(change, {"on": False})
    shown.settle()
    pale = look(shown, NEW)[0]
    assert TABLE[2] + 15 < pale[2] < full[2] - 15
    shown.page.evaluate(change, {"visible": False})
    shown.settle()
    seen = whole(shown)
    assert np.abs(seen[:, 20:] - TABLE).max() < 3


def test_a_redrawn_mask_fades_from_the_pixels_to_the_tint(stage):
    shown = stage(
        track([disc(), disc(200, 140)], {"t": 0}, {"t": LAST, "shape": 1}, colour=BLUE),
    )
    redness = []
    for t in (1, 12, 23):
        shown.set(time=t)
        centre = shown.page.evaluate("editor.moment(editor.track(), editor.time)")
        ((red, _, blue),) = look(shown, (centre["x"], centre["y"] - 15))
        redness.append(red - blue)
    assert redness[0] > 80 > redness[1] > -40 > redness[2]


def test_a_hidden_mask_leaves_a_pale_outline_only(stage):
    shown = stage(track([disc()], {"t": 0, "hidden": True}, {"t": 12}, colour=BLUE))
    shown.set(view="fill", time=3, trackId="")
    ring = [(80.5 + 30 * np.cos(a), 120.5 + 30 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 90)]
    hidden, inside = look(shown, *ring), look(shown, (80, 120))[0]
    assert np.abs(inside - RED).max() < 3
    shown.set(time=12)
    full, inside = look(shown, *ring), look(shown, (80, 120))[0]
    assert inside[2] > RED[2] + 60
    blueness = [(seen[:, 2] - seen[:, 0]) for seen in (hidden, full)]
    assert blueness[0].max() > blueness[0].min() + 60  # dashes
    assert blueness[1].mean() > blueness[0].mean() + 50


def test_onion_skin_shows_the_neighbours_warm_and_cool(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": 12, "x": 90}, {"t": LAST, "x": 180}, colour=BLUE))
    shown.set(view="outline", time=12)
    places = ((50, 120), (290, 120))  # on the left rim of the first, on the right rim of the last
    plain = look(shown, *places)
    shown.set(onion=True)
    before, after = look(shown, *places) - plain
    assert before[0] > before[2] + 30, before
    assert after[2] > after[0] + 30, after


def test_nothing_is_drawn_over_the_masks_while_they_play(stage):
    shown = stage(track([disc()], *MOVED, colour=BLUE))
    shown.set(view="outline", time=LAST)
    way = [(100 + 2.0 * k, 120.5 + (100 + 2 * k - 80) / 6) for k in range(24)]
    bright = np.ptp(look(shown, *way), axis=0).max()
    shown.page.evaluate("editor.playing = true; editor.drop()")
    shown.settle()
    shown.page.evaluate("editor.time = 24; editor.drop()")
    shown.settle()
    quiet = np.ptp(look(shown, *[place for place in way if 112 < place[0] < 160]), axis=0).max()
    shown.page.evaluate("editor.playing = false")
    assert bright > 60 > 20 > quiet


# The model's view


def box_mask(rng: np.random.Generator) -> tuple[dict[str, Any], np.ndarray]:
    """A random drawn mask as rasterMoment gives it, and the same in the whole frame."""
    left, top = int(rng.integers(0, WIDTH - 40)), int(rng.integers(0, HEIGHT - 40))
    wide, high = int(rng.integers(5, WIDTH - left)), int(rng.integers(5, HEIGHT - top))
    bits = rng.random((high, wide)) < 0.4
    full = np.zeros((HEIGHT, WIDTH), bool)
    full[top : top + high, left : left + wide] = bits
    alpha = (bits * 255).ravel().tolist()
    return {"left": left, "top": top, "wide": wide, "high": high, "alpha": alpha}, full


CELLS = "([masks, rows, columns]) => Array.from(modelCells(masks, 320, 240, rows, columns))"


def test_cells_are_the_union_averaged_over_their_area(stage):
    shown, rng = stage(), np.random.default_rng(3)
    for rows, columns in ((12, 16), (15, 20), (30, 40)):
        given = [box_mask(rng) for _ in range(3)]
        union = np.any([full for _, full in given], axis=0)
        wanted = union.reshape(rows, HEIGHT // rows, columns, WIDTH // columns).mean((1, 3))
        cells = shown.page.evaluate(CELLS, [[mask for mask, _ in given] + [None], rows, columns])
        assert np.reshape(cells, (rows, columns)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (7, 11)])
def test_cells_are_what_the_adapter_gets(stage, rows, columns):
    shown, rng = stage(), np.random.default_rng(rows)
    given = [box_mask(rng) for _ in range(4)]
    masks = np.zeros((5, HEIGHT, WIDTH), bool)
    masks[1:] = [full for _, full in given]
    wanted = occupancy(torch.from_numpy(masks)[None], (2, rows, columns), 1)[0, 1].numpy()
    cells = shown.page.evaluate(CELLS, [[mask for mask, _ in given], rows, columns])
    assert np.reshape(cells, (rows, columns)) == pytest.approx(wanted, abs=1e-6)


def test_windows_are_causal_and_follow_the_models_frames(stage):
    shown = stage()
    window = "([t, frames, model]) => modelWindow(t, frames, model)"
    first, second = (shown.page.evaluate(window, [t, 25, 25]) for t in (0, 5.2))
    assert first == {"first": 0, "last": 0, "times": [0]}
    assert second == {"first": 5, "last": 8, "times": [5, 6, 7, 8]}
    seen = [shown.page.evaluate(window, [t, 25, 25])["first"] for t in range(25)]
    assert seen == [0, *[1 + 4 * (k // 4) for k in range(24)]]
    longer = shown.page.evaluate(window, [48, 49, 25])
    assert (longer["first"], longer["last"]) == (21, 24)
    assert longer["times"] == [42, 44, 46, 48]


DRAWN = """times => times.map(t => { const track = editor.tracks()[0];
    const {left, top, wide, high, alpha} = rasterMoment(editor.moment(track, t), editor.shapes(track), 320, 240);
    return {left, top, wide, high, alpha: Array.from(alpha)}; })"""


def test_the_models_view_shows_the_cells_of_the_window_and_of_the_control_only(stage):
    shown = stage(
        track([disc()], *MOVED, colour=BLUE), track([disc(250, 200, 25)], {"t": 0}, on=False), grid=[12, 16]
    )
    shown.set(view="model", time=10, trackId="")
    masks = shown.page.evaluate(DRAWN, [9, 10, 11, 12])
    cells = np.reshape(shown.page.evaluate(CELLS, [masks, 12, 16]), (12, 16))
    side = HEIGHT / 12
    # At a quarter of a cell, beside the outlines of the masks themselves.
    places = [((x + 0.5) * side, (y + 0.5) * side) for y in range(12) for x in range(16)]
    seen = look(shown, *places).mean(1).reshape(12, 16)
    rims = np.zeros((12, 16), bool)
    for outline in (disc(200 - 70, 132), disc(250, 200, 25)):
        edge = cv2.dilate(outline.astype(np.uint8), np.ones((13, 13))) - cv2.erode(
            outline.astype(np.uint8), np.ones((13, 13))
        )
        rims |= edge.reshape(12, 20, 16, 20)[:, 5:15, :, 5:15].any((1, 3))
    rims[:2, :8] = True  # the caption
    rims[5:8, 3:12] |= cells[5:8, 3:12] == 0  # the path
    share = (seen - seen[~rims & (cells == 0)].mean()) / (235 - seen[~rims & (cells == 0)].mean())
    assert (cells > 0.9).any() and ((cells > 0.2) & (cells < 0.8)).any()
    assert np.abs(share - cells)[~rims & (cells < 0.99)].max() < 0.12
