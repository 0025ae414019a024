"""The tools on the canvas, in a real browser: what each paints pixel by pixel, and how masks are taken hold of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.ui.stage import Stage, png_url, stages, track, windows

HEIGHT, WIDTH = 240, 320
LAST = 24
# Every place of the pointer on the canvas while it is pressed, in frame pixels, as the page gets it.
RECORD = """() => { window.places = []; const canvas = document.querySelector('canvas');
    const note = event => { const box = canvas.getBoundingClientRect();
        const all = event.type === 'pointermove' ? event.getCoalescedEvents() : [event];
        for (const e of all) places.push([(e.clientX - box.left) / box.width * editor.width,
            (e.clientY - box.top) / box.height * editor.height]); };
    canvas.addEventListener('pointerdown', note, true);
    canvas.addEventListener('pointermove', event => event.buttons && note(event), true); }"""


def picture() -> np.ndarray:
    frame = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    frame[:, ::20] = 150
    return cv2.circle(frame, (80, 120), 30, (220, 60, 50), -1)


def disc(x: int = 80, y: int = 120, radius: int = 30) -> np.ndarray:
    return cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (x, y), radius, 1, -1).astype(bool)


def bar() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[100:124, 60:120] = True
    return mask


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[BrowserContext]:
    with windows(browser, has_touch=True) as window:
        yield window


@pytest.fixture
def stage(window: BrowserContext) -> Iterator[Callable[..., Stage]]:
    with stages(window, picture()) as open_stage:
        yield open_stage


# What the tools must paint, said once more in numpy: pixel centres against the lines of the pointer.


def centres() -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return x, y


def stroke(places: list[list[float]], radius: float) -> np.ndarray:
    x, y = centres()
    painted = np.zeros((HEIGHT, WIDTH), bool)
    for (ax, ay), (bx, by) in zip(places[:1] + places, places, strict=False):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        u = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length or 1), 0, 1)
        painted |= np.hypot(x - ax - u * (bx - ax), y - ay - u * (by - ay)) <= radius
    return painted


def inside(places: list[list[float]]) -> np.ndarray:
    """Even-odd: an odd number of edges to the right of the pixel's centre."""
    x, y = centres()
    odd = np.zeros((HEIGHT, WIDTH), bool)
    for (ax, ay), (bx, by) in zip(places, places[1:] + places[:1], strict=True):
        if ay != by:
            odd ^= ((ay <= y) != (by <= y)) & (ax + (y - ay) / (by - ay) * (bx - ax) > x)
    return odd


# Painting


def test_the_brush_paints_a_new_object_and_then_adds_to_it(stage):
    shown = stage()
    shown.set(tool="brush", brush=9)
    shown.page.evaluate(RECORD)
    shown.drag((60, 60), (180, 90), (170, 190), steps=7)
    first = stroke(shown.page.evaluate("places.splice(0)"), 9)
    assert np.array_equal(shown.mask(), first) and first.sum() > 3000
    assert shown.get("trackId") == shown.tracks()[0]["id"]
    shown.drag((250, 40), (252, 44), steps=1)
    second = stroke(shown.page.evaluate("places"), 9)
    assert np.array_equal(shown.mask(), first | second)
    assert len(shown.tracks()) == 1 and len(shown.tracks()[0]["shapes"]) == 1


def test_the_eraser_takes_away_and_never_the_last_of_a_mask(stage):
    shown = stage(track([disc()], {"t": 0}, name="ball"))
    shown.set(tool="eraser", brush=8)
    shown.page.evaluate(RECORD)
    shown.drag((40, 120), (130, 110))
    left = disc() & ~stroke(shown.page.evaluate("places"), 8)
    assert np.array_equal(shown.mask(), left) and 0 < left.sum() < disc().sum()
    before = shown.tracks()
    shown.set(brush=60)
    shown.drag((40, 120), (120, 120))
    assert shown.tracks() == before
    assert "nothing" in shown.hint()


def test_alt_and_the_toggle_turn_the_brush_round(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.set(tool="brush", brush=10)
    shown.page.evaluate(RECORD)
    shown.drag((70, 120), (90, 120), keys="Alt")
    left = disc() & ~stroke(shown.page.evaluate("places.splice(0)"), 10)
    assert np.array_equal(shown.mask(), left)
    shown.set(negative=True)
    shown.drag((80, 100), (80, 95))
    assert np.array_equal(shown.mask(), left & ~stroke(shown.page.evaluate("places"), 10))


def test_the_lasso_adds_what_it_surrounds_and_takes_away_with_alt(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.set(tool="lasso")
    shown.page.evaluate(RECORD)
    shown.drag((150, 60), (260, 70), (190, 150), (240, 180), (160, 170), steps=6)
    added = disc() | inside(shown.page.evaluate("places.splice(0)"))
    assert np.array_equal(shown.mask(), added) and added.sum() > disc().sum() + 3000
    shown.drag((200, 50), (290, 60), (200, 120), keys="Alt")
    taken = inside(shown.page.evaluate("places"))
    assert np.array_equal(shown.mask(), added & ~taken) and (added & taken).sum() > 100


@pytest.mark.parametrize("closing", ["Enter", "double click", "first corner"])
def test_a_polygon_closes_by_each_way(stage, closing):
    shown = stage()
    shown.set(tool="polygon")
    shown.page.evaluate(RECORD)
    corners = [(100.0, 60.0), (220.0, 80.0), (180.0, 190.0), (130.0, 120.0)]
    for corner in corners[:3]:
        shown.click(*corner)
    if closing == "double click":
        shown.page.mouse.dblclick(*shown.at(*corners[3]))
    else:
        shown.click(*corners[3])
        assert shown.tracks() == []
        if closing == "Enter":
            shown.page.keyboard.press("Enter")
        else:
            shown.click(*corners[0])
    shown.settle()
    assert np.array_equal(shown.mask(), inside(shown.page.evaluate("places")[:4]))


def test_a_polygon_takes_its_last_corner_back_and_can_be_dropped(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.set(tool="polygon", negative=True)
    shown.page.evaluate(RECORD)
    for corner in [(60, 100), (100, 100), (300, 200), (100, 140)]:
        shown.click(*corner)
        if corner == (300, 200):
            shown.page.keyboard.press("Backspace")
    shown.page.keyboard.press("Enter")
    places = shown.page.evaluate("places.splice(0)")
    left = disc() & ~inside([places[0], places[1], places[3]])
    assert np.array_equal(shown.mask(), left) and left.sum() < disc().sum()
    for corner in [(60, 100), (100, 100), (90, 160)]:
        shown.click(*corner)
    shown.page.keyboard.press("Escape")
    shown.page.keyboard.press("Enter")
    assert np.array_equal(shown.mask(), left)
    assert shown.get("live") is None


def test_another_tool_lets_go_of_a_polygon(stage):
    shown = stage(track([disc()], {"t": 0}))
    before = shown.tracks()
    shown.set(tool="polygon")
    for corner in [(160, 100), (200, 100), (180, 140)]:
        shown.click(*corner)
    shown.set(tool="lasso")
    shown.settle()
    shown.page.keyboard.press("Enter")
    assert shown.get("live") is None and shown.tracks() == before


def test_the_box_asks_for_a_mask_and_takes_away_with_the_toggle(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.set(tool="box")
    shown.drag((140, 150), (60, 90))
    (asked,) = shown.sent("pick")
    assert asked["box"] == pytest.approx([60, 90, 140, 150], abs=1) and asked["track"] == ""
    shown.page.evaluate(RECORD)
    shown.set(negative=True)
    shown.drag((60, 110), (400, 130))
    x, y = np.array(shown.page.evaluate("places")).T
    cx, cy = centres()
    rectangle = (cx >= x[0]) & (cy >= y[0]) & (cx < min(x[-1], WIDTH)) & (cy < y[-1])
    assert np.array_equal(shown.mask(), disc() & ~rectangle) and (disc() & rectangle).any()
    assert len(shown.sent("pick")) == 1


def test_a_pen_that_presses_less_paints_a_thinner_line(stage):
    shown = stage()
    shown.set(tool="brush", brush=20)
    x, y = shown.at(160, 120)
    shown.page.evaluate(
        """([x, y]) => { const canvas = document.querySelector('canvas');
        for (const type of ['pointerdown', 'pointerup']) canvas.dispatchEvent(new PointerEvent(type,
            {pointerId: 7, pointerType: 'pen', pressure: 0.2, clientX: x, clientY: y, isPrimary: true})); }""",
        [x, y],
    )
    radius = np.sqrt(shown.mask().sum() / np.pi)
    assert radius == pytest.approx(20 * (0.25 + 0.75 * 0.2), abs=0.4)


def test_the_wheel_changes_the_brush(stage):
    shown = stage()
    shown.set(tool="brush", brush=10)
    shown.page.mouse.move(*shown.at(100, 100))
    shown.page.mouse.wheel(0, -100)
    shown.page.wait_for_function("editor.brush > 10")
    for _ in range(4):
        shown.page.mouse.wheel(0, 100)
    shown.page.wait_for_function("editor.brush < 8")


# Painting in time


def test_painting_a_moved_mask_gives_its_keyframe_a_drawing_of_its_own(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": LAST, "x": 120, "y": 20}))
    shown.set(tool="brush", brush=12, time=LAST)
    shown.page.evaluate(RECORD)
    shown.drag((200, 100), (200, 60))
    (made,) = shown.tracks()
    assert [key["shape"] for key in made["keyframes"]] == [0, 1]
    key = made["keyframes"][1]
    assert (key["t"], key["x"], key["y"], key["rotation"], key["scale"]) == (LAST, 0, 0, 0, 1)
    assert np.array_equal(shown.mask(shape=0), disc())
    assert np.array_equal(shown.mask(shape=1), disc(200, 140) | stroke(shown.page.evaluate("places"), 12))
    between = shown.page.evaluate("editor.moment(editor.track(), 12).kind")
    assert between == "redrawn"


def test_painting_where_the_mask_rests_changes_the_drawing_for_all_keyframes(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": 12}, {"t": LAST, "x": 100}))
    shown.set(tool="brush", brush=6, time=12)
    shown.page.evaluate(RECORD)
    shown.drag((80, 80), (80, 70))
    (made,) = shown.tracks()
    assert [key["shape"] for key in made["keyframes"]] == [0, 0, 0]
    assert [key["x"] for key in made["keyframes"]] == [0, 0, 100]
    assert np.array_equal(shown.mask(), disc() | stroke(shown.page.evaluate("places"), 6))


DRAWN = """t => { const track = editor.track(), shapes = editor.shapes(track);
    const {left, top, wide, high, alpha} = rasterMoment(momentOf(t), shapes, editor.width, editor.height);
    return {left, top, wide, high, alpha: Array.from(alpha)}; }""".replace(
    "momentOf(t)", "editor.moment(track, t)"
)


def drawn(shown: Stage, t: int) -> np.ndarray:
    """The selected track's mask at frame t, as the page draws it."""
    made = shown.page.evaluate(DRAWN, t)
    left, top, wide, high = (made[name] for name in ("left", "top", "wide", "high"))
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + high, left : left + wide] = np.array(made["alpha"]).reshape(high, wide) > 0
    return mask


@pytest.mark.parametrize("first", [{}, {"x": 30, "y": -20, "rotation": 20}])
def test_what_is_left_after_erasing_stays_where_it_was_at_turned_keyframes(stage, first):
    """Erasing moves the centre that a mask is turned about; its keyframes make up for that."""
    shown = stage(
        track([bar()], {"t": 0, **first}, {"t": LAST, "x": 90, "y": 10, "rotation": 70, "scale": 1.4})
    )
    before, start = drawn(shown, LAST), drawn(shown, 0)
    shown.set(tool="lasso", negative=True)
    middle = np.argwhere(start).mean(0)[1]
    shown.drag((middle, 20), (310, 20), (310, 230), (middle, 230))  # the right half
    left, after = drawn(shown, 0), drawn(shown, LAST)
    assert 0.3 < left.sum() / start.sum() < 0.7
    assert (after & ~before).sum() < 0.03 * after.sum()
    assert after.sum() == pytest.approx(1.4**2 * left.sum(), rel=0.05)
    assert len(shown.tracks()[0]["shapes"]) == 1


# Taking hold of masks


def keys(shown: Stage) -> list[dict[str, Any]]:
    return shown.tracks()[0]["keyframes"]


def test_a_drag_at_the_first_frame_sets_the_end_and_shift_keeps_to_one_axis(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.drag((80, 120), (180, 100))
    assert keys(shown)[1]["t"] == LAST and shown.get("time") == LAST and shown.get("keyT") == LAST
    assert (keys(shown)[1]["x"], keys(shown)[1]["y"]) == pytest.approx((100, -20), abs=0.5)
    shown.drag((180, 100), (240, 130), keys="Shift")
    assert (keys(shown)[1]["x"], keys(shown)[1]["y"]) == pytest.approx((160, -20), abs=0.7)
    assert shown.sent("pick") == []


def handles(shown: Stage) -> dict[str, tuple[float, float]]:
    found = shown.page.evaluate("handlesOf(editor, gripOf(editor, editor.track()))")
    return {name: (place["x"], place["y"]) for name, place in found.items()}


def test_the_handles_turn_and_resize_and_shift_snaps(stage):
    shown = stage(track([disc(160, 120)], {"t": 0}))
    shown.set(time=LAST)
    centre = np.array([160.5, 120.5])
    start = np.array(handles(shown)["scale"])
    shown.drag(tuple(start), tuple(centre + 1.5 * (start - centre)))
    assert keys(shown)[1]["scale"] == pytest.approx(1.5, abs=0.01)
    dx, dy = np.array(handles(shown)["rotate"]) - centre
    shown.drag((160.5 + dx, 120.5 + dy), (160.5 - dy, 120.5 + dx))
    assert keys(shown)[1]["rotation"] == pytest.approx(90, abs=1)
    start = handles(shown)["rotate"]
    shown.drag(start, (start[0] + 4, start[1] + 18), keys="Shift")
    assert keys(shown)[1]["rotation"] % 15 == 0 and keys(shown)[1]["rotation"] != 90


def test_handles_out_of_sight_are_at_another_side(stage):
    shown = stage(track([disc(290, 24, 26)], {"t": 0}))
    for x, y in handles(shown).values():
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT


def test_a_dot_on_the_path_moves_its_keyframe(stage):
    shown = stage(track([disc(60, 60, 12)], {"t": 0}, {"t": 12, "x": 100, "y": 100}, {"t": LAST, "x": 200}))
    shown.set(time=LAST)
    shown.drag((160.5, 160.5), (180.5, 130.5))
    assert keys(shown)[1]["x"] == pytest.approx(120, abs=0.5)
    assert keys(shown)[1]["y"] == pytest.approx(70, abs=0.5)
    assert (keys(shown)[0]["x"], keys(shown)[2]["x"]) == (0, 200)
    assert shown.get("time") == 12 and shown.get("keyT") == 12


def test_dragging_between_two_drawings_makes_what_is_seen_a_third(stage):
    shown = stage(
        track([disc(80, 120), disc(220, 120, 20)], {"t": 0}, {"t": LAST, "shape": 1}),
    )
    shown.set(time=12)
    seen = drawn(shown, 12)
    shown.drag((150, 120), (150, 80))
    assert [key["shape"] for key in keys(shown)] == [0, 1, 2] or [key["shape"] for key in keys(shown)] == [
        0,
        2,
        1,
    ]
    moved = drawn(shown, 12)
    down = np.roll(moved, 40, 0)
    assert (down & seen).sum() / (down | seen).sum() > 0.97


def test_locked_and_hidden_tracks_are_out_of_reach(stage):
    shown = stage(
        track([disc()], {"t": 0}, locked=True, name="ball"), track([disc(200)], {"t": 0}, visible=False)
    )
    before = shown.tracks()
    shown.drag((80, 120), (140, 120))
    assert "locked" in shown.hint()
    for tool in ("brush", "eraser"):
        shown.set(tool=tool)
        shown.drag((80, 120), (140, 120))
    shown.set(tool="select")
    assert shown.tracks() == before and shown.sent("pick") == []
    shown.click(200, 120)  # there is nothing to be seen
    assert len(shown.sent("pick")) == 1


def test_a_press_on_another_object_selects_and_drags_it(stage):
    shown = stage(track([disc()], {"t": 0}), track([disc(200)], {"t": 0}))
    shown.set(time=LAST)
    shown.drag((200, 120), (240, 160))
    first, second = shown.tracks()
    assert shown.get("trackId") == second["id"]
    assert len(first["keyframes"]) == 1
    assert second["keyframes"][1]["x"] == pytest.approx(40, abs=0.5)


def test_clicks_ask_for_masks_and_refine_them(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": LAST, "x": 100}))
    one = shown.get("trackId")
    shown.click(250, 40)
    shown.page.keyboard.down("Shift")
    shown.click(80, 160)
    shown.page.keyboard.up("Shift")
    shown.click(70, 110, button="right")
    shown.page.keyboard.down("Alt")
    shown.click(80, 115)
    shown.page.keyboard.up("Alt")
    shown.set(time=LAST)
    shown.click(190, 120, button="right")  # on the moved mask: its place in the first frame is meant
    asked = [(a["track"], a["points"][0]["positive"]) for a in shown.sent("pick")]
    assert asked == [("", True), (one, True), (one, False), (one, False), (one, False)]
    point = shown.sent("pick")[-1]["points"][0]
    assert (point["x"], point["y"]) == pytest.approx((90, 120), abs=1)
    assert shown.get("time") == 0
    assert len(keys(shown)) == 2


def test_the_context_menu_stays_away(stage):
    shown = stage()
    prevented = shown.page.evaluate(
        "() => !document.querySelector('canvas').dispatchEvent(new MouseEvent('contextmenu', {cancelable: true}))"
    )
    assert prevented


def test_a_press_that_selects_goes_on_as_a_drag(stage):
    shown = stage()
    shown.press(80, 120)
    (asked,) = shown.sent("pick")
    answer = {"image": "one", "turn": asked["turn"], "track": "", "mask": png_url(disc()), "name": "ball"}
    shown.page.evaluate("picked => give('picked', picked)", answer)
    shown.page.wait_for_function("editor.track() && editor.shapes(editor.track()).every(Boolean)")
    shown.page.mouse.move(*shown.at(120, 120))
    shown.page.mouse.move(*shown.at(180, 90), steps=3)
    shown.page.mouse.up()
    assert (keys(shown)[1]["x"], keys(shown)[1]["y"]) == pytest.approx((100, -30), abs=0.5)


def test_escape_and_a_cancelled_pointer_leave_all_as_it_was(stage):
    shown = stage(track([disc()], {"t": 0}, {"t": LAST, "x": 100}))
    before = shown.tracks()
    shown.press(80, 120)
    shown.page.mouse.move(*shown.at(120, 150), steps=3)
    assert shown.get("shown.tracks[0].keyframes[1].x") != 100
    shown.page.keyboard.press("Escape")
    shown.page.mouse.up()
    assert shown.tracks() == before and shown.get("time") == 0
    assert shown.get("shown === editor.doc")
    fingers = shown.fingers()
    fingers.send("Start", (80, 120))
    fingers.send("Move", (120, 150))
    fingers.send("Cancel")
    shown.settle()
    assert shown.tracks() == before and shown.get("shown === editor.doc")
    shown.set(tool="brush")
    fingers.send("Start", (80, 120))
    fingers.send("Move", (180, 150))
    fingers.send("Cancel")
    shown.settle()
    assert shown.tracks() == before and shown.get("live") is None


# Fingers


def test_a_finger_taps_drags_and_paints(stage):
    shown = stage(track([disc()], {"t": 0}))
    shown.page.touchscreen.tap(*shown.at(250, 60))
    assert len(shown.sent("pick")) == 1
    fingers = shown.fingers()
    fingers.along([(114, 120), (200, 90)])  # a little beside it: fingers are thick
    assert (keys(shown)[1]["x"], keys(shown)[1]["y"]) == pytest.approx((86, -30), abs=1.5)
    shown.set(negative=True)
    shown.page.touchscreen.tap(*shown.at(166, 90))
    assert shown.sent("pick")[-1]["points"][0]["positive"] is False
    shown.set(negative=False, time=0, tool="brush", brush=10)
    fingers.along([(80, 60), (120, 60)])
    assert shown.mask()[60, 80:120].all()


def test_two_fingers_turn_and_resize(stage):
    shown = stage(track([disc(160, 120)], {"t": 0}))
    shown.set(time=LAST)
    fingers = shown.fingers()
    fingers.along([(140, 120), (160, 80)], [(180, 120), (160, 160)])  # a quarter turn, twice as far apart
    key = keys(shown)[1]
    assert key["scale"] == pytest.approx(2, abs=0.05)
    assert key["rotation"] == pytest.approx(90, abs=1)
    assert (key["x"], key["y"]) == pytest.approx((-1.5, 0.5), abs=0.3)  # about the fingers, not the centre
    assert len(shown.tracks()) == 1 and shown.sent("pick") == []


# Undo


def brush_on(shown: Stage) -> None:
    shown.set(tool="brush")
    shown.drag((60, 60), (90, 60))


def eraser_on(shown: Stage) -> None:
    shown.set(tool="eraser")
    shown.drag((60, 100), (90, 100))


def lasso_on(shown: Stage) -> None:
    shown.set(tool="lasso")
    shown.drag((150, 60), (250, 60), (200, 140))


def polygon_on(shown: Stage) -> None:
    shown.set(tool="polygon")
    for corner in [(150, 60), (250, 60), (200, 140)]:
        shown.click(*corner)
    shown.page.keyboard.press("Enter")


def box_on(shown: Stage) -> None:
    shown.set(tool="box", negative=True)
    shown.drag((60, 60), (90, 130))


def redraw_on(shown: Stage) -> None:
    shown.set(tool="brush", time=LAST)
    shown.drag((180, 60), (190, 60))


def move_on(shown: Stage) -> None:
    shown.drag((80, 120), (120, 160))


def turn_on(shown: Stage) -> None:
    x, y = handles(shown)["rotate"]
    shown.drag((x, y), (x + 40, y + 20))


def dot_on(shown: Stage) -> None:
    shown.drag((180, 120), (200, 160))


@pytest.mark.parametrize(
    "do", [brush_on, eraser_on, lasso_on, polygon_on, box_on, redraw_on, move_on, turn_on, dot_on]
)
def test_one_step_back_undoes_each(stage, do):
    shown = stage(track([disc()], {"t": 0}, {"t": LAST, "x": 100}))
    before = shown.tracks()
    do(shown)
    after = shown.tracks()
    assert after != before
    shown.page.evaluate("editor.undo()")
    assert shown.tracks() == before
    shown.page.evaluate("editor.redo()")
    assert shown.tracks() == after
