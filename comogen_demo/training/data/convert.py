"""From other data sets to a folder of clips: the loop that all converters share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...errors import UserError
from ...images import read_image
from .folder import Finding, write_clip

MAX_SIDE = 1280  # px to which larger pictures are shrunk: more than any backbone takes, our choice


@dataclass(frozen=True)
class Footage:
    """frames uint8 (T, H, W, 3), masks bool (T, H, W) of the controlled subject; doubt: what to look at, or ""."""

    frames: np.ndarray
    masks: np.ndarray
    caption: str
    fps: float
    doubt: str = ""


@dataclass(frozen=True)
class Source:
    """A clip to be: its name in the new folder, and how it is read."""

    name: str
    read: Callable[[], Footage]


def convert(sources: Iterator[Source], folder: Path) -> Iterator[Finding]:
    """Writes every source that `folder` does not hold yet, and says what kept the others from being written."""
    for source in sources:
        if (folder / f"{source.name}.txt").exists():
            yield Finding(source.name)
            continue
        try:
            footage = source.read()
            if not footage.masks.any():
                raise UserError("The subject is seen in no frame.")
            write_clip(folder, source.name, footage.frames, footage.masks, footage.caption, footage.fps)
            yield Finding(source.name, note=footage.doubt)
        except UserError as error:
            yield Finding(source.name, str(error))


def windows(count: int, length: int) -> list[slice]:
    """Consecutive parts of `length` frames of a sequence of `count`; a shorter sequence is one part, a rest is left."""
    if count <= length:
        return [slice(0, count)]
    return [slice(start, start + length) for start in range(0, count - length + 1, length)]


def read_pictures(paths: list[Path]) -> np.ndarray:
    """Pictures of one size as uint8 (T, H, W, 3), at most MAX_SIDE px on a side. UserError if they differ in size."""
    pictures: list[np.ndarray] = []
    for path in paths:
        picture = read_image(path)
        scale = MAX_SIDE / max(picture.shape[:2])
        if scale < 1:
            size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        if pictures and picture.shape != pictures[0].shape:
            raise UserError(f"{path.name} has another size than {paths[0].name}: give pictures of one size.")
        pictures.append(picture)
    return np.stack(pictures)


def existing(folder: Path, what: str) -> Path:
    """The folder, if there is one; UserError otherwise."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}: give the one that holds {what}.")
    return folder
