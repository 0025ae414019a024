"""GrabCut around a click, for pictures that are not of the embedded world."""

from __future__ import annotations

import cv2
import numpy as np

from .regions import border_share, component_at, fill_holes, ring_around

SIDE = 128  # px; GrabCut's time grows with the picture
ROUNDS = 2
CORE = 0.02  # radius of what surely is the subject, as a share of the longer side
REACH = 0.3  # radius beyond which everything is background
TOLERANCE = 14.0  # Lab distance up to which a neighbour counts as probably the subject
CLEAR = 25.0  # Lab distance between a region and its surroundings that gives full confidence
SHADE = 0.3  # weight of lightness in that distance: a shadow is not an object
MAX_TRUST = 0.8  # a guess from one click on a photograph is never certain


def cut_by_contrast(frame: np.ndarray, row: int, column: int) -> tuple[np.ndarray, float]:
    """Cut the subject under (row, column) out of (H, W, 3) uint8: bool (H, W) and confidence 0..0.8."""
    height, width = frame.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    row, column = min(int(row * scale), size[1] - 1), min(int(column * scale), size[0] - 1)
    lab = cv2.cvtColor(cv2.bilateralFilter(small, 5, 30, 3).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    region = _grab(small, lab, row, column)
    if not region.any():
        return np.zeros((height, width), bool), 0.0
    confidence = _confidence(region, lab)
    return cv2.resize(
        region.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR
    ) >= 128, confidence


def _grab(small: np.ndarray, lab: np.ndarray, row: int, column: int) -> np.ndarray:
    side = max(small.shape[:2])
    rows, columns = np.ogrid[: small.shape[0], : small.shape[1]]
    away = np.hypot(rows - row, columns - column)
    core = away <= max(1.5, CORE * side)
    like = np.linalg.norm(lab - np.median(lab[core], axis=0), axis=2) < TOLERANCE
    grown = component_at(like | core, row, column, reach=1)
    labels = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    labels[grown] = cv2.GC_PR_FGD
    labels[away > REACH * side] = cv2.GC_BGD
    labels[core] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any():
        return np.zeros(small.shape[:2], bool)
    cv2.setRNGSeed(0)  # its colour clusters start at random
    whole = (0, 0, small.shape[1], small.shape[0])
    ground, subject = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small[:, :, ::-1].copy(), labels, whole, ground, subject, ROUNDS, cv2.GC_INIT_WITH_MASK)
    chosen = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return fill_holes(component_at(chosen, row, column, reach=2))


def _confidence(region: np.ndarray, lab: np.ndarray) -> float:
    ring = ring_around(region, width=3)
    if not ring.any() or region.mean() > 0.5:
        return 0.0
    apart = (np.median(lab[region], axis=0) - np.median(lab[ring], axis=0)) * (SHADE, 1, 1)
    return min(1.0, float(np.linalg.norm(apart)) / CLEAR) * (1 - border_share(region)) * MAX_TRUST
