"""Keyframes of one mask and their interpolation. The browser previews the same arithmetic; this is the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ..errors import UserError
from .validate import MAX_FRAMES, check_not_empty

MAX_OFFSET = 100_000.0
MIN_SCALE, MAX_SCALE = 0.02, 50.0


@dataclass(frozen=True)
class Keyframe:
    """Where the mask is at frame `t`, relative to where it was drawn; turned and scaled about its centroid."""

    t: int
    x: float = 0.0  # px to the right
    y: float = 0.0  # px down
    rotation: float = 0.0  # degrees clockwise
    scale: float = 1.0


def check_keyframes(keyframes: Sequence[Keyframe], frames: int) -> list[Keyframe]:
    """Return the keyframes in order of t; UserError for a t twice or outside 0..frames-1, or wild values."""
    ordered = sorted(keyframes, key=lambda key: key.t)
    for before, after in pairwise(ordered):
        if before.t == after.t:
            raise UserError(f"Frame {after.t} has two keyframes of one object; keep one of them.")
    for key in ordered:
        if not 0 <= key.t < frames:
            raise UserError(f"A keyframe is at frame {key.t}; it must be within 0..{frames - 1}.")
        if not all(
            math.isfinite(value) and abs(value) <= MAX_OFFSET for value in (key.x, key.y, key.rotation)
        ):
            raise UserError(
                f"The keyframe at frame {key.t} has a position or rotation out of range; move it back."
            )
        if not MIN_SCALE <= key.scale <= MAX_SCALE:
            raise UserError(
                f"The keyframe at frame {key.t} has the scale {key.scale:g}; "
                f"it must be within {MIN_SCALE:g}..{MAX_SCALE:g}."
            )
    return ordered


def pose_at(keyframes: Sequence[Keyframe], t: float) -> Keyframe:
    """The interpolated pose at time t, for keyframes in order of t (none: the pose as drawn).

    Position is linear, scale linear in its logarithm, rotation takes the short way round:
    delta = (b - a + 180) mod 360 - 180, in -180..180. The first and the last keyframe hold outside of their span.
    """
    time = int(t)
    if not keyframes:
        return Keyframe(time)
    if t <= keyframes[0].t:
        first = keyframes[0]
        return Keyframe(time, first.x, first.y, first.rotation, first.scale)
    for a, b in pairwise(keyframes):
        if t <= b.t:
            u = (t - a.t) / (b.t - a.t)
            turn = (b.rotation - a.rotation + 180) % 360 - 180
            return Keyframe(
                time,
                a.x + u * (b.x - a.x),
                a.y + u * (b.y - a.y),
                a.rotation + u * turn,
                a.scale * (b.scale / a.scale) ** u,
            )
    last = keyframes[-1]
    return Keyframe(time, last.x, last.y, last.rotation, last.scale)


def rasterise(mask: np.ndarray, keyframes: Sequence[Keyframe], frames: int) -> np.ndarray:
    """Move a bool mask (H, W) along its keyframes: bool (frames, H, W).

    Each frame is drawn at twice the resolution and averaged, so that edges stay smooth. A pose of zero offset,
    zero rotation and scale 1 gives the mask itself. Raises UserError for an empty mask and bad keyframes.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise UserError(f"A sequence of {frames} frames cannot be made; choose 1 to {MAX_FRAMES}.")
    ordered = check_keyframes(keyframes, frames)
    mask = np.asarray(mask) != 0
    if mask.ndim != 2:
        raise ValueError(f"mask must be (H, W), not {mask.shape}")
    check_not_empty(mask)
    centre = centroid(mask)
    source = mask.astype(np.uint8) * 255
    drawn = np.empty((frames, *mask.shape), dtype=bool)
    previous: tuple[float, ...] | None = None
    for t in range(frames):
        key = pose_at(ordered, t)
        pose = (key.x, key.y, key.rotation, key.scale)
        drawn[t] = drawn[t - 1] if pose == previous else _draw(source, centre, key)
        previous = pose
    return drawn


def centroid(mask: np.ndarray) -> tuple[float, float]:
    """The centre of mass (x, y) of a bool (H, W) mask in pixel coordinates (centres at .5)."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


def _draw(source: np.ndarray, centre: tuple[float, float], key: Keyframe) -> np.ndarray:
    height, width = source.shape
    angle = math.radians(key.rotation)
    linear = key.scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    about = np.array(centre)
    shift = about + (key.x, key.y) - linear @ about
    # Pixel i of a picture has its centre at i + .5; of the doubled picture at (i + .5) / 2.
    doubled = np.empty((2, 3))
    doubled[:, :2] = 2 * linear
    doubled[:, 2] = 2 * (linear @ (0.5, 0.5) + shift) - 0.5
    large = cv2.warpAffine(source, doubled, (2 * width, 2 * height), flags=cv2.INTER_LINEAR)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA) >= 128
