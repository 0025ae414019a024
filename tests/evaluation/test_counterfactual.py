import numpy as np
import pytest

from comogen_demo.evaluation.counterfactual import compare
from comogen_demo.evaluation.intervals import estimate
from comogen_demo.world import counterfactual_pair

from .discs import draw, line, rest, truth

TO_RIGHT, TO_LEFT = line((64, 30), (90, 30)), line((64, 30), (30, 30))
A = [TO_RIGHT, line((96, 60), (118, 60)), rest((30, 60))]
B = [TO_LEFT, rest((96, 60)), line((30, 60), (12, 70))]


def figures(first, second):
    tally = compare(truth(A), truth(B), draw(first)[0], draw(second)[0])
    got = estimate([tally])
    return tally.pairs, got["counterfactual_agreement"].mean, got["counterfactual_r"].mean


def test_the_simulation_agrees_with_itself():
    pairs, agreement, r = figures(A, B)
    assert pairs == 2 and agreement == 1 and r == pytest.approx(1, abs=1e-3)


def test_the_masks_swapped_are_the_opposite():
    pairs, agreement, r = figures(B, A)
    assert pairs == 2 and agreement == 0 and r == pytest.approx(-1, abs=1e-3)


def test_no_difference_is_no_agreement():
    assert figures(A, A) == (2, 0, 0)


def test_half_of_the_objects_right():
    pairs, agreement, r = figures(
        [TO_RIGHT, A[1], rest((30, 60))], [TO_LEFT, rest((96, 60)), line((30, 60), (48, 60))]
    )
    assert (pairs, agreement) == (2, 0.5) and -1 < r < 1


def test_objects_that_move_alike_do_not_count():
    same = [TO_LEFT, line((96, 60), (120, 60)), rest((30, 60))]
    assert compare(truth(A), truth(same), draw(A)[0], draw(same)[0]).pairs == 0


def test_a_rendered_pair_differs_in_the_subjects_drive_only(small_cases):
    one, two = counterfactual_pair("test", 1)
    assert one.objects[1:] == two.objects[1:] and one.objects[0].drive != two.objects[0].drive
    assert (one.camera, one.light, one.table) == (two.camera, two.light, two.table)
    first, second = small_cases[1].pair
    assert first.caption == second.caption and first.kind == second.kind == "kinematic"
    assert np.array_equal(first.frames[0], second.frames[0])
    assert np.array_equal(first.masks()[0], second.masks()[0])
    assert not np.array_equal(first.masks()[-1], second.masks()[-1])
