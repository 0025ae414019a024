"""The cosine schedule against the paper's Eq. 3 and the sampler's own noise levels."""

import itertools

import numpy as np
import pytest

from comogen_demo.control.schedule import progress_of, weight, weights


def test_cosine_goes_from_one_to_zero_and_passes_a_half():
    w = weights(11)
    assert w[0] == 1 and w[-1] == pytest.approx(0) and w[5] == pytest.approx(0.5)
    assert all(a > b for a, b in itertools.pairwise(w))


def test_constant_is_one_and_a_single_step_is_fully_weighted():
    assert weights(4, "constant") == [1.0] * 4
    assert weights(1) == [1.0]


@pytest.mark.parametrize("shift", [1.0, 3.0, 7.0])
def test_progress_inverts_the_shift(shift):
    t = np.linspace(0, 1, 13)
    u = 1 - t
    sigma = shift * u / (1 + (shift - 1) * u)
    assert [progress_of(s, shift) for s in sigma] == pytest.approx(list(t))


def test_training_and_sampling_see_the_same_weight_at_the_same_noise():
    assert weight(progress_of(1.0, 3.0)) == 1 and weight(progress_of(0.0, 3.0)) == pytest.approx(0)
