"""Moving, turning and resizing a whole motion: every keyframe goes by one similarity, and so do the masks in Python."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext

from comogen_demo.masks import Keyframe, make_shape, rasterise
from tests.ui.stage import Stage, stages, track, windows

HEIGHT, WIDTH, FRAMES = 480, 640, 25
AROUND = 320  # px, so that what leaves the frame is not cut off before it comes back


def picture() -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 120, np.uint8)


def disc(x: int = 200, y: int = 240) -> np.ndarray:
    """A disc with a nose, so that its turning is seen."""
    mask = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (x, y), 48, 1, -1)
    return cv2.rectangle(mask, (x, y - 16), (x + 80, y + 16), 1, -1).astype(bool)


def block() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[180:280, 260:380] = True
    return mask


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    with windows(browser, has_touch=True) as window:
        yield window


@pytest.fixture
def stage(window: BrowserContext) -> Iterator[Callable[..., Stage]]:
    with stages(window, picture()) as open_stage:
        yield open_stage


WAY = (
    {"t": 2, "x": -20, "y": 10, "rotation": 10, "ease": [0.4, 0, 0.6, 1]},
    {"t": 11, "x": 80, "y": -60, "rotation": 190, "scale": 1.2},
    {"t": 16, "x": 20, "y": 24, "shape": 1, "hold": True},
    {"t": 22, "x": 60, "y": 40, "shape": 1, "scale": 0.7, "rotation": -45},
)


def moving(**more: Any) -> dict[str, Any]:
    """Every kind of motion: eased and turned by half a turn, redrawn, held."""
    return track([disc(), block()], *WAY, smooth=0.6, **more)


def centres(shown: dict[str, Any], masks: list[np.ndarray]) -> np.ndarray:
    """Where the keyframes' masks are, (K, 2)."""
    return np.array(
        [np.add(make_shape(masks[k["shape"]]).centre, (k["x"], k["y"])) for k in shown["keyframes"]]
    )


def drawn(shown: dict[str, Any]) -> np.ndarray:
    """The track's masks as Python has them, bool (T, H, W), of a frame that is wider by AROUND on each side."""
    kept = [base64.b64decode(url.split(",", 1)[1]) for url in shown["shapes"]]
    masks = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) > 127 for data in kept]
    masks = [np.pad(mask, AROUND) for mask in masks]
    keys = [Keyframe(**{**key, "ease": tuple(key["ease"])}) for key in shown["keyframes"]]
    return rasterise([make_shape(mask) for mask in masks], keys, FRAMES, masks[0].shape, shown["smooth"])


def similarity(pivot: tuple[float, float], shift=(0.0, 0.0), turn=0.0, growth=1.0) -> np.ndarray:
    """As a matrix (2, 3) on the coordinates of the frame."""
    angle = np.radians(turn)
    linear = growth * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, np.array(pivot) + shift - linear @ pivot])


def warped(masks: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Masks as `drawn` gives them, moved by a matrix (2, 3)."""
    to_frame = np.array(
        [[1, 0, 0.5 - AROUND], [0, 1, 0.5 - AROUND], [0, 0, 1]]
    )  # pixel i has its centre at i + .5
    matrix = np.linalg.inv(to_frame) @ np.vstack([by, [0, 0, 1]]) @ to_frame
    size = masks.shape[:0:-1]
    return np.stack([cv2.warpAffine(m.astype(np.float32), matrix[:2], size) > 0.5 for m in masks])


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """IoU of each frame where one of the two shows something."""
    union = (one | other).sum((1, 2))
    return ((one & other).sum((1, 2)) / np.maximum(union, 1))[union > 0]


def check(before: dict[str, Any], after: dict[str, Any], by: np.ndarray, turn=0.0, growth=1.0) -> None:
    masks = [disc(), block()]
    expected = centres(before, masks) @ by[:, :2].T + by[:, 2]
    assert centres(after, masks) == pytest.approx(expected, abs=0.02)
    for old, new in zip(before["keyframes"], after["keyframes"], strict=True):
        assert (new["rotation"] - old["rotation"] - turn + 180) % 360 == pytest.approx(180, abs=0.01)
        assert new["scale"] == pytest.approx(old["scale"] * growth, rel=1e-6)
        same = ("t", "shape", "ease", "hold", "hidden")
        assert {n: new[n] for n in same} == {n: old[n] for n in same}
    kept = overlaps(drawn(after), warped(drawn(before), by))
    assert len(kept) > 20 and kept.min() >= 0.97


def grip(shown: Stage) -> dict[str, Any]:
    return shown.page.evaluate("gripOf(editor, editor.track())")


def handle(shown: Stage, name: str) -> tuple[float, float]:
    place = shown.page.evaluate("name => handlesOf(editor, gripOf(editor, editor.track()))[name]", name)
    return place["x"], place["y"]


def open_moving(stage: Callable[..., Stage], time: float = 6, **more: Any) -> Stage:
    shown = stage(moving(**more))
    shown.set(time=time)
    return shown


# The arithmetic


@pytest.mark.parametrize(
    ("turn", "growth", "shift"),
    [(0, 1, (60, -24)), (37.3, 1, (0, 0)), (0, 0.6, (0, 0)), (-120, 0.8, (50, 80))],
)
def test_all_that_is_shown_goes_by_the_similarity(stage, turn, growth, shift):
    shown = open_moving(stage)
    (before,) = shown.tracks()
    change = {"x": 280, "y": 220, "dx": shift[0], "dy": shift[1], "turn": turn, "growth": growth}
    after = shown.page.evaluate(
        "change => moveWhole(editor.track(), editor.shapes(editor.track()), change)", change
    )
    by = similarity((280, 220), shift, round(turn * 1024) / 1024, growth)
    check(before, after, by, turn, growth)


def test_half_a_turn_goes_the_same_way_round(stage):
    """Which way -180 degrees go hangs on the last bit of the difference."""
    shown = stage(track([disc()], {"t": 0, "rotation": 0}, {"t": 24, "rotation": -180}))
    turned = shown.page.evaluate(
        """() => Array.from({length: 60}, (_, i) => {
            const shapes = editor.shapes(editor.track()), turn = 0.1 + 5.77 * i;
            const track = moveWhole(editor.track(), shapes, {x: 9, y: 9, turn});
            return wrapDegrees(momentAt(track, shapes, 6).parts[0].rotation - turn); })"""
    )
    assert turned == pytest.approx([-45] * 60, abs=0.01)


def test_scales_stop_at_their_limits_and_places_too(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": 9, "scale": 4}, {"t": 24, "scale": 0.1, "x": 50}))
    size = (
        "growth => moveWhole(editor.track(), editor.shapes(editor.track()), {x: 0, y: 0, growth}).keyframes"
    )
    scales = [[k["scale"] for k in shown.page.evaluate(size, growth)] for growth in (100, 0.001)]
    assert scales[0] == pytest.approx([5, 20, 0.5]) and scales[1] == pytest.approx([0.5, 2, 0.05])
    far = "dx => moveWhole(editor.track(), editor.shapes(editor.track()), {x: 0, y: 0, dx})"
    assert shown.page.evaluate(far, 99_000) is not None
    assert shown.page.evaluate(far, 99_960) is None


# The handles


def test_the_switch_makes_a_drag_move_every_key_in_one_step(stage):
    shown = open_moving(stage)
    (before,) = shown.tracks()
    shown.page.focus(".editor")
    shown.page.keyboard.press("w")
    assert shown.page.get_attribute("[data-do=whole]", "aria-pressed") == "true"
    at = grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] + 20, at["y"] + 14), (at["x"] + 42, at["y"] - 23))
    (after,) = shown.tracks()
    check(before, after, similarity((0, 0), (42, -23)))
    assert shown.get("time") == 6
    assert grip(shown)["x"] == pytest.approx(at["x"] + 42, abs=0.02)
    shown.page.keyboard.press("Control+z")
    assert shown.tracks() == [before]


def test_the_handles_turn_and_resize_about_the_mask_that_is_shown(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    (before,) = shown.tracks()
    at, start = grip(shown), handle(shown, "rotate")
    centre, arm = np.array([at["x"], at["y"]]), np.subtract(start, (at["x"], at["y"]))
    shown.drag(start, tuple(centre + (-arm[1], arm[0])))
    (after,) = shown.tracks()
    check(before, after, similarity(tuple(centre), turn=90), turn=90)
    assert grip(shown)["x"] == pytest.approx(at["x"], abs=0.02)
    before, start = after, np.array(handle(shown, "scale"))
    shown.drag(tuple(start), tuple(centre + 0.75 * (start - centre)))
    (after,) = shown.tracks()
    growth = after["keyframes"][0]["scale"] / before["keyframes"][0]["scale"]
    assert growth == pytest.approx(0.75, abs=0.005)
    check(before, after, similarity(tuple(centre), growth=growth), growth=growth)


def test_shift_keeps_to_an_axis_and_snaps_the_turn(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    (before,) = shown.tracks()
    at = grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] + 40, at["y"] + 9), keys="Shift")
    check(before, shown.tracks()[0], similarity((0, 0), (40, 0)))
    start = handle(shown, "rotate")
    shown.drag(start, (start[0] + 17, start[1] + 20), keys="Shift")
    assert (grip(shown)["rotation"] + 7) % 15 == pytest.approx(7, abs=0.01)


def test_ctrl_moves_the_whole_motion_without_the_switch(stage):
    shown = open_moving(stage)
    (before,) = shown.tracks()
    at = grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] - 20, at["y"] + 30), keys="Control")
    check(before, shown.tracks()[0], similarity((0, 0), (-20, 30)))
    at = grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] + 20, at["y"]))
    assert len(shown.tracks()[0]["keyframes"]) == 5, "one key only, without it"


def test_a_dot_of_the_path_takes_the_whole_along(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    (before,) = shown.tracks()
    x, y = centres(before, [disc(), block()])[3]
    shown.drag((x, y), (x + 15, y + 15))
    check(before, shown.tracks()[0], similarity((0, 0), (15, 15)))


def test_two_fingers_turn_and_resize_the_whole(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    (before,) = shown.tracks()
    at = grip(shown)
    x, y = round(at["x"]), round(at["y"])
    shown.fingers().along([(x - 20, y), (x, y - 30)], [(x + 20, y), (x, y + 30)])
    check(before, shown.tracks()[0], similarity((x, y), turn=90, growth=1.5), turn=90, growth=1.5)


def test_escape_in_the_middle_of_it_changes_nothing(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    before, at = shown.tracks(), grip(shown)
    shown.page.focus(".editor")
    shown.press(at["x"], at["y"])
    shown.page.mouse.move(*shown.at(at["x"] + 60, at["y"]), steps=4)
    shown.page.keyboard.press("Escape")
    shown.page.mouse.up()
    shown.settle()
    assert shown.tracks() == before and shown.get("time") == 6 and not shown.get("canUndo && editor.past")


def test_a_locked_motion_stays(stage):
    shown = open_moving(stage, locked=True)
    shown.set(whole=True)
    before, at = shown.tracks(), grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] + 60, at["y"]))
    shown.page.focus(".editor")
    shown.page.keyboard.press("ArrowRight")
    assert shown.tracks() == before
    assert shown.page.is_disabled("[data-field=x]")


def test_a_mask_at_rest_rests_elsewhere(stage):
    shown = stage(track([disc()]))
    shown.set(whole=True)
    at = grip(shown)
    shown.drag((at["x"], at["y"]), (at["x"] + 50, at["y"] + 10))
    (key,) = shown.tracks()[0]["keyframes"]
    assert (key["t"], key["x"], key["y"]) == (0, pytest.approx(50, abs=0.02), pytest.approx(10, abs=0.02))
    assert shown.get("time") == 0, "not the end pose, as with one key"


# By keys and by numbers


def test_arrows_and_numbers_change_all_keys(stage):
    shown = open_moving(stage)
    (before,) = shown.tracks()
    at = grip(shown)
    shown.page.focus(".editor")
    for key in ("w", "ArrowRight", "Shift+ArrowUp"):
        shown.page.keyboard.press(key)
    (nudged,) = shown.tracks()
    check(before, nudged, similarity((0, 0), (1, -10)))
    pivot = (at["x"] + 1, at["y"] - 10)
    for key in ("Alt+Shift+ArrowRight", "Alt+Shift+ArrowUp"):
        shown.page.keyboard.press(key)
    (turned,) = shown.tracks()
    check(nudged, turned, similarity(pivot, turn=15, growth=1.2), turn=15, growth=1.2)
    pose = grip(shown)
    shown.page.fill("[data-field=rotation]", "0")
    shown.page.keyboard.press("Tab")
    shown.page.fill("[data-field=scale]", "80")
    shown.page.keyboard.press("Tab")
    (typed,) = shown.tracks()
    growth = 0.8 / pose["scale"]
    check(turned, typed, similarity(pivot, turn=-pose["rotation"], growth=growth), -pose["rotation"], growth)
    shown.page.fill("[data-field=x]", "25")
    shown.page.keyboard.press("Tab")
    dx = 25 - (pivot[0] - make_shape(disc()).centre[0])
    check(typed, shown.tracks()[0], similarity((0, 0), (dx, 0)))
    assert shown.get("time") == 6 and len(shown.tracks()[0]["keyframes"]) == 4
    for _ in range(7):
        shown.page.evaluate("editor.undo()")
    assert shown.tracks() == [before]


def test_what_goes_too_far_is_said_and_nothing_moves(stage):
    shown = open_moving(stage)
    shown.set(whole=True)
    before = shown.tracks()
    shown.page.fill("[data-field=x]", "99999")
    shown.page.keyboard.press("Tab")
    assert shown.tracks() == before and "too far" in shown.hint()
