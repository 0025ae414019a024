"""What every way of selecting, tracking and naming offers, whether it has weights or not.

The page, the worker and the driving video know these shapes only. Frames are uint8 RGB (T, H, W, 3), masks bool (H, W).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Point = tuple[float, float, bool]  # x, y in px, and whether it adds to the selection or takes away from it
Box = tuple[float, float, float, float]  # left, top, right, bottom in px

UNSURE = 0.5  # a confidence below it is shown as doubtful


@dataclass(frozen=True)
class Tracked:
    """The subject in one frame of a clip."""

    index: int  # of the frame
    mask: np.ndarray  # bool (H, W); empty where the subject is hidden
    confidence: float  # 0..1; below UNSURE the frame is to be looked at


@dataclass(frozen=True)
class Found:
    """One candidate for a phrase."""

    box: Box
    confidence: float  # 0..1
    words: str  # the part of the phrase that it answers


class Selector(Protocol):
    """From clicks or a box to a mask, and from masks at some frames of a clip to masks at the others."""

    @property
    def name(self) -> str:
        """What the user is told: "built-in", "SAM 2 tiny", ..."""
        ...

    def select(
        self,
        frame: np.ndarray,
        points: Sequence[Point] = (),
        box: Box | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, float]:
        """What points and a box select in frame (H, W, 3) uint8: mask bool (H, W), confidence in 0..1.

        mask: bool (H, W), the present selection, to be refined. UserError for a place outside of the frame.
        """
        ...

    def track(
        self, frames: np.ndarray, given: Mapping[int, np.ndarray], start: int, stop: int
    ) -> Iterator[Tracked]:
        """Follows the subject from frame `start` towards `stop` (exclusive; backwards when stop < start).

        frames: uint8 (T, H, W, 3). given: masks bool (H, W) by frame index, `start` among them; the others are
        corrections that may help. Yields the frames after `start` in their order, one at a time.
        """
        ...


class Finder(Protocol):
    """From words to boxes."""

    @property
    def name(self) -> str:
        """What the user is told: "built-in", "Grounding DINO", ..."""
        ...

    def find(self, frame: np.ndarray, words: str) -> list[Found]:
        """Where the words are in frame (H, W, 3) uint8, best first; an empty list when nowhere."""
        ...
