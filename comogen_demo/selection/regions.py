"""Small operations on regions that both ways of selecting share."""

from __future__ import annotations

import cv2
import numpy as np


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
