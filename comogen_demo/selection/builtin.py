"""Selecting, tracking and finding without any weights: what is used when there are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from ..errors import UserError
from .box import select_by_box
from .cut import to_lab, trust
from .interface import Box, Found, Point, Tracked
from .points import select_by_points
from .regions import bounds, fill_holes, shrink
from .tracking import Follower

SIDE = 512  # px of the picture in which colours are found
SMALLEST = 0.0005  # of the picture: smaller regions are noise
MOST = 20  # candidates
SHOWN = 0.1  # confidence below which a region does not stand out of what is around it
STRONG = 0.35  # saturation (HSV) from which a pixel has a hue; below it is white, grey or black
LIGHT, DARK = 0.75, 0.25  # value (HSV) of white and of black
BROWN = 0.55  # value below which orange is brown
# Hues in degrees; the limit between two names lies half way. The world's eight colours are among them.
HUES = {
    "red": 0,
    "orange": 28,
    "yellow": 56,
    "green": 125,
    "cyan": 184,
    "blue": 225,
    "purple": 272,
    "pink": 322,
}
NAMES = (*HUES, "brown", "white", "grey", "black")
SYNONYMS = {
    "gray": "grey",
    "violet": "purple",
    "magenta": "pink",
    "turquoise": "cyan",
    "teal": "cyan",
    "crimson": "red",
    "scarlet": "red",
    "golden": "yellow",
    "navy": "blue",
}


class BuiltIn:
    """A Selector by colour regions, GrabCut and optical flow."""

    name = "built-in"

    def select(
        self,
        frame: np.ndarray,
        points: Sequence[Point] = (),
        box: Box | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, float]:
        """The box first, then the points, which add to it and take away: see select_by_box and select_by_points."""
        if box is None and not points:
            raise UserError("Nothing was pointed at; click the object or draw a box around it.")
        sure = 1.0
        if box is not None:
            mask, sure = select_by_box(frame, box, mask)
        if points:
            mask, by_points = select_by_points(frame, points, mask)
            sure = min(sure, by_points)
        assert mask is not None
        return mask, sure

    def track(
        self, frames: np.ndarray, given: Mapping[int, np.ndarray], start: int, stop: int
    ) -> Iterator[Tracked]:
        """See Selector.track. Between two given masks, `stop` included, each frame is tracked from both of them.

        Back from the later one all at once, before the first of these frames is yielded.
        UserError where a given mask is empty, of another size than the frames or not within the clip.
        """
        _check(frames, given, start, stop)
        return self._track(frames, given, start, stop)

    def _track(
        self, frames: np.ndarray, given: Mapping[int, np.ndarray], start: int, stop: int
    ) -> Iterator[Tracked]:
        way = 1 if stop >= start else -1
        marks = [index for index in range(start + way, stop, way) if index in given]
        for a, b in zip([start, *marks], [*marks, stop], strict=True):
            yield from _between(frames, given[a], a, given.get(b), b)
            if b != stop:
                yield Tracked(b, np.asarray(given[b], bool), 1.0)


def _check(frames: np.ndarray, given: Mapping[int, np.ndarray], start: int, stop: int) -> None:
    count, size = len(frames), frames.shape[1:3]
    if not (0 <= start < count and -1 <= stop <= count):
        raise UserError(f"The clip has {count} frames; frames {start} to {stop} are not all in it.")
    if start not in given:
        raise UserError(
            f"There is no selection at frame {start + 1}; select the subject there before tracking."
        )
    for index, mask in given.items():
        if not 0 <= index < count:
            raise UserError(
                f"There is a selection at frame {index + 1}, but the clip has {count}; remove it."
            )
        if mask.shape != size:
            raise UserError(
                f"The selection at frame {index + 1} is {mask.shape[1]} x {mask.shape[0]} px, the clip "
                f"{size[1]} x {size[0]} px; select the subject in the clip's own frame."
            )
    if not given[start].any():
        raise UserError(
            f"The selection at frame {start + 1} is empty; select the subject there before tracking."
        )


def _between(
    frames: np.ndarray, first: np.ndarray, a: int, last: np.ndarray | None, b: int
) -> Iterator[Tracked]:
    """The frames between a and b, tracked from the mask at a and, where there is one, from that at b."""
    way = 1 if b >= a else -1
    indices = range(a + way, b, way)
    back = {}
    if last is not None and last.any():
        back = {seen.index: seen for seen in _follow(frames, last, b, reversed(indices))}
    ahead = _follow(frames, first, a, indices) if first.any() else (_nothing(frames, i) for i in indices)
    for seen in ahead:
        other = back.get(seen.index)
        if other is not None:
            share = (seen.index - a) / (b - a)  # the nearer of the two counts more
            seen = max(seen, other, key=lambda s: s.confidence * (share if s is other else 1 - share))
        yield seen


def _follow(
    frames: np.ndarray, mask: np.ndarray, at: int, indices: Sequence[int] | Iterator[int]
) -> Iterator[Tracked]:
    follower = Follower(frames[at], np.asarray(mask, bool))
    for index in indices:
        yield Tracked(index, *follower.step(frames[index]))


def _nothing(frames: np.ndarray, index: int) -> Tracked:
    """After a correction that says that the subject is out of sight."""
    return Tracked(index, np.zeros(frames.shape[1:3], bool), 0.0)


class ColourFinder:
    """A Finder that knows colours, and nothing of things."""

    name = "built-in (colours)"

    def find(self, frame: np.ndarray, words: str) -> list[Found]:
        """The connected regions of each colour that the words name, in frame (H, W, 3) uint8: at most 20, best first.

        Other words are passed over: for "the red cube" all that is red is found. UserError without a colour word.
        """
        spoken = (SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", words.lower()))
        wanted = [name for name in dict.fromkeys(spoken) if name in NAMES]
        if not wanted:
            raise UserError(
                f"The built-in finder knows colours only ({', '.join(NAMES)}); to find things by other names, "
                "install Grounding DINO's weights, or click the object."
            )
        small, scale = shrink(frame, SIDE)
        named, lab = name_colours(small), to_lab(small)
        found = [one for name in wanted for one in _regions(named == NAMES.index(name), lab, scale, name)]
        return sorted(found, key=lambda one: -one.confidence)[:MOST]


def name_colours(picture: np.ndarray) -> np.ndarray:
    """The index in NAMES of each pixel's colour in (h, w, 3) uint8: (h, w)."""
    hsv = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hue, saturation, value = cv2.split(hsv)
    away = [np.abs((hue - centre + 180) % 360 - 180) for centre in HUES.values()]
    named = np.argmin(away, axis=0)
    named[(named == NAMES.index("orange")) & (value < BROWN)] = NAMES.index("brown")
    pale = saturation < STRONG
    named[pale] = NAMES.index("grey")
    named[pale & (value > LIGHT)] = NAMES.index("white")
    named[(value < DARK / 2) | (pale & (value < DARK))] = NAMES.index("black")
    return named


def _regions(chosen: np.ndarray, lab: np.ndarray, scale: float, name: str) -> list[Found]:
    """The connected parts of bool (h, w) that stand out of what is around them; boxes in px of the frame."""
    whole = cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    found = []
    for index in np.argsort(-areas, kind="stable")[: 2 * MOST]:
        if areas[index] < max(12, SMALLEST * chosen.size):
            break
        region = fill_holes(labels == index + 1)
        confidence = trust(region, lab)
        if confidence >= SHOWN:
            top, bottom, left, right = bounds(region, 0)
            found.append(Found((left / scale, top / scale, right / scale, bottom / scale), confidence, name))
    return found
