"""Masks that the tests of this room draw, and what they measure on them."""

from __future__ import annotations

import numpy as np


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def blob(height=96, width=128) -> np.ndarray:
    """An L: no symmetry that could hide a wrong turn."""
    mask = np.zeros((height, width), bool)
    mask[30:60, 40:52] = True
    mask[50:60, 40:72] = True
    return mask


def disc(x: float, y: float, radius: float, height=96, width=128) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(columns - x, rows - y) <= radius


def centroid(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5
