"""Where a track's shapes are at any time, from its keyframes. The browser's script motion.js does the same."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .keyframes import Keyframe, ease_at
from .shape import Shape


@dataclass(frozen=True)
class Part:
    """One shape (its number in the track) in a moment: its share of the whole, its rotation and its scale."""

    shape: int
    weight: float  # 0..1; the parts of a moment have 1 together
    rotation: float  # degrees clockwise
    scale: float


@dataclass(frozen=True)
class Moment:
    """What a track shows at one time: one shape, or two that blend, with their centroids at (x, y) frame pixels."""

    x: float
    y: float
    parts: tuple[Part, ...]


def moment_at(
    shapes: Sequence[Shape], keyframes: Sequence[Keyframe], smooth: float, t: float
) -> Moment | None:
    """What is shown at time t (in frames, any real number) of keyframes in order of t; None when hidden.

    Without keyframes the first shape rests where it was drawn. Before the first and after the last keyframe those
    hold. Position runs along a path through the keyframes, straight at `smooth` 0 and round at 1; rotation takes the
    short way, scale goes evenly in its logarithm; two different shapes blend by their distance fields.
    """
    if not keyframes:
        return _resting(shapes, Keyframe(0))
    place = max(bisect_right(keyframes, t, key=lambda key: key.t) - 1, 0)
    a = keyframes[place]
    if a.hidden:
        return None
    if t <= a.t or place == len(keyframes) - 1 or a.hold:
        return _resting(shapes, a)
    b = keyframes[place + 1]
    e = ease_at(a.ease, (t - a.t) / (b.t - a.t))
    x, y = _on_path(shapes, keyframes, place, smooth, e)
    if a.shape == b.shape:
        turn = (b.rotation - a.rotation + 180) % 360 - 180
        scale = a.scale * (b.scale / a.scale) ** e
        return Moment(x, y, (Part(a.shape, 1.0, a.rotation + e * turn, scale),))
    share = min(max(e, 0.0), 1.0)
    blend = (Part(a.shape, 1 - share, a.rotation, a.scale), Part(b.shape, share, b.rotation, b.scale))
    return Moment(x, y, blend)


def _resting(shapes: Sequence[Shape], key: Keyframe) -> Moment:
    return Moment(*_position(shapes, key), (Part(key.shape, 1.0, key.rotation, key.scale),))


def _position(shapes: Sequence[Shape], key: Keyframe) -> tuple[float, float]:
    centre = shapes[key.shape].centre
    return centre[0] + key.x, centre[1] + key.y


def _on_path(
    shapes: Sequence[Shape], keyframes: Sequence[Keyframe], place: int, smooth: float, e: float
) -> tuple[float, float]:
    """The position at share e of the way from keyframe `place` to the next one."""
    around = range(max(place - 1, 0), min(place + 2, len(keyframes) - 1) + 1)
    times = {i: keyframes[i].t for i in around}
    points = {i: _position(shapes, keyframes[i]) for i in around}

    def on_axis(axis: int) -> float:
        def slope(i: int, j: int) -> float:
            return (points[j][axis] - points[i][axis]) / (times[j] - times[i])

        start, end = points[place][axis], points[place + 1][axis]
        if smooth == 0:
            return start + e * (end - start)
        chord, third = slope(place, place + 1), (times[place + 1] - times[place]) / 3
        leaving = slope(place - 1, place + 1) if place - 1 in points else chord
        coming = slope(place, place + 2) if place + 2 in points else chord
        first = start + third * ((1 - smooth) * chord + smooth * leaving)
        second = end - third * ((1 - smooth) * chord + smooth * coming)
        rest = 1 - e
        return rest**3 * start + 3 * rest * rest * e * first + 3 * rest * e * e * second + e**3 * end

    return on_axis(0), on_axis(1)
