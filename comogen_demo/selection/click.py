"""One click on an object -> its mask, and how much to trust it."""

from __future__ import annotations

import cv2
import numpy as np

from ..errors import UserError
from .colour import grow_by_colour
from .cut import cut_by_contrast

WORK_SIDE = 1024  # the longer side that masks are drawn at
SURE = 0.5  # a colour region as distinct as that needs no second opinion


def select_by_click(frame: np.ndarray, x: float, y: float) -> tuple[np.ndarray, float]:
    """The object under the pixel (x, y) of frame (H, W, 3) uint8: mask bool (H, W) and confidence in 0..1.

    An object of one saturated colour is found by that colour, through shading and highlights; anything else by
    GrabCut. A click on empty ground gives a confidence near 0, and a mask that is not worth using.
    Raises UserError when the click lies outside of the frame.
    """
    height, width = frame.shape[:2]
    if not (0 <= x <= width and 0 <= y <= height):
        raise UserError(
            f"The click at ({x:.0f}, {y:.0f}) is outside of the {width} x {height} px picture; click in it."
        )
    scale = min(1.0, WORK_SIDE / max(height, width))
    small = frame
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    column = min(int(x * scale), small.shape[1] - 1)
    row = min(int(y * scale), small.shape[0] - 1)
    mask, confidence = grow_by_colour(small, row, column)
    if confidence < SURE:
        other, trust = cut_by_contrast(small, row, column)
        if trust > confidence:
            mask, confidence = other, trust
    if scale < 1:
        mask = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR) >= 128
    return mask, confidence
