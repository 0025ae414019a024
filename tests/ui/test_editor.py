"""The editor in a real browser: its handles, keys, undo, timeline, and the same arithmetic as Python's."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import comogen_demo.ui as ui
from comogen_demo.masks import Keyframe, pose_at, rasterise
from comogen_demo.ui.document import mask_url

YELLOW = (0.2, 0.72)
POSES = (Path(ui.__file__).parent / "editor" / "poses.js").read_text("utf-8")


def test_undo_and_redo_by_keys_and_buttons(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    screen.drag((0.5, 0.7), (0.6, 0.4))
    moved = screen.keyframes()
    screen.page.keyboard.press("Control+z")
    back = screen.keyframes()
    assert back[1]["y"] != moved[1]["y"] and len(back) == 2
    screen.page.click("#editor [data-do=undo]")
    assert len(screen.keyframes()) == 1
    screen.page.keyboard.press("Control+Shift+z")
    screen.page.click("#editor [data-do=redo]")
    assert screen.keyframes() == moved
    assert screen.page.locator("#editor [data-do=redo]").is_disabled()


def test_arrows_nudge_delete_removes_a_key_and_space_plays(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    end = screen.keyframes()[1]
    screen.page.focus("#editor .editor")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        screen.page.keyboard.press(key)
    nudged = screen.keyframes()[1]
    assert nudged["x"] == pytest.approx(end["x"] + 2) and nudged["y"] == pytest.approx(end["y"] - 10)
    screen.page.keyboard.press(" ")
    screen.page.wait_for_selector("#editor .playing")
    clock = screen.page.inner_text("#editor .clock")
    screen.page.wait_for_function(
        "text => document.querySelector('#editor .clock').textContent !== text", arg=clock
    )
    screen.page.keyboard.press(" ")
    screen.page.wait_for_selector("#editor .editor:not(.playing)")
    screen.page.click("#editor .time")
    screen.page.keyboard.press("End")
    screen.page.keyboard.press("Delete")
    assert [k["t"] for k in screen.keyframes()] == [0]


def test_the_two_handles_turn_and_resize(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.6))
    canvas = screen.page.locator("#editor canvas")
    width = canvas.bounding_box()["width"]
    handles = screen.page.evaluate(
        """async ([poses, url, keys, width]) => {
            const {fromRest} = new Function(poses + '; return {fromRest}')();
            const image = new Image(); image.src = url; await image.decode();
            const c = document.createElement('canvas'); c.width = c.height = 512;
            const pen = c.getContext('2d'); pen.drawImage(image, 0, 0);
            const data = pen.getImageData(0, 0, 512, 512).data;
            let n = 0, sx = 0, sy = 0, left = 512, right = 0, top = 512, bottom = 0;
            for (let y = 0; y < 512; y++) for (let x = 0; x < 512; x++) if (data[(y * 512 + x) * 4] > 127) {
                n++; sx += x + .5; sy += y + .5; left = Math.min(left, x); right = Math.max(right, x + 1);
                top = Math.min(top, y); bottom = Math.max(bottom, y + 1); }
            const centre = {x: sx / n, y: sy / n}, gap = 30 * 512 / width, pose = keys[1];
            const share = p => [p.x / 512, p.y / 512];
            return {rotate: share(fromRest({x: (left + right) / 2, y: top - gap}, pose, centre)),
                scale: share(fromRest({x: right + gap / 4, y: bottom + gap / 4}, pose, centre)),
                centre: share(fromRest(centre, pose, centre))}; }""",
        [POSES, screen.draft()["doc"]["tracks"][0]["mask"], screen.keyframes(), width],
    )
    start, middle = np.array(handles["scale"]), np.array(handles["centre"])
    screen.drag(tuple(start), tuple(middle + 1.5 * (start - middle)))
    assert screen.keyframes()[1]["scale"] == pytest.approx(1.5, abs=0.03)
    screen.page.click("#editor [data-do=undo]")
    start = np.array(handles["rotate"])
    dx, dy = start - middle
    screen.drag(tuple(start), (middle[0] - dy, middle[1] + dx))  # a quarter turn clockwise
    key = screen.keyframes()[1]
    assert key["rotation"] == pytest.approx(90, abs=1.5) and key["scale"] == 1


def test_a_press_selects_and_the_same_drag_moves_on(screen):
    """Also without a click first: press on the object, wait for the mask, go on."""
    screen.page.mouse.move(*screen.at(*YELLOW))
    screen.page.mouse.down()
    screen.page.wait_for_selector("#editor .selected")
    screen.page.mouse.move(*screen.at(0.4, 0.7))
    screen.page.mouse.move(*screen.at(0.5, 0.7))
    screen.page.mouse.up()
    keys = screen.keyframes()
    assert len(keys) == 2 and keys[1]["x"] == pytest.approx(0.3 * 512, abs=3)


def test_the_browser_and_python_interpolate_alike(screen):
    rng = np.random.default_rng(5)
    for _ in range(20):
        times = sorted(rng.choice(25, 4, replace=False).tolist())
        keys = [
            Keyframe(t, *rng.uniform(-200, 200, 2), rng.uniform(-400, 400), float(np.exp(rng.normal(0, 0.5))))
            for t in times
        ]
        ours = [vars(pose_at(keys, t)) for t in range(25)]
        theirs = screen.page.evaluate(
            "([poses, keys]) => { const {poseAt} = new Function(poses + '; return {poseAt}')();"
            "return Array.from({length: 25}, (_, t) => poseAt(keys, t)); }",
            [POSES, [vars(k) for k in keys]],
        )
        for own, their in zip(ours, theirs, strict=True):
            for name in ("x", "y", "rotation", "scale"):
                assert their[name] == pytest.approx(own[name], abs=1e-6)


def test_the_browser_and_python_draw_the_same_masks(screen):
    mask = np.zeros((256, 256), np.uint8)
    cv2.ellipse(mask, (90, 110), (40, 22), 20, 0, 360, 1, -1)
    cv2.rectangle(mask, (85, 60), (100, 110), 1, -1)
    mask = mask.astype(bool)
    keys = [Keyframe(0), Keyframe(10, 60, 20, 75, 1.6), Keyframe(24, 80, -30, 200, 0.6)]
    drawn = rasterise(mask, keys, 25)
    rows, columns = np.nonzero(mask)
    script = """async ([poses, url, keys, centre, times]) => {
        const {poseAt, place} = new Function(poses + '; return {poseAt, place}')();
        const image = new Image(); image.src = url; await image.decode();
        return times.map(t => {
            const c = document.createElement('canvas'); c.width = c.height = 256;
            const pen = c.getContext('2d');
            place(pen, poseAt(keys, t), centre);
            pen.drawImage(image, 0, 0);
            const red = pen.getImageData(0, 0, 256, 256).data.filter((_, i) => i % 4 === 0);
            return Array.from(red, v => v > 127 ? 1 : 0).join('');
        }); }"""
    times = [0, 4, 10, 17, 24]
    centre = {"x": columns.mean() + 0.5, "y": rows.mean() + 0.5}
    pictures = screen.page.evaluate(script, [POSES, mask_url(mask), [vars(k) for k in keys], centre, times])
    for t, bits in zip(times, pictures, strict=True):
        theirs = np.frombuffer(bits.encode(), np.uint8).reshape(256, 256) == ord("1")
        overlap = (theirs & drawn[t]).sum() / (theirs | drawn[t]).sum()
        assert overlap >= 0.99, (t, overlap)
