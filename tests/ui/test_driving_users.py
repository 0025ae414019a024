"""Tracking as work that lasts: it goes on through a reload, stops when asked to, and is nobody else's to see."""

import threading
from urllib.parse import urlsplit

import pytest

from comogen_demo.ui.clips import Gone
from comogen_demo.video import write_mp4
from tests.ui.card import COUNT, FPS, WIDTH, Card, clip_frames, clip_of, cut_of, disc, iou, tracks_of, way
from tests.ui.screen import Screen


@pytest.fixture
def pause(models):
    """Holds the tracking at its eighth frame."""
    models.flat.pause = threading.Event()
    yield models.flat.pause
    models.flat.pause.set()


def begin(card, film):
    """Tracks until the pause."""
    card.bring(film)
    card.click(*way(0))
    card.given(1)
    card.do("track")
    card.says("hint", "Tracking: 7 of 23")


def test_a_reload_while_tracking_finds_it_again(screen, card, server, pause, film):
    begin(card, film)
    assert card.clock() == "8 / 24"  # it shows what comes
    assert float(screen.page.get_attribute("#driving .rail", "aria-valuenow")) == pytest.approx(30, abs=1)
    id = card.id()
    screen.reload()
    card.says("hint", "Tracking: 7 of 23")
    assert screen.page.locator("#driving [data-do=halt]").is_visible()
    pause.set()
    card.told("3 frames are doubtful")
    assert card.id() == id
    screen.reload()
    screen.page.wait_for_selector("#driving .sure .mark")
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut_of(server, card).tracking.masks))
    card.put("is a new track")
    tracks_of(screen, 1)


def test_stop_keeps_what_was_tracked(screen, card, server, pause, film):
    begin(card, film)
    card.do("halt")
    card.says("hint", "Stopping…")
    pause.set()
    card.told("Stopped: 9 of 24 frames have a mask")
    cut = cut_of(server, card)
    assert [mask is not None for mask in cut.tracking.masks] == [True] * 9 + [False] * 15
    card.put("Only frames 1 to 9 of the video are tracked")
    card.track()
    assert all(mask is not None for mask in cut.tracking.masks)


def test_two_users_never_see_each_others_frames(screen, card, other_desk, server, pause, film, tmp_path):
    other = clip_frames()[:, :, ::-1].copy()
    other[..., 2] = other[..., 0]  # another video: magenta, mirrored
    path = write_mp4(tmp_path / "other.mp4", other, FPS)
    second = Screen(other_desk, server.url)
    theirs = Card(second)
    begin(card, film)
    theirs.bring(path)
    x, y = way(0)
    theirs.click(WIDTH - x, y)
    theirs.given(1)
    theirs.do("track")
    theirs.says("hint", "Waiting: 1 ahead of yours")
    pause.set()
    card.told("racked")
    theirs.told("racked")
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut_of(server, card).tracking.masks))
    mirrored = [disc(t)[:, ::-1] for t in range(COUNT)]
    assert all(iou(a, b) > 0.9 for a, b in zip(cut_of(server, theirs).tracking.masks, mirrored, strict=True))
    loaded = """() => performance.getEntriesByType('resource').map(entry => entry.name)
        .filter(name => name.includes('/clips/'))"""
    ours, others = screen.page.evaluate(loaded), second.page.evaluate(loaded)
    assert len(ours) > COUNT and all(card.id() in url for url in ours)
    assert len(others) > COUNT and all(theirs.id() in url for url in others)

    # Not even by the other's id, or by asking for the folder in which all clips lie.
    clip, kept = clip_of(server, card), theirs.id()
    with pytest.raises(Gone):
        server.studio.clips.get(card.id(), theirs.owner())
    tab = second.page.evaluate("() => sessionStorage.getItem('comogen:tab')")
    second.page.evaluate("([tab, id]) => localStorage.setItem('comogen:clip:' + tab, id)", [tab, card.id()])
    second.reload()
    theirs.told("not kept here any more")
    theirs.stage("none")
    assert clip_of(server, card) is clip and theirs.id() is None
    assert server.studio.clips.get(kept, theirs.owner()).part().kinds() == "t" * 15 + "d" * 3 + "t" * 6
    folder = urlsplit(ours[0]).path.rsplit("/clips/", 1)[0] + "/clips/"
    status = second.page.evaluate("async path => (await fetch(path)).status", folder)
    assert status in (403, 404)
    assert [error for error in second.errors if "status of 40" not in error] == []


def test_a_model_answers_clicks_in_its_turn(screen, card, server, models, film):
    card.bring(film)
    models.weights = True
    hold = threading.Event()
    server.studio.jobs.submit(lambda job: hold.wait(30))
    screen.page.mouse.click(*card.at(*way(0)))
    screen.page.wait_for_timeout(500)
    assert screen.page.locator("#driving .busy").count() == 1 and not cut_of(server, card).tracking.given
    hold.set()
    card.given(1)
