"""Plain videos: the subject is marked or named in the first frame and followed from there (selection/).

SOURCE/NAME.mp4 with NAME.txt, the caption, and NAME.png, the subject's mask in the first frame, unless a word says
what to look for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UserError
from ...masks import load_masks
from ...selection.interface import UNSURE
from ...video import read_video
from .convert import Footage, Source, existing
from .folder import VIDEOS, read_caption

if TYPE_CHECKING:
    from ...selection.interface import Finder, Selector


def plain(source: Path, selector: Selector, finder: Finder, subject: str | None) -> Iterator[Source]:
    """Every video in `source`; `subject`: words for what to find in it, else NAME.png marks it."""
    videos = sorted(p for p in existing(source, "videos").iterdir() if p.suffix.lower() in VIDEOS)
    if not videos:
        raise UserError(f"{source} holds no video: put NAME.mp4, NAME.txt and NAME.png there for each.")
    for path in videos:

        def read(path: Path = path) -> Footage:
            caption = read_caption(path.with_suffix(".txt"))
            frames, fps = read_video(path)
            if subject:
                first = _found(frames[0], selector, finder, subject)
            else:
                first = load_masks(path.with_suffix(".png"), 1, frames.shape[1:3])[0]
            masks, unsure = follow(frames, first, selector)
            doubt = f"{unsure} of {len(frames)} frames are doubtful: look at its masks." if unsure else ""
            return Footage(frames, masks, caption, fps, doubt)

        yield Source(path.stem, read)


def follow(frames: np.ndarray, first: np.ndarray, selector: Selector) -> tuple[np.ndarray, int]:
    """Masks bool (T, H, W) of the subject that is `first` (H, W) in frame 0, and the number of doubtful frames."""
    masks, unsure = np.zeros(frames.shape[:3], bool), 0
    masks[0] = first
    for tracked in selector.track(frames, {0: first}, 0, len(frames)):
        masks[tracked.index] = tracked.mask
        unsure += tracked.confidence < UNSURE
    return masks, unsure


def _found(frame: np.ndarray, selector: Selector, finder: Finder, words: str) -> np.ndarray:
    found = finder.find(frame, words)
    if not found:
        raise UserError(f"{words!r} is not found in the first frame: mark the subject in NAME.png instead.")
    mask, _ = selector.select(frame, box=found[0].box)
    return mask
