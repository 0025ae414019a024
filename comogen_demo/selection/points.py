"""Clicks that add to a selection and clicks that take away from it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .click import select_by_click
from .colour import grow_by_colour
from .cut import SHADE, TOLERANCE, sharpened, to_lab
from .regions import component_at, fill_holes, shrink

Point = tuple[float, float, bool]

SIDE = 256  # px of the picture in which likeness is judged
SURE = 0.12  # confidence below which a click has hit nothing
WHOLE = 0.95  # of a selection: a part as large as that is all of it
EDGE = 8.0  # Lab distance across the border of a part that is more than a shade
SLIVER = 5  # px; what is thinner and left over at the border of a removed part goes with it


def select_by_points(
    frame: np.ndarray, points: Sequence[Point], mask: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """What points (x, y, positive) select in frame (H, W, 3) uint8: mask bool (H, W) and confidence in 0..1.

    The objects under the positive points are added to `mask` (bool (H, W), none: empty), then the parts under the
    negative ones are taken away. A negative point within the selection takes what is alike around it: all of the
    selection only if all of it is alike. The confidence is that of the least sure point; near 0 one has hit nothing.
    Raises UserError when a point lies outside of the frame.
    """
    selected = np.zeros(frame.shape[:2], bool) if mask is None else np.array(mask, bool)
    sure = 1.0
    for x, y, _ in (point for point in points if point[2]):
        region, confidence = select_by_click(frame, x, y)
        selected |= region if confidence >= SURE else False
        sure = min(sure, confidence)
    for x, y, _ in (point for point in points if not point[2]):
        part, confidence = _part_at(frame, selected, x, y)
        selected = _without(selected, part)
        sure = min(sure, confidence)
    return selected, sure if points else 0.0


def _part_at(frame: np.ndarray, selected: np.ndarray, x: float, y: float) -> tuple[np.ndarray, float]:
    """The part of a selection bool (H, W) that a negative point means, and its confidence."""
    height, width = selected.shape
    inside = 0 <= x <= width and 0 <= y <= height
    row, column = (min(int(y), height - 1), min(int(x), width - 1)) if inside else (0, 0)
    if not inside or not selected[row, column]:
        region, confidence = select_by_click(frame, x, y)  # raises for a point outside of the frame
        hit = confidence >= SURE and bool((region & selected).any())
        return region & selected & hit, confidence if hit else 0.0
    region, _ = grow_by_colour(frame, row, column)
    part = component_at(region & selected, row, column, reach=0)
    if part.any():  # of one tint, whatever its shading
        return (part if part.sum() < WHOLE * selected.sum() else selected), 1.0
    for weight in (SHADE, 1.0):  # a shadow is no part, unless nothing else tells the parts apart
        other, contrast = _alike(frame, selected, row, column, weight)
        if other.sum() < WHOLE * selected.sum() and contrast > EDGE:
            return other, 1.0
    return selected, 1.0


def _alike(
    frame: np.ndarray, selected: np.ndarray, row: int, column: int, weight: float
) -> tuple[np.ndarray, float]:
    """What hangs together with (row, column) by its colour within bool (H, W), and the contrast at its border.

    weight: of lightness against colour. The contrast is a Lab distance, 0 without a border within the selection.
    """
    small, scale = shrink(frame, SIDE)
    lab = to_lab(cv2.bilateralFilter(small, 5, 30, 3)) * np.array([weight, 1, 1], np.float32)
    inside = cv2.resize(selected.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST) != 0
    row, column = min(int(row * scale), small.shape[0] - 1), min(int(column * scale), small.shape[1] - 1)
    near = lab[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
    like = np.linalg.norm(lab - np.median(near.reshape(-1, 3), axis=0), axis=2) < TOLERANCE
    part = fill_holes(component_at(like & inside, row, column, reach=2)) & inside
    kernel = np.ones((7, 7), np.uint8)
    beyond = (cv2.dilate(part.astype(np.uint8), kernel) != 0) & inside & ~part
    within = (cv2.erode(part.astype(np.uint8), np.ones((3, 3), np.uint8)) != 0) & (
        cv2.dilate(beyond.astype(np.uint8), kernel) != 0
    )
    contrast = 0.0
    if beyond.any() and within.any():
        contrast = float(np.linalg.norm(np.median(lab[beyond], axis=0) - np.median(lab[within], axis=0)))
    return sharpened(part, frame) & selected, contrast


def _without(selected: np.ndarray, part: np.ndarray) -> np.ndarray:
    """A selection without a part of it, and without the slivers that would be left at its border."""
    if not part.any():
        return selected
    rest = selected & ~part
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SLIVER, SLIVER))
    broad = cv2.dilate(cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_OPEN, kernel), kernel) != 0
    beside = cv2.dilate(part.astype(np.uint8), kernel) != 0
    return rest & (broad | ~beside)
