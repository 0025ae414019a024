"""The project document between browser and server."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe
from comogen_demo.project import Project, Track, mask_png
from comogen_demo.ui import document

SIZE = (40, 60)
WAY = (Keyframe(0), Keyframe(24, x=24))


def square(left: int, size=SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[10:20, left : left + 10] = True
    return mask


def track(keyframes=WAY, lefts=(5,), **more) -> Track:
    return Track("a", "it", "#ff8800", tuple(mask_png(square(left)) for left in lefts), keyframes, **more)


def project(*tracks: Track, frames=25) -> Project:
    return Project(frames=frames, tracks=tracks or (track(),))


def test_an_empty_document_is_a_project_without_objects():
    assert document.read(document.empty(49)) == Project(frames=49)


def test_the_control_has_the_models_frames():
    assert np.array_equal(document.subjects_of(project(), 25, SIZE)[0, 24], square(29))
    long = project(track((Keyframe(0), Keyframe(48, x=24))), frames=49)
    assert np.array_equal(document.subjects_of(long, 25, SIZE), document.subjects_of(project(), 25, SIZE))
    assert document.subjects_of(long, 9, SIZE).shape == (1, 9, *SIZE)


@pytest.mark.parametrize(
    "moving",
    [
        track(),
        track((Keyframe(0),), lefts=(5, 30)),
        track((Keyframe(3, hidden=True),)),
    ],
    ids=["two keys", "two shapes", "hidden"],
)
def test_what_moves_may_be_the_control(moving):
    still = track(())
    document.subjects_of(project(still, moving), 25, SIZE)
    with pytest.raises(UserError, match="no way to go"):
        document.subjects_of(project(still, replace(moving, on=False)), 25, SIZE)


def test_what_is_no_control_is_told():
    with pytest.raises(UserError, match="No object is selected"):
        document.subjects_of(Project(), 25, SIZE)
    with pytest.raises(UserError, match="switch on"):
        document.subjects_of(project(track(on=False)), 25, SIZE)
    with pytest.raises(UserError, match="no way to go"):
        document.subjects_of(project(track((Keyframe(0),)), track(())), 25, SIZE)
    with pytest.raises(UserError, match="another size"):
        document.subjects_of(project(), 25, (32, 32))


def test_a_loaded_project_is_what_the_browser_gives_back():
    given = Project(
        frames=49,
        image=mask_png(square(1)),
        tracks=(
            track(smooth=0.5, locked=True),
            replace(track((Keyframe(3, shape=1, hold=True),), (5, 9)), id="b"),
        ),
        prompt="the red cube slides",
    )
    shown = document.to_browser(given)
    assert shown["image"] == "" and shown["source"] is None
    assert set(shown) == set(document.empty(25))
    assert document.read({**shown, "image": "abc"}) == replace(given, image="abc")
    json.dumps(shown)


def test_the_browser_gets_plain_masks_and_tracks_of_their_own():
    """Masks of 0 and 1, which a browser would show as black, and two tracks that call themselves alike."""
    file = io.BytesIO()
    Image.fromarray(square(5).astype(np.uint8)).save(file, "PNG")
    foreign = Track("a", "", "#000000", (file.getvalue(),))
    shown = document.read(document.to_browser(project(foreign, track(), replace(track(), id=""))))
    assert shown.tracks[0].shapes == (mask_png(square(5)),)
    assert len({one.id for one in shown.tracks} - {""}) == 3
    assert shown.tracks[0].id == "a"
    with pytest.raises(UserError, match="not a picture"):
        document.to_browser(project(Track("a", "", "#000000", (b"hello",))))
