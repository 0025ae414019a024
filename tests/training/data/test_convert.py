"""Converters, on small data sets laid out and encoded as the real ones are."""

import json
from collections import namedtuple

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.training.data.behave import behave
from comogen_demo.training.data.clevrer import clevrer, decode_rle, moving_object
from comogen_demo.training.data.convert import convert, windows
from comogen_demo.training.data.davis import davis
from comogen_demo.training.data.folder import read_clip
from comogen_demo.training.data.plain import follow, plain
from comogen_demo.training.data.world import world
from comogen_demo.video import write_mp4
from comogen_demo.world import make_clip
from comogen_demo.world.cli import write_clip as write_scene
from tests.training.data.made import square


def encode_rle(mask):
    """COCO's compressed runs, written here from their description, for the decoder to read."""
    values = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(values)) + 1
    runs = np.diff([0, *edges, len(values)]).tolist()
    if values[0]:
        runs.insert(0, 0)
    text = ""
    for i, run in enumerate(runs):
        number = run - runs[i - 2] if i > 2 else run
        while True:
            group = number & 31
            number >>= 5
            more = number != (-1 if group & 16 else 0)
            text += chr(48 + group + 32 * more)
            if not more:
                break
    return {"size": list(mask.shape), "counts": text}


def test_masks_of_the_coco_format():
    # two squares of an image of 4 x 5 pixels; runs 5 2 2 2 9, the fourth and fifth as differences 0 and 7
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:3] = True
    assert encode_rle(mask)["counts"] == "52207"
    assert np.array_equal(decode_rle({"size": [4, 5], "counts": "52207"}), mask)


def test_masks_are_decoded_as_the_reference_does():
    reference = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for size in ((320, 480), (7, 3)):
        mask = cv2.GaussianBlur(rng.random(size).astype(np.float32), (0, 0), 3) > 0.5
        found = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
        text = {"size": found["size"], "counts": found["counts"].decode()}
        assert np.array_equal(decode_rle(text), mask) and encode_rle(mask) == text


@pytest.mark.parametrize("counts", ["", "5220", "522079", "O", "52207P"])
def test_damaged_masks_are_refused(counts):
    with pytest.raises(UserError, match="damaged"):
        decode_rle({"size": [4, 5], "counts": counts})


def annotation(collision=True):
    def moved(i, x, speed):
        return {"object_id": i, "location": [x, 0, 0], "velocity": [speed, 0, 0]}

    return {
        "object_property": [
            {"object_id": 0, "color": "red", "material": "metal", "shape": "sphere"},
            {"object_id": 1, "color": "red", "material": "rubber", "shape": "sphere"},
        ],
        "motion_trajectory": [
            {"frame_id": t, "objects": [moved(0, 0.1 * t, 0.1), moved(1, 0.2 * t, 2.0 if t < 3 else 0)]}
            for t in range(9)
        ],
        "collision": [{"frame_id": 7, "object_ids": [0]}, {"frame_id": 3, "object_ids": [0, 1]}]
        if collision
        else [],
    }


@pytest.fixture
def clevrer_folder(tmp_path):
    frames, masks = square()
    for part in ("videos", "annotations/0", "proposals"):
        (tmp_path / part).mkdir(parents=True)
    write_mp4(tmp_path / "videos/video_00007.mp4", frames, 25)
    (tmp_path / "annotations/0/annotation_00007.json").write_text(json.dumps(annotation()))
    look = {"color": "red", "shape": "sphere"}
    found = [
        {
            "frame_index": t,
            "objects": [
                {**look, "material": "rubber", "mask": encode_rle(mask)},
                {**look, "material": "metal", "mask": encode_rle(~mask)},
            ][: 0 if t == 4 else 2],
        }
        for t, mask in enumerate(masks)
    ]
    (tmp_path / "proposals/sim_00007.json").write_text(json.dumps({"frames": found}))
    return tmp_path


def test_clevrer(clevrer_folder, tmp_path):
    assert [f.fault for f in convert(clevrer(clevrer_folder), tmp_path / "out")] == [""]
    clip = read_clip(tmp_path / "out", "clevrer-00007")
    expected = square()[1]
    expected[4] = False  # not found in that frame
    assert np.array_equal(clip.masks, expected) and clip.caption == "The red rubber sphere moves."


def test_clevrers_subject_is_the_faster_of_the_first_collision():
    assert moving_object(annotation()) == 1
    assert moving_object(annotation(collision=False)) == 1


@pytest.mark.parametrize(
    ("part", "text", "said"),
    [
        ("proposals/sim_00007.json", None, "no sim_00007.json"),
        ("proposals/sim_00007.json", '{"frames": []}', "lack 9 of 9 frames"),
        ("annotations/0/annotation_00007.json", "{", "damaged"),
        ("annotations/0/annotation_00007.json", "{}", "incomplete"),
    ],
)
def test_faults_in_clevrer_are_said(clevrer_folder, tmp_path, part, text, said):
    (clevrer_folder / part).unlink()
    if text is not None:
        (clevrer_folder / part).write_text(text)
    (finding,) = convert(clevrer(clevrer_folder), tmp_path / "out")
    assert said in finding.fault and not (tmp_path / "out").exists()


def write_jpeg(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)


def test_behave_gives_the_humans_mask_of_every_camera_in_windows(tmp_path):
    frames, masks = square()
    sequence = tmp_path / "sequences/Date01_Sub01_boxlong_hand"
    for t in range(9):
        time = sequence / f"t{t * 0.5:08.3f}"
        for camera in (0, 2):
            write_jpeg(time / f"k{camera}.color.jpg", frames[t])
            write_jpeg(time / f"k{camera}.person_mask.jpg", masks[t] * np.uint8(255))
            write_jpeg(time / f"k{camera}.obj_rend_mask.jpg", ~masks[t] * np.uint8(255))
    (sequence / f"t{4 * 0.5:08.3f}/k2.person_mask.jpg").unlink()  # splits camera 2
    (sequence / "info.json").write_text('{"cat": "boxlong", "gender": "female"}')
    out = tmp_path / "out"
    found = [f.name.split("-", 1)[1] for f in convert(behave(tmp_path, 4), out) if not f.fault]
    assert found == ["k0-t0000000", "k0-t0002000", "k2-t0000000", "k2-t0002500"]
    clip = read_clip(out, "Date01_Sub01_boxlong_hand-k0-t0002000")
    assert (clip.masks != masks[4:8]).mean() < 0.01 and clip.caption == "A woman moving a long box."


def test_davis_gives_a_clip_for_every_object(tmp_path):
    frames, masks = square()
    other = masks[:, ::-1][:, :, ::-1]
    for t in range(9):
        write_jpeg(tmp_path / f"JPEGImages/480p/red-ball/{t:05d}.jpg", frames[t])
        labels = masks[t] * np.uint8(1) + other[t] * np.uint8(2)
        labels[0] = 255  # belongs to no object
        write_jpeg(tmp_path / f"Annotations/480p/red-ball/{t:05d}.png", labels)
        write_jpeg(tmp_path / f"JPEGImages/480p/alone/{t:05d}.jpg", frames[t])
        write_jpeg(tmp_path / f"Annotations/480p/alone/{t:05d}.png", masks[t] * np.uint8(255))
    out = tmp_path / "out"
    found = {f.name: f.fault for f in convert(davis(tmp_path, 129), out)}
    assert found == {"alone-00000-255": "", "red-ball-00000-1": "", "red-ball-00000-2": ""}
    assert np.array_equal(read_clip(out, "alone-00000-255").masks, masks)
    assert np.array_equal(
        read_clip(out, "red-ball-00000-2").masks[:, 1:], (other.astype(int) - masks > 0)[:, 1:]
    )
    assert read_clip(out, "red-ball-00000-1").caption == "red ball."


def test_the_world(tmp_path):
    clip = make_clip("test", 0, 32)
    write_scene(tmp_path / "scenes/test-00000", clip)
    assert [f.fault for f in convert(world(tmp_path / "scenes"), tmp_path / "out")] == [""]
    again = read_clip(tmp_path / "out", "test-00000")
    # a pixel that two objects share by halves belongs to one of them in the rendered files
    assert (again.masks != clip.subject_masks()).sum() < 0.01 * again.masks.sum()
    assert np.abs(again.frames.astype(int) - clip.frames).mean() < 4


Tracked = namedtuple("Tracked", "index mask confidence")
Found = namedtuple("Found", "box confidence words")


class Nearest:
    """A selector that follows the square by its colour; unsure of itself in frame 3."""

    name = "nearest"

    def select(self, frame, points=(), box=None, mask=None):
        left, top, right, bottom = (round(v) for v in box)
        mask = np.zeros(frame.shape[:2], bool)
        mask[top:bottom, left:right] = True
        return mask, 1.0

    def track(self, frames, given, start, stop):
        for t in range(start + 1, stop):
            yield Tracked(t, frames[t, ..., 0] > 150, 0.2 if t == 3 else 0.9)


class Words:
    name = "words"

    def find(self, frame, words):
        return [Found((4, 12, 12, 20), 0.9, words)] if words == "red square" else []


def test_plain_videos_are_followed_from_a_mask_or_a_word(tmp_path):
    frames, masks = square()
    source = tmp_path / "videos"
    source.mkdir()
    write_mp4(source / "a.mp4", frames, 8)
    (source / "a.txt").write_text("A square goes right.")
    write_jpeg(source / "a.png", masks[0] * np.uint8(255))
    for number, subject in enumerate((None, "red square")):
        out = tmp_path / f"out{number}"
        (finding,) = convert(plain(source, Nearest(), Words(), subject), out)
        assert finding.fault == "" and "1 of 9 frames" in finding.note
        assert (read_clip(out, "a").masks != masks).mean() < 0.02
    (finding,) = convert(plain(source, Nearest(), Words(), "blue square"), tmp_path / "none")
    assert "not found in the first frame" in finding.fault


def test_following_keeps_what_was_given():
    frames, masks = square()
    first = ~masks[0]
    found, unsure = follow(frames, first, Nearest())
    assert np.array_equal(found[0], first) and np.array_equal(found[1:], masks[1:]) and unsure == 1


def test_what_is_there_is_not_made_again(tmp_path):
    clip = make_clip("test", 0, 32)
    write_scene(tmp_path / "scenes/test-00000", clip)
    list(convert(world(tmp_path / "scenes"), tmp_path / "out"))
    (tmp_path / "out/test-00000.txt").write_text("A better caption.")
    assert [f.fault for f in convert(world(tmp_path / "scenes"), tmp_path / "out")] == [""]
    assert read_clip(tmp_path / "out", "test-00000").caption == "A better caption."


def test_windows():
    assert windows(3, 5) == [slice(0, 3)]
    assert windows(11, 5) == [slice(0, 5), slice(5, 10)]


@pytest.mark.parametrize("make", [clevrer, world, lambda p: behave(p, 5), lambda p: davis(p, 5)])
def test_folders_of_something_else_are_named(tmp_path, make):
    with pytest.raises(UserError, match="holds no"):
        list(make(tmp_path))
    with pytest.raises(UserError, match="There is no folder"):
        list(make(tmp_path / "none"))
