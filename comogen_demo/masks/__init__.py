"""Mask sequences: bool (T, H, W), read from files or rasterised from keyframes."""

from .fit import fit_mask
from .keyframes import Keyframe, pose_at, rasterise
from .load import load_fitted_masks, load_masks, save_masks
from .validate import validate_masks

__all__ = [
    "Keyframe",
    "fit_mask",
    "load_fitted_masks",
    "load_masks",
    "pose_at",
    "rasterise",
    "save_masks",
    "validate_masks",
]
