"""The parts of the page that need no browser: proposals, documents, sessions, plots."""

import re
from dataclasses import replace

import numpy as np
import pytest

from comogen_demo.backbones.mini.words import Words
from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe
from comogen_demo.project import Project, Track, mask_png
from comogen_demo.settings import Settings
from comogen_demo.ui import document
from comogen_demo.ui.chooser import Chooser
from comogen_demo.ui.engine import Form
from comogen_demo.ui.gallery import COUNT, example, thumbnails
from comogen_demo.ui.importing import read_masks, track_of
from comogen_demo.ui.making import Outcome, film_strip, mask_preview
from comogen_demo.ui.naming import subject_name, ways_of
from comogen_demo.ui.plots import overlap_plot, schedule_plot
from comogen_demo.ui.prompts import Way, is_proposal, known_name, propose
from comogen_demo.ui.sessions import Sessions, frame_id
from comogen_demo.ui.views import report_panel
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
    assert propose([Way(name, *way)], 512) == text
    assert is_proposal(text) and not is_proposal(text + " at once") and is_proposal(" ")
    assert set(text.split()) - {"object"} <= set(VOCABULARY)


RED, CYAN, PINK = Way("the red cube", -90), Way("the cyan sphere", 20, -80), Way("the pink object", 30, 5)


@pytest.mark.parametrize(
    ("ways", "text"),
    [
        ([], ""),
        ([RED, CYAN], "the red cube slides to the left and the cyan sphere rolls away"),
        ([CYAN, RED], "the cyan sphere rolls away and the red cube slides to the left"),
        ([RED, PINK, CYAN], "the red cube slides to the left and the cyan sphere rolls away"),
        ([Way("the pink cube"), RED], "the red cube slides to the left"),
        ([Way("the pink cube"), Way("the red cube", 2)], "the pink cube moves"),
    ],
)
def test_proposals_tell_of_two_objects_that_move_at_most(ways, text):
    assert propose(ways, 512) == text
    assert is_proposal(text) and not is_proposal(text + " and so on")


def test_the_longest_proposal_fits_into_the_models_words():
    text = propose([Way("the yellow cylinder", 90), Way("the purple cylinder", -90)], 512)
    _, read, unknown = Words(VOCABULARY, 16).tokens(text)
    assert " ".join(read).strip() == text and not unknown


@pytest.mark.parametrize(
    ("name", "known"),
    [("the red cube 2", "the red cube"), ("The Red Cube", "the red cube"), ("my hero", ""), ("", "")],
)
def test_names_are_read_as_far_as_the_model_knows_them(name, known):
    assert known_name(name) == known


def test_ways_are_those_of_the_tracks_that_are_on(tmp_path):
    scene, pixels, masks = example(0)
    frame = Sessions(tmp_path).get("page").add(pixels, scene, masks)
    there, here = mask_png(np.roll(masks[0], 40, 1)), mask_png(masks[0])
    tracks = (
        Track("1", "hero", "#ff0000", (here,), (Keyframe(0), Keyframe(24, -60, 8))),
        Track("2", "off", "#ff0000", (here,), (Keyframe(0), Keyframe(24, -60)), on=False),
        Track("3", "the red cube 2", "#ff0000", (here, there), (Keyframe(0), Keyframe(24, 10, shape=1))),
    )
    project = Project(tracks=tracks)
    ways = ways_of(project, frame)
    assert ways == [Way(f"the {scene.objects[0].name}", -60, 8), Way("the red cube", pytest.approx(50), 0)]
    assert ways_of(project, None)[0].name == "the object"


def spots(*columns):
    """Masks (T, 40, 40) of a square at each of the columns; none for None."""
    masks = np.zeros((len(columns), 40, 40), bool)
    for mask, column in zip(masks, columns, strict=True):
        if column is not None:
            mask[10:20, column : column + 10] = True
    return masks


def played(track, frames):
    """The masks that an imported track gives."""
    entry = {"id": "1", "name": track["name"], "shapes": track["shapes"], "keyframes": track["keyframes"]}
    return document.read({**document.empty(frames), "tracks": [entry]}).masks()


def test_imported_masks_are_played_as_they_were():
    masks = spots(None, 0, 0, 0, 5, 0, None, None, 20, 20)
    track = track_of(masks, 10, "one_track-07.zip")
    assert track["name"] == "one track 07" and len(track["shapes"]) == 3
    assert [key["t"] for key in track["keyframes"]] == [0, 1, 3, 4, 5, 6, 7, 8]
    assert (played(track, 10) == masks).all()


def test_imported_masks_of_another_number_are_spread_over_the_frames():
    few = track_of(spots(0, 10, 20), 25, "a.zip")
    assert [key["t"] for key in few["keyframes"]] == [0, 12, 24] and "25 frames" in few["note"]
    made = played(few, 25)
    assert (made[[0, 12, 24]] == spots(0, 10, 20)).all() and made.any((1, 2)).all()
    many = track_of(spots(*range(30)), 9, "a.zip")
    assert (played(many, 9) == spots(*range(30))[np.round(np.arange(9) * 29 / 8).astype(int)]).all()
    one = track_of(spots(3), 25, "a.png")
    assert len(one["shapes"]) == 1 and [key["t"] for key in one["keyframes"]] == [0]


def test_imported_masks_are_cropped_as_the_uploaded_picture_was(tmp_path):
    mask = np.zeros((100, 300), bool)
    mask[20:40, 120:160] = True
    path = tmp_path / "mask.png"
    path.write_bytes(mask_png(mask))
    source = {"kind": "upload", "crop": [100, 0, 100, 100, 300, 100]}
    cropped = read_masks([path], (200, 200), source)
    assert cropped.shape == (1, 200, 200) and cropped[0, 40:80, 40:120].all() and cropped.sum() == 3200
    for other in (None, {"crop": [0, 0, 9, 9, 3, 3]}, {"crop": ["x"] * 6}, {"crop": [1e9] * 6}, "upload"):
        with pytest.raises(UserError, match="300 x 100"):
            read_masks([path], (200, 200), other)


def test_every_object_of_a_scene_is_called_by_its_name(tmp_path):
    session = Sessions(tmp_path).get("page")
    for index in range(3):
        scene, pixels, masks = example(index)
        frame = session.add(pixels, scene, masks)
        assert [subject_name(frame, m) for m in masks] == [f"the {o.name}" for o in scene.objects]
        unknown = Sessions(tmp_path / f"other{index}").get("page").add(pixels)
        names = [subject_name(unknown, m) for m in masks]
        assert names == [f"the {o.colour} object" for o in scene.objects]


def test_a_part_has_the_events_that_its_script_names_and_no_others():
    part = Chooser()
    assert callable(part.choose) and callable(part.fetched)
    for name in ("fetche", "nothing", "value_"):
        with pytest.raises(AttributeError, match=name):
            getattr(part, name)


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
        "shapes": [document.mask_url(mask)],
        "keyframes": keyframes,
    }
    return document.read({**document.empty(25), "image": "a" * 32, "tracks": [track]})


def test_masks_come_out_of_a_document():
    mask = np.zeros((64, 64), bool)
    mask[20:30, 20:30] = True
    (masks,) = document.subjects_of(project(mask, [{"t": 0}, {"t": 24, "x": 24}]), 25, (64, 64))
    assert (
        masks.shape == (25, 64, 64) and (masks[0] == mask).all() and (masks[24] == np.roll(mask, 24, 1)).all()
    )
    with pytest.raises(UserError, match="another size"):
        document.subjects_of(project(mask, [{"t": 0}, {"t": 24, "x": 24}]), 25, (32, 32))
    with pytest.raises(UserError, match="no way to go"):
        document.subjects_of(project(mask, [{"t": 0}]), 25, (64, 64))
    with pytest.raises(UserError, match="No object"):
        document.subjects_of(document.read(document.empty(25)), 25, (64, 64))


@pytest.mark.parametrize("value", [(None, 10, 0), (1.0, None, 0), (3.0, 10, 0), (1.0, 0, 0), (1.0, 10, -1)])
def test_settings_out_of_range_are_told(value):
    strength, steps, seed = value
    with pytest.raises(UserError):
        document.settings_of(strength, steps, "cosine", seed, "adapter")


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


def test_the_report_says_when_frames_were_played_into_others(tmp_path):
    made = Outcome(
        tmp_path,
        "embedded",
        Form(256, 256, 25, 12.5, (32, 32)),
        "the red cube moves",
        Settings(),
        1.0,
        None,
        (),
    )
    assert "played into" not in report_panel(made)
    assert "Your 49 frames were played into the 25" in report_panel(replace(made, drawn=49))
