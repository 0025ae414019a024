"""The prompt that is proposed: the words of the world's captions for the selected object and the way of its mask."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np

from ..masks import Keyframe
from ..world.captions import VERBS, direction_words
from ..world.scene import COLOURS, SHAPES

NAMES = [f"the {colour} {shape}" for colour in COLOURS for shape in (*SHAPES, "object")] + ["the object"]
STILL = 0.02  # of the frame's width: a shorter way has no direction


def propose(name: str, keyframes: Sequence[Keyframe], width: int) -> str:
    """ "the red cube slides to the left" for a subject's name and its keyframes in a frame `width` px wide."""
    if not keyframes:
        return f"{name} moves"
    first, last = min(keyframes, key=lambda k: k.t), max(keyframes, key=lambda k: k.t)
    dx, dy = last.x - first.x, last.y - first.y
    if math.hypot(dx, dy) < STILL * width:
        return f"{name} moves"
    return f"{name} {_verb(name)} {direction_words(dx, dy)}"


def is_proposal(prompt: str) -> bool:
    """Whether a prompt is one of ours (or empty), so that a better proposal may take its place."""
    prompt = prompt.strip()
    return not prompt or prompt in _PROPOSALS


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


_PROPOSALS = frozenset(
    text
    for name in NAMES
    for text in (f"{name} moves", *(f"{name} {_verb(name)} {way}" for way in _directions()))
)
