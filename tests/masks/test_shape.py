"""Signed distances and what else a shape holds."""

import math

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.masks import make_shape, signed_distance
from tests.masks.drawn import blob, centroid, disc


def slow_distance(mask: np.ndarray) -> np.ndarray:
    """By comparing every pixel with every other one."""
    points = np.argwhere(np.ones_like(mask))
    other = {kind: np.argwhere(mask == kind) for kind in (False, True)}
    found = np.empty(mask.size)
    for i, (row, column) in enumerate(points):
        inside = bool(mask[row, column])
        nearest = np.hypot(*(other[not inside] - (row, column)).T).min()
        found[i] = nearest - 0.5 if inside else 0.5 - nearest
    return found.reshape(mask.shape)


def test_the_distance_is_exact():
    rng = np.random.default_rng(0)
    for share in (0.03, 0.5, 0.97):
        mask = rng.random((23, 31)) < share
        distance = signed_distance(mask)
        assert distance.dtype == np.float32
        assert np.allclose(distance, slow_distance(mask), atol=1e-4)
        assert np.array_equal(distance > 0, mask)


def test_a_disc_measures_its_radius():
    distance = signed_distance(disc(50, 40, 20))
    rows, columns = np.mgrid[:96, :128] + 0.5
    assert np.abs(distance - (20 - np.hypot(columns - 50, rows - 40))).max() < 1.0


def test_a_shape_is_the_masks_box_with_a_margin():
    mask = blob()
    shape = make_shape(mask)
    pad = 2 + math.ceil(math.hypot(32, 30) / 2)
    assert shape.box == (40, 30, 72, 60)
    assert (shape.left, shape.top) == (40 - pad, 30 - pad)
    assert shape.sdf.shape == (30 + 2 * pad, 32 + 2 * pad)
    assert shape.size == mask.shape
    assert shape.centre == pytest.approx(centroid(mask))
    inside = shape.sdf[30 - shape.top : 60 - shape.top, 40 - shape.left : 72 - shape.left] > 0
    assert np.array_equal(inside, mask[30:60, 40:72])
    assert (shape.sdf > 0).sum() == mask.sum()


def test_outside_of_the_frame_is_background():
    shape = make_shape(np.ones((4, 6), bool))
    assert shape.left < 0 and shape.top < 0
    assert shape.sdf[-shape.top, -shape.left] == 0.5, "the frame's corner pixel lies at the edge"


def test_masks_that_cannot_be_moved_are_refused():
    with pytest.raises(UserError, match="empty"):
        make_shape(np.zeros((8, 8), bool))
    for size in ((1, 8193), (4097, 4097)):
        with pytest.raises(UserError, match=f"{size[1]} x {size[0]} px is too large"):
            make_shape(np.ones(size, bool))
