"""Keyframes: interpolation, and the masks drawn from it."""

import math

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe, pose_at, rasterise
from comogen_demo.masks.keyframes import centroid


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def blob(height=96, width=128) -> np.ndarray:
    """An L: no symmetry that could hide a wrong turn."""
    mask = np.zeros((height, width), bool)
    mask[30:60, 40:52] = True
    mask[50:60, 40:72] = True
    return mask


def disc(x: float, y: float, radius: float, height=96, width=128) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(columns - x, rows - y) <= radius


def exact(mask: np.ndarray, key: Keyframe, factor=8) -> np.ndarray:
    """The same pose by nearest look-up at 8 x 8 points a pixel: slow, and sharing no code with rasterise."""
    height, width = mask.shape
    rows, columns = (np.mgrid[: height * factor, : width * factor] + 0.5) / factor
    centre_x, centre_y = centroid(mask)
    u, v = columns - centre_x - key.x, rows - centre_y - key.y
    angle = math.radians(key.rotation)
    x = (u * math.cos(angle) + v * math.sin(angle)) / key.scale + centre_x
    y = (v * math.cos(angle) - u * math.sin(angle)) / key.scale + centre_y
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    hit = np.zeros(x.shape, bool)
    hit[inside] = mask[y[inside].astype(int), x[inside].astype(int)]
    return hit.reshape(height, factor, width, factor).mean(axis=(1, 3)) >= 0.5


def test_the_pose_as_drawn_gives_the_mask_itself():
    mask = np.random.default_rng(3).random((40, 50)) > 0.5
    for keys in ([], [Keyframe(0)], [Keyframe(2), Keyframe(7)]):
        drawn = rasterise(mask, keys, 9)
        assert drawn.shape == (9, 40, 50)
        assert drawn.dtype == bool
        assert (drawn == mask).all()


def test_whole_pixel_offsets_shift_exactly():
    mask = blob()
    drawn = rasterise(mask, [Keyframe(0), Keyframe(4, x=16, y=-12)], 5)
    for t in range(5):
        assert np.array_equal(drawn[t], np.roll(mask, (-3 * t, 4 * t), axis=(0, 1)))


@pytest.mark.parametrize(
    "key",
    [
        Keyframe(0, rotation=90),
        Keyframe(0, rotation=-37, x=10.5, y=3.25),
        Keyframe(0, scale=1.7),
        Keyframe(0, scale=0.5, rotation=200),
        Keyframe(0, x=-20.4, y=15.7, rotation=63, scale=1.3),
    ],
)
def test_poses_agree_with_a_slow_exact_drawing(key):
    mask = blob()
    drawn = rasterise(mask, [key], 1)[0]
    assert iou(drawn, exact(mask, key)) > 0.97
    expected = np.add(centroid(mask), (key.x, key.y))
    assert centroid(drawn) == pytest.approx(tuple(expected), abs=0.3)
    assert drawn.sum() == pytest.approx(mask.sum() * key.scale**2, rel=0.04)


def test_rotation_is_clockwise_on_the_screen():
    mask = np.zeros((64, 64), bool)
    mask[30:34, 20:44] = True
    mask[26:30, 40:44] = True  # a nose above the right end
    turned = rasterise(mask, [Keyframe(0, rotation=90)], 1)[0]
    rows, columns = np.nonzero(turned)
    nose = columns > centroid(turned)[0] + 3
    assert nose.any()
    assert rows[nose].mean() > 38, "the right end went down, the nose points right"


def test_the_short_way_round_is_taken():
    a, b = Keyframe(0, rotation=350), Keyframe(10, rotation=10)
    assert [pose_at([a, b], t).rotation for t in (0, 5, 10)] == [350, 360, 370]
    assert pose_at([Keyframe(0, rotation=10), Keyframe(10, rotation=350)], 5).rotation == 0
    assert pose_at([Keyframe(0), Keyframe(10, rotation=180)], 5).rotation == -90
    assert pose_at([Keyframe(0), Keyframe(10, rotation=725)], 10).rotation == 5


def test_scale_is_interpolated_by_its_logarithm_and_position_linearly():
    pose = pose_at([Keyframe(0, x=0, y=10, scale=1), Keyframe(8, x=8, y=-10, scale=4)], 4)
    assert (pose.x, pose.y, pose.scale) == (4, 0, pytest.approx(2))


def test_outside_of_their_span_the_end_keyframes_hold():
    mask = disc(30, 40, 8)
    drawn = rasterise(mask, [Keyframe(6, x=40), Keyframe(2, x=10)], 10)
    centres = [centroid(frame)[0] - 30 for frame in drawn]
    assert centres == pytest.approx([10, 10, 10, 17.5, 25, 32.5, 40, 40, 40, 40], abs=0.15)


def test_a_subject_may_leave_the_picture():
    drawn = rasterise(disc(30, 40, 8), [Keyframe(0), Keyframe(9, x=500)], 10)
    assert drawn[0].any()
    assert not drawn[-1].any()


def test_edges_stay_smooth_when_shrinking():
    drawn = rasterise(disc(64, 48, 40), [Keyframe(0, scale=0.2)], 1)[0]
    assert iou(drawn, disc(64, 48, 8)) > 0.94
    parts, _ = cv2.connectedComponents(drawn.astype(np.uint8))
    assert parts == 2


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ([Keyframe(3), Keyframe(3, x=1)], "Frame 3 has two keyframes"),
        ([Keyframe(10)], r"frame 10; it must be within 0\.\.9"),
        ([Keyframe(-1)], "frame -1"),
        ([Keyframe(0, x=math.nan)], "out of range"),
        ([Keyframe(0, y=math.inf)], "out of range"),
        ([Keyframe(0, rotation=1e9)], "out of range"),
        ([Keyframe(0, scale=0)], "the scale 0"),
        ([Keyframe(0, scale=-1)], "the scale -1"),
        ([Keyframe(0, scale=math.nan)], "the scale nan"),
        ([Keyframe(0, scale=1000)], "the scale 1000"),
    ],
)
def test_bad_keyframes_are_refused(keys, says):
    with pytest.raises(UserError, match=says):
        rasterise(blob(), keys, 10)


def test_empty_masks_and_wild_lengths_are_refused():
    with pytest.raises(UserError, match="empty"):
        rasterise(np.zeros((8, 8), bool), [Keyframe(0)], 5)
    for frames in (0, 514):
        with pytest.raises(UserError, match=f"{frames} frames"):
            rasterise(blob(), [], frames)
