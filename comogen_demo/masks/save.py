"""Mask sequences into files: a ZIP archive of PNG files, a video, or NumPy's npz."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from ..files import replacing
from ..video import write_mp4

SUFFIXES = (".zip", ".mp4", ".npz")


def export_masks(path: str | Path, masks: np.ndarray, fps: float) -> Path:
    """Write masks bool (T, H, W) in the form that the name ends in: .zip, .mp4 (at `fps`) or .npz.

    Raises UserError for another ending and when the file cannot be written.
    """
    path = Path(path)
    check_suffix(path)
    kind = path.suffix.lower()
    if kind == ".zip":
        return save_masks(path, masks)
    _check(masks)
    if kind == ".mp4":
        grey = masks[..., None] * np.uint8(255)
        return write_mp4(path, np.broadcast_to(grey, (*masks.shape, 3)), fps)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, masks=masks)
    return path


def check_suffix(path: str | Path) -> None:
    """Raise UserError unless masks can be written to a file of this name."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(f"The masks {path} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")


def save_masks(path: str | Path, masks: np.ndarray) -> Path:
    """Write masks bool (T, H, W) as a ZIP archive of black-and-white PNG files 0000.png, 0001.png, ..."""
    _check(masks)
    path = Path(path)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for t, mask in enumerate(masks):
            png = io.BytesIO()
            Image.fromarray(mask).save(png, "PNG")
            archive.writestr(f"{t:04d}.png", png.getvalue())
    return path


def _check(masks: np.ndarray) -> None:
    if masks.ndim != 3 or masks.dtype != bool or not len(masks):
        raise ValueError(f"masks must be bool (T, H, W), not {masks.shape} {masks.dtype}")
