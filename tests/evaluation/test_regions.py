"""J and F against cases worked out by hand."""

import numpy as np
import pytest

from comogen_demo.evaluation.regions import contour, contour_accuracy, j_and_f, region_similarity


def block(left, top, right, bottom, size=(100, 100)):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_similarity_is_intersection_over_union():
    assert region_similarity(block(0, 0, 10, 10), block(5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert region_similarity(block(0, 0, 10, 10), block(0, 0, 10, 5)) == pytest.approx(0.5)
    assert region_similarity(block(0, 0, 10, 10), block(50, 50, 60, 60)) == 0


def test_nothing_against_nothing_is_a_full_score_and_against_something_none():
    nothing, something = block(0, 0, 0, 0), block(10, 10, 30, 30)
    assert region_similarity(nothing, nothing) == contour_accuracy(nothing, nothing) == 1
    for one, other in ((nothing, something), (something, nothing)):
        assert region_similarity(one, other) == contour_accuracy(one, other) == j_and_f(one, other) == 0


def test_the_contour_lies_on_the_upper_left_of_each_step():
    found = contour(block(2, 2, 4, 4, (6, 6)))
    expected = np.zeros((6, 6), bool)
    expected[1, 1:4] = expected[3, 1:4] = expected[1:4, 1] = expected[1:4, 3] = True
    assert (found == expected).all()
    assert not contour(np.ones((6, 6), bool)).any(), "the frame's own edge is no contour"


@pytest.mark.parametrize(
    ("shift", "score"),
    [
        (0, 1.0),
        (2, 1.0),
        # Each contour has 120 points, 31 a side. The side that sticks out by 3 px is missed, and of the other the 25
        # points that are more than 2 px from the other contour's upper and lower side.
        (3, 1 - (31 + 25) / 120),
        (40, 0.0),
    ],
)
def test_contours_meet_within_the_tolerance(shift, score):
    """0.8 % of the diagonal of 100 x 100 px is 1.13 px, rounded up to 2."""
    one, other = block(20, 20, 50, 50), block(20 + shift, 20, 50 + shift, 50)
    assert contour_accuracy(one, other) == pytest.approx(score)


def test_accuracy_weighs_precision_and_recall_harmonically():
    """A mask with a second, equal block far off: half of its contour is met, all of the truth's."""
    truth = block(10, 10, 30, 30)
    assert contour_accuracy(truth | block(60, 60, 80, 80), truth) == pytest.approx(2 * 0.5 / 1.5)
    assert contour_accuracy(truth, truth | block(60, 60, 80, 80)) == pytest.approx(2 * 0.5 / 1.5)


def test_j_and_f_is_their_mean():
    one, other = block(20, 20, 50, 50), block(22, 20, 52, 50)
    assert j_and_f(one, other) == pytest.approx((28 * 30 / (32 * 30) + 1) / 2)


def test_the_tolerance_goes_with_the_frame():
    one, other = block(20, 20, 50, 50), block(24, 20, 54, 50)
    wide = [np.pad(mask, ((0, 400), (0, 400))) for mask in (one, other)]
    assert contour_accuracy(one, other) < 0.8
    assert contour_accuracy(*wide) == 1, "6 px of 500 x 500"


@pytest.mark.parametrize("shape", [(100, 99), (1, 100, 100)])
def test_masks_of_different_shapes_are_a_fault(shape):
    with pytest.raises(ValueError, match="two of the same"):
        region_similarity(block(0, 0, 10, 10), np.zeros(shape, bool))
