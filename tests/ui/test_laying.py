"""A clip's motion as a track of a document, without a page."""

from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe
from comogen_demo.project import MAX_TRACKS, Project, Track, mask_png
from comogen_demo.ui.clips import Clips
from comogen_demo.ui.laying import lay
from tests.ui.card import COUNT, FPS, disc, iou, middle

SIZE = (200, 200)


def drawn(x=60, y=140, radius=20, size=SIZE):
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def project(*tracks, frames=25):
    return Project(frames=frames, tracks=tracks)


def still(mask=None, **more):
    shape = mask_png(drawn() if mask is None else mask)
    return Track("own", "ball", "#123456", (shape,), (Keyframe(0),), **more)


@pytest.fixture
def clip(film, tmp_path):
    """A clip whose subject is tracked in every frame."""
    made = Clips(tmp_path / "clips").add(film, "me")
    made.cut_out(0.0, COUNT / FPS, FPS)
    for t in range(COUNT):
        made.part().give(t, disc(t))
    return made


def test_the_motion_takes_the_place_of_an_object_at_rest(clip):
    whole = project(still())
    laid, told = lay(clip, whole, "own", SIZE, 1, 0)
    masks = whole.track_masks(laid.track)
    assert laid.track.id == "own" and "“ball” now moves" in told
    assert iou(masks[0], drawn()) > 0.95
    assert (laid.track.array(0) == masks[0]).all()  # it is drawn where the object is
    assert masks[24].sum() < masks[0].sum()  # the way leads out of the picture


def test_what_was_done_by_hand_is_kept_for_another_time(clip):
    laid, _ = lay(clip, project(still()), "own", SIZE, 1, 0)
    up = tuple(replace(key, y=key.y - 40) for key in laid.track.keyframes)
    moved = replace(laid.track, keyframes=up)
    again, told = lay(clip, project(moved), "own", SIZE, 3, 10)
    masks = project().track_masks(again.track)
    assert again.track.id == "own" and "now moves" in told
    assert middle(masks[0]) == pytest.approx((60, 100), abs=1.5)
    assert (masks[0] == masks[2]).all() and (masks[11] == masks[24]).all()  # rests before and after

    by_key = replace(moved, keyframes=(*up[:-1], replace(up[-1], x=up[-1].x + 9)))
    other, told = lay(clip, project(by_key), "own", SIZE, 1, 0)
    assert other.track.id != "own" and "has a motion of its own" in told
    locked = replace(moved, locked=True)
    assert lay(clip, project(locked), "own", SIZE, 1, 0)[0].track.id != "own"


@pytest.mark.parametrize(
    ("tracks", "begin", "lasts", "part"),
    [
        ((still(),), 25, 0, "begins at frame 25"),
        ((still(),), 0, 0, "begins at frame 0"),
        ((still(),), 1, 1, "lasts 1 frames"),
        ((still(),), 1, 1e9, "lasts 1000000000 frames"),
        ((still(drawn(size=(90, 90), x=30, y=30)),), 1, 0, "another size"),
        (
            (replace(still(), keyframes=(Keyframe(0, hidden=True), Keyframe(9))),),
            1,
            0,
            "hidden in the first frame",
        ),
        ((still(locked=True),) * MAX_TRACKS, 1, 0, "delete one first"),
    ],
)
def test_what_can_not_be_is_told(clip, tracks, begin, lasts, part):
    with pytest.raises(UserError, match=part):
        lay(clip, project(*tracks), "own", SIZE, begin, lasts)
    assert not clip.laid


def test_a_clip_without_a_track_is_told(film, tmp_path):
    made = Clips(tmp_path / "clips").add(film, "me")
    with pytest.raises(UserError, match="No part"):
        lay(made, project(), "", SIZE, 1, 0)
    made.cut_out(0.0, 1.0, FPS)
    made.part().give(3, disc(3))
    with pytest.raises(UserError, match="press Track first"):
        lay(made, project(), "", SIZE, 1, 0)
