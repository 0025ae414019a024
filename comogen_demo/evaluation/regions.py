"""How well a mask meets the true one: region similarity J and contour accuracy F, as the DAVIS benchmark defines them.

Perazzi et al., "A benchmark dataset and evaluation methodology for video object segmentation", CVPR 2016, section 4.
The best match of the contours' points is approached, as in the benchmark's own tool, by dilating the other contour.
"""

from __future__ import annotations

import cv2
import numpy as np

TOLERANCE = 0.008  # of the frame's diagonal: as far apart two contours still agree


def region_similarity(mask: np.ndarray, truth: np.ndarray) -> float:
    """J, intersection over union of two masks bool (H, W): 0..1, and 1 where both are empty."""
    _check(mask, truth)
    union = int((mask | truth).sum())
    return float((mask & truth).sum() / union) if union else 1.0


def contour_accuracy(mask: np.ndarray, truth: np.ndarray, tolerance: float = TOLERANCE) -> float:
    """F, harmonic mean of the precision and the recall of the contour points of bool (H, W): 0..1, 1 with no contours.

    A point is met if the other mask's contour passes within `tolerance` of the diagonal, rounded up to whole px.
    """
    _check(mask, truth)
    own, other = contour(mask), contour(truth)
    if not own.any() and not other.any():
        return 1.0
    if not own.any() or not other.any():
        return 0.0
    reach = int(np.ceil(tolerance * np.hypot(*mask.shape)))
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc = (rows**2 + columns**2 <= reach**2).astype(np.uint8)
    precision = float((own & _dilated(other, disc)).sum() / own.sum())
    recall = float((other & _dilated(own, disc)).sum() / other.sum())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def j_and_f(mask: np.ndarray, truth: np.ndarray) -> float:
    """J&F, the mean of both."""
    return (region_similarity(mask, truth) + contour_accuracy(mask, truth)) / 2


def contour(mask: np.ndarray) -> np.ndarray:
    """The pixels of bool (H, W) whose right, lower or lower right neighbour is on the other side: bool (H, W)."""
    near = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = near[:-1, :-1]
    return np.asarray((here != near[:-1, 1:]) | (here != near[1:, :-1]) | (here != near[1:, 1:]))


def _dilated(mask: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) != 0)


def _check(mask: np.ndarray, truth: np.ndarray) -> None:
    if mask.shape != truth.shape or mask.ndim != 2:
        raise ValueError(f"masks {mask.shape} and {truth.shape}: expected two of the same (H, W)")
