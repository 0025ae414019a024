"""Clicks that add and clicks that take away, in the embedded world and on plain pictures."""

import cv2
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.selection import select_by_click, select_by_points
from tests.selection.test_click import iou, middle, scenes  # noqa: F401  (a fixture)


def pairs(scenes):  # noqa: F811
    """Frame and the masks of two objects of it."""
    for frame, masks in scenes:
        seen = [mask for mask in masks if mask.sum() > 100]
        if len(seen) > 1:
            yield frame, seen[0], seen[1]


def two_tones():
    """A grey object of a light and a dark half on green ground: frame, left half, right half."""
    frame = np.full((400, 500, 3), (90, 120, 80), np.uint8)
    left, right = np.zeros((2, 400, 500), bool)
    left[100:300, 100:220] = right[100:300, 220:340] = True
    frame[left], frame[right] = 230, 60
    noise = np.random.default_rng(0).normal(0, 5, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8), left, right


def test_two_points_select_two_objects_and_a_negative_one_lets_one_go(scenes):  # noqa: F811
    both, one = [], []
    for frame, first, second in pairs(scenes):
        selected, sure = select_by_points(frame, [(*middle(first), True), (*middle(second), True)])
        both.append(iou(selected, first | second))
        rest, trust = select_by_points(frame, [(*middle(second), False)], selected)
        one.append(iou(rest, first))
        assert min(sure, trust) > 0.7
    assert len(both) >= 8 and min(both) > 0.95 and min(one) > 0.95


def test_the_mask_given_is_refined_and_stays_as_it_was(scenes):  # noqa: F811
    frame, first, second = next(pairs(scenes))
    given = first.copy()
    selected, _ = select_by_points(frame, [(*middle(second), True)], given)
    assert (given == first).all() and (selected & first).sum() == first.sum()
    assert iou(selected, first | second) > 0.95
    again, _ = select_by_points(frame, [], given)
    assert (again == given).all() and again is not given


def test_a_negative_point_takes_only_the_part_that_is_alike():
    frame, left, right = two_tones()
    rest, sure = select_by_points(frame, [(300, 200, False)], left | right)
    assert iou(rest, left) > 0.98 and sure > 0.5
    rest, _ = select_by_points(frame, [(150, 200, False)], left | right)
    assert iou(rest, right) > 0.98


def test_a_negative_point_takes_what_is_all_alike_whole_shading_included():
    rows, columns = np.mgrid[:300, :300]
    ball = (columns - 150) ** 2 + (rows - 150) ** 2 < 80**2
    frame = np.full((300, 300, 3), (90, 120, 80), np.uint8)
    light = np.clip(250 - np.hypot(columns - 120, rows - 110), 40, 255)
    frame[ball] = light[ball][:, None].astype(np.uint8)
    rest, _ = select_by_points(frame, [(140, 140, False)], ball)
    assert not rest.any()


def test_points_on_nothing_change_nothing_and_say_so(scenes):  # noqa: F811
    frame, first, _ = next(pairs(scenes))
    free = cv2.distanceTransform(1 - scenes[0][1].any(0).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(free.argmax(), free.shape)
    for positive in (True, False):
        selected, sure = select_by_points(frame, [(column + 0.5, row + 0.5, positive)], first)
        assert (selected == first).all() and sure < 0.12


def test_one_positive_point_is_a_click(scenes):  # noqa: F811
    frame, first, _ = next(pairs(scenes))
    clicked, sure = select_by_click(frame, *middle(first))
    pointed, trust = select_by_points(frame, [(*middle(first), True)])
    assert (clicked == pointed).all() and sure == trust


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("x", [90, -1, float("nan")])
def test_points_outside_are_refused(positive, x):
    with pytest.raises(UserError, match="outside of the 80 x 64 px picture"):
        select_by_points(np.zeros((64, 80, 3), np.uint8), [(x, 5, positive)], np.ones((64, 80), bool))
