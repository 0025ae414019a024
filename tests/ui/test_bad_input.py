"""Whatever is wrong, the page says it in one sentence and goes on."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from comogen_demo.ui import document, frames
from comogen_demo.ui.gallery import example
from comogen_demo.ui.selecting import Selecting
from tests.ui.conftest import Server
from tests.ui.fake import FakeEngine
from tests.ui.screen import Screen

YELLOW = (0.2, 0.72)


def upload(screen, name, data):
    screen.page.click("button[role=tab]:has-text('Upload')")
    clear = screen.page.locator(
        "#upload button[aria-label='Remove this file'], #upload button[aria-label='Clear']"
    )
    if clear.count():
        clear.first.click()
    screen.page.set_input_files(
        "#upload input[type=file]", {"name": name, "mimeType": "image/png", "buffer": data}
    )


def png(height, width):
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("letter.png", b"Dear sir or madam", "not a picture"),
        ("broken.png", png(64, 64)[:90], "damaged"),
        ("huge.png", png(9000, 9000), "megapixels"),
    ],
    ids=["text", "truncated", "huge"],
)
def test_an_upload_that_is_no_picture(screen, name, data, part):
    screen.select(0.2, 0.72)
    screen.drag((0.2, 0.72), (0.5, 0.7))
    screen.wait_prompt("the yellow cylinder slides to the right")
    screen.page.wait_for_timeout(300)
    work = screen.draft()["doc"]
    assert work["prompt"].endswith("right")
    upload(screen, name, data)
    screen.page.wait_for_selector("#crop .notice")
    assert part in screen.page.inner_text("#crop .notice")
    assert screen.draft()["doc"] == work  # nothing that was made is lost


def test_an_upload_of_any_shape_is_fitted_and_the_crop_is_shown(screen, server):
    picture = np.full((120, 300, 3), 180, np.uint8)
    picture[40:80, 130:170] = (200, 30, 30)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", lossless=True)
    upload(screen, "wide.webp", file.getvalue())
    screen.page.wait_for_selector("#crop .crop-picture img")
    assert "120 x 120 of 300 x 120" in screen.page.inner_text("#crop")
    assert "only ever seen" in screen.page.inner_text("#sources")
    screen.wait_hint("Click the object")
    screen.select(0.5, 0.5)
    screen.drag((0.5, 0.5), (0.2, 0.5))
    screen.wait_prompt("the red object slides to the left")
    screen.generate()
    screen.wait_videos(2)
    assert server.engine.seen[-1][0].shape == (256, 256, 3)


def test_a_click_beside_all_objects(screen):
    screen.page.mouse.click(*screen.at(0.85, 0.1))
    screen.wait_hint("There is no object here")
    assert screen.keyframes() == []


def test_a_forged_pick_is_told(server):
    """What only a program can send: an answer in words, and no traceback."""
    selecting = Selecting(server.studio)
    page = SimpleNamespace(session_hash="forger")
    frame = frames.from_example(server.studio.sessions.get("forger"), 0)
    empty = document.empty(25)
    forged = [
        {"points": [{"x": "left", "y": 3}]},
        {"points": [{"y": 3}]},
        {"points": ["here"]},
        {"points": 7},
        {"points": [{"x": float("nan"), "y": 3}]},
        {"points": [{"x": -5, "y": 3}]},
        {"points": [{"x": 5, "y": 3}] * 65},
        {"box": [1, 2, 3]},
        {"box": [1, 2, 3, float("inf")]},
        {"box": [600, 2, 700, 90]},
        {"box": "around"},
        {},
    ]
    for data in forged:
        event = SimpleNamespace(_data={"image": frame.id, **data})
        answer = selecting.pick(event, empty, page)["picked"]
        assert answer["error"].endswith(".") and "mask" not in answer, data
    assert "missing" in selecting.pick(SimpleNamespace(_data={"image": "../x"}), empty, page)


def test_a_click_that_takes_all_away_is_refused(server):
    selecting = Selecting(server.studio)
    page = SimpleNamespace(session_hash="refiner")
    _, _, masks = example(0)
    frame = frames.from_example(server.studio.sessions.get("refiner"), 0)
    shape = document.mask_url(masks[0])
    value = {**document.empty(25), "tracks": [{"id": "7", "shapes": [shape], "keyframes": []}]}
    rows, columns = np.nonzero(masks[0])
    point = {"x": float(columns.mean()), "y": float(rows.mean()), "positive": False}
    event = SimpleNamespace(_data={"image": frame.id, "points": [point], "track": "7", "turn": "12"})
    answer = selecting.pick(event, value, page)["picked"]
    assert "would be left" in answer["error"] and (answer["track"], answer["turn"]) == ("7", "12")


def test_generate_without_an_object_or_a_way(screen):
    screen.generate()
    assert "No object is selected" in screen.notice()
    screen.select(*YELLOW)
    screen.generate()
    screen.page.wait_for_selector("#progress .notice:has-text('no way to go')")
    assert len(screen.keyframes()) == 1


def test_an_empty_seed(screen, server):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    screen.page.fill("#seed input", "")
    screen.page.keyboard.press("Tab")
    screen.generate()
    assert "seed is empty" in screen.notice()
    assert len(screen.keyframes()) == 2


def test_a_damaged_draft_opens_an_example_instead(screen):
    screen.draft()
    screen.page.evaluate(
        """async () => {
            const done = request => new Promise(is => { request.onsuccess = () => is(request.result); });
            const store = await done(indexedDB.open('comogen')), id = sessionStorage.getItem('comogen:tab');
            const images = store.transaction('image', 'readwrite').objectStore('image');
            const kept = await done(images.get(id));
            kept.data = kept.data.slice(0, 200);
            await done(images.put(kept, id));
            store.close(); }"""
    )
    screen.reload()
    screen.wait_hint("Click the object")
    screen.select(*YELLOW)


def test_a_missing_checkpoint_is_told_and_the_page_works(desk):
    sentence = "There is no model at checkpoints/mini: get it from the repository."
    server = Server(FakeEngine(broken=sentence))
    server.studio.warm_up()
    try:
        screen = Screen(desk, server.url)
        screen.page.wait_for_selector("#sign .sign-note")
        assert screen.page.inner_text("#sign .sign-note") == sentence
        screen.select(*YELLOW)
        screen.drag(YELLOW, (0.5, 0.7))
        screen.generate()
        assert screen.notice() == sentence
        assert len(screen.keyframes()) == 2 and screen.page.locator("#generate").is_visible()
        server.engine.broken = ""  # the checkpoint was put in place: no restart needed
        screen.page.wait_for_timeout(
            2000
        )  # until the first press is over; before, a second one is no more than a double click
        screen.generate()
        screen.wait_videos(2)
    finally:
        server.close()
