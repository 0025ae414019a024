"""A box drawn around an object -> its mask."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import UserError
from .colour import grow_by_colour
from .cut import grab, sharpened, to_lab, trust
from .regions import fill_holes, shrink

LEAST = 4  # px; a smaller box was a click
SIDE = 160  # px of the part that is cut out by GrabCut
AROUND = 0.25  # of the box's longer side: the ground that is looked at around it
SEEDS = (0.5, 0.25, 0.75)  # shares of the box's sides at which colours are tried
SURE = 0.5  # a colour region as distinct as that is an object
WITHIN = 0.97  # share of a colour region that must lie in the box
FULL = 0.25  # share of the box that colour regions fill, for them to be what was meant
ROUNDS = 3


def select_by_box(
    frame: np.ndarray, box: Sequence[float], mask: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """What stands in a box (left, top, right, bottom) of frame (H, W, 3) uint8: mask bool (H, W), confidence in 0..1.

    Objects of one saturated colour that lie in the box are taken whole; anything else is cut out by GrabCut, which
    takes all outside of the box for ground. It is added to `mask` (bool (H, W)), if given. Near 0 the box holds
    nothing. Raises UserError when the box lies outside of the frame or is under 4 px wide or high.
    """
    x0, y0, x1, y1 = _checked(frame, box)
    found, confidence = _colours(frame, x0, y0, x1, y1)
    if confidence == 0:
        found, confidence = _cut(frame, x0, y0, x1, y1)
    return (found if mask is None else found | np.asarray(mask, bool)), confidence


def _checked(frame: np.ndarray, box: Sequence[float]) -> tuple[int, int, int, int]:
    """The part of the box that lies in the frame, in whole pixels."""
    height, width = frame.shape[:2]
    if len(box) != 4 or not np.isfinite(box).all():
        raise UserError("The box has no four corners in the picture; draw it around the object again.")
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    x0, y0, x1, y1 = max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)
    if x1 <= x0 or y1 <= y0:
        raise UserError(f"The box lies outside of the {width} x {height} px picture; draw it in the picture.")
    if x1 - x0 < LEAST or y1 - y0 < LEAST:
        raise UserError(f"The box is under {LEAST} pixels wide or high; draw it around the whole object.")
    return int(x0), int(y0), min(width, round(x1 + 0.49)), min(height, round(y1 + 0.49))


def _colours(frame: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> tuple[np.ndarray, float]:
    """The colour regions in the box, if they fill enough of it; confidence 0 if they do not."""
    found, sure = np.zeros(frame.shape[:2], bool), 1.0
    for down in SEEDS:
        for right in SEEDS:
            row, column = int(y0 + down * (y1 - y0)), int(x0 + right * (x1 - x0))
            if found[row, column]:
                continue
            region, confidence = grow_by_colour(frame, row, column)
            if confidence >= SURE and region[y0:y1, x0:x1].sum() >= WITHIN * region.sum():
                found |= region
                sure = min(sure, confidence)
    return found, sure if found.sum() >= FULL * (x1 - x0) * (y1 - y0) else 0.0


def _cut(frame: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> tuple[np.ndarray, float]:
    height, width = frame.shape[:2]
    around = max(8, round(AROUND * max(x1 - x0, y1 - y0)))
    top, bottom, left, right = max(0, y0 - around), min(height, y1 + around), max(0, x0 - around), x1 + around
    part = frame[top:bottom, left : min(width, right)]
    small, scale = shrink(part, SIDE)
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    rows = slice(int((y0 - top) * scale), max(1, round((y1 - top) * scale)))
    columns = slice(int((x0 - left) * scale), max(1, round((x1 - left) * scale)))
    labels[rows, columns] = cv2.GC_PR_FGD
    nothing = np.zeros((height, width), bool)
    if (labels == cv2.GC_PR_FGD).all():
        return nothing, 0.0
    region = _broad(grab(small, labels, ROUNDS))
    if not region.any():
        return nothing, 0.0
    nothing[top:bottom, left:right] = sharpened(region, part)
    return nothing, trust(region, to_lab(small))


def _broad(region: np.ndarray) -> np.ndarray:
    """The parts of bool (h, w) that are at least a tenth of the largest, holes filled."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = [i + 1 for i in range(count - 1) if areas[i] >= 0.1 * areas.max()]
    return fill_holes(np.isin(labels, kept))
