"""Folders of clips: what is good is read in the backbone's form, and every fault has its one sentence."""

import zipfile

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import save_masks
from comogen_demo.training.data.folder import Form, check, clip_names, frame_times, read_clip, write_clip
from comogen_demo.video import write_mp4
from tests.training.data.made import square

FORM = Form(frames=5, fps=8, height=32, width=32)


@pytest.fixture
def folder(tmp_path):
    write_clip(tmp_path, "a", *square(), "A square goes right.", fps=8)
    return tmp_path


def test_a_clip_comes_back_as_it_was_written(folder):
    frames, masks = square()
    clip = read_clip(folder, "a")
    assert np.array_equal(clip.masks, masks) and clip.caption == "A square goes right."
    assert np.abs(clip.frames.astype(int) - frames).mean() < 3


def test_a_clip_is_brought_to_the_backbones_form(folder):
    clip = read_clip(folder, "a", FORM)
    assert clip.frames.shape == (5, 32, 32, 3) and clip.masks.shape == (5, 32, 32)
    assert np.array_equal(clip.masks, square()[1][:5, :, 8:40]), "cropped about the centre"
    inside = clip.frames[clip.masks].mean(0)
    assert inside[0] > 200 > inside[1], "masks and pictures are cropped alike"


def test_pictures_are_enlarged_with_their_masks(folder):
    clip = read_clip(folder, "a", Form(5, 8, 64, 96))
    assert clip.frames.shape == (5, 64, 96, 3)
    assert abs(clip.masks.sum() / (4 * square()[1][:5].sum()) - 1) < 0.02


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(8, [0, 1, 2, 3, 4]), (16, [0, 2, 4, 6, 8]), (8.3, [0, 1, 2, 3, 4]), (12, [0, 2, 3, 4, 6])],
)
def test_frames_are_taken_at_the_backbones_rate(fps, expected):
    assert frame_times(9, fps, FORM) == expected


@pytest.mark.parametrize("kind", [".masks", ".masks.npz", ".masks.mp4"])
def test_every_kind_of_masks_is_found(folder, kind):
    masks, path = square()[1], folder / f"a{kind}"
    if kind == ".masks":
        zipfile.ZipFile(folder / "a.masks.zip").extractall(path)
    elif kind == ".masks.npz":
        np.savez(path, masks=masks)
    else:
        write_mp4(path, np.repeat(masks[..., None] * np.uint8(255), 3, -1), 8)
    (folder / "a.masks.zip").unlink()
    assert clip_names(folder) == ["a"]
    assert (read_clip(folder, "a").masks != masks).mean() < (0.01 if kind == ".masks.mp4" else 1e-9)


def without_masks(folder):
    (folder / "a.masks.zip").unlink()


def without_caption(folder):
    (folder / "a.txt").unlink()


def without_video(folder):
    (folder / "a.mp4").unlink()


def with_empty_caption(folder):
    (folder / "a.txt").write_text(" \n")


def with_binary_caption(folder):
    (folder / "a.txt").write_bytes(b"\xff\xfe\x00")


def with_two_masks(folder):
    np.savez(folder / "a.masks.npz", masks=square()[1])


def with_fewer_masks(folder):
    save_masks(folder / "a.masks.zip", square()[1][:-1])


def with_masks_of_another_aspect(folder):
    save_masks(folder / "a.masks.zip", square(height=48)[1])


def with_empty_masks(folder):
    save_masks(folder / "a.masks.zip", np.zeros((9, 32, 48), bool))


def with_full_mask(folder):
    save_masks(folder / "a.masks.zip", np.ones((9, 32, 48), bool))


def with_subject_outside(folder):
    masks = np.zeros((9, 32, 48), bool)
    masks[:, :, :4] = True
    save_masks(folder / "a.masks.zip", masks)


def with_broken_video(folder):
    (folder / "a.mp4").write_bytes(b"nothing")


def with_short_video(folder):
    frames, masks = square(frames=4)
    write_clip(folder, "a", frames, masks, "short", fps=8)


def with_slow_video(folder):
    write_mp4(folder / "a.mp4", square()[0], 4)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (without_masks, r"no mask file a\.masks\.zip"),
        (without_caption, r"no caption a\.txt"),
        (without_video, r"no video a\.mp4"),
        (with_empty_caption, "0 characters"),
        (with_binary_caption, "no text in UTF-8"),
        (with_two_masks, "keep one"),
        (with_fewer_masks, "8 masks where 9 are needed"),
        (with_masks_of_another_aspect, "48 x 48 px where 48 x 32"),
        (with_empty_masks, "empty in every frame"),
        (with_full_mask, "covers its whole frame"),
        (with_subject_outside, "not seen in the 5 frames"),
        (with_broken_video, "a.mp4 is "),
        (with_short_video, "4 frames at 8 a second where 5 are needed"),
        (with_slow_video, "4 frames a second where the backbone makes 8"),
    ],
)
def test_the_checker_says_what_is_wrong(folder, harm, said):
    write_clip(folder, "b", *square(), "good", fps=8)
    harm(folder)
    bad, good = check(folder, FORM)
    assert (bad.name, good.name, good.fault) == ("a", "b", "")
    with pytest.raises(UserError, match=said):
        raise UserError(bad.fault)
    assert bad.fault.count(". ") <= 1 and bad.fault.endswith(".")


def test_other_files_are_no_clips(folder):
    (folder / "LICENSE").write_text("x")
    (folder / ".a.mp4").write_text("x")
    assert clip_names(folder) == ["a"]


def test_an_empty_or_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no clip"):
        clip_names(tmp_path)
    with pytest.raises(UserError, match="There is no folder"):
        clip_names(tmp_path / "none")
