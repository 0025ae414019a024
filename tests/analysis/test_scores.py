"""Attention scores: the arithmetic of scores, floors, cuts and intervals."""

import numpy as np
import pytest

from comogen_demo.analysis.scores import LayerScores, alignment, floor, otsu_cut, top_cut

# Roughly as in the figure of the paper's project page: eleven blocks from .24 to .41, the others from .03 to .20.
HUNYUAN = (6, 9, 11, 12, 13, 14, 15, 16, 19, 20, 31)


def square():
    mask = np.zeros((2, 4, 4), np.float32)
    mask[:, 1:3, 1:3] = 1
    return mask


def test_a_uniform_map_scores_the_area_and_a_perfect_one_scores_one():
    mask = square()
    assert alignment(np.ones((2, 32)), mask) == pytest.approx([0.25] * 3)
    assert floor(mask) == 0.25
    assert alignment(np.stack([mask.ravel()] * 2), mask) == pytest.approx([1.0] * 3)


def test_both_ways_are_averaged_before_they_are_normalised():
    maps = np.stack([square().ravel() * 3, np.ones(32)])  # a frame: 12 on the subject; 4 on it, 12 beside
    assert alignment(maps, square()) == pytest.approx([16 / 28, 1.0, 0.25])


def test_frames_without_the_subject_do_not_count():
    mask = np.zeros((2, 2, 2), np.float32)
    mask[0, 0, 0] = 1
    assert alignment(np.ones((2, 8)), mask) == pytest.approx([0.25] * 3)
    assert floor(mask) == 0.25


def test_otsu_separates_two_groups():
    assert otsu_cut([0.05, 0.4, 0.07, 0.35, 0.1, 0.38]) == [1, 3, 5]


def test_otsu_finds_eleven_layers_as_in_the_paper():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.03, 0.20, 60)
    scores[list(HUNYUAN)] = [0.25, 0.24, 0.27, 0.30, 0.26, 0.41, 0.36, 0.28, 0.33, 0.29, 0.31]
    assert tuple(otsu_cut(scores.tolist())) == HUNYUAN


def test_the_top_k():
    assert top_cut([0.05, 0.4, 0.07, 0.35], 2) == [1, 3]


def test_the_summary_is_the_mean_over_scenes_and_steps_with_an_interval_over_scenes():
    values = np.zeros((4, 2, 3, 3))
    values[..., 0] = np.array([0.1, 0.2, 0.3, 0.4])[:, None, None] * np.array([1, 2, 0])
    values[:, 0] += 0.05
    values[:, 1] -= 0.05  # cancels: the steps of a scene do not widen the interval
    found = LayerScores(values, np.array([0.1, 0.2, 0.1, 0.2]), (1.0, 0.5)).summary()
    assert found["scores"] == pytest.approx([0.25, 0.5, 0.0])
    margin = 1.96 * np.std([0.1, 0.2, 0.3, 0.4], ddof=1) / 2
    assert found["high"][0] - found["scores"][0] == pytest.approx(margin, abs=1e-4)
    assert found["floor"] == pytest.approx(0.15)
    assert found["motion_layers"] == [1]
