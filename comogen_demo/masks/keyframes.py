"""Keyframes of one track: what they hold, what is allowed, and the easing of time between two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..errors import UserError

MAX_OFFSET = 100_000.0
MIN_SCALE, MAX_SCALE = 0.02, 50.0
MIN_EASE, MAX_EASE = -1.0, 2.0  # y of the easing's two points; their x is within 0..1

Ease = tuple[float, float, float, float]
LINEAR: Ease = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Keyframe:
    """What a track shows at frame `t`: one of its shapes, moved, turned and scaled about its centroid.

    The easing, and `hold`, tell of the time from here to the next keyframe; while `hidden` nothing is shown.
    """

    t: int
    x: float = 0.0  # px to the right of where the shape was drawn
    y: float = 0.0  # px down
    rotation: float = 0.0  # degrees clockwise
    scale: float = 1.0
    shape: int = 0  # which of the track's shapes
    ease: Ease = LINEAR  # x1, y1, x2, y2 as in CSS cubic-bezier()
    hold: bool = False  # pose and shape stay until the next keyframe
    hidden: bool = False


def check_keyframes(keyframes: Sequence[Keyframe], frames: int, shapes: int = 1) -> list[Keyframe]:
    """Return the keyframes in order of t.

    Raises UserError for a t twice or outside 0..frames-1, for a shape outside 0..shapes-1, and for wild values.
    """
    ordered = sorted(keyframes, key=lambda key: key.t)
    for before, after in pairwise(ordered):
        if before.t == after.t:
            raise UserError(f"Frame {after.t} has two keyframes of one object; keep one of them.")
    for key in ordered:
        _check(key, frames, shapes)
    return ordered


def _check(key: Keyframe, frames: int, shapes: int) -> None:
    if not 0 <= key.t < frames:
        raise UserError(f"A keyframe is at frame {key.t}; it must be within 0..{frames - 1}.")
    if not all(math.isfinite(value) and abs(value) <= MAX_OFFSET for value in (key.x, key.y, key.rotation)):
        raise UserError(
            f"The keyframe at frame {key.t} has a position or rotation out of range; move it back."
        )
    if not MIN_SCALE <= key.scale <= MAX_SCALE:
        raise UserError(
            f"The keyframe at frame {key.t} has the scale {key.scale:g}; "
            f"it must be within {MIN_SCALE:g}..{MAX_SCALE:g}."
        )
    if not 0 <= key.shape < shapes:
        raise UserError(
            f"The keyframe at frame {key.t} shows the shape {key.shape}; its object has only {shapes}, "
            "counted from 0, so draw the shape again."
        )
    x1, y1, x2, y2 = key.ease
    if not (0 <= x1 <= 1 and 0 <= x2 <= 1 and MIN_EASE <= y1 <= MAX_EASE and MIN_EASE <= y2 <= MAX_EASE):
        raise UserError(
            f"The keyframe at frame {key.t} has an easing out of range; its x must be within 0..1 "
            f"and its y within {MIN_EASE:g}..{MAX_EASE:g}."
        )


def ease_at(ease: Ease, u: float) -> float:
    """The eased share of the way at the share u (0..1) of the time, as CSS cubic-bezier(x1, y1, x2, y2) gives it."""
    x1, y1, x2, y2 = ease
    if u <= 0 or u >= 1 or (x1 == y1 and x2 == y2):
        return min(max(u, 0.0), 1.0)
    low, high = 0.0, 1.0
    for _ in range(
        52
    ):  # x(s) grows with s; halving finds it to the last bit, also where the curve stands upright
        s = (low + high) / 2
        if _bezier(x1, x2, s) < u:
            low = s
        else:
            high = s
    return _bezier(y1, y2, (low + high) / 2)


def _bezier(first: float, second: float, s: float) -> float:
    """The cubic Bezier curve from 0 over the two given values to 1, at s."""
    rest = 1 - s
    return 3 * rest * rest * s * first + 3 * rest * s * s * second + s * s * s
