"""The masks that shapes and keyframes make."""

import math

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import Keyframe, make_shape
from comogen_demo.masks import rasterise as rasterise_shapes
from tests.masks.drawn import blob, centroid, disc, iou


def rasterise(mask, keyframes, frames, **more):
    """One mask, or a list of them."""
    masks = mask if isinstance(mask, list) else [mask]
    return rasterise_shapes([make_shape(m) for m in masks], keyframes, frames, masks[0].shape, **more)


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
    """Within half a pixel of its edge, which is where the distance field may round a corner."""
    mask = np.zeros((192, 256), bool)
    mask[60:120, 80:104] = True
    mask[100:120, 80:144] = True
    drawn = rasterise(mask, [key], 1)[0]
    expected = exact(mask, key)
    assert iou(drawn, expected) > 0.95
    near = cv2.morphologyEx(expected.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    assert not ((drawn != expected) & (near == 0)).any()
    centre = np.add(centroid(mask), (key.x, key.y))
    assert centroid(drawn) == pytest.approx(tuple(centre), abs=0.5)


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.5])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (12.0, -7.0), (-20.25, 18.75), (7.6, 3.3)])
def test_a_moved_disc_is_the_disc_there(scale, offset):
    x, y = 60 + offset[0], 45 + offset[1]
    drawn = rasterise(disc(60, 45, 16), [Keyframe(0, *offset, rotation=33, scale=scale)], 1)[0]
    assert centroid(drawn) == pytest.approx((x, y), abs=0.15)
    assert drawn.sum() == pytest.approx(math.pi * (16 * scale) ** 2, rel=0.06)
    assert iou(drawn, disc(x, y, 16 * scale)) > 0.92


def test_rotation_is_clockwise_on_the_screen():
    mask = np.zeros((64, 64), bool)
    mask[30:34, 20:44] = True
    mask[26:30, 40:44] = True  # a nose above the right end
    turned = rasterise(mask, [Keyframe(0, rotation=90)], 1)[0]
    rows, columns = np.nonzero(turned)
    nose = columns > centroid(turned)[0] + 3
    assert nose.any()
    assert rows[nose].mean() > 38, "the right end went down, the nose points right"


def test_edges_that_fall_on_pixels_are_not_ragged():
    """A quarter turn that brings every edge of a box half-way between two pixels."""
    mask = np.zeros((64, 64), bool)
    mask[20:31, 20:40] = True
    turned = rasterise(mask, [Keyframe(0, rotation=90)], 1)[0]
    rows, columns = np.nonzero(turned)
    assert turned.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (19, 10)


def test_a_subject_may_leave_the_picture_and_come_from_outside():
    drawn = rasterise(disc(30, 40, 8), [Keyframe(0), Keyframe(9, x=500)], 10)
    assert drawn[0].any()
    assert not drawn[-1].any()
    cut = disc(0, 40, 20)
    inwards = rasterise(cut, [Keyframe(0, x=50)], 1)[0]
    assert np.array_equal(inwards, np.roll(cut, 50, axis=1)), "what lies outside of the frame is background"


def test_edges_stay_smooth_when_shrinking():
    drawn = rasterise(disc(64, 48, 40), [Keyframe(0, scale=0.2)], 1)[0]
    assert iou(drawn, disc(64, 48, 8)) > 0.9
    parts, _ = cv2.connectedComponents(drawn.astype(np.uint8))
    assert parts == 2


def test_redrawn_shapes_are_met_exactly_and_blend_in_between():
    small, large = disc(40, 40, 8), disc(80, 50, 20)
    drawn = rasterise([small, large], [Keyframe(0), Keyframe(8, shape=1)], 9)
    assert np.array_equal(drawn[0], small)
    assert np.array_equal(drawn[8], large)
    for t in range(9):
        radius = 8 + 12 * t / 8
        assert drawn[t].sum() == pytest.approx(math.pi * radius**2, rel=0.07)
        assert centroid(drawn[t]) == pytest.approx((40 + 5 * t, 40 + 1.25 * t), abs=0.3)


def test_a_blend_measures_distances_in_the_frames_pixels():
    """A disc of 10 at scale 2 and a disc of 20 are the same shape: so is everything between."""
    drawn = rasterise([disc(64, 48, 10), disc(64, 48, 20)], [Keyframe(0, scale=2), Keyframe(4, shape=1)], 5)
    assert all(frame.sum() == pytest.approx(math.pi * 400, rel=0.05) for frame in drawn)


def test_hidden_frames_are_empty_and_held_ones_alike():
    drawn = rasterise(blob(), [Keyframe(0, hold=True), Keyframe(3, x=8, hidden=True), Keyframe(5, x=16)], 7)
    assert [bool(frame.any()) for frame in drawn] == [True, True, True, False, False, True, True]
    assert (drawn[:3] == blob()).all()
    assert (drawn[5:] == np.roll(blob(), 16, axis=1)).all()


def test_other_times_are_moments_of_the_same_motion():
    keys = [Keyframe(0), Keyframe(4, x=16, rotation=50), Keyframe(8, y=20)]
    whole = rasterise(blob(), keys, 9, smooth=0.7)
    assert np.array_equal(rasterise(blob(), keys, 9, smooth=0.7, times=[8, 0, 3]), whole[[8, 0, 3]])
    dense = rasterise(blob(), keys, 9, smooth=0.7, times=np.linspace(0, 8, 17))
    assert np.array_equal(dense[::2], whole)
    way = np.array([centroid(frame) for frame in dense])
    assert np.abs(way[1:-1] - (way[:-2] + way[2:]) / 2).max() < 1.0, "the frames between lie between"


def test_shapes_of_another_size_are_drawn_where_they_lie():
    shape = make_shape(blob())
    small = rasterise_shapes([shape], [], 1, (50, 60))
    assert np.array_equal(small[0], blob()[:50, :60])


def test_wild_keyframes_stay_harmless():
    keys = [
        Keyframe(0, 1e5, -1e5, 1e5, 50, ease=(0, 2, 1, -1)),
        Keyframe(1, -1e5, 1e5, -1e5, 0.02),
        Keyframe(9),
    ]
    drawn = rasterise(blob(), keys, 10, smooth=1.0)
    assert np.array_equal(drawn[9], blob())


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
        ([Keyframe(0, shape=1)], "the shape 1; its object has only 1"),
        ([Keyframe(0, shape=-1)], "the shape -1"),
        ([Keyframe(0, ease=(1.1, 0, 1, 1))], "easing out of range"),
        ([Keyframe(0, ease=(0, 0, 1, 2.1))], "easing out of range"),
        ([Keyframe(0, ease=(0, math.nan, 1, 1))], "easing out of range"),
    ],
)
def test_bad_keyframes_are_refused(keys, says):
    with pytest.raises(UserError, match=says):
        rasterise(blob(), keys, 10)


def test_wild_lengths_and_sizes_are_refused():
    for frames in (0, 514):
        with pytest.raises(UserError, match=f"{frames} frames"):
            rasterise(blob(), [], frames)
    with pytest.raises(UserError, match="513 masks of 4096 x 4096 px need over 2 GB"):
        rasterise_shapes([make_shape(blob())], [], 513, (4096, 4096))
