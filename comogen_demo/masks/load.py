"""Mask sequences from files: PNG, a folder or ZIP archive of PNG, a video or GIF, or NumPy's npz."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..images import Fit
from ..video import read_video
from .archives import holds_arrays, read_array, read_pictures
from .fit import fit_mask, fitted_size
from .pictures import bright, decode_png, is_png, natural_key, read_gif
from .rasterise import blank
from .validate import MAX_FRAMES, check_count, check_not_empty, resize_mask

VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")

Mask = np.ndarray
Source = Callable[[], Mask]


def load_masks(path: str | Path, frames: int, size: tuple[int, int]) -> np.ndarray:
    """Read masks from a PNG, a folder or ZIP archive of them, a video or an npz file: bool (frames, *size).

    `size` is (height, width). In PNG files and arrays every non-zero value (or palette index) is the subject,
    transparent pixels are not; in videos and GIF files what is bright. Files are taken in natural order of their
    names. Raises UserError for another count or aspect, for damaged or oversized files, and for masks that are empty
    in every frame.
    """
    sources = _open(Path(path))
    check_count(len(sources), frames)
    masks = np.empty((frames, *size), dtype=bool)
    for t, source in enumerate(sources):
        masks[t] = resize_mask(source(), size)
    check_not_empty(masks)
    return masks


def load_fitted_masks(path: str | Path, frames: int, source_size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Read masks that belong to a picture of `source_size` (height, width), of which `fit` was kept.

    Masks that have the source picture's aspect are cropped as the picture was; masks that have the fitted
    picture's are taken whole. Returns bool (frames, h, w) of the fitted picture's size; raises as load_masks.
    """
    sources = _open(Path(path))
    check_count(len(sources), frames)
    masks = np.empty((frames, *fitted_size(fit)), dtype=bool)
    for t, source in enumerate(sources):
        masks[t] = fit_mask(source(), source_size, fit)
    check_not_empty(masks)
    return masks


def read_mask_sequence(path: str | Path) -> np.ndarray:
    """Read masks as they are: bool (T, h, w) of any size, T in 1..513. The same files and rules as load_masks.

    Raises UserError for damaged or oversized files, masks of different sizes, and when all of them are empty.
    """
    path = Path(path)
    sources = _open(path)
    if len(sources) > MAX_FRAMES:
        raise UserError(
            f"{path.name} holds {len(sources)} masks; at most {MAX_FRAMES} are read, so leave some out."
        )
    first = sources[0]()
    masks = blank(len(sources), (first.shape[0], first.shape[1]))
    masks[0] = first
    for t, source in enumerate(sources[1:], 1):
        mask = source()
        if mask.shape != first.shape:
            raise UserError(
                f"Mask {t + 1} in {path.name} measures {mask.shape[1]} x {mask.shape[0]} px and the first "
                f"{first.shape[1]} x {first.shape[0]} px; give masks of one size."
            )
        masks[t] = mask
    check_not_empty(masks)
    return masks


def _open(path: Path) -> list[Source]:
    """One reader a frame, at least one, in order; a PNG is decoded when its reader is called, one at a time."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise UserError(f"There is no mask folder or file {path}; check the path.")
    kind = path.suffix.lower()
    try:
        if is_png(path.name):
            return [lambda: decode_png(path)]
        if zipfile.is_zipfile(path):
            return _each(read_array(path)) if holds_arrays(path) else _decoding(read_pictures(path))
        if kind == ".gif":
            return _each(read_gif(path))
        if kind in VIDEO_SUFFIXES:
            frames, _ = read_video(path, max_frames=MAX_FRAMES, max_seconds=MAX_FRAMES)
            return _each(bright(frames.max(axis=3)))
    except OSError:
        raise UserError(f"{path.name} cannot be read; check its permissions.") from None
    if kind in (".zip", ".npz"):
        raise UserError(f"{path.name} is damaged or not an archive; pack the masks again.")
    raise UserError(
        f"{path.name} holds no masks; give PNG files, a folder or ZIP archive of them, a video, a GIF or an npz file."
    )


def _folder(path: Path) -> list[Source]:
    try:
        files = [file for file in path.iterdir() if is_png(file.name)]
    except OSError:
        raise UserError(f"The folder {path} cannot be read; check its permissions.") from None
    if not files:
        raise UserError(f"The folder {path} holds no PNG file; give one PNG for every frame.")
    return _decoding(sorted(files, key=lambda file: natural_key(file.name)))


def _decoding(files: list[Path] | list[bytes]) -> list[Source]:
    return [lambda file=file: decode_png(file) for file in files]  # type: ignore[misc]


def _each(masks: np.ndarray) -> list[Source]:
    return [lambda mask=mask: mask for mask in masks]  # type: ignore[misc]
