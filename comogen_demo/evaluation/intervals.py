"""From the tallies of single scenes to means with 95 % intervals.

Every metric is a function of sums over scenes (a mean is a ratio of two sums, a correlation one of six), so a
bootstrap resample is a weighted sum of the scenes' tallies. Whole scenes are drawn, never single clips: the
seeds of one scene share its first frame and its difficulty, and treating them as independent would make the
intervals too narrow. All methods see the same draws, so that the interval of a difference between two methods
is a paired one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

RESAMPLES = 2000
RNG_SEED = 20240229
_MIN_VARIANCE = 1e-12


@dataclass(frozen=True)
class Tally:
    """What the clips of one scene add up to; tallies add. Lengths are in pixels of a 128-pixel frame."""

    clips: float = 0  # generated clips
    iou: float = 0  # the subject's IoU, a mean over its frames, summed over clips
    error: float = 0  # the subject's centroid error, likewise
    subject_clips: float = 0  # clips in which a subject could be measured
    psnr: float = 0
    ssim: float = 0
    psnr_objects: float = 0  # PSNR on the pixels of objects, in clips that show any
    object_clips: float = 0
    reacting: float = 0  # uncontrolled objects that move in the simulator
    reaction_error: float = 0  # their centroid errors
    reaction_still: float = 0  # their centroid errors had they stood still
    untouched: float = 0  # objects that do not move in the simulator
    false_motion: float = 0  # those of them that move in the generation
    shown: float = 0  # objects visible in the truth's last frame
    vanished: float = 0  # those of them that are gone in the generation
    pairs: float = 0  # objects that move differently in the two halves of a counterfactual pair
    agreeing: float = 0  # those of them whose difference has the right direction in the generation
    n: float = 0  # displacement differences: two (x and y) for each of those objects
    sum_x: float = 0  # x: the simulator's, y: the generation's
    sum_y: float = 0
    sum_xx: float = 0
    sum_yy: float = 0
    sum_xy: float = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Tally)))


FIELDS = tuple(f.name for f in fields(Tally))
Sums = dict[str, np.ndarray]


def _ratio(
    numerator: str, denominator: str, sign: float = 1, offset: float = 0
) -> Callable[[Sums], np.ndarray]:
    def metric(sums: Sums) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = offset + sign * sums[numerator] / sums[denominator]
        return np.where(sums[denominator] > 0, value, np.nan)

    return metric


def _correlation(sums: Sums) -> np.ndarray:
    """Pearson's r; 0 where one side has no spread (a method that never moves anything predicts nothing)."""
    n = np.maximum(sums["n"], 1)
    covariance = sums["sum_xy"] / n - sums["sum_x"] * sums["sum_y"] / n**2
    var_x = sums["sum_xx"] / n - (sums["sum_x"] / n) ** 2
    var_y = sums["sum_yy"] / n - (sums["sum_y"] / n) ** 2
    spread = (var_x > _MIN_VARIANCE) & (var_y > _MIN_VARIANCE)
    r = np.where(spread, covariance / np.sqrt(np.where(spread, var_x * var_y, 1)), 0.0)
    return np.where(sums["n"] > 0, r, np.nan)


METRICS: dict[str, Callable[[Sums], np.ndarray]] = {
    "subject_iou": _ratio("iou", "subject_clips"),
    "subject_error_px": _ratio("error", "subject_clips"),
    "psnr": _ratio("psnr", "clips"),
    "psnr_objects": _ratio("psnr_objects", "object_clips"),
    "ssim": _ratio("ssim", "clips"),
    "reaction_error_px": _ratio("reaction_error", "reacting"),
    "reaction_skill": _ratio("reaction_error", "reaction_still", sign=-1, offset=1),
    "false_motion": _ratio("false_motion", "untouched"),
    "vanished": _ratio("vanished", "shown"),
    "counterfactual_agreement": _ratio("agreeing", "pairs"),
    "counterfactual_r": _correlation,
}


@dataclass(frozen=True)
class Estimate:
    """A metric's value and its 95 % interval; all None when nothing was there to measure."""

    mean: float | None
    low: float | None
    high: float | None


def estimate(tallies: Sequence[Tally]) -> dict[str, Estimate]:
    """Every metric over these scenes' tallies, one tally a scene."""
    whole, resampled = _sums(tallies)
    return {name: _interval(metric(whole), metric(resampled)) for name, metric in METRICS.items()}


def difference(tallies: Sequence[Tally], others: Sequence[Tally]) -> dict[str, Estimate]:
    """Every metric of the first minus the second, on the same scenes in the same order, so paired."""
    if len(tallies) != len(others):
        raise ValueError(f"paired scenes expected, got {len(tallies)} and {len(others)}")
    (whole_a, resampled_a), (whole_b, resampled_b) = _sums(tallies), _sums(others)
    return {
        name: _interval(metric(whole_a) - metric(whole_b), metric(resampled_a) - metric(resampled_b))
        for name, metric in METRICS.items()
    }


def _sums(tallies: Sequence[Tally]) -> tuple[Sums, Sums]:
    """The sums over all scenes, each (1,), and over RESAMPLES draws of as many scenes, each (RESAMPLES,)."""
    scenes = len(tallies)
    if scenes == 0:
        empty = {name: np.zeros(1) for name in FIELDS}
        return empty, empty
    values = np.array([[getattr(tally, name) for name in FIELDS] for tally in tallies], np.float64)
    whole, resampled = values.sum(0, keepdims=True), _draws(scenes) @ values
    return dict(zip(FIELDS, whole.T, strict=True)), dict(zip(FIELDS, resampled.T, strict=True))


@lru_cache(maxsize=8)
def _draws(scenes: int) -> np.ndarray:
    """How often each scene is drawn in each resample, (RESAMPLES, scenes)."""
    return np.random.default_rng(RNG_SEED).multinomial(scenes, np.full(scenes, 1 / scenes), size=RESAMPLES)


def _interval(value: np.ndarray, resampled: np.ndarray) -> Estimate:
    defined = resampled[np.isfinite(resampled)]
    if not np.isfinite(value[0]) or defined.size == 0:
        return Estimate(None, None, None)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(float(value[0]), float(low), float(high))
