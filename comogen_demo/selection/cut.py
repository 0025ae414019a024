"""GrabCut around a click or in a box, for pictures that are not of the embedded world."""

from __future__ import annotations

import cv2
import numpy as np

from .regions import border_share, bounds, component_at, fill_holes, ring_around, shrink

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
    small, scale = shrink(frame, SIDE)
    row, column = min(int(row * scale), small.shape[0] - 1), min(int(column * scale), small.shape[1] - 1)
    lab = to_lab(cv2.bilateralFilter(small, 5, 30, 3))
    region = _grab(small, lab, row, column)
    if not region.any():
        return np.zeros(frame.shape[:2], bool), 0.0
    return sharpened(region, frame), trust(region, lab)


def grab(small: np.ndarray, labels: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """GrabCut of (h, w, 3) uint8 from its labels (h, w) of GC_*, the same at every call: bool (h, w)."""
    cv2.setRNGSeed(0)  # its colour clusters start at random
    whole = (0, 0, small.shape[1], small.shape[0])
    ground, subject = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small[:, :, ::-1].copy(), labels, whole, ground, subject, rounds, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def to_lab(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> CIE Lab, float32: L in 0..100."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def sharpened(region: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A region bool (h, w) of a small picture at the size of frame (H, W, 3), its edge laid where the colours part.

    In a band about the edge each pixel goes to the side whose mean colour nearby is closer to its own.
    """
    height, width = frame.shape[:2]
    size = (width, height)
    mask = cv2.resize(region.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR) >= 128
    if mask.shape == region.shape or not mask.any():
        return mask
    band = max(1, round(0.75 * width / region.shape[1]))
    top, bottom, left, right = bounds(mask, 4 * band)
    part = mask[top:bottom, left:right].astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    inside, outside = cv2.erode(part, kernel), 1 - cv2.dilate(part, kernel)
    colours = to_lab(frame[top:bottom, left:right])
    reach = (6 * band + 1, 6 * band + 1)
    own, other = (_distance_to_mean(colours, side, reach) for side in (inside, outside))
    part = np.where((inside == 0) & (outside == 0), own < other, part != 0).astype(np.uint8)
    mask[top:bottom, left:right] = cv2.medianBlur(part * 255, 3) != 0
    return mask


def trust(region: np.ndarray, lab: np.ndarray) -> float:
    """How far a region bool (h, w) of lab (h, w, 3) stands out of what is around it, 0..0.8."""
    ring = ring_around(region, width=3)
    if not ring.any() or region.mean() > 0.5:
        return 0.0
    apart = (np.median(lab[region], axis=0) - np.median(lab[ring], axis=0)) * (SHADE, 1, 1)
    return min(1.0, float(np.linalg.norm(apart)) / CLEAR) * (1 - border_share(region)) * MAX_TRUST


def _distance_to_mean(colours: np.ndarray, side: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """How far each pixel of (H, W, 3) is from the mean of those on a side (0 or 1, (H, W)) within reach: (H, W)."""
    weight = cv2.boxFilter(side.astype(np.float32), -1, reach, normalize=False)
    total = cv2.boxFilter(colours * side[:, :, None], -1, reach, normalize=False)
    distance = np.linalg.norm(colours - total / np.maximum(weight, 1)[:, :, None], axis=2)
    return np.where(weight > 0, distance, np.inf)


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
    return fill_holes(component_at(grab(small, labels), row, column, reach=2))
