"""The driving video, from a file to a track of the editor."""

import numpy as np
import pytest

from tests.ui.card import COUNT, HEIGHT, WIDTH, clip_of, cut_of, disc, iou, masks_of, middle, tracks_of, way

YELLOW = (0.2, 0.72)  # the cylinder in the picture that the page opens on


def same(before, after):
    return all((a == b).all() for a, b in zip(before, after, strict=True))


def test_from_a_video_to_a_generated_one(screen, card, server, film):
    screen.select(*YELLOW)
    (still,) = screen.tracks()
    card.bring(film)
    cut = cut_of(server, card)
    assert len(cut) == COUNT and "24 frames" in screen.page.inner_text("#driving .work .about")
    card.says("taker", f"“{still['name']}”")

    card.seek(6)  # in any frame
    card.click(*way(6))
    card.given(1)
    assert "3 frames are doubtful" in card.track()
    assert all(iou(mask, disc(t)) > 0.9 for t, mask in enumerate(cut.tracking.masks))
    assert screen.page.locator("#driving .sure .mark").count() == 1

    card.do("doubt")
    assert card.clock() == "16 / 24"
    before = [mask.copy() for mask in cut.tracking.masks]
    x, y = way(15)
    screen.page.keyboard.down("Alt")
    card.click(x - 14, y)
    screen.page.keyboard.up("Alt")
    card.given(2)
    card.track()
    after = cut.tracking.masks
    assert same(before[:15], after[:15])  # only later frames have changed
    assert all(iou(a, b) < 0.9 for a, b in zip(before[15:], after[15:], strict=True))
    card.do("undo")
    card.given(1)
    assert same(before, cut.tracking.masks)

    card.put("now moves as in the video")
    (track,) = tracks_of(screen, 1)
    assert (track["id"], track["name"], track["colour"]) == (still["id"], still["name"], still["colour"])
    assert len(track["keyframes"]) > 2
    masks, object_ = masks_of(track), masks_of(still)[0]
    first = middle(masks[0])
    assert np.abs(np.subtract(first, middle(object_))).max() < 6  # it begins where the object is
    assert masks[0].sum() == pytest.approx(object_.sum(), rel=0.2)  # as large as that
    assert middle(masks[12])[0] > first[0] + 100  # and so is its way
    drawn = track["keyframes"][0]
    assert [drawn[name] for name in ("t", "x", "y", "rotation", "scale")] == pytest.approx([0, 0, 0, 0, 1])

    screen.generate()
    screen.wait_videos(2)
    assert (server.engine.seen[-1][1] == masks).mean() > 0.999
    screen.page.click("#editor [data-do=undo]")
    screen.page.wait_for_timeout(300)
    assert tracks_of(screen, 1)[0]["keyframes"] == still["keyframes"]


def test_without_a_selected_track_it_comes_where_the_video_shows_it_and_is_fitted_by_hand(screen, card, film):
    card.bring(film)
    card.says("taker", "No object is selected")
    card.pick_and_track()
    card.fill(begin="5", lasts="12")
    card.put("is a new track")
    (track,) = tracks_of(screen, 1)
    assert track["name"] == "red disc"
    masks, zoom = masks_of(track), 512 / WIDTH
    x, y = way(0)
    begin = (x * zoom, 256 + (y - HEIGHT / 2) * zoom)  # as wide as the picture, and in its middle
    assert middle(masks[4]) == pytest.approx(begin, abs=4)
    assert middle(masks[15])[0] == pytest.approx(
        way(23)[0] * zoom, abs=6
    )  # twelve frames later it is at its end

    page = screen.page
    assert page.get_attribute("#editor [data-do=whole]", "aria-pressed") == "true"
    screen.drag((begin[0] / 512, begin[1] / 512), ((begin[0] + 60) / 512, (begin[1] - 90) / 512))
    (fitted,) = tracks_of(screen, 1)
    assert middle(masks_of(fitted)[4]) == pytest.approx((begin[0] + 60, begin[1] - 90), abs=3)
    assert len(fitted["keyframes"]) == len(track["keyframes"])  # all of it has moved

    card.fill(begin="1", lasts="25")  # another time keeps what was done by hand
    card.put("now moves as in the video")
    (again,) = tracks_of(screen, 1)
    later = masks_of(again)
    assert again["id"] == track["id"]
    assert middle(later[0]) == pytest.approx((begin[0] + 60, begin[1] - 90), abs=3)
    assert middle(later[22])[0] == pytest.approx(way(21)[0] * zoom + 60, abs=10)

    screen.fill_seek(10)  # what was changed in one frame is not written over
    page.click("#editor [data-do=whole]")
    page.focus("#editor .editor")
    page.keyboard.press("Shift+ArrowUp")
    changed = screen.keyframes()
    card.put("has a motion of its own")
    assert tracks_of(screen, 2)[0]["keyframes"] == changed
    assert page.get_attribute("#editor [data-do=whole]", "aria-pressed") == "true"
    page.focus("#editor .editor")
    page.keyboard.press("t")  # another track is moved by keys again
    page.wait_for_function("() => document.querySelector('#editor [data-do=whole]').ariaPressed === 'false'")


def test_a_given_mask_can_be_forgotten_and_hiding_ends_the_track(screen, card, server, film):
    card.bring(film)
    card.pick_and_track()
    cut = cut_of(server, card)
    before = [mask.copy() for mask in cut.tracking.masks]
    card.seek(18)
    card.do("hide")
    card.idle()
    card.track()
    assert same(before[:18], cut.tracking.masks[:18])
    assert not np.any(cut.tracking.masks[18:])
    screen.page.wait_for_selector("#driving .sure [data-kind=hidden]")
    card.put("is a new track")
    masks = masks_of(tracks_of(screen, 1)[0])
    assert masks[:18].any((1, 2)).all() and not masks[20:].any()
    card.seek(18)
    card.do("forget")
    card.idle()
    card.track()
    assert same(before, cut.tracking.masks)


def test_a_clip_that_is_gone_is_told_and_the_picture_keeps_its_track(screen, card, server, film):
    card.bring(film)
    card.pick_and_track()
    card.put("is a new track")
    tracks_of(screen, 1)
    server.studio.clips.drop(card.id())
    card.do("put")
    card.told("not kept here any more")
    card.stage("none")
    assert len(screen.tracks()) == 1 and card.id() is None

    card.bring(film)
    folder = clip_of(server, card).folder
    assert (folder / "video.mp4").is_file()
    card.do("leave")
    card.stage("none")
    assert not folder.exists() and card.id() is None
