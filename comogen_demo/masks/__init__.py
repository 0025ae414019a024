"""Mask sequences: bool (T, H, W), read from files or rasterised from shapes and keyframes; and written to files."""

from .cutout import cut_and_paste
from .fit import fit_mask
from .keyframes import Keyframe, check_keyframes, ease_at
from .load import load_fitted_masks, load_masks, read_mask_sequence
from .motion import Moment, Part, moment_at
from .rasterise import rasterise
from .save import export_masks, save_masks
from .shape import Shape, make_shape, signed_distance
from .validate import scale_mask, validate_masks

__all__ = [
    "Keyframe",
    "Moment",
    "Part",
    "Shape",
    "check_keyframes",
    "cut_and_paste",
    "ease_at",
    "export_masks",
    "fit_mask",
    "load_fitted_masks",
    "load_masks",
    "make_shape",
    "moment_at",
    "rasterise",
    "read_mask_sequence",
    "save_masks",
    "scale_mask",
    "signed_distance",
    "validate_masks",
]
