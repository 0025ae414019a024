"""BEHAVE (Bhatnagar et al., 2022): people and objects from four cameras; the human's mask alone is the control.

Expected: SEQUENCE/tSSSS.mmm/k{0..3}.color.jpg with k{0..3}.person_mask.jpg or .png beside it, and SEQUENCE/info.json
with the object's category and the person's gender. The folder's name is the time in seconds. Every camera is a clip of
its own; sequences are split where a frame lacks a picture or a mask, and cut into windows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ...errors import UserError
from ...images import open_image
from .convert import Footage, Source, existing, read_pictures, windows

CAMERAS = range(4)
TIME = re.compile(r"t(\d+\.\d+)")
PEOPLE = {"male": "man", "female": "woman"}
OBJECTS = {
    "boxlarge": "large box",
    "boxlong": "long box",
    "boxmedium": "box",
    "boxsmall": "small box",
    "boxtiny": "tiny box",
    "chairblack": "black chair",
    "chairwood": "wooden chair",
    "plasticcontainer": "plastic container",
    "tablesmall": "small table",
    "tablesquare": "square table",
    "trashbin": "trash bin",
    "yogaball": "yoga ball",
    "yogamat": "yoga mat",
}


def behave(source: Path, length: int) -> Iterator[Source]:
    """Every camera of every sequence below `source`, in windows of `length` frames. UserError if there is none."""
    existing(source, "BEHAVE's sequences")
    sequences = sorted({path.parent for path in source.rglob("t*.*") if _time(path) is not None})
    if not sequences:
        raise UserError(
            f"{source} holds no sequence: give the folder with SEQUENCE/t0003.000/k0.color.jpg in it."
        )
    for sequence in sequences:
        times = sorted((path for path in sequence.iterdir() if _time(path) is not None), key=_seconds)
        step = float(np.median(np.diff([_seconds(p) for p in times]))) if len(times) > 1 else 1.0
        for camera in CAMERAS:
            for run in _unbroken(times, camera, step):
                for part in windows(len(run), length):
                    name = f"{sequence.name}-k{camera}-{run[part][0].name.replace('.', '')}"

                    def read(
                        folders: list[Path] = run[part],
                        camera: int = camera,
                        sequence: Path = sequence,
                        fps: float = 1 / step,
                    ) -> Footage:
                        frames = read_pictures([folder / f"k{camera}.color.jpg" for folder in folders])
                        size = frames.shape[2], frames.shape[1]
                        masks = np.stack([_mask(_mask_path(folder, camera), size) for folder in folders])
                        return Footage(frames, masks, _caption(sequence), fps)

                    yield Source(name, read)


def _unbroken(times: list[Path], camera: int, step: float) -> list[list[Path]]:
    """The frames of a camera that have a picture and a mask, split where time jumps."""
    whole = [t for t in times if (t / f"k{camera}.color.jpg").is_file() and _mask_path(t, camera).is_file()]
    runs: list[list[Path]] = []
    for folder in whole:
        if runs and _seconds(folder) - _seconds(runs[-1][-1]) <= 1.5 * step:
            runs[-1].append(folder)
        else:
            runs.append([folder])
    return runs


def _mask_path(folder: Path, camera: int) -> Path:
    """The human's mask, in the form of the first release (JPEG) or of the later one (PNG)."""
    first = folder / f"k{camera}.person_mask.jpg"
    return first if first.is_file() else first.with_suffix(".png")


def _mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """bool (height, width) of `size` (width, height)."""
    image, _ = open_image(path, ("PNG", "JPEG"))
    return cv2.resize(np.array(image.convert("L")), size, interpolation=cv2.INTER_AREA) >= 128


def _caption(sequence: Path) -> str:
    try:
        info = dict(json.loads((sequence / "info.json").read_text()))
        thing = OBJECTS.get(str(info["cat"]), str(info["cat"]))
    except (OSError, ValueError, TypeError, KeyError):
        raise UserError(f"{sequence.name} has no info.json that names its object: unpack it again.") from None
    who = PEOPLE.get(str(info.get("gender")), "person")
    return f"A {who} moving a {thing}."


def _time(path: Path) -> float | None:
    match = TIME.fullmatch(path.name)
    return float(match[1]) if match and path.is_dir() else None


def _seconds(path: Path) -> float:
    return float(path.name[1:])
