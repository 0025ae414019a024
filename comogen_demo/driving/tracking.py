"""What is known of the subject in a clip: the masks given by hand, those tracked from them, and what is to be done."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import UserError
from ..selection.interface import Selector, Tracked

# Start, a frame with a given mask, and stop, exclusive; it lies before the start when the span runs backwards.
Span = tuple[int, int]


class Tracking:
    """The subject of one clip of frames uint8 (T, H, W, 3).

    Every frame belongs to one given mask: to the last one at or before it, or to the first of all. From that it is
    tracked; so a mask given at frame k changes nothing before k (unless it is the first) and nothing from the next
    given one on.

    given: masks bool (H, W) by frame. masks: one a frame, None where it is not tracked yet. confidence: 0..1, with 1
    for given masks, or None. A given mask without a subject says that it is out of sight until the next given one.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self.frames = frames
        self.given: dict[int, np.ndarray] = {}
        self.masks: list[np.ndarray | None] = [None] * len(frames)
        self.confidence: list[float | None] = [None] * len(frames)

    def give(self, index: int, mask: np.ndarray) -> list[Span]:
        """Take a mask bool (H, W), drawn or corrected at a frame; returned are the spans that are to be tracked.

        What was tracked from another mask where this one counts now is dropped. UserError for a first mask that is
        empty.
        """
        if mask.shape != self.frames.shape[1:3] or not 0 <= index < len(self.frames):
            raise ValueError(f"a mask {mask.shape} at {index} does not belong to frames {self.frames.shape}")
        if not self.given and not mask.any():
            raise UserError("The mask is empty; mark the subject in a frame where it can be seen.")
        self.given[index] = mask.astype(bool)
        self._drop(index)
        self.masks[index], self.confidence[index] = self.given[index], 1.0
        return self.missing()

    def forget(self, index: int) -> list[Span]:
        """Take a given mask back; returned are the spans that are to be tracked."""
        if index not in self.given:
            raise ValueError(f"no mask was given at frame {index}")
        self._drop(index)
        del self.given[index]
        return self.missing()

    def missing(self) -> list[Span]:
        """The spans that hold frames without a mask, also those in which tracking was stopped, in order of start."""
        spans = []
        for start in sorted(self.given):
            owned = [t for t in self._owned(start) if self.masks[t] is None]
            if any(t > start for t in owned):
                spans.append((start, self._owned(start).stop))
            if any(t < start for t in owned):
                spans.append((start, -1))
        return spans

    def follow(self, selector: Selector, spans: list[Span]) -> Iterator[Tracked]:
        """Track the spans and record every frame as it is yielded; whoever stops in the middle keeps what there is.

        A span ends early when its mask is changed or taken back meanwhile.
        """
        for start, stop in spans:
            seed = self.given.get(start)
            if seed is None:
                continue
            for tracked in self._track(selector, start, stop):
                if self.given.get(start) is not seed or tracked.index not in self._owned(start):
                    break
                self.masks[tracked.index] = tracked.mask
                self.confidence[tracked.index] = tracked.confidence
                yield tracked

    def array(self) -> np.ndarray:
        """The masks, bool (T, H, W), empty where a frame is not tracked."""
        empty = np.zeros(self.frames.shape[1:3], bool)
        return np.stack([empty if mask is None else mask for mask in self.masks])

    def _track(self, selector: Selector, start: int, stop: int) -> Iterator[Tracked]:
        if self.given[start].any():
            yield from selector.track(self.frames, dict(self.given), start, stop)
        else:  # out of sight, which needs no looking for
            for index in range(start + 1, stop) if stop > start else range(start - 1, stop, -1):
                yield Tracked(index, self.given[start], 1.0)

    def _owned(self, index: int) -> range:
        """The frames that belong to the mask given at `index`."""
        later = min((t for t in self.given if t > index), default=len(self.frames))
        return range(0 if index == min(self.given) else index, later)

    def _drop(self, index: int) -> None:
        """Forget the masks of the frames that belong to `index`."""
        for t in self._owned(index):
            self.masks[t] = self.confidence[t] = None
