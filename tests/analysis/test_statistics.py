"""Rank correlation and intervals."""

import numpy as np
import pytest

from comogen_demo.analysis.statistics import correlate, mean_over_scenes, spearman


def test_spearman_by_the_formula_without_ties():
    a, b = np.array([3.0, 1, 4, 2, 5]), np.array([1.0, 2, 3, 5, 4])
    ranks = np.argsort(np.argsort(a)) - np.argsort(np.argsort(b))
    assert spearman(a, b) == pytest.approx(1 - 6 * (ranks**2).sum() / (5 * 24))


def test_ties_share_their_rank():
    """Ranks 0.5, 0.5, 2 and 0, 1, 2: covariance 1.5, variances 1.5 and 2."""
    assert spearman(np.array([1.0, 1, 2]), np.array([1.0, 2, 3])) == pytest.approx(1.5 / np.sqrt(3))


def test_only_the_order_counts():
    a = np.random.default_rng(0).normal(size=9)
    assert spearman(a, np.exp(a)) == pytest.approx(1)
    assert spearman(a, -(a**3)) == pytest.approx(-1)
    assert spearman(a, np.ones(9)) == 0


def test_intervals_hold_the_mean_and_narrow_with_scenes():
    rng = np.random.default_rng(0)
    few, many = (mean_over_scenes(rng.normal(0.5, 0.1, (n, 1)))[0] for n in (10, 400))
    assert few["low"] < few["mean"] < few["high"]
    assert many["high"] - many["low"] == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.15)
    assert few["high"] - few["low"] > 3 * (many["high"] - many["low"])


def test_a_correlation_of_chance_is_not_significant_and_a_true_one_is():
    rng = np.random.default_rng(0)
    blocks = np.arange(9.0)
    scores, damage = (blocks + rng.normal(0, 2, (30, 9)) for _ in range(2))
    true = correlate(scores, damage)
    assert true["low"] < true["mean"] <= true["high"] and true["mean"] > 0.9 and true["p"] < 0.01
    chance = correlate(rng.normal(0, 1, (30, 9)), damage)
    assert chance["p"] > 0.05 and chance["high"] - chance["low"] > 0.3
