"""How well the generated subject kept to its mask, measured on the picture itself."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

BINS = 32


@dataclass(frozen=True)
class ControlReport:
    """iou: (T,) intersection over union of the subject found in each frame and its mask; NaN where both are empty.
    mean: over all frames but the first, which is given."""

    iou: tuple[float, ...]
    mean: float


def measure_control(first: np.ndarray, frames: np.ndarray, masks: np.ndarray) -> ControlReport:
    """Finds the subject in every frame by the colours it has in the first frame, and compares it with the masks.

    first: uint8 (H, W, 3); frames: uint8 (T, H, W, 3); masks: bool (T, H', W') of the same aspect. Our choice: a
    subject whose colours are also those of its surroundings cannot be told from them, and then scores low.
    """
    height, width = frames.shape[1:3]
    goal = np.stack(
        [
            cv2.resize(m.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) >= 0.5
            for m in masks
        ]
    )
    if not goal[0].any() or goal[0].all():
        return ControlReport((float("nan"),) * len(frames), float("nan"))
    likelier = _colour_model(first, goal[0])
    scores = []
    for picture, mask in zip(frames, goal, strict=True):
        found = likelier[_colour_bins(picture)]
        found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(
            bool
        )
        found = _without_specks(found, int(0.1 * goal[0].sum()))
        union = int((found | mask).sum())
        scores.append(float((found & mask).sum() / union) if union else float("nan"))
    later = [s for s in scores[1:] if not np.isnan(s)]
    return ControlReport(tuple(scores), float(np.mean(later)) if later else float("nan"))


def _colour_bins(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (H, W, 3) -> indices of its chroma (a, b of CIE Lab), lightness left out: shading changes that alone."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.int32)
    return lab[..., 1] * BINS // 256, lab[..., 2] * BINS // 256


def _colour_model(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Which chroma bins are likelier in the subject than around it, bool (BINS, BINS)."""
    a, b = _colour_bins(picture)
    densities = []
    for region in (mask, ~mask):
        counts = np.zeros((BINS, BINS), np.float32)
        np.add.at(counts, (a[region], b[region]), 1)
        densities.append(cv2.GaussianBlur(counts / counts.sum(), (0, 0), 0.8))
    return densities[0] > densities[1] + 1e-5


def _without_specks(mask: np.ndarray, smallest: int) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= smallest]
    return np.isin(labels, keep)
