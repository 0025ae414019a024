"""The prompt that is proposed: the words of the world's captions for the objects and the ways of their masks."""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..world.captions import VERBS, direction_words
from ..world.scene import COLOURS, SHAPES

NAMES = [f"the {colour} {shape}" for colour in COLOURS for shape in (*SHAPES, "object")] + ["the object"]
STILL = 0.02  # of the frame's width: a shorter way has no direction
MOST = 2  # objects in one caption of the world; the model reads no more


@dataclass(frozen=True)
class Way:
    """An object by its name, and how far its mask goes in all: x, y in px of the frame (y down)."""

    name: str
    x: float = 0.0
    y: float = 0.0

    @property
    def length(self) -> float:
        return math.hypot(self.x, self.y)


def propose(ways: Sequence[Way], width: int) -> str:
    """What the ways of some objects in a frame `width` px wide are called; "" without one.

    One: "the red cube slides away to the left". Two: "the red cube slides to the left and the cyan sphere rolls away".
    Objects that rest are left out if others move, and of more than two those that go farthest are told.
    """
    moving = [way for way in ways if way.length >= STILL * width]
    if not moving:
        return f"{ways[0].name} moves" if ways else ""
    told = sorted(moving, key=lambda way: -way.length)[:MOST]
    brief = len(told) > 1
    return " and ".join(
        f"{way.name} {_verb(way.name)} {direction_words(way.x, way.y, brief)}"
        for way in moving
        if way in told
    )


def is_proposal(prompt: str) -> bool:
    """Whether a prompt is one of ours (or empty), so that a better proposal may take its place."""
    clauses = prompt.strip().split(" and ")
    return clauses == [""] or (len(clauses) <= MOST and all(clause in _CLAUSES for clause in clauses))


def known_name(name: str) -> str:
    """What the model can read of a track's name ("the red cube 2", "red cube" -> "the red cube"), "" if it can't."""
    words = re.sub(r" \d+$", "", name.strip().lower())
    return next((known for known in (words, f"the {words}") if known in NAMES), "")


def name_of(frame: np.ndarray, mask: np.ndarray) -> str:
    """What to call an object of an unknown picture: "the red object" by its mean hue, or "the object" if it is grey."""
    red, green, blue = (frame[mask].mean(0) / 255).tolist()
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    if saturation < 0.3:
        return "the object"

    def distance(colour: str) -> float:
        gap = abs(colorsys.rgb_to_hsv(*COLOURS[colour])[0] - hue)
        return min(gap, 1 - gap)

    return f"the {min(COLOURS, key=distance)} object"


def _verb(name: str) -> str:
    return VERBS.get(name.split()[-1], "slides")


def _directions() -> list[str]:
    return [direction_words(math.cos(a), math.sin(a)) for a in np.arange(8) * math.pi / 4]


_CLAUSES = frozenset(
    text
    for name in NAMES
    for text in (f"{name} moves", *(f"{name} {_verb(name)} {way}" for way in _directions()))
)
