"""A clip's motion as a track of the editor: what the track shows is the clip's masks, brought onto the picture."""

import cv2
import numpy as np
import pytest

from comogen_demo.driving import Similarity, containing, moved, overlap, retarget
from comogen_demo.errors import UserError
from comogen_demo.masks import make_shape, rasterise
from comogen_demo.project import Project, Track, mask_png
from comogen_demo.world import make_clip

from .clips import wavy

T, CLIP, PICTURE = 17, (240, 320), (384, 512)
FIT = Similarity(20, -15, 1.15, 25, 240, 180)
PLAIN = Similarity()


def moving(smooth=True) -> np.ndarray:
    """One shape that runs along a curve, turns and grows."""
    mask = wavy(radius=35)
    ways = [Similarity(6 * t - 48, 0.3 * t * t - 40, 1 + 0.02 * t, 7 * t, 160, 120) for t in range(T)]
    return np.stack([moved(mask, way, CLIP) for way in ways])


def deforming() -> np.ndarray:
    """A disc that becomes a bar."""
    rows, columns = np.mgrid[: CLIP[0], : CLIP[1]] + 0.5
    return np.stack(
        [
            np.abs((columns - 100 - 5 * t) / (30 + 2 * t)) ** 3 + np.abs((rows - 120) / (40 - t)) ** 3 < 1
            for t in range(T)
        ]
    )


def leaving() -> np.ndarray:
    """A shape that leaves the clip to the right: its edge cuts it off."""
    mask, wide = wavy(radius=50), np.zeros((CLIP[0], 2 * CLIP[1]), bool)
    wide[:, : CLIP[1]] = mask
    return np.stack([np.roll(wide, 9 * t, axis=1)[:, : CLIP[1]] for t in range(T)])


def shown(shapes, keyframes, frames=T, size=PICTURE) -> np.ndarray:
    return rasterise([make_shape(shape) for shape in shapes], keyframes, frames, size)


def warped(mask: np.ndarray, fit: Similarity, size=PICTURE) -> np.ndarray:
    """The mask contained in the picture and then moved, by OpenCV alone."""
    scale = min(size[0] / mask.shape[0], size[1] / mask.shape[1])
    place = np.array(
        [
            [scale, 0, (size[1] - scale * mask.shape[1]) / 2],
            [0, scale, (size[0] - scale * mask.shape[0]) / 2],
            [0, 0, 1],
        ]
    )
    turn = np.vstack([cv2.getRotationMatrix2D((fit.px, fit.py), -fit.rotation, fit.scale), [0, 0, 1]])
    move = np.array([[1, 0, fit.dx], [0, 1, fit.dy], [0, 0, 1]])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's origin is the centre of the first pixel
    matrix = (np.linalg.inv(half) @ move @ turn @ place @ half)[:2]
    return cv2.warpAffine(mask.astype(np.float32), matrix, (size[1], size[0]), flags=cv2.INTER_LINEAR) > 0.5


@pytest.mark.parametrize("fit", [PLAIN, FIT, Similarity(-20, 10, 0.7, 200, 256, 192)])
@pytest.mark.parametrize("clip", [moving, deforming, leaving])
def test_every_frame_shows_the_clips_mask(clip, fit):
    masks = clip()
    shapes, keyframes = retarget(masks, PICTURE, fit, T)
    found = [
        overlap(mask, warped(given, fit)) for mask, given in zip(shown(shapes, keyframes), masks, strict=True)
    ]
    assert min(found) >= 0.97


@pytest.mark.parametrize("index", [0, 3])
def test_the_worlds_clips_with_occlusions(index):
    clip = make_clip("test", index, size=192)
    masks = np.asarray(clip.visible)[:, clip.controlled[0]]
    shapes, keyframes = retarget(masks, (512, 512), FIT, len(masks))
    track = shown(shapes, keyframes, len(masks), (512, 512))
    truth = [moved(mask, containing(masks.shape[1:], (512, 512)).then(FIT), (512, 512)) for mask in masks]
    assert min(overlap(one, other) for one, other in zip(track, truth, strict=True)) >= 0.97


def test_what_only_moves_keeps_its_shape_and_has_few_keyframes():
    shapes, keyframes = retarget(moving(), PICTURE, FIT, T)
    assert len(shapes) == 1
    assert len(keyframes) <= T // 2
    assert all(key.shape == 0 and not key.hidden for key in keyframes)


def test_an_even_motion_has_two_keyframes():
    mask = wavy(radius=35)
    masks = np.stack([moved(mask, Similarity(5 * t - 40, 2 * t), CLIP) for t in range(T)])
    shapes, keyframes = retarget(masks, PICTURE, PLAIN, T)
    assert (len(shapes), [key.t for key in keyframes]) == (1, [0, T - 1])
    scale = PICTURE[0] / CLIP[0]
    assert keyframes[1].x - keyframes[0].x == pytest.approx(5 * (T - 1) * scale, abs=1)
    assert keyframes[1].y - keyframes[0].y == pytest.approx(2 * (T - 1) * scale, abs=1)
    assert abs(keyframes[1].rotation) < 1 and abs(keyframes[1].scale - 1) < 0.01


def test_what_deforms_is_drawn_anew_and_less_often_when_less_is_asked():
    exact, loose = (retarget(deforming(), PICTURE, FIT, T, tolerance=least)[0] for least in (0.98, 0.85))
    assert 2 < len(exact) <= T
    assert len(loose) < len(exact)


def test_a_ball_does_not_roll():
    rows, columns = np.mgrid[: CLIP[0], : CLIP[1]] + 0.5
    masks = np.stack([np.hypot(columns - 60 - 9 * t, rows - 100) < 30 for t in range(T)])
    shapes, keyframes = retarget(masks, PICTURE, PLAIN, T)
    assert len(shapes) == 1
    assert {key.rotation for key in keyframes} == {0}


def test_where_it_is_out_of_sight_the_track_is_hidden():
    masks = moving()
    masks[[0, 1, 7, 8, 9, 15, 16]] = False
    shapes, keyframes = retarget(masks, PICTURE, FIT, T)
    assert [key.t for key in keyframes if key.hidden] == [0, 7, 15]
    assert shown(shapes, keyframes).any(axis=(1, 2)).tolist() == masks.any(axis=(1, 2)).tolist()
    rest = rasterise([make_shape(shape) for shape in shapes], keyframes, T, PICTURE, times=[6, 6.5])
    assert np.array_equal(*rest), "it rests until it disappears"


def test_the_clip_begins_later_or_earlier():
    masks = moving()
    late = shown(*retarget(masks, PICTURE, FIT, T, start=5))
    early = shown(*retarget(masks, PICTURE, FIT, T, start=-4))
    for t in range(T):
        assert overlap(late[t], warped(masks[max(0, t - 5)], FIT)) >= 0.97
        assert overlap(early[t], warped(masks[min(T - 1, t + 4)], FIT)) >= 0.97


def test_time_is_stretched():
    masks = moving()
    slow = shown(*retarget(masks, PICTURE, FIT, 2 * T - 1, stretch=2.0), 2 * T - 1)
    fast = shown(*retarget(masks, PICTURE, FIT, 9, stretch=0.5), 9)
    for t in range(T):
        assert overlap(slow[2 * t], warped(masks[t], FIT)) >= 0.96
    for t in range(9):
        assert overlap(fast[t], warped(masks[2 * t], FIT)) >= 0.97
    between = np.argwhere(slow[9]).mean(axis=0)
    middle = (np.argwhere(slow[8]).mean(axis=0) + np.argwhere(slow[10]).mean(axis=0)) / 2
    assert np.abs(between - middle).max() < 1.5, "in between it is half-way"


@pytest.mark.parametrize("size", [(96, 128), (720, 480), (1080, 1920)])
def test_pictures_of_any_size(size):
    masks = moving()
    shapes, keyframes = retarget(masks, size, PLAIN, T)
    assert {shape.shape for shape in shapes} == {size}
    truth = [moved(mask, containing(CLIP, size), size) for mask in masks]
    found = [overlap(one, other) for one, other in zip(shown(shapes, keyframes, T, size), truth, strict=True)]
    assert min(found) >= 0.97


def test_the_track_is_an_ordinary_one():
    masks = deforming()
    shapes, keyframes = retarget(masks, PICTURE, FIT, T)
    track = Track("a", "subject", "#ff3b30", tuple(mask_png(shape) for shape in shapes), tuple(keyframes))
    project = Project(T, None, (track,))
    again = Project.from_json(project.to_json())
    assert again == project
    assert np.array_equal(again.masks(), shown(shapes, keyframes))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frames": 0}, "track of 0 frames"),
        ({"stretch": 0}, "stretched 0 times"),
        ({"stretch": float("nan")}, "stretched nan times"),
        ({"start": 10**6}, "too far away"),
        ({"start": -(10**6)}, "too far away"),
        ({"tolerance": 1.5}, "tolerance is 1.5"),
        ({"fit": Similarity(scale=80)}, "scale"),
        ({"fit": Similarity(dx=1e9)}, "out of range"),
        ({"masks": np.zeros((3, 9, 9), bool)}, "in no frame of the clip"),
    ],
)
def test_what_cannot_be_is_told(change, says):
    given = {"masks": moving()[:3], "size": PICTURE, "fit": PLAIN, "frames": 5} | change
    with pytest.raises(UserError, match=says):
        retarget(**given)


def test_a_part_without_the_subject_is_told():
    masks = moving()
    masks[3:] = False
    with pytest.raises(UserError, match="not visible in this part"):
        retarget(masks, PICTURE, PLAIN, 5, start=-5)
