"""Folders laid out as those of DAVIS (Perazzi et al., 2016; Pont-Tuset et al., 2017).

JPEGImages[/480p]/NAME/00000.jpg and Annotations[/480p]/NAME/00000.png, pixel values being object numbers (255 alone:
the one object of a black-and-white PNG). One clip for every object that the first frame shows. Captions are the names
of the sequences, as DAVIS has none: write better ones into the .txt files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ...errors import UserError
from ...images import open_image
from .convert import Footage, Source, existing, read_pictures, windows

FPS = 24.0
BORDER = 255  # beside other numbers it marks pixels that belong to no object
PICTURES = (".jpg", ".jpeg", ".png")


def davis(source: Path, length: int) -> Iterator[Source]:
    """Every object of every sequence, in windows of `length` frames. UserError if there are none."""
    existing(source, "JPEGImages and Annotations")
    sequences = [
        (pictures, annotations)
        for resolution in ("", "480p", "Full-Resolution", "1080p")
        for pictures in sorted((source / "JPEGImages" / resolution).glob("*"))
        if any(pictures.glob("*.jp*g"))
        and (annotations := source / "Annotations" / resolution / pictures.name).is_dir()
    ]
    if not sequences:
        raise UserError(
            f"{source} holds no sequence: expected JPEGImages/NAME/*.jpg and Annotations/NAME/*.png."
        )
    for pictures, annotations in sequences:
        frames = sorted(p for p in pictures.iterdir() if p.suffix.lower() in PICTURES)
        for part in windows(len(frames), length):
            labels = [annotations / f"{p.stem}.png" for p in frames[part]]
            for number in _objects(labels[0]):

                def read(
                    paths: list[Path] = frames[part], labels: list[Path] = labels, number: int = number
                ) -> Footage:
                    found = read_pictures(paths)
                    size = found.shape[2], found.shape[1]
                    masks = np.stack([_mask(path, number, size) for path in labels])
                    return Footage(found, masks, f"{paths[0].parent.name.replace('-', ' ')}.", FPS)

                yield Source(f"{pictures.name}-{part.start:05d}-{number}", read)


def _labels(path: Path) -> np.ndarray:
    """Object numbers (H, W) of an annotation."""
    image, _ = open_image(path, ("PNG",))
    values = np.asarray(image)
    return values if values.ndim == 2 else values.max(2)


def _objects(first: Path) -> list[int]:
    """The objects of a part's first frame; [1] where it cannot be read, so that reading the part says why."""
    try:
        numbers = [int(n) for n in np.unique(_labels(first)) if n]
    except UserError:
        return [1]
    return [n for n in numbers if n != BORDER] or numbers or [1]


def _mask(path: Path, number: int, size: tuple[int, int]) -> np.ndarray:
    return (
        cv2.resize((_labels(path) == number).astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        >= 128
    )
