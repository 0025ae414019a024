"""The driving video on the page: from a file to a track of the editor, and whatever may go wrong on the way."""

import subprocess
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from comogen_demo.errors import UserError
from comogen_demo.selection.interface import Tracked
from comogen_demo.ui import document
from comogen_demo.ui.clips import Clips, overlay
from comogen_demo.video import write_mp4
from tests.ui.screen import Screen

HEIGHT, WIDTH, COUNT, FPS = 180, 320, 24, 12.0
YELLOW = (0.2, 0.72)  # the cylinder in the picture that the page opens on
CARD = "#driving .driving"
HINT = "() => document.querySelector('#driving .hint')?.textContent ?? ''"
TOLD = "() => document.querySelector('#driving .told')?.textContent ?? ''"


def way(t):
    """Where the disc of the clip is at frame t, in px."""
    return 60 + 8 * t, 90 + 20 * np.sin(t / 4)


def disc(t, radius=26):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    x, y = way(t)
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def clip_frames(count=COUNT):
    """A red disc that goes to the right over a grey floor: uint8 (count, HEIGHT, WIDTH, 3)."""
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    frames[:] = np.linspace(90, 130, WIDTH)[None, None, :, None]
    for t in range(count):
        frames[t][disc(t)] = (210, 40, 40)
    return frames


class Flat:
    """A selector that needs no searching: the red pixels. In frames 15 to 17 it says that it is not sure.

    Its track is what it was given last, moved on to the red of the frame, so a correction is seen in what follows.
    """

    name = "red"
    pause: threading.Event | None = None

    def select(self, frame, points=(), box=None, mask=None):
        red = red_of(frame)
        if box is not None:
            left, top, right, bottom = (int(edge) for edge in box)
            inside = np.zeros_like(red)
            inside[top:bottom, left:right] = red[top:bottom, left:right]
            return inside, 0.9 if inside.any() else 0.0
        x, y, positive = points[-1]
        if positive:
            hit = red[int(y), int(x)]
            return (red if hit else np.zeros_like(red)), 0.9 if hit else 0.0
        gone = np.hypot(*(np.mgrid[: red.shape[0], : red.shape[1]] - np.array([y, x])[:, None, None])) < 12
        return mask & ~gone, 0.9

    def track(self, frames, given, start, stop):
        share = given[start].sum() / red_of(frames[start]).sum()
        for index in range(start + 1, stop) if stop > start else range(start - 1, stop, -1):
            if self.pause is not None and index == 8:
                assert self.pause.wait(30)
            mask = red_of(frames[index])
            if share < 0.95:  # what was taken away stays away
                mask[:, : int(np.argwhere(mask)[:, 1].mean())] = False
            yield Tracked(index, mask, 0.3 if 15 <= index <= 17 else 0.9)


def red_of(frame):
    return (frame[:, :, 0].astype(int) - frame[:, :, 1]) > 80


class FlatModels:
    def __init__(self, weights=False):
        self.flat, self.weights = Flat(), weights

    def selector(self):
        return self.flat

    def uses_weights(self):
        return self.weights

    def note(self):
        return "Red pixels are selected."

    def make_room(self):
        pass


@pytest.fixture
def models(server):
    """The server's models, put aside for one test."""
    before = server.studio.__dict__.get("models")
    server.studio.models = FlatModels()
    yield server.studio.models
    if before is None:
        del server.studio.models
    else:
        server.studio.models = before


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_mp4(tmp_path_factory.mktemp("film") / "red_disc.mp4", clip_frames(), FPS)


class Card:
    """What a person does with the card."""

    def __init__(self, screen):
        self.screen, self.page = screen, screen.page

    def open(self):
        if not self.page.locator(f"{CARD}[open]").count():
            self.page.click(f"{CARD} summary")

    def give(self, path: Path):
        self.open()
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("#driving [data-do=choose]:visible").click()
        chooser.value.set_files(path)

    def bring(self, path: Path):
        self.give(path)
        self.page.wait_for_selector(f"{CARD}[data-stage=cut]")
        self.do("cut")
        self.page.wait_for_selector(f"{CARD}[data-stage=work]")
        self.idle()

    def do(self, name):
        self.page.click(f"#driving [data-do={name}]:visible")

    def idle(self):
        self.page.wait_for_selector(f"{CARD}:not(.busy)")

    def told(self, part):
        self.page.wait_for_function(f"part => ({TOLD})().includes(part)", arg=part)
        return self.page.inner_text("#driving .told")

    def hint(self, begin):
        self.page.wait_for_function(f"text => ({HINT})().startsWith(text)", arg=begin)

    def count(self, begin):
        """What is said of the part's frames."""
        read = "() => document.querySelector('#driving .count').textContent"
        self.page.wait_for_function(f"text => ({read})().startsWith(text)", arg=begin)

    def at(self, x, y):
        """A place in the frame (px of the clip) -> the window."""
        canvas = self.page.locator("#driving canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        return box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"]

    def click(self, x, y, **how):
        self.page.mouse.click(*self.at(x, y), **how)
        self.idle()

    def seek(self, t):
        self.page.focus("#driving .time")
        self.page.keyboard.press("Home")
        for _ in range(t):
            self.page.keyboard.press("ArrowRight")
        assert self.clock().startswith(f"{t + 1} /")

    def clock(self):
        return self.page.inner_text("#driving .clock")

    def track(self):
        self.do("track")
        self.told("racked")
        self.idle()

    def pick_and_track(self, t=0):
        self.seek(t)
        self.click(*way(t))
        self.page.wait_for_selector("#driving .sure .given")
        self.track()

    def id(self):
        return self.page.evaluate(
            "() => localStorage.getItem('comogen:clip:' + sessionStorage.getItem('comogen:tab'))"
        )


@pytest.fixture
def card(screen, models):
    yield Card(screen)
    if screen.page.locator(CARD).get_attribute("data-stage") == "work":
        assert not screen.page.locator("#driving [data-do=halt]:visible").count()


def cut_of(server, card):
    return server.studio.clips.get(card.id()).part()


def iou(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def masks_of(entry, frames):
    return document.read({**document.empty(frames), "tracks": [entry]}).masks()


def tracks_of(screen, count):
    for _ in range(100):
        tracks = screen.tracks()
        if len(tracks) == count:
            return tracks
        screen.page.wait_for_timeout(100)
    raise AssertionError(f"there are {len(tracks)} tracks where {count} were to come")


def test_from_a_video_to_a_generated_one(screen, card, server, film):
    screen.select(*YELLOW)
    (still,) = screen.tracks()
    card.bring(film)
    cut = cut_of(server, card)
    assert len(cut) == COUNT and "24 frames" in screen.page.inner_text("#driving .work .about")

    card.seek(6)  # in any frame
    card.click(*way(6))
    screen.page.wait_for_selector("#driving .sure .given")
    card.track()
    assert "3 frames are doubtful" in screen.page.inner_text("#driving .told")
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut.tracking.masks))
    assert screen.page.locator("#driving .sure .mark").count() == 1

    card.do("doubt")
    assert card.clock() == "16 / 24"
    before = [mask.copy() for mask in cut.tracking.masks]
    x, y = way(15)
    screen.page.keyboard.down("Alt")
    card.click(x - 14, y)
    screen.page.keyboard.up("Alt")
    screen.page.wait_for_function("() => document.querySelectorAll('#driving .sure .given').length === 2")
    card.track()
    after = cut.tracking.masks
    assert all(
        (a == b).all() for a, b in zip(before[:15], after[:15], strict=True)
    )  # only later frames have changed
    assert all(iou(a, b) < 0.9 for a, b in zip(before[15:], after[15:], strict=True))

    card.do("undo")
    card.idle()
    screen.page.wait_for_function("() => document.querySelectorAll('#driving .sure .given').length === 1")
    assert all((a == b).all() for a, b in zip(before, cut.tracking.masks, strict=True))

    card.do("put")
    card.told("now moves as in the video")
    screen.page.wait_for_timeout(400)
    (track,) = tracks_of(screen, 1)
    assert (track["id"], track["name"], track["colour"]) == (still["id"], still["name"], still["colour"])
    assert len(track["keyframes"]) > 2
    masks = masks_of(track, 25)
    rows, columns = np.nonzero(masks_of(still, 25)[0])
    first = np.argwhere(masks[0]).mean(0)
    assert np.abs(first - (rows.mean(), columns.mean())).max() < 6  # it begins where the object is
    assert np.argwhere(masks[12]).mean(0)[1] > first[1] + 100  # as large as the object is, and so is its way

    screen.generate()
    screen.wait_videos(2)
    assert (server.engine.seen[-1][1] == masks).mean() > 0.999
    screen.page.click("#editor [data-do=undo]")
    screen.page.wait_for_timeout(300)
    assert tracks_of(screen, 1)[0]["keyframes"] == still["keyframes"]


def test_a_correction_that_was_given_can_be_forgotten_and_hiding_ends_the_track(screen, card, server, film):
    card.bring(film)
    card.pick_and_track()
    cut = cut_of(server, card)
    before = [mask.copy() for mask in cut.tracking.masks]
    card.seek(18)
    card.do("hide")
    card.idle()
    card.track()
    assert all((a == b).all() for a, b in zip(before[:18], cut.tracking.masks[:18], strict=True))
    assert not np.any(cut.tracking.masks[18:])
    screen.page.wait_for_selector("#driving .sure [data-kind=hidden]")
    card.seek(18)
    card.do("forget")
    card.idle()
    card.track()
    assert all((a == b).all() for a, b in zip(before, cut.tracking.masks, strict=True))


def test_without_a_selected_track_it_comes_where_the_video_shows_it(screen, card, server, film):
    card.bring(film)
    card.pick_and_track()
    screen.page.fill("#driving [data-field=begin]", "5")
    screen.page.fill("#driving [data-field=lasts]", "12")
    card.do("put")
    card.told("is a new track in the editor")
    (track,) = tracks_of(screen, 1)
    assert track["name"] == "red disc"
    masks = masks_of(track, 25)
    x, y = way(0)
    middle = np.argwhere(masks[4]).mean(0)
    assert abs(middle[1] - x * 512 / WIDTH) < 4  # as wide as the picture, and in its middle
    assert abs(middle[0] - (y - HEIGHT / 2) * 512 / WIDTH - 256) < 4
    x, _ = way(23)
    assert (
        abs(np.argwhere(masks[15]).mean(0)[1] - x * 512 / WIDTH) < 6
    )  # twelve frames later it is at its end
    card.do("put")  # the new track is selected now, and moves: it is not written over
    card.told("has a motion of its own")
    tracks_of(screen, 2)


def test_a_part_is_cut_out_by_handles_and_numbers(screen, card, server, film):
    card.give(film)
    page = screen.page
    page.wait_for_selector(f"{CARD}[data-stage=cut]")
    card.count("24 frames")
    page.locator("#driving .trim").scroll_into_view_if_needed()
    strip = page.locator("#driving .trim").bounding_box()
    x, y = page.locator("#driving .grip[data-side=start]").bounding_box(), strip["y"] + strip["height"] / 2
    page.mouse.move(x["x"] + x["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] / 2, y, steps=5)
    page.mouse.up()
    assert float(page.input_value("#driving [data-field=start]")) == pytest.approx(1, abs=0.02)
    page.focus("#driving .grip[data-side=end]")
    page.keyboard.press("PageDown")  # ten frames
    assert float(page.input_value("#driving [data-field=end]")) == pytest.approx(2 - 10 / FPS, abs=0.01)
    page.fill("#driving [data-field=fps]", "60")
    page.keyboard.press("Tab")
    page.fill("#driving [data-field=start]", "0.5")
    page.fill("#driving [data-field=end]", "1.5")
    page.fill("#driving [data-field=fps]", "6")
    page.keyboard.press("Tab")
    card.count("6 frames, 1.00 s.")
    card.do("cut")
    page.wait_for_selector(f"{CARD}[data-stage=work]")
    card.idle()
    cut = cut_of(server, card)
    assert len(cut) == 6
    assert all(iou(red_of(cut.frames[i]), disc(6 + 2 * i)) > 0.9 for i in range(6))

    card.seek(2)  # given at 0.83 s, which is in the next part as well
    card.click(*way(10))
    page.wait_for_selector("#driving .sure .given")
    card.do("recut")
    page.fill("#driving [data-field=start]", "0")
    page.fill("#driving [data-field=fps]", "12")
    page.keyboard.press("Tab")
    card.do("cut")
    page.wait_for_function("() => document.querySelector('#driving .clock').textContent === '11 / 18'")
    card.idle()
    cut = cut_of(server, card)
    assert list(cut.tracking.given) == [10] and iou(cut.tracking.given[10], disc(10)) > 0.9
    card.do("recut")
    page.fill("#driving [data-field=end]", "0.5")
    page.keyboard.press("Tab")
    card.do("cut")
    card.told("of a picture that is not in this part")
    assert cut_of(server, card).tracking.given == {}


def test_a_part_with_too_many_frames_is_told_before_it_is_cut(screen, card, film):
    card.give(film)
    screen.page.wait_for_selector(f"{CARD}[data-stage=cut]")
    screen.page.fill("#driving [data-field=fps]", "60")
    screen.page.keyboard.press("Tab")
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .count').textContent.startsWith('120 frames')"
    )
    assert screen.page.locator("#driving [data-do=cut]").is_enabled()
    screen.page.fill("#driving [data-field=fps]", "")
    screen.page.keyboard.press("Tab")
    assert screen.page.input_value("#driving [data-field=fps]") == "60"


def test_a_reload_while_tracking_finds_it_again(screen, card, server, models, film):
    card.bring(film)
    card.click(*way(0))
    screen.page.wait_for_selector("#driving .sure .given")
    models.flat.pause = threading.Event()
    card.do("track")
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent.startsWith('Tracking: 7')"
    )
    assert card.clock() == "8 / 24"  # it shows what comes
    id = card.id()
    screen.reload()
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent.startsWith('Tracking: 7')"
    )
    assert screen.page.locator("#driving [data-do=halt]").is_visible()
    models.flat.pause.set()
    card.told("3 frames are doubtful")
    assert card.id() == id
    screen.reload()
    screen.page.wait_for_selector("#driving .sure .mark")
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut_of(server, card).tracking.masks))
    card.do("put")
    card.told("is a new track")
    tracks_of(screen, 1)


def test_stop_keeps_what_was_tracked(screen, card, server, models, film):
    card.bring(film)
    card.click(*way(0))
    screen.page.wait_for_selector("#driving .sure .given")
    models.flat.pause = threading.Event()
    card.do("track")
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent.startsWith('Tracking: 7')"
    )
    card.do("halt")
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent === 'Stopping…'"
    )
    models.flat.pause.set()
    card.told("Stopped: 9 of 24 frames have a mask")
    cut = cut_of(server, card)
    assert [mask is not None for mask in cut.tracking.masks] == [True] * 9 + [False] * 15
    models.flat.pause = None
    card.do("put")  # what there is
    card.told("Only frames 1 to 9 of the video are tracked")
    card.track()
    assert all(mask is not None for mask in cut.tracking.masks)


def test_two_users_never_see_each_others_frames(screen, card, browser, server, models, film, tmp_path):
    blue = clip_frames()[:, :, ::-1, ::-1].copy()
    blue[..., 0] = blue[..., 2]  # another video: magenta, mirrored
    path = write_mp4(tmp_path / "other.mp4", blue, FPS)
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    other.set_default_timeout(30_000)
    second = Screen(other.new_page(), server.url)
    theirs = Card(second)
    card.bring(film)
    theirs.bring(path)
    assert card.id() != theirs.id()
    card.click(*way(0))
    x, y = way(0)
    theirs.click(WIDTH - x, y)
    for one in (screen, second):
        one.page.wait_for_selector("#driving .sure .given")
    models.flat.pause = threading.Event()
    card.do("track")
    screen.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent.startsWith('Tracking: 7')"
    )
    theirs.do("track")
    second.page.wait_for_function(
        "() => document.querySelector('#driving .hint').textContent === 'Waiting: 1 ahead of yours'"
    )
    models.flat.pause.set()
    card.told("racked")
    theirs.told("racked")
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut_of(server, card).tracking.masks))
    assert all(
        iou(mask, disc(t)[:, ::-1]) > 0.9 for t, mask in enumerate(cut_of(server, theirs).tracking.masks)
    )
    loaded = """() => performance.getEntriesByType('resource').map(entry => entry.name)
        .filter(name => name.includes('/clips/'))"""
    ours, others = screen.page.evaluate(loaded), second.page.evaluate(loaded)
    assert (
        ours
        and others
        and all(card.id() in url for url in ours)
        and all(theirs.id() in url for url in others)
    )
    assert second.errors == []
    other.close()


def test_the_whole_way_by_keyboard(screen, card, server, film):
    card.bring(film)
    page = screen.page
    page.focus("#driving .screen")
    x, y = way(0)
    for key, times in (
        ("ArrowLeft", round((WIDTH / 2 - x) / 10)),
        ("ArrowDown", round((y - HEIGHT / 2) / 10)),
    ):
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#driving .sure .given")
    card.idle()
    page.focus("#driving [data-do=track]")
    page.keyboard.press("Enter")
    card.told("racked")
    card.idle()
    page.focus("#driving .screen")
    page.keyboard.press("n")
    assert card.clock() == "16 / 24"
    page.keyboard.press(".")
    page.keyboard.press(",")
    page.keyboard.press(",")
    assert card.clock() == "15 / 24"
    page.keyboard.press("Escape")
    for key in ("ArrowUp",) * 5 + ("b",) + ("ArrowRight",) * 12 + ("ArrowDown",) * 9 + ("b",):
        page.keyboard.press(key)  # a box that begins in the middle: it adds, and all is there already
    card.idle()
    page.wait_for_function("() => document.querySelectorAll('#driving .sure .given').length === 2")
    page.keyboard.press("Control+z")
    card.idle()
    page.wait_for_function("() => document.querySelectorAll('#driving .sure .given').length === 1")
    page.keyboard.press(" ")
    page.wait_for_selector(f"{CARD}.playing")
    page.keyboard.press(" ")
    page.wait_for_selector(f"{CARD}:not(.playing)")
    page.focus("#driving [data-do=pick]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.do") in ("add", "take")
    page.focus("#driving [data-do=put]")
    page.keyboard.press("Enter")
    card.told("is a new track")
    tracks_of(screen, 1)


def test_a_wrong_place_is_told_and_changes_nothing(screen, card, server, film):
    card.bring(film)
    card.click(WIDTH - 20, 20)
    card.told("nothing that can be told apart here")
    card.do("box")
    page = screen.page
    for start, end in (((250, 20), (300, 60)), ((20, 40), (110, 150))):
        page.mouse.move(*card.at(*start))
        page.mouse.down()
        page.mouse.move(*card.at(*end), steps=4)
        page.mouse.up()
        card.idle()
    page.wait_for_selector("#driving .sure .given")
    cut = cut_of(server, card)
    assert iou(cut.tracking.masks[0], disc(0)) > 0.9
    page.keyboard.down("Alt")
    page.mouse.move(*card.at(12, 12))
    page.mouse.down()
    page.mouse.move(*card.at(200, 160), steps=4)
    page.mouse.up()
    page.keyboard.up("Alt")
    card.told("Nothing of the subject would be left")
    assert iou(cut.tracking.masks[0], disc(0)) > 0.9
    card.do("put")
    card.told("press Track first")
    assert screen.draft()["doc"]["tracks"] == []


def sound(path):
    """A file with a tone and no picture."""
    from imageio_ffmpeg import get_ffmpeg_exe

    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1", "-c:a", "aac"]
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *tone, "-y", str(path)], check=True)
    return path


def two_hours(path):
    """A picture every hundred seconds, for two hours."""
    from imageio_ffmpeg import get_ffmpeg_exe

    slow = ["-f", "lavfi", "-i", "color=red:size=32x32:rate=1/100:duration=7200"]
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *slow, "-y", str(path)], check=True)
    return path


def test_bad_files_are_told_and_keep_the_clip_that_is_there(screen, card, server, film, tmp_path):
    card.bring(film)
    card.click(*way(0))
    screen.page.wait_for_selector("#driving .sure .given")
    id, kept = card.id(), len(server.studio.clips)
    text, empty, huge = tmp_path / "letter.mp4", tmp_path / "empty.mp4", tmp_path / "huge.mp4"
    text.write_text("Dear sir or madam")
    empty.write_bytes(b"")
    with huge.open("wb") as file:
        file.truncate(65 * 2**20)
    bad = [(sound(tmp_path / "sound.mp4"), "no picture"), (two_hours(tmp_path / "long.mp4"), "minutes")]
    for path, part in [*bad, (text, "letter.mp4"), (empty, "is empty"), (huge, "over 64 MB")]:
        card.give(path)
        card.told(part)
        card.idle()
        assert card.id() == id and len(server.studio.clips) == kept, path.name
    assert screen.page.locator("#driving .sure .given").count() == 1


def test_a_clip_that_is_gone_is_told_and_the_picture_keeps_its_track(screen, card, server, film):
    card.bring(film)
    card.pick_and_track()
    card.do("put")
    card.told("is a new track")
    tracks_of(screen, 1)
    server.studio.clips.drop(card.id())
    card.do("put")
    card.told("not kept here any more")
    screen.page.wait_for_selector(f"{CARD}[data-stage=none]")
    assert len(screen.tracks()) == 1 and card.id() is None


def test_the_video_is_removed_and_its_files_with_it(screen, card, server, film):
    card.bring(film)
    folder = server.studio.clips.get(card.id()).folder
    assert (folder / "video.mp4").is_file()
    card.do("leave")
    screen.page.wait_for_selector(f"{CARD}[data-stage=none]")
    assert not folder.exists() and card.id() is None


def test_a_model_answers_clicks_in_its_turn(screen, card, server, models, film):
    card.bring(film)
    models.weights = True
    hold = threading.Event()
    server.studio.jobs.submit(lambda job: hold.wait(30))
    screen.page.mouse.click(*card.at(*way(0)))
    screen.page.wait_for_timeout(500)
    assert screen.page.locator(f"{CARD}.busy").count() == 1 and not cut_of(server, card).tracking.given
    hold.set()
    screen.page.wait_for_selector("#driving .sure .given")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_and_sizes_of_the_open_card(browser, server, models, film, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    screen = Screen(context.new_page(), server.url)
    card = Card(screen)

    def check(state):
        found = Axe().run(screen.page).response["violations"]
        assert [
            (v["id"], v["nodes"][0]["html"][:120]) for v in found if v["impact"] in ("serious", "critical")
        ] == [], state
        assert screen.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0
        small = """() => [...document.querySelectorAll('#driving button, #driving input, #driving .grip')]
            .filter(b => b.offsetParent && (b.offsetHeight < 40 || b.offsetWidth < 40))
            .map(b => b.outerHTML.slice(0, 90))"""
        assert screen.page.evaluate(small) == [], state

    card.open()
    check("empty")
    card.give(film)
    screen.page.wait_for_selector(f"{CARD}[data-stage=cut]")
    check("cut")
    card.do("cut")
    screen.page.wait_for_selector(f"{CARD}[data-stage=work]")
    card.idle()
    card.pick_and_track()
    check("tracked")
    card.click(WIDTH - 20, 20)
    card.told("nothing that can be told apart")
    check("wrong")
    assert screen.errors == []
    context.close()


def test_clips_are_bounded_in_number_and_bytes_and_age(film, tmp_path):
    clips = Clips(tmp_path / "clips", keep=2)
    made = [clips.add(film) for _ in range(3)]
    assert len(clips) == 2 and not made[0].folder.exists() and made[2].folder.exists()
    with pytest.raises(UserError, match="not kept"):
        clips.get(made[0].id)
    clips.get(made[1].id)  # used last, so the other goes
    clips._most = made[1].bytes() + 10
    clips.tidy()
    assert len(clips) == 1 and made[1].folder.exists()
    clips._most, clips._idle = 2**30, -1.0
    newest = clips.add(film)
    assert len(clips) == 1 and clips.get(newest.id) is newest
    with pytest.raises(UserError):
        clips.add(sound(tmp_path / "sound.mp4"))
    assert len(list((tmp_path / "clips").iterdir())) == 1


def test_the_overlay_shows_the_mask_and_a_rim_within_the_frame():
    mask = disc(0)
    mask[:40] = True  # also along the frame's edge
    picture = cv2.imdecode(np.frombuffer(overlay(mask), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert (picture[mask][:, 3] > 0).all() and (picture[0, :, :3] == 255).all()
    assert not picture[~mask & (cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))) == 0)].any()
