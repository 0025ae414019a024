"""A mask as a shape that can be moved, turned, scaled and blended: its signed distance field.

The browser's script shape.js holds the same arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import UserError
from .validate import check_not_empty

MAX_SIDE, MAX_PIXELS = 8192, 2**24  # of a mask that is moved; its distance field is several times larger


@dataclass(frozen=True, eq=False)
class Shape:
    """One mask of a frame of `size` (height, width).

    sdf: float32 signed distance in pixels, positive inside, over the mask's bounding box padded on every side; its
    first pixel is pixel (left, top) of the frame and may lie outside of it. centre: the mean (x, y) of the mask's
    pixel centres. box: left, top, right, bottom of the mask, the last two exclusive.
    """

    sdf: np.ndarray
    left: int
    top: int
    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    size: tuple[int, int]


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Exact Euclidean distance to the edge of a bool mask (H, W), which holds both kinds of pixels: float32 (H, W).

    Inside: distance to the nearest background pixel's centre - .5; outside: .5 - distance to the nearest inside
    pixel's centre. So the edge runs half-way between pixels and no pixel is at 0.
    """
    inside = mask.astype(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where(mask, within - 0.5, 0.5 - beyond)


def make_shape(mask: np.ndarray) -> Shape:
    """The shape of a bool mask (H, W). Raises UserError when it is empty or too large to be moved."""
    if mask.ndim != 2:
        raise ValueError(f"mask must be (H, W), not {mask.shape}")
    check_size(mask.shape)
    check_not_empty(mask)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top, right, bottom = (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1]) + 1,
        int(rows[-1]) + 1,
    )
    cropped = mask[top:bottom, left:right]
    pad = 2 + math.ceil(math.hypot(right - left, bottom - top) / 2)
    y, x = np.nonzero(cropped)
    return Shape(
        sdf=signed_distance(np.pad(cropped, pad)),
        left=left - pad,
        top=top - pad,
        centre=(float(x.mean()) + left + 0.5, float(y.mean()) + top + 0.5),
        box=(left, top, right, bottom),
        size=(mask.shape[0], mask.shape[1]),
    )


def check_size(size: tuple[int, ...]) -> None:
    """Raise UserError unless a mask of `size` (height, width) can be moved."""
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise UserError(
            f"A mask of {size[1]} x {size[0]} px is too large to be moved; "
            f"scale the picture down to at most {MAX_PIXELS >> 20} megapixels and {MAX_SIDE} px a side."
        )
