"""Means with intervals over scenes, and the rank correlation of score and damage over blocks."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

RESAMPLES = 2000
PERMUTATIONS = 20_000


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % bootstrap interval over scenes."""

    mean: float
    low: float
    high: float


def mean_over_scenes(values: np.ndarray, seed: int = 0) -> list[dict[str, float]]:
    """Of (scenes, n): n estimates as dictionaries; whole scenes are drawn."""
    drawn = resample(values, seed)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    columns = zip(values.mean(0), low, high, strict=True)
    return [_plain(Estimate(float(m), float(a), float(b))) for m, a, b in columns]


def resample(values: np.ndarray, seed: int) -> np.ndarray:
    """Means of (scenes, n) over RESAMPLES draws of as many scenes, (RESAMPLES, n)."""
    scenes = len(values)
    counts = np.random.default_rng(seed).multinomial(scenes, np.full(scenes, 1 / scenes), size=RESAMPLES)
    return counts @ values / scenes


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation along the last axis, ties sharing their mean rank; 0 where a side has no
    spread."""
    a, b = (ranks - ranks.mean(-1, keepdims=True) for ranks in (_ranks(first), _ranks(second)))
    spread = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.where(spread > 0, (a * b).sum(-1) / np.where(spread > 0, spread, 1), 0.0)


def correlate(scores: np.ndarray, damage: np.ndarray) -> dict[str, float]:
    """Spearman's correlation over blocks of mean score and mean damage.

    scores (scenes, blocks) and damage (other scenes, blocks). low, high: 95 % bootstrap over the scenes of
    both, drawn independently; the blocks are all that the model has and are not drawn. p: two-sided, by
    permuting the blocks.
    """
    drawn = spearman(resample(scores, 1), resample(damage, 2))
    value = float(spearman(scores.mean(0), damage.mean(0)))
    low, high = np.percentile(drawn, [2.5, 97.5])
    shuffled = np.random.default_rng(3).permuted(np.tile(damage.mean(0), (PERMUTATIONS, 1)), axis=1)
    chance = np.abs(spearman(np.broadcast_to(scores.mean(0), shuffled.shape), shuffled))
    p = (1 + int((chance >= abs(value) - 1e-9).sum())) / (1 + PERMUTATIONS)
    return {**_plain(Estimate(value, float(low), float(high))), "p": round(p, 4), "blocks": scores.shape[1]}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 along the last axis, equal values sharing the mean of theirs."""
    below = (values[..., None, :] < values[..., :, None]).sum(-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(-1)
    return below + (equal - 1) / 2


def _plain(estimate: Estimate) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(estimate).items()}
