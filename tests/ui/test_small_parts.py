"""The parts of the page that need no browser: proposals, documents, sessions, plots."""

import re

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe
from comogen_demo.ui import document
from comogen_demo.ui.gallery import COUNT, example, thumbnails
from comogen_demo.ui.making import film_strip, mask_preview
from comogen_demo.ui.naming import subject_name
from comogen_demo.ui.plots import overlap_plot, schedule_plot
from comogen_demo.ui.prompts import is_proposal, propose
from comogen_demo.ui.sessions import Sessions, frame_id
from comogen_demo.world.captions import VOCABULARY


@pytest.mark.parametrize(
    ("name", "way", "text"),
    [
        ("the red cube", (-100, 0), "the red cube slides to the left"),
        ("the cyan sphere", (80, 5), "the cyan sphere rolls to the right"),
        ("the red cube", (0, -90), "the red cube slides away"),
        ("the red cube", (3, 0), "the red cube moves"),
        ("the red object", (60, 60), "the red object slides closer to the right"),
    ],
)
def test_proposals_speak_the_models_words(name, way, text):
    assert propose(name, [Keyframe(0), Keyframe(24, *way)], 512) == text
    assert is_proposal(text) and not is_proposal(text + " at once") and is_proposal(" ")
    assert set(text.split()) - {"object"} <= set(VOCABULARY)


def test_every_object_of_a_scene_is_called_by_its_name(tmp_path):
    session = Sessions(tmp_path).get("page")
    for index in range(3):
        scene, pixels, masks = example(index)
        frame = session.add(pixels, scene, masks)
        assert [subject_name(frame, m) for m in masks] == [f"the {o.name}" for o in scene.objects]
        unknown = Sessions(tmp_path / f"other{index}").get("page").add(pixels)
        names = [subject_name(unknown, m) for m in masks]
        assert names == [f"the {o.colour} object" for o in scene.objects]


def test_the_gallery_is_the_first_scenes_of_the_test_split():
    shown = thumbnails()
    assert [entry["index"] for entry in shown] == list(range(COUNT))
    with pytest.raises(IndexError):
        example(COUNT)


def test_sessions_are_bounded_and_freed(tmp_path):
    sessions = Sessions(tmp_path, keep=2)
    frames = [np.full((32, 32, 3), i, np.uint8) for i in range(12)]
    page = sessions.get("a")
    kept = [page.add(f) for f in frames]
    assert page.get(kept[0].id) is None and not kept[0].path.exists()
    assert page.get(kept[-1].id) is kept[-1] and len(list(page.folder.iterdir())) == 8
    assert sessions.get("b").get(kept[-1].id) is None  # another page's frames are not to be had
    sessions.get("c")
    assert len(sessions) == 2 and not page.folder.exists()
    sessions.drop("c")
    assert len(sessions) == 1
    assert frame_id(frames[1]) != frame_id(frames[2])
    assert frame_id(np.zeros((2, 3, 3), np.uint8)) != frame_id(np.zeros((3, 2, 3), np.uint8))


def project(mask, keyframes):
    track = {
        "id": "1",
        "name": "it",
        "colour": "#ff0000",
        "mask": document.mask_url(mask),
        "keyframes": keyframes,
    }
    return document.read({**document.empty(25), "image": "a" * 32, "tracks": [track]})


def test_masks_come_out_of_a_document():
    mask = np.zeros((64, 64), bool)
    mask[20:30, 20:30] = True
    masks = document.masks_of(project(mask, [{"t": 0}, {"t": 24, "x": 24}]), 25, (64, 64))
    assert (
        masks.shape == (25, 64, 64) and (masks[0] == mask).all() and (masks[24] == np.roll(mask, 24, 1)).all()
    )
    with pytest.raises(UserError, match="another size"):
        document.masks_of(project(mask, [{"t": 0}, {"t": 24, "x": 24}]), 25, (32, 32))
    with pytest.raises(UserError, match="no way to go"):
        document.masks_of(project(mask, [{"t": 0}]), 25, (64, 64))
    with pytest.raises(UserError, match="No object"):
        document.masks_of(document.read(document.empty(25)), 25, (64, 64))


@pytest.mark.parametrize("value", [(None, 10, 0), (1.0, None, 0), (3.0, 10, 0), (1.0, 0, 0), (1.0, 10, -1)])
def test_settings_out_of_range_are_told(value):
    strength, steps, seed = value
    with pytest.raises(UserError):
        document.settings_of(strength, steps, "cosine", seed)


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "data:image/png;base64,@@", "data:image/png;base64,AAAA"]
)
def test_kept_pictures_that_are_none_are_told(url):
    with pytest.raises(UserError, match="choose the frame again"):
        document.image_of(url)


def test_plots_show_their_values():
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', schedule_plot(2.0, 5, "cosine"))]
    assert len(heights) == 5 and heights == sorted(heights, reverse=True) and heights[-1] == 0
    assert heights[2] == pytest.approx(heights[0] / 2, abs=0.1)
    drawn = overlap_plot([1.0, float("nan"), 0.5], 0.75)
    assert len(re.search(r'points="([^"]+)"', drawn)[1].split()) == 2 and "nan" not in drawn


def test_previews_hold_every_frame():
    frames = np.random.default_rng(0).integers(0, 255, (25, 64, 64, 3), np.uint8)
    assert film_strip(frames).startswith("data:image/jpeg;base64,")
    masks = np.zeros((25, 64, 64), bool)
    masks[3, 10:30, 10:30] = True
    shots = mask_preview(frames[0], masks, (64, 64))
    assert shots.shape == (25, 64, 64, 3) and (shots[3, 20, 20] != shots[2, 20, 20]).any()
    assert (shots[2] == shots[4]).all()
