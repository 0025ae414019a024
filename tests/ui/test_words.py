"""Selecting by words: what is found, chosen and added; and what a model answers in its turn among all heavy work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page

from comogen_demo.errors import UserError
from comogen_demo.selection.interface import Found
from comogen_demo.ui import document, frames
from comogen_demo.ui.gallery import example
from comogen_demo.ui.handlers import FIRST_EXAMPLE
from comogen_demo.ui.prompts import known_name
from comogen_demo.ui.selecting import Selecting, candidates, outlined, phrases
from comogen_demo.ui.studio import Studio
from tests.ui.conftest import Server
from tests.ui.fake import FakeEngine, FakeModels
from tests.ui.screen import Screen
from tests.ui.stage import read_mask

_, PIXELS, MASKS = example(FIRST_EXAMPLE)
HEIGHT, WIDTH = PIXELS.shape[:2]
NAMES = {"yellow cylinder": (0.2, 0.72), "purple": (0.35, 0.52), "red sphere": (0.72, 0.44)}
CHOSEN = "() => [...document.querySelectorAll('.found-one')].map(row => row.getAttribute('aria-checked') === 'true')"


def truth(name: str) -> np.ndarray:
    """The object at a name's place, bool (H, W)."""
    x, y = NAMES[name]
    return next(mask for mask in MASKS if mask[round(y * HEIGHT), round(x * WIDTH)])


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    """In shares of the frame."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, right = columns[0] / WIDTH, (columns[-1] + 1) / WIDTH
    return float(left), float(rows[0] / HEIGHT), float(right), float((rows[-1] + 1) / HEIGHT)


BOXES = {name: box_of(truth(name)) for name in NAMES}
KNOWS = {
    "yellow cylinder": [(BOXES["yellow cylinder"], 0.9), (BOXES["purple"], 0.3)],
    "red sphere": [(BOXES["red sphere"], 0.4)],
    "thing": [(BOXES["red sphere"], 0.8), (BOXES["yellow cylinder"], 0.7), (BOXES["purple"], 0.6)],
    "corner": [((0.0, 0.0, 0.02, 0.02), 0.9)],
}


@pytest.fixture(scope="module")
def models() -> FakeModels:
    return FakeModels(KNOWS)


@pytest.fixture(scope="module")
def wordy(models: FakeModels) -> Iterator[Server]:
    running = Server(FakeEngine(), models)
    running.studio.warm_up().wait(60)
    yield running
    running.close()


@pytest.fixture
def page(desk: Page, wordy: Server, models: FakeModels) -> Iterator[Page]:
    models.weights, models.pause = False, 0.0
    screen = Screen(desk, wordy.url)
    screen.page.screen = screen  # what a person does with it
    yield screen.page
    assert screen.errors == []
    assert screen.foreign_hosts() == set()


def search(page: Page, words: str) -> None:
    page.fill("#editor .words", words)
    page.click("#editor [data-do=find]")


def note(page: Page, begin: str) -> str:
    page.wait_for_function(
        "text => document.querySelector('#editor .find-note').textContent.startsWith(text)", arg=begin
    )
    return page.inner_text("#editor .find-note")


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


# In the browser


def test_words_become_boxes_and_those_become_tracks_in_one_step(page):
    search(page, "yellow cylinder, red sphere")
    assert note(page, "3 things found")
    rows = page.locator(".found-one")
    assert rows.all_inner_texts() == [
        "1\nyellow cylinder\n90 %", "2\nyellow cylinder\n30 %", "3\nred sphere\n40 %"
    ]  # fmt: skip
    assert page.evaluate(CHOSEN) == [True, False, True], "the best of each, and what is sure"
    rows.nth(0).click()
    page.mouse.click(*page.screen.at(*NAMES["purple"]))  # on the picture
    page.wait_for_function(f"({CHOSEN})().join() === 'false,true,true'")
    assert page.screen.tracks() == [], "nothing is added before it is wanted"
    page.click("text=Add 2 as tracks")
    page.wait_for_selector("#editor .selected")
    tracks = page.screen.tracks()
    assert [t["name"] for t in tracks] == ["yellow cylinder", "red sphere"]
    for track, name in zip(tracks, ("purple", "red sphere"), strict=True):
        assert iou(read_mask(track["shapes"][0]), truth(name)) > 0.9
        assert [k["t"] for k in track["keyframes"]] == [0]
    assert not page.is_visible("#editor .found")
    page.click("#editor [data-do=undo]")
    assert page.screen.tracks() == []
    page.click("#editor [data-do=redo]")
    assert page.screen.tracks() == tracks


def test_boxes_are_on_the_canvas_and_a_click_beside_them_selects_as_ever(page):
    search(page, "red sphere")
    assert note(page, "One thing found")
    left, _, right, bottom = BOXES["red sphere"]
    blue = page.evaluate(
        """([x, y]) => { const canvas = document.querySelector('#editor canvas');
            const [r, , b] = canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
            return b - r; }""",
        [(left + right) / 2, bottom],
    )
    assert blue > 60, "the line below"
    page.screen.select(*NAMES["yellow cylinder"])
    assert [t["name"] for t in page.screen.tracks()] == ["the yellow cylinder"]
    assert page.is_visible("#editor .found")
    page.focus("#editor .editor")
    page.keyboard.press("Escape")
    page.wait_for_selector("#editor .found", state="hidden")
    assert len(page.screen.tracks()) == 1
    assert page.is_visible("#editor .selected"), (
        "the first Escape leaves what was found, a second one deselects"
    )


def test_all_by_keyboard(page):
    page.focus("#editor .editor")
    page.keyboard.press("f")
    page.keyboard.type("thing")
    page.keyboard.press("Enter")
    note(page, "3 things found")
    assert page.evaluate(CHOSEN) == [True, True, True]
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className.includes('found-one')"):
            break
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_function(f"({CHOSEN})().join() === 'true,false,true'")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#editor .selected")
    assert [t["name"] for t in page.screen.tracks()] == ["thing", "thing 2"]
    assert page.evaluate("document.activeElement.matches('.editor')"), "the focus is not lost with the button"


def test_what_is_not_found_is_said_and_nothing_is_lost(page):
    page.screen.select(*NAMES["red sphere"])
    before = page.screen.tracks()
    search(page, "man")
    assert 'Nothing called "man"' in note(page, "Nothing")
    search(page, "nonsense")
    assert "knows colours only" in note(page, "The built-in")
    search(page, "nonsense, man, red sphere")
    both = note(page, "One thing found")
    assert "knows colours only" in both and 'Nothing called "man"' in both
    search(page, " , ")
    note(page, "Say what to find")
    search(page, "corner")
    note(page, "One thing found")
    page.click("text=Add as track")
    note(page, 'No outline was found for "corner"')
    assert page.is_visible("#editor .found"), "what was found stays to be chosen from"
    assert page.input_value("#editor .words") == "corner" and page.screen.tracks() == before


def test_by_fingers_on_a_phone(phone, wordy, models):
    models.weights = False
    screen = Screen(phone, wordy.url)
    page = screen.page
    page.locator("#editor .words").tap()
    page.keyboard.type("thing")
    page.locator("#editor [data-do=find]").tap()
    note(page, "3 things found")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.touchscreen.tap(*screen.at(*NAMES["purple"]))
    page.wait_for_function(f"({CHOSEN})().join() === 'true,true,false'")
    page.locator(".found-one").nth(0).tap()
    page.locator("text=Add as track").tap()
    page.wait_for_selector("#editor .selected")
    (track,) = screen.tracks()
    assert iou(read_mask(track["shapes"][0]), truth("yellow cylinder")) > 0.9
    assert screen.errors == []


def test_what_was_found_in_another_picture_goes_with_it(page):
    search(page, "thing")
    note(page, "3 things")
    page.screen.choose_example(4)
    page.wait_for_selector("#editor .found", state="hidden")


def busy(server: Server) -> threading.Event:
    """Something heavy in the worker, until the event is set."""
    go, begun = threading.Event(), threading.Event()

    def work(job: Any) -> None:
        begun.set()
        go.wait(60)

    server.studio.jobs.submit(work)
    assert begun.wait(60)
    return go


def test_a_model_answers_in_its_turn_and_the_page_says_what_it_waits_for(page, wordy, models):
    models.weights = True
    go = busy(wordy)
    page.mouse.click(*page.screen.at(*NAMES["yellow cylinder"]))
    page.screen.wait_hint("Waiting for the work that is running")
    page.mouse.click(*page.screen.at(*NAMES["red sphere"]))
    page.screen.wait_hint("Waiting: 2 are before you")
    search(page, "thing")
    note(page, "Waiting: 3 are before you")
    assert page.screen.tracks() == []
    go.set()
    page.wait_for_function("document.querySelectorAll('#editor .track').length === 2")
    assert {t["name"] for t in page.screen.tracks()} == {"the yellow cylinder", "the red sphere"}
    note(page, "3 things found")
    page.click("text=Add 3 as tracks")
    page.wait_for_function("document.querySelectorAll('#editor .track').length === 5")


def test_waiting_can_be_left(page, wordy, models):
    models.weights = True
    go = busy(wordy)
    page.mouse.click(*page.screen.at(*NAMES["yellow cylinder"]))
    page.screen.wait_hint("Waiting")
    search(page, "thing")
    note(page, "Waiting")
    page.click("#editor .finding [data-do=leave]")
    page.wait_for_selector("#editor .find-note", state="hidden")
    assert page.locator("#editor .picking").count() == 0
    for _ in range(100):
        if not wordy.studio.jobs._queue:
            break
        page.wait_for_timeout(50)
    assert not wordy.studio.jobs._queue, "nobody computes what nobody waits for"
    go.set()
    page.wait_for_timeout(300)
    assert page.screen.tracks() == [] and not page.is_visible("#editor .found")
    page.screen.select(*NAMES["red sphere"])
    assert len(page.screen.tracks()) == 1


def test_clicks_take_no_video_out_of_the_history(page, wordy, models):
    models.weights = True
    kept = wordy.studio.jobs.submit(lambda job: "a video")
    page.screen.select(*NAMES["yellow cylinder"])
    for _ in range(30):
        wordy.studio.jobs.submit(lambda job: None, keep=False).wait(10)
    assert wordy.studio.jobs.get(kept.id) is kept


# Without a page


@pytest.fixture
def studio() -> Studio:
    made = Studio(FakeEngine())
    made.models = FakeModels(KNOWS)
    return made


def test_phrases_are_read():
    assert phrases("the red cube,  man ; the red cube,") == ["the red cube", "man"]
    for words in ("", " , ", "a," * 7 + "b,c,d,e,f,g", "x" * 61):
        with pytest.raises(UserError):
            phrases(words)


class Finder:
    """Finds what it is given."""

    name = "given"

    def __init__(self, *found: tuple[tuple[float, float, float, float], float]):
        self.found = found

    def find(self, frame: np.ndarray, words: str) -> list[Found]:
        return [Found(box, sure, words) for box, sure in self.found]


def test_one_place_is_chosen_once_and_boxes_keep_to_the_frame():
    finder = Finder(
        ((-5, 10, 60, 90), 0.9), ((0, 10, 61, 91), 0.8), ((100, 10, 900, 90), 0.6), ((5, 5, 9, 9), 0.2)
    )
    answer = candidates(finder, np.zeros((100, 200, 3), np.uint8), ["man", "person"])
    assert [one["chosen"] for one in answer["candidates"]] == [True, False, True, False] + [False] * 4
    assert answer["candidates"][2]["box"] == [100, 10, 200, 90]
    assert answer["candidates"][0]["box"] == [0, 10, 60, 90]
    assert answer["note"] == ""


def test_a_search_is_bounded():
    finder = Finder(*[((k, k, k + 9.0, k + 9.0), 0.9 - k / 100) for k in range(50)])
    assert len(candidates(finder, np.zeros((100, 200, 3), np.uint8), ["a", "b"])["candidates"]) == 16


def test_boxes_become_masks_and_empty_ones_are_told():
    models = FakeModels()
    left, top, right, bottom = np.array(BOXES["red sphere"]) * WIDTH
    good, empty = Found((left, top, right, bottom), 0.9, "ball"), Found((0, 0, 9, 9), 0.9, "man")
    answer = outlined(models, PIXELS, [good, empty])
    assert [track["name"] for track in answer["tracks"]] == ["ball"] and '"man"' in answer["note"]
    with pytest.raises(UserError, match="man"):
        outlined(models, PIXELS, [empty])


def answers(stream: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of them, gathered in a thread of its own: the browser's is not free for a loop."""

    async def gather() -> list[dict[str, Any]]:
        return [update async for update in stream]

    with ThreadPoolExecutor() as pool:
        return pool.submit(asyncio.run, gather()).result()


@pytest.mark.parametrize(
    "boxes",
    [None, 7, [], [{}], [{"box": [1, 2, 3], "words": "x"}], [{"box": ["a"] * 4, "words": "x"}], ["box"]],
)
def test_a_forged_choice_is_told(studio, boxes):
    selecting, page = Selecting(studio), SimpleNamespace(session_hash="forger")
    frame = frames.from_example(studio.sessions.get("forger"), 0)
    event = SimpleNamespace(_data={"image": frame.id, "boxes": boxes, "turn": "3"})
    (update,) = answers(selecting.add_found(event, document.empty(25), page))
    assert update["added"]["error"].endswith(".") and update["added"]["turn"] == "3"
    other = SimpleNamespace(_data={"image": frame.id, "words": "thing"})
    (update,) = answers(selecting.find(other, SimpleNamespace(session_hash="another")))
    assert "missing" in update, "a page sees its own frames only"


def test_more_tracks_than_a_project_holds_are_refused(studio):
    selecting, page = Selecting(studio), SimpleNamespace(session_hash="full")
    frame = frames.from_example(studio.sessions.get("full"), FIRST_EXAMPLE)
    box = [float(edge) for edge in np.array(BOXES["red sphere"]) * WIDTH]
    data = {"image": frame.id, "boxes": [{"box": box, "words": "ball"}] * 2, "turn": "1"}
    value = {**document.empty(25), "tracks": [{}] * 15}
    (update,) = answers(selecting.add_found(SimpleNamespace(_data=data), value, page))
    assert "room for 1 more of 16" in update["added"]["error"]


def test_names_without_an_article_are_known_to_the_model():
    assert known_name("red cube 2") == known_name("The red cube") == "the red cube"
    assert known_name("man") == ""
    assert cv2.countNonZero(truth("purple").astype(np.uint8)) > 500  # the tests' own names are right
