"""The editor in a real browser: its handles, keys, undo, timeline, several objects, and what it makes of older work."""

import numpy as np
import pytest

from tests.ui.test_parity import FOLDER

YELLOW, PURPLE, RED = (0.2, 0.72), (0.35, 0.52), (0.72, 0.44)
SCRIPTS = "\n".join(
    (FOLDER / f"{name}.js").read_text("utf-8") for name in ("shape", "motion", "raster", "handles")
)
HANDLES = """async ([scripts, track, time, unit]) => {
  const kit = new Function(scripts + '; return {loadPicture, shapeBits, makeShape, momentAt, gripOf, handlesOf}')();
  const shapes = [];
  for (const url of track.shapes) {
    const picture = await kit.loadPicture(url);
    shapes.push(kit.makeShape(kit.shapeBits(picture), picture.naturalWidth, picture.naturalHeight));
  }
  const [{width, height}] = shapes, share = p => [p.x / width, p.y / height];
  const editor = {time, width, height, unit: unit * width, shapes: () => shapes,
    moment: (one, t) => kit.momentAt(one, shapes, t)};
  const grip = kit.gripOf(editor, track), {rotate, scale} = kit.handlesOf(editor, grip);
  return {rotate: share(rotate), scale: share(scale), centre: share(grip)}; }"""


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
    screen.page.wait_for_selector("#editor [data-do=redo]:disabled")


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
    unit = 1 / screen.page.locator("#editor canvas").first.bounding_box()["width"]
    handles = screen.page.evaluate(HANDLES, [SCRIPTS, screen.tracks()[0], 24, unit])
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


def test_every_object_gets_a_track_of_its_own_and_undo_takes_them_back_one_by_one(screen):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.85))
    screen.select(*RED)
    tracks = screen.tracks()
    assert [t["name"] for t in tracks] == ["the yellow cylinder", "the red sphere"]
    assert len({t["colour"] for t in tracks}) == 2 and len({t["id"] for t in tracks}) == 2
    assert tracks[1]["keyframes"] == [dict(tracks[1]["keyframes"][0], t=0, x=0, y=0, rotation=0, scale=1)]
    screen.drag(RED, (0.8, 0.3))
    assert len(screen.keyframes(1)) == 2 and screen.keyframes(0) == tracks[0]["keyframes"]
    screen.page.focus("#editor .editor")
    seen = []
    for _ in range(4):
        screen.page.keyboard.press("Control+z")
        seen.append([len(t["keyframes"]) for t in screen.tracks()])
    assert seen == [[2, 1], [2], [1], []]
    screen.wait_hint("Click the object")
    for _ in range(4):
        screen.page.keyboard.press("Control+Shift+z")
    assert [len(t["keyframes"]) for t in screen.tracks()] == [2, 2]


def test_an_older_draft_is_taken_over(screen, other_desk):
    """As version 1 kept it: in localStorage, one mask a track."""
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    draft = screen.draft()
    (track,) = draft["doc"]["tracks"]
    old_keys = [
        {name: key[name] for name in ("t", "x", "y", "rotation", "scale")} for key in track["keyframes"]
    ]
    old_track = {name: track[name] for name in ("id", "name", "colour")}
    old_track |= {"mask": track["shapes"][0], "keyframes": old_keys}
    old = draft["doc"] | {"version": 1, "tracks": [old_track], "prompt": "it was so before"}
    page = other_desk
    page.goto(screen.url + "/favicon.ico")  # the same storage, but nothing of the page
    page.evaluate(
        """([id, doc, url]) => {
            const keep = (key, value) => localStorage.setItem('comogen:' + key + ':' + id, JSON.stringify(value));
            keep('image', {id: doc.image, data: url});
            keep('work', {doc, job: '', result: '', saved: Date.now()}); }""",
        ["0123abcd", old, image_url(screen)],
    )
    later = type(screen)(page, screen.url, wait=False)
    later.page.wait_for_selector("#editor .selected")
    later.wait_prompt("it was so before")
    kept = later.draft()["doc"]
    assert kept["version"] == 2 and kept["tracks"] == draft["doc"]["tracks"]
    assert later.page.evaluate("Object.keys(localStorage).filter(key => key.endsWith('0123abcd'))") == []
    assert later.errors == []


def image_url(screen) -> str:
    """The first frame as the browser keeps it."""
    return screen.page.evaluate(
        """() => new Promise((is, no) => {
            const open = indexedDB.open('comogen');
            open.onerror = no;
            open.onsuccess = () => {
                const id = sessionStorage.getItem('comogen:tab');
                const get = open.result.transaction('image').objectStore('image').get(id);
                get.onsuccess = () => { open.result.close(); is(get.result.data); };
            }; })"""
    )


def test_fifty_steps_are_undone_and_redone(screen):
    screen.select(*YELLOW)
    before = screen.draft()["doc"]["tracks"]
    screen.page.focus("#editor .editor")
    for step in range(50):
        screen.page.keyboard.press(("ArrowRight", "Shift+ArrowUp", "ArrowDown")[step % 3])
    after = screen.draft()["doc"]["tracks"]
    last = after[0]["keyframes"][-1]
    assert (last["x"], last["y"]) == (17, 16 - 170)
    for _ in range(50):
        screen.page.keyboard.press("Control+z")
    assert screen.draft()["doc"]["tracks"] == before
    for _ in range(50):
        screen.page.keyboard.press("Control+y")
    assert screen.draft()["doc"]["tracks"] == after
    assert screen.page.locator("#editor [data-do=redo]").is_disabled()
