"""Small operations on regions that all ways of selecting share."""

from __future__ import annotations

import cv2
import numpy as np


def shrink(picture: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """A picture (H, W, C) with its longer side at most `side` px, by area, and the scale (<= 1) that made it."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale == 1:
        return picture, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), scale


def bounds(mask: np.ndarray, margin: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (ends exclusive) of bool (H, W), not empty, `margin` px wider but in the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        max(0, int(rows[0]) - margin),
        min(mask.shape[0], int(rows[-1]) + 1 + margin),
        max(0, int(columns[0]) - margin),
        min(mask.shape[1], int(columns[-1]) + 1 + margin),
    )


def component_at(mask: np.ndarray, row: int, column: int, reach: int) -> np.ndarray:
    """The connected part of bool (H, W) that holds (row, column), or is nearest to it within `reach` px; else none."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if count == 1:
        return np.zeros_like(mask)
    label = labels[row, column]
    if label == 0:
        top, left = max(0, row - reach), max(0, column - reach)
        near = labels[top : row + reach + 1, left : column + reach + 1]
        rows, columns = np.nonzero(near)
        if not len(rows):
            return np.zeros_like(mask)
        nearest = np.argmin((rows + top - row) ** 2 + (columns + left - column) ** 2)
        label = near[rows[nearest], columns[nearest]]
    return labels == label


def overlapping_component(mask: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The connected part of bool (H, W) that shares most pixels with bool (H, W) `found`; none if none does."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    shared = np.bincount(labels[found], minlength=count)
    shared[0] = 0
    return labels == shared.argmax() if shared.any() else np.zeros_like(mask)


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """Bool (H, W) with everything set that it encloses."""
    framed = np.pad(mask.astype(np.uint8), 1)
    cv2.floodFill(framed, None, (0, 0), 2)
    return framed[1:-1, 1:-1] != 2


def ring_around(mask: np.ndarray, width: int) -> np.ndarray:
    """The pixels outside of bool (H, W) that lie between 2 and 2 + width px from it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 5, 2 * width + 5))
    inner = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    return (cv2.dilate(mask.astype(np.uint8), kernel) != 0) & (inner == 0)


def border_share(mask: np.ndarray) -> float:
    """How much of the picture's border bool (H, W) covers, in 0..1."""
    edges = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return float(edges.mean())
