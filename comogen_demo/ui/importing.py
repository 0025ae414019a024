"""Mask files as a track of the page's document: one mask as its shape, a sequence as keyframes drawn anew."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..images import Fit
from ..masks import fit_mask, read_mask_sequence
from ..masks.pictures import natural_key
from ..masks.validate import resize_mask
from . import document

LONGEST_NAME = 40


def read_masks(paths: Sequence[Path], size: tuple[int, int], source: Any = None) -> np.ndarray:
    """Masks from one file, or a PNG for every frame in the order of their names: bool (T, H, W) of `size` (H, W).

    source: what the document tells of its frame; masks of the uploaded picture are cropped as the picture was.
    Raises UserError when they can't be read or are of another aspect.
    """
    masks = read_mask_sequence(paths[0]) if len(paths) == 1 else _read_pictures(paths)
    fit, whole = _crop(source, size)
    if fit is not None and whole is not None:
        return np.stack([fit_mask(mask, whole, fit) for mask in masks])
    return np.stack([resize_mask(mask, size) for mask in masks])


def track_of(masks: np.ndarray, frames: int, name: str) -> dict[str, Any]:
    """Masks bool (T, H, W) as part of a track of a document of `frames` frames: name, shapes, keyframes and a note.

    A single mask rests from frame 0 on. Another number of masks than of frames is spread over them. Equal neighbours
    share a keyframe at the begin and one at the end of their time; where a mask is empty the track is hidden.
    """
    count = len(masks)
    times = _times(count, frames)
    shapes: list[str] = []
    keyframes: list[dict[str, Any]] = []
    numbers: dict[bytes, int] = {}
    begin = 0
    while begin < len(times):
        mask = masks[times[begin][1]]
        end = begin
        while end + 1 < len(times) and (masks[times[end + 1][1]] == mask).all():
            end += 1
        key: dict[str, Any] = {"t": times[begin][0], "shape": 0}
        if mask.any():
            packed = np.packbits(mask).tobytes()
            if packed not in numbers:
                numbers[packed] = len(shapes)
                shapes.append(document.mask_url(mask))
            key["shape"] = numbers[packed]
        else:
            key["hidden"] = True
        keyframes.append(key)
        if end > begin and end + 1 < len(times):
            keyframes.append({**key, "t": times[end][0]})
        begin = end + 1
    return {"name": _plain(name), "shapes": shapes, "keyframes": keyframes, "note": _note(count, frames)}


def _times(count: int, frames: int) -> list[tuple[int, int]]:
    """Which mask is at which frame: (frame, mask), in order, each frame once."""
    if count == 1:
        return [(0, 0)]
    if count <= frames:
        return [(round(i * (frames - 1) / (count - 1)), i) for i in range(count)]
    return [(t, round(t * (count - 1) / max(1, frames - 1))) for t in range(frames)]


def _note(count: int, frames: int) -> str:
    if count == 1:
        return "The mask is a new track: drag it to where it should go."
    if count == frames:
        return f"The {count} masks are a new track."
    return f"The {count} masks are a new track, spread over the {frames} frames."


def _read_pictures(paths: Sequence[Path]) -> np.ndarray:
    """One PNG for every frame, gathered in a folder of their own and read in the order of their names."""
    ordered = sorted(paths, key=lambda path: natural_key(path.name))
    with tempfile.TemporaryDirectory(prefix="comogen-masks-") as folder:
        for number, path in enumerate(ordered):
            if path.suffix.lower() != ".png":
                raise UserError(f"{path.name} is no PNG: please choose one PNG for every frame.")
            shutil.copyfile(path, Path(folder) / f"{number:04d}.png")
        return read_mask_sequence(folder)


def _crop(source: Any, size: tuple[int, int]) -> tuple[Fit | None, tuple[int, int] | None]:
    """The crop of the uploaded picture that became the frame of `size` (H, W), and that picture's (H, W)."""
    crop = source.get("crop") if isinstance(source, Mapping) else None
    if not isinstance(crop, Sequence) or len(crop) != 6:
        return None, None
    if not all(isinstance(value, int) and 0 <= value <= 100_000 for value in crop):
        return None, None
    left, top, width, height, across, down = crop
    if width < 1 or height < 1 or left + width > across or top + height > down:
        return None, None
    fit = Fit(size[1] / width, left, top, width, height)
    if (max(1, round(height * fit.scale)), max(1, round(width * fit.scale))) != size:
        return None, None
    return fit, (down, across)


def _plain(name: str) -> str:
    """A track's name from a file's: "my_mask-03.png" -> "my mask 03"."""
    words = " ".join(Path(name).stem.replace("_", " ").replace("-", " ").split())
    return words[:LONGEST_NAME].strip() or "mask"
