"""Cropping masks as the picture they belong to was cropped."""

from __future__ import annotations

import numpy as np

from ..errors import UserError
from ..images import Fit
from .validate import same_aspect, scale_mask


def fitted_size(fit: Fit) -> tuple[int, int]:
    """(height, width) of the picture that images.fit_image made with this Fit."""
    return max(1, round(fit.height * fit.scale)), max(1, round(fit.width * fit.scale))


def fit_mask(mask: np.ndarray, source_size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Bring a bool (H, W) mask to the fitted picture's size.

    A mask of the source picture's aspect (`source_size` is (height, width)) is cropped as the picture was, one of
    the fitted picture's aspect is taken whole; UserError for any other.
    """
    size = fitted_size(fit)
    if same_aspect(mask.shape, source_size):
        return scale_mask(_crop(mask, source_size, fit), size)
    if same_aspect(mask.shape, size):
        return scale_mask(mask, size)
    raise UserError(
        f"The masks measure {mask.shape[1]} x {mask.shape[0]} px and the picture "
        f"{source_size[1]} x {source_size[0]} px; give masks of the picture's size or aspect."
    )


def _crop(mask: np.ndarray, source_size: tuple[int, int], fit: Fit) -> np.ndarray:
    """The part of the mask that `fit` kept of its picture; the mask may have another resolution."""
    down, right = mask.shape[0] / source_size[0], mask.shape[1] / source_size[1]
    height, width = max(1, round(fit.height * down)), max(1, round(fit.width * right))
    top = min(round(fit.top * down), mask.shape[0] - height)
    left = min(round(fit.left * right), mask.shape[1] - width)
    return mask[top : top + height, left : left + width]
