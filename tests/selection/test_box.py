"""A box around an object -> the object, in the embedded world and on plain pictures."""

import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.selection import select_by_box
from tests.selection.test_click import iou, objects, scenes  # noqa: F401  (a fixture)
from tests.selection.test_points import two_tones


def around(mask, gap=4):
    rows, columns = np.nonzero(mask)
    return [columns.min() - gap, rows.min() - gap, columns.max() + 1 + gap, rows.max() + 1 + gap]


def test_a_box_selects_the_object_in_it(scenes):  # noqa: F811
    scores = [iou(select_by_box(frame, around(mask))[0], mask) for frame, mask in objects(scenes)]
    assert len(scores) >= 20
    assert np.mean(np.array(scores) >= 0.95) >= 0.95


def test_a_box_drawn_from_any_corner_and_over_the_edge_is_the_same(scenes):  # noqa: F811
    frame, mask = objects(scenes)[0]
    left, top, right, bottom = around(mask)
    there, _ = select_by_box(frame, [left, top, right, bottom])
    back, _ = select_by_box(frame, [right, bottom, left, top])
    assert (there == back).all()
    wide, sure = select_by_box(frame, [-50, -50, 900, 900])
    assert wide.shape == frame.shape[:2] and 0 <= sure <= 1


def test_an_object_of_two_greys_is_cut_out_whole():
    frame, left, right = two_tones()
    selected, sure = select_by_box(frame, [90, 90, 350, 310])
    assert iou(selected, left | right) > 0.98 and sure > 0.5
    again, _ = select_by_box(frame, [90, 90, 350, 310])
    assert (again == selected).all()


def test_a_box_adds_to_the_mask_given():
    frame, left, right = two_tones()
    given = np.zeros_like(left)
    given[:20, :20] = True
    selected, _ = select_by_box(frame, [90, 90, 350, 310], given)
    assert selected[:20, :20].all() and iou(selected, left | right | given) > 0.98
    assert given.sum() == 400


def test_an_empty_box_gives_no_confidence():
    frame, _, _ = two_tones()
    assert select_by_box(frame, [350, 20, 480, 90])[1] < 0.12
    assert select_by_box(frame, [0, 0, 500, 400])[1] < 0.12  # no ground is left to tell the object from


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ([600, 10, 700, 90], "outside of the 500 x 400 px"),
        ([10, 10, 10, 90], "outside"),
        ([10, 10, 13, 90], "under 4 pixels"),
        ([10, 10, float("nan"), 90], "four corners"),
        ([10, 10, 90], "four corners"),
    ],
)
def test_boxes_that_hold_nothing_are_refused(box, part):
    with pytest.raises(UserError, match=part):
        select_by_box(np.zeros((400, 500, 3), np.uint8), box)
