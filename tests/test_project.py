"""The project document."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe, make_shape
from comogen_demo.masks.rasterise import check_bytes
from comogen_demo.project import VERSION, Project, Track, mask_png
from comogen_demo.settings import Settings
from comogen_demo.video import embed_project, write_mp4


def square(left: int, size=(40, 60)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[10:20, left : left + 10] = True
    return mask


def track(
    left=5, keyframes=(Keyframe(0), Keyframe(8, x=16, scale=1.5, rotation=-30)), name="the red cube", **more
) -> Track:
    return Track(f"t{left}", name, "#ff8800", (mask_png(square(left)),), keyframes, **more)


def redrawn(left=5) -> Track:
    """A track that uses everything a track can have."""
    keys = (
        Keyframe(0, ease=(0.42, 0.0, 0.58, 1.0)),
        Keyframe(3, 2.5, -1.25, 10.0, 0.5, shape=1, hold=True),
        Keyframe(6, hidden=True),
    )
    shapes = (mask_png(square(left)), mask_png(square(left + 20)))
    return Track("r", "two", "#00aaff", shapes, keys, on=False, visible=False, locked=True, smooth=0.25)


def project(**changes) -> Project:
    picture = mask_png(square(5))  # any PNG will do
    values = {"frames": 9, "image": picture, "tracks": (track(),), "prompt": "the red cube slides"}
    return Project(**values | {"settings": Settings(6, 0.5, "constant", 2**32 - 1)} | changes)


def changed(**entries) -> str:
    """A good document with some of its entries replaced (or, given as ..., removed)."""
    document = json.loads(project().to_json()) | entries
    return json.dumps({name: value for name, value in document.items() if value is not ...})


def changed_track(**entries) -> str:
    document = json.loads(project().to_json())
    changed = document["tracks"][0] | entries
    document["tracks"][0] = {name: value for name, value in changed.items() if value is not ...}
    return json.dumps(document)


@pytest.mark.parametrize("image", [mask_png(square(1)), "scene-3", "scene-3.png", None])
def test_a_project_comes_back_equal(image):
    given = project(image=image, tracks=(track(), redrawn(), track(30, (), "Würfel — 立方体")))
    text = given.to_json()
    assert Project.from_json(text) == given
    assert Project.from_json(text.encode()) == given
    assert json.loads(text)["version"] == VERSION


def test_small_documents_are_filled_with_defaults():
    text = json.dumps({"version": 2, "frames": 25, "tracks": [{"shapes": [changed_mask()]}]})
    read = Project.from_json(text)
    assert read.settings == Settings()
    assert read.prompt == ""
    assert read.image is None
    assert read.tracks[0].keyframes == ()
    assert (read.tracks[0].on, read.tracks[0].visible, read.tracks[0].locked) == (True, True, False)


def changed_mask() -> str:
    return json.loads(project().to_json())["tracks"][0]["shapes"][0]


def first_version(**entries) -> str:
    """A document as the first version of CoMoGen Studio wrote it, entry by entry."""
    keyframes = [
        {"t": 0, "x": 0.0, "y": 0.0, "rotation": 0.0, "scale": 1.0},
        {"t": 8, "x": 16.0, "y": 0.0, "rotation": -30.0, "scale": 1.5},
    ]
    track = {"id": "t5", "name": "the red cube", "colour": "#ff8800", "mask": FIRST_MASK}
    document = {
        "frames": 9,
        "image": "scene-3",
        "tracks": [track | {"keyframes": keyframes}],
        "prompt": "the red cube slides",
        "settings": {"steps": 6, "strength": 0.5, "schedule": "constant", "seed": 4294967295},
        "version": 1,
    }
    return json.dumps(document | entries)


# The PNG of square(5).
FIRST_MASK = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAADwAAAAoAQAAAACKwKRSAAAAF0lEQV"
    "R4nGNgoBlg/wehmWAC1GIMRQAAIowBGNRP5T8AAAAASUVORK5CYII="
)


def test_documents_of_the_first_version_are_brought_to_the_present_one():
    read = Project.from_json(first_version())
    assert read == project(image="scene-3", tracks=(replace(track(), shapes=read.tracks[0].shapes),))
    assert read.version == VERSION == 2
    assert np.array_equal(read.tracks[0].array(), square(5))
    assert len(read.tracks[0].shapes) == 1
    assert Project.from_json(read.to_json()) == read
    without = json.loads(first_version())["tracks"][0]
    del without["mask"]
    for entry, says in ((without, "'mask'"), (3, "'keyframes'"), ({"mask": 7}, "'mask'")):
        with pytest.raises(UserError, match=says):
            Project.from_json(first_version(tracks=[entry]))


def test_unknown_entries_are_left_alone():
    assert Project.from_json(changed(zoom=3, source="gallery")) == project()


def test_base64_without_its_prefix_is_read():
    bare = changed_mask().split(",")[1]
    assert Project.from_json(changed_track(shapes=[bare])) == project()


def test_masks_are_the_union_of_the_tracks():
    pair = project(tracks=(track(5, (Keyframe(0), Keyframe(8, x=8))), track(40, ())))
    masks = pair.masks()
    assert masks.shape == (9, 40, 60)
    assert masks.dtype == bool
    assert np.array_equal(masks[0], square(5) | square(40))
    assert np.array_equal(masks[4], square(9) | square(40))
    assert np.array_equal(masks[8], square(13) | square(40))
    assert pair.size() == (40, 60)
    for one in pair.tracks:
        assert not (pair.track_masks(one) & ~masks).any()
    assert np.array_equal(pair.track_masks(pair.tracks[1])[3], square(40))
    subjects = replace(pair, tracks=(*pair.tracks, track(20, (), on=False))).subjects()
    assert subjects.shape == (2, 9, 40, 60) and np.array_equal(subjects.any(0), masks)
    assert np.array_equal(subjects[1, 3], square(40))


def test_only_tracks_that_are_on_are_part_of_the_control():
    off, unseen = track(40, (), on=False), track(20, (), visible=False, locked=True)
    masks = project(tracks=(track(5, ()), off, unseen)).masks()
    assert np.array_equal(masks[0], square(5) | square(20)), (
        "what the editor does not draw counts all the same"
    )
    dark = project(tracks=(off,))
    assert np.array_equal(dark.track_masks(off)[0], square(40))
    with pytest.raises(UserError, match="turned off"):
        dark.masks()
    with pytest.raises(UserError, match="turned off"):
        dark.size()


def test_a_project_is_played_in_another_number_of_frames():
    given = project(tracks=(track(5, (Keyframe(0), Keyframe(8, x=24))),))
    assert given.sample_times(9) == list(range(9))
    assert given.sample_times(5) == [0, 2, 4, 6, 8]
    assert given.sample_times(1) == [0]
    assert np.array_equal(given.masks(given.sample_times(5)), given.masks()[::2])
    finer = given.masks(given.sample_times(25))
    assert [int(np.argwhere(frame)[0, 1]) for frame in finer] == list(range(5, 30))


def test_redrawn_tracks_make_each_shape_once(monkeypatch):
    made = []
    monkeypatch.setattr("comogen_demo.project.make_shape", lambda mask: made.append(1) or make_shape(mask))
    shapes = tuple(mask_png(square(left)) for left in range(1, 40))
    keys = tuple(Keyframe(t, shape=t) for t in range(39))
    masks = project(frames=39, tracks=(Track("a", "", "#000000", shapes, keys, smooth=1.0),)).masks()
    assert all(np.array_equal(mask, square(t + 1)) for t, mask in enumerate(masks))
    assert len(made) == 39


def test_projects_without_objects_or_with_unlike_masks_have_no_masks():
    with pytest.raises(UserError, match="no object"):
        project(tracks=()).masks()
    small = mask_png(square(5, (30, 60)))
    unlike = project(tracks=(track(), Track("x", "", "#000000", (small,))))
    for make in (unlike.masks, unlike.subjects):
        with pytest.raises(UserError, match="differ in size"):
            make()
    pair = Track("x", "", "#000000", (mask_png(square(5)), small), (Keyframe(0), Keyframe(8, shape=1)))
    with pytest.raises(UserError, match="differ in size"):
        project(tracks=(pair,)).masks()


def test_documents_that_ask_for_too_much_work_are_refused(monkeypatch):
    monkeypatch.setattr("comogen_demo.project.MAX_DRAWN", 2 * 40 * 60)
    with pytest.raises(UserError, match="3 shapes of 60 x 40 px, which is too much"):
        project(tracks=(track(), replace(redrawn(), on=True))).masks()
    monkeypatch.setitem(check_bytes.__globals__, "MAX_BYTES", 17 * 40 * 60)
    pair = project(tracks=(track(), track(30)))
    assert pair.masks().any()
    with pytest.raises(UserError, match="18 masks of 60 x 40 px"):
        pair.subjects()


def test_the_picture_is_inside_or_beside_the_document(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "scene.png")
    inside = project(image=(tmp_path / "scene.png").read_bytes())
    assert np.array_equal(inside.picture(tmp_path / "elsewhere"), picture)
    for name in ("scene", "scene.png"):
        assert np.array_equal(project(image=name).picture(tmp_path), picture)
    with pytest.raises(UserError, match="no picture file"):
        project(image="other").picture(tmp_path)
    with pytest.raises(UserError, match="has no picture"):
        project(image=None).picture(tmp_path)


def test_reading_files(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(project().to_json(), encoding="utf-8")
    assert Project.read(path) == project()
    with pytest.raises(UserError, match="no project file"):
        Project.read(tmp_path / "gone.json")


def test_a_video_brings_its_project(tmp_path):
    path = write_mp4(tmp_path / "v.mp4", np.zeros((3, 16, 16, 3), np.uint8), 8)
    with pytest.raises(UserError, match=r"no project in v\.mp4"):
        Project.read(path)
    embed_project(path, project().to_json())
    assert Project.read(path) == project()
    embed_project(path, first_version())
    assert Project.read(path) == Project.from_json(first_version())


def test_a_newer_version_is_refused_by_name():
    with pytest.raises(UserError, match=f"version {VERSION + 1}, made by a newer"):
        Project.from_json(changed(version=VERSION + 1))


BAD = {
    "text": ("hello", "not valid JSON"),
    "cut": (project().to_json()[:-20], "not valid JSON"),
    "nested": ("[" * 100_000, "not valid JSON"),
    "bytes": (b"\xff\xfe\x00", "not valid JSON"),
    "list": ("[]", "'version' is missing"),
    "version": (changed(version=...), "'version' is missing"),
    "version 0": (changed(version=0), "never existed"),
    "version true": (changed(version=True), "'version' is missing or of a wrong kind"),
    "frames 0": (changed(frames=0), "0 frames"),
    "frames many": (changed(frames=514), "514 frames"),
    "frames float": (changed(frames=9.5), "'frames'"),
    "tracks": (changed(tracks={}), "'tracks'"),
    "many tracks": (changed(tracks=[{}] * 17), "17 objects"),
    "track": (changed(tracks=[3]), "'keyframes'"),
    "no shapes": (changed_track(shapes=...), "'shapes'"),
    "shapes text": (changed_track(shapes="AAAA"), "'shapes'"),
    "shapes empty": (changed_track(shapes=[]), "0 shapes"),
    "shapes many": (changed_track(shapes=["AAAA"] * 514), "514 shapes; it must have 1 to 513"),
    "shape": (changed_track(shapes=[7]), "'shapes'"),
    "shape base64": (changed_track(shapes=["data:image/png;base64,%%%"]), "damaged"),
    "shape letters": (changed_track(shapes=["ü"]), "damaged"),
    "shape large": (changed_track(shapes=["A" * (3 * 2**20)]), "over 2 MB"),
    "on": (changed_track(on=1), "'on'"),
    "visible": (changed_track(visible="yes"), "'visible'"),
    "locked": (changed_track(locked=[]), "'locked'"),
    "smooth": (changed_track(smooth=1.5), "smoothness 1.5"),
    "smooth nan": (changed_track(smooth=math.nan), "smoothness nan"),
    "smooth true": (changed_track(smooth=True), "'smooth'"),
    "colour": (changed_track(colour="red;"), "colour 'red;'"),
    "name": (changed_track(name="x" * 101), "name is 101 characters"),
    "prompt": (changed(prompt="x" * 2001), "prompt is 2001 characters"),
    "keys": (changed_track(keyframes=[{"t": n} for n in range(514)]), "514 keyframes"),
    "key twice": (changed_track(keyframes=[{"t": 1}, {"t": 1}]), "two keyframes"),
    "key late": (changed_track(keyframes=[{"t": 9}]), "frame 9"),
    "key part": (changed_track(keyframes=[{"t": 1.5}]), "'t'"),
    "key huge": (changed_track(keyframes=[{"t": 1, "x": 10**400}]), "'x'"),
    "key nan": (changed_track(keyframes=[{"t": 1, "y": math.nan}]), "out of range"),
    "key text": (changed_track(keyframes=[{"t": 1, "scale": "2"}]), "'scale'"),
    "key shape": (changed_track(keyframes=[{"t": 1, "shape": 1}]), "the shape 1; its object has only 1"),
    "key shape part": (changed_track(keyframes=[{"t": 1, "shape": 0.5}]), "'shape'"),
    "key ease": (changed_track(keyframes=[{"t": 1, "ease": [0, 0, 1]}]), "3 numbers"),
    "key ease text": (changed_track(keyframes=[{"t": 1, "ease": [0, 0, 1, "1"]}]), "'ease'"),
    "key ease range": (changed_track(keyframes=[{"t": 1, "ease": [2, 0, 1, 1]}]), "easing out of range"),
    "key hold": (changed_track(keyframes=[{"t": 1, "hold": 1}]), "'hold'"),
    "key hidden": (changed_track(keyframes=[{"t": 1, "hidden": "no"}]), "'hidden'"),
    "image": (changed(image="../../etc/passwd"), "plain file name"),
    "image hidden": (changed(image=".secret"), "plain file name"),
    "image url": (changed(image="https://example.org/a.png"), "plain file name"),
    "image svg": (changed(image="data:image/svg+xml;base64,AAAA"), "damaged"),
    "settings": (changed(settings=[]), "'settings'"),
    "steps": (changed(settings={"steps": 101}), "101 steps"),
    "strength": (changed(settings={"strength": math.inf}), "Strength inf"),
    "schedule": (changed(settings={"schedule": "linear"}), "schedule 'linear'"),
    "seed": (changed(settings={"seed": -1}), "Seed -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_documents_are_refused_in_one_sentence(case):
    text, says = BAD[case]
    with pytest.raises(UserError, match=says) as caught:
        Project.from_json(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_oversized_documents_are_refused(monkeypatch):
    monkeypatch.setattr("comogen_demo.project_reading.MAX_JSON", 100)
    with pytest.raises(UserError, match="over"):
        Project.from_json(project().to_json())


def test_a_mask_that_is_no_png_is_refused():
    broken = Track("a", "", "#000000", (b"not a png",))
    with pytest.raises(UserError, match="not a picture"):
        project(tracks=(broken,)).masks()
