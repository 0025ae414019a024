"""Which frames a given mask decides, what a correction costs, and what is kept when tracking is stopped."""

import numpy as np
import pytest

from comogen_demo.driving import Tracking
from comogen_demo.errors import UserError
from comogen_demo.selection.interface import Tracked

T = 20


class Copies:
    """A selector that hands the given mask on, moved by a pixel a frame; it notes what it is asked."""

    name = "copies"

    def __init__(self):
        self.asked = []

    def track(self, frames, given, start, stop):
        self.asked.append((start, stop, sorted(given)))
        step = 1 if stop > start else -1
        for index in range(start + step, stop, step):
            yield Tracked(index, np.roll(given[start], index - start, axis=1), 0.9)


def dot(row: int, column: int) -> np.ndarray:
    mask = np.zeros((8, 40), bool)
    mask[row, column] = True
    return mask


@pytest.fixture
def tracking():
    return Tracking(np.zeros((T, 8, 40, 3), np.uint8))


def rows(tracking) -> list[int]:
    """The row of the dot in every frame; that is how one sees from which given mask it comes. -1: not tracked."""
    return [-1 if mask is None else int(np.nonzero(mask)[0][0]) for mask in tracking.masks]


def follow(tracking, spans):
    selector = Copies()
    list(tracking.follow(selector, spans))
    return selector.asked


def test_the_first_mask_goes_both_ways(tracking):
    spans = tracking.give(8, dot(1, 15))
    assert spans == [(8, T), (8, -1)]
    assert rows(tracking) == [-1] * 8 + [1] + [-1] * 11
    follow(tracking, spans)
    assert rows(tracking) == [1] * T
    assert [int(np.nonzero(mask)[1][0]) for mask in tracking.masks] == [7 + t for t in range(T)]
    assert tracking.confidence == [0.9] * 8 + [1.0] + [0.9] * 11
    assert tracking.missing() == []


@pytest.mark.parametrize(("first", "spans"), [(0, [(0, T)]), (T - 1, [(T - 1, -1)]), (1, [(1, T), (1, -1)])])
def test_at_the_ends_there_is_one_way(tracking, first, spans):
    assert tracking.give(first, dot(1, 15)) == spans


def test_a_correction_counts_from_there_to_the_next(tracking):
    follow(tracking, tracking.give(0, dot(1, 1)))
    follow(tracking, tracking.give(15, dot(3, 1)))
    assert rows(tracking) == [1] * 15 + [3] * 5
    spans = tracking.give(6, dot(2, 1))
    assert spans == [(6, 15)]
    assert rows(tracking) == [1] * 6 + [2] + [-1] * 8 + [3] * 5
    assert follow(tracking, spans) == [(6, 15, [0, 6, 15])]
    assert rows(tracking) == [1] * 6 + [2] * 9 + [3] * 5


def test_a_mask_before_the_first_takes_over_the_beginning(tracking):
    follow(tracking, tracking.give(10, dot(1, 10)))
    spans = tracking.give(4, dot(2, 10))
    assert spans == [(4, 10), (4, -1)]
    assert rows(tracking) == [-1] * 4 + [2] + [-1] * 5 + [1] * 10
    follow(tracking, spans)
    assert rows(tracking) == [2] * 10 + [1] * 10


def test_a_mask_given_again_at_its_frame(tracking):
    follow(tracking, tracking.give(4, dot(1, 10)))
    assert tracking.give(4, dot(2, 10)) == [(4, T), (4, -1)]
    assert rows(tracking) == [-1] * 4 + [2] + [-1] * 15


def test_one_taken_back_leaves_its_frames_to_the_one_before(tracking):
    for index, row in ((0, 1), (6, 2), (15, 3)):
        follow(tracking, tracking.give(index, dot(row, 1)))
    spans = tracking.forget(6)
    assert spans == [(0, 15)]
    assert rows(tracking) == [1] * 6 + [-1] * 9 + [3] * 5
    follow(tracking, spans)
    assert rows(tracking) == [1] * 15 + [3] * 5


def test_the_first_taken_back_leaves_its_frames_to_the_next(tracking):
    for index, row in ((4, 1), (10, 2)):
        follow(tracking, tracking.give(index, dot(row, 10)))
    spans = tracking.forget(4)
    assert spans == [(10, -1)]
    follow(tracking, spans)
    assert rows(tracking) == [2] * T
    assert tracking.forget(10) == []
    assert tracking.masks == tracking.confidence == [None] * T


def test_whoever_stops_keeps_what_was_tracked(tracking):
    selector = Copies()
    for tracked in tracking.follow(selector, tracking.give(5, dot(1, 10))):
        if tracked.index == 9:
            break
    assert rows(tracking) == [-1] * 5 + [1] * 5 + [-1] * 10
    assert tracking.missing() == [(5, T), (5, -1)]
    assert tracking.give(12, dot(2, 10)) == [(5, 12), (5, -1), (12, T)], "what was left is still to be done"
    follow(tracking, tracking.missing())
    assert rows(tracking) == [1] * 12 + [2] * 8


def test_a_correction_while_it_runs_is_not_overwritten(tracking):
    running = tracking.follow(Copies(), tracking.give(0, dot(1, 1)))
    assert [next(running).index for _ in range(3)] == [1, 2, 3]
    tracking.give(8, dot(2, 1))
    assert [tracked.index for tracked in running] == [4, 5, 6, 7]
    assert rows(tracking) == [1] * 8 + [2] + [-1] * 11
    running = tracking.follow(Copies(), tracking.missing())
    next(running)
    tracking.give(8, dot(3, 1))
    assert list(running) == []
    assert rows(tracking) == [1] * 8 + [3] + [-1] * 11
    running = tracking.follow(Copies(), tracking.missing())
    tracking.forget(8)
    assert list(running) == []


def test_out_of_sight_lasts_until_the_next_mask(tracking):
    follow(tracking, tracking.give(0, dot(1, 1)))
    follow(tracking, tracking.give(14, dot(1, 1)))
    asked = follow(tracking, tracking.give(10, np.zeros((8, 40), bool)))
    assert asked == [], "nothing is there to be followed"
    assert tracking.array().any(axis=(1, 2)).tolist() == [True] * 10 + [False] * 4 + [True] * 6
    assert tracking.confidence[10:14] == [1.0] * 4
    assert tracking.missing() == []


def test_bad_masks(tracking):
    with pytest.raises(UserError, match="mask is empty"):
        tracking.give(3, np.zeros((8, 40), bool))
    with pytest.raises(ValueError, match="does not belong"):
        tracking.give(3, np.zeros((8, 41), bool))
    with pytest.raises(ValueError, match="does not belong"):
        tracking.give(T, dot(1, 1))
    with pytest.raises(ValueError, match="no mask was given"):
        tracking.forget(3)
    assert tracking.given == {}
    assert not tracking.array().any()
