"""What every mask sequence must hold before the generator sees it."""

from __future__ import annotations

import cv2
import numpy as np

from ..errors import UserError

MAX_FRAMES = 513


def validate_masks(masks: np.ndarray, frames: int, size: tuple[int, int]) -> np.ndarray:
    """Check masks (T, H, W), any non-zero value being the subject, and return them as bool (frames, *size).

    `size` is (height, width). Masks of another size but the same aspect are resized. Raises UserError for
    another count, another aspect or shape, or when no frame shows anything.
    """
    masks = np.asarray(masks)
    if masks.ndim != 3:
        raise UserError(
            f"Masks must be a stack of single-channel pictures, not an array of shape {masks.shape}."
        )
    check_count(len(masks), frames)
    fitted = np.stack([resize_mask(mask != 0, size) for mask in masks])
    check_not_empty(fitted)
    return fitted


def check_count(count: int, frames: int) -> None:
    """Raise UserError unless there are exactly `frames` masks."""
    if count != frames:
        raise UserError(f"There are {count} masks where {frames} are needed; give one mask for every frame.")


def check_not_empty(masks: np.ndarray) -> None:
    """Raise UserError unless some pixel of masks (T, H, W) is set."""
    if not masks.any():
        raise UserError("The mask is empty in every frame; mark the subject in at least one of them.")


def same_aspect(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether a picture of `size` (height, width) scales to `other` within 1 % or one pixel of width."""
    return abs(size[1] * other[0] / size[0] - other[1]) <= max(1.0, 0.01 * other[1])


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a bool (H, W) mask to `size` (height, width); UserError when the aspect differs."""
    if not same_aspect(mask.shape, size):
        raise UserError(
            f"The masks measure {mask.shape[1]} x {mask.shape[0]} px where {size[1]} x {size[0]} px are needed; "
            "give masks of the picture's size or aspect."
        )
    return scale_mask(mask, size)


def scale_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a bool (H, W) mask to `size` (height, width): by area when it shrinks, else by the nearest pixel."""
    if mask.shape == tuple(size):
        return mask
    how = cv2.INTER_AREA if mask.shape[0] > size[0] else cv2.INTER_NEAREST_EXACT
    return cv2.resize(mask.astype(np.uint8) * 255, (size[1], size[0]), interpolation=how) >= 128
