"""The project document."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe
from comogen_demo.project import VERSION, Project, Track, mask_png
from comogen_demo.settings import Settings


def square(left: int, size=(40, 60)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[10:20, left : left + 10] = True
    return mask


def track(
    left=5, keyframes=(Keyframe(0), Keyframe(8, x=16, scale=1.5, rotation=-30)), name="the red cube"
) -> Track:
    return Track(f"t{left}", name, "#ff8800", mask_png(square(left)), keyframes)


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
    document["tracks"][0] |= entries
    return json.dumps(document)


@pytest.mark.parametrize("image", [mask_png(square(1)), "scene-3", "scene-3.png", None])
def test_a_project_comes_back_equal(image):
    given = project(image=image, tracks=(track(), track(30, (), "Würfel — 立方体")))
    text = given.to_json()
    assert Project.from_json(text) == given
    assert Project.from_json(text.encode()) == given
    assert json.loads(text)["version"] == VERSION


def test_small_documents_are_filled_with_defaults():
    text = json.dumps({"version": 1, "frames": 25, "tracks": [{"mask": changed_mask()}]})
    read = Project.from_json(text)
    assert read.settings == Settings()
    assert read.prompt == ""
    assert read.image is None
    assert read.tracks[0].keyframes == ()


def changed_mask() -> str:
    return json.loads(project().to_json())["tracks"][0]["mask"]


def test_unknown_entries_are_left_alone():
    assert Project.from_json(changed(zoom=3, source="gallery")) == project()


def test_base64_without_its_prefix_is_read():
    bare = changed_mask().split(",")[1]
    assert Project.from_json(changed_track(mask=bare)) == project()


def test_masks_are_the_union_of_the_tracks():
    pair = project(tracks=(track(5, (Keyframe(0), Keyframe(8, x=8))), track(40, ())))
    masks = pair.masks()
    assert masks.shape == (9, 40, 60)
    assert masks.dtype == bool
    assert np.array_equal(masks[0], square(5) | square(40))
    assert np.array_equal(masks[4], square(9) | square(40))
    assert np.array_equal(masks[8], square(13) | square(40))


def test_projects_without_objects_or_with_unlike_masks_have_no_masks():
    with pytest.raises(UserError, match="no object"):
        project(tracks=()).masks()
    other = Track("x", "", "#000000", mask_png(square(5, (30, 60))))
    with pytest.raises(UserError, match="differ in size"):
        project(tracks=(track(), other)).masks()


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
    "mask": (changed_track(mask=7), "'mask'"),
    "mask base64": (changed_track(mask="data:image/png;base64,%%%"), "damaged"),
    "mask letters": (changed_track(mask="ü"), "damaged"),
    "mask large": (changed_track(mask="A" * (3 * 2**20)), "over 2 MB"),
    "colour": (changed_track(colour="red;"), "colour 'red;'"),
    "name": (changed_track(name="x" * 101), "name is 101 characters"),
    "prompt": (changed(prompt="x" * 2001), "prompt is 2001 characters"),
    "keys": (changed_track(keyframes=[{"t": n} for n in range(257)]), "257 keyframes"),
    "key twice": (changed_track(keyframes=[{"t": 1}, {"t": 1}]), "two keyframes"),
    "key late": (changed_track(keyframes=[{"t": 9}]), "frame 9"),
    "key part": (changed_track(keyframes=[{"t": 1.5}]), "'t'"),
    "key huge": (changed_track(keyframes=[{"t": 1, "x": 10**400}]), "'x'"),
    "key nan": (changed_track(keyframes=[{"t": 1, "y": math.nan}]), "out of range"),
    "key text": (changed_track(keyframes=[{"t": 1, "scale": "2"}]), "'scale'"),
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
    monkeypatch.setattr("comogen_demo.project.MAX_JSON", 100)
    with pytest.raises(UserError, match="over"):
        Project.from_json(project().to_json())


def test_a_mask_that_is_no_png_is_refused():
    broken = Track("a", "", "#000000", b"not a png")
    with pytest.raises(UserError, match="not a picture"):
        project(tracks=(broken,)).masks()
