"""The driving video with nothing put in place of anything: the built-in tracker and the embedded model."""

import pytest

from comogen_demo.ui.engine import Embedded
from comogen_demo.video import read_video, write_mp4
from comogen_demo.world import make_clip
from tests.ui.card import Card, cut_of, iou, masks_of, middle, tracks_of
from tests.ui.conftest import Server
from tests.ui.fake import BuiltInModels
from tests.ui.screen import Screen

SIDE, FPS = 256, 12.5
YELLOW = (0.2, 0.72)  # the cylinder in the picture that the page opens on


@pytest.fixture
def server():
    running = Server(Embedded("mini"), BuiltInModels())
    running.studio.warm_up().wait(180)
    yield running
    running.close()


def truth(clip):
    """Where the driven object is: bool (T, H, W)."""
    return clip.visible[:, clip.controlled[0]]


def overlaps(cut, subject):
    return [iou(a, b) for a, b in zip(cut.tracking.masks, subject, strict=True)]


def test_a_motion_from_a_video_is_generated(server, desk, tmp_path):
    clip = make_clip("test", 7, SIDE)
    subject = truth(clip)
    film = write_mp4(tmp_path / "table.mp4", clip.frames, FPS)
    screen = Screen(desk, server.url)
    screen.select(*YELLOW)
    (still,) = screen.tracks()
    card = Card(screen, (SIDE, SIDE))
    card.give(film)
    card.stage("cut")
    card.fill(start="0.16", fps="12.5")  # from the third picture on
    card.do("cut")
    card.stage("work")
    card.says("models", "The built-in selects and tracks")
    cut, subject = cut_of(server, card), subject[2:]
    assert len(cut) == len(subject) == 23

    card.click(*middle(subject[0]))
    card.given(1)
    assert card.track().startswith("Tracked")
    assert min(overlaps(cut, subject)) > 0.8

    card.seek(16)  # two corrections: what lies before, and after the next one, stays as it is
    card.do("pick")
    card.click(*middle(subject[16]))
    card.given(2)
    card.track()
    before = list(cut.versions)
    card.seek(8)
    card.do("pick")
    card.click(*middle(subject[8]))
    card.given(3)
    assert screen.page.inner_text("#driving [data-do=track]") == "Track 7 frames"
    card.track()
    changed = [t for t, (old, new) in enumerate(zip(before, cut.versions, strict=True)) if old != new]
    assert changed == list(range(8, 16))
    assert min(overlaps(cut, subject)) > 0.8

    card.put("now moves as in the video")
    (track,) = tracks_of(screen, 1)
    masks = masks_of(track)
    assert track["id"] == still["id"] and iou(masks[0], masks_of(still)[0]) > 0.75
    screen.page.fill("#steps input[type=number]", "5")
    screen.page.keyboard.press("Tab")
    screen.generate()
    screen.wait_videos(2, timeout=180_000)
    assert float(screen.page.inner_text("#report .score b")) > 0.4
    link = screen.page.locator("#player .links a").first.get_attribute("href")
    path = tmp_path / "video.mp4"
    path.write_bytes(screen.fetch(link))
    frames, fps = read_video(path)
    assert frames.shape[0] == 25 and fps == FPS
    assert screen.errors == [] and screen.foreign_hosts() == set()
