"""Tracked masks as an ordinary track on a picture: few shapes and keyframes where the subject only moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from ..errors import UserError
from ..masks import Keyframe, Shape, check_keyframes, make_shape, rasterise
from ..masks.validate import MAX_FRAMES
from .fit import SIDE, Outlined, by_area, outlined, refined
from .similarity import Similarity, containing, keyframe, moved, overlap

TOLERANCE = 0.97  # IoU of the track with the tracked masks in every frame; our choice
DRAWING = 0.2  # share of what the tolerance allows that is left for drawing at the picture's size
MIN_STRETCH, MAX_STRETCH = 0.05, 20.0
STILL = Similarity()


def retarget(
    masks: np.ndarray,
    size: tuple[int, int],
    fit: Similarity,
    frames: int,
    start: int = 0,
    stretch: float = 1.0,
    tolerance: float = TOLERANCE,
) -> tuple[list[np.ndarray], list[Keyframe]]:
    """A clip's masks bool (T, h, w) as shapes bool (H, W) of a picture's `size`, and keyframes of `frames` frames.

    The clip's frame is brought into the picture, as large as all of it fits, and centred; then comes `fit`, in pixels
    of the picture. start: the frame of the track at which the clip begins (negative: it has begun before);
    stretch: how many frames of the track one of the clip lasts. Between two of the clip's masks the shapes blend;
    before the first and after the last one those rest.

    Rasterised, every frame overlaps the clip's mask, brought there, with an IoU of at least `tolerance`, as far as
    both are within the picture and not so small that single pixels count. A shape is kept, with keyframes of its pose,
    as long as it gives that, and drawn anew where it does not. Where masks are empty the track is hidden. What the
    clip's edge cuts off stays cut off: nothing is made up.

    Raises UserError when all masks are empty, and when a number is out of range.
    """
    _check(masks, frames, start, stretch, tolerance)
    place = containing((masks.shape[1], masks.shape[2]), size)
    small = min(1.0, SIDE / max(size))
    work = max(1, round(size[0] * small)), max(1, round(size[1] * small))
    shrink = containing(size, work)
    seen = resampled(masks, frames, start, stretch)
    placed = [moved(mask, place.then(shrink), work) for mask in seen]
    poses = _Simplifier(placed, tolerance + DRAWING * (1 - tolerance)).poses()
    if not poses:
        raise UserError("The subject is not visible in this part of the clip; choose another start or part.")
    sources = sorted({pose.source for pose in poses})
    shapes = [moved(seen[source], place, size) for source in sources]
    centred = {source: make_shape(shape) for source, shape in zip(sources, shapes, strict=True)}
    keyframes = []
    for pose in poses:
        way = shrink.then(pose.way).then(shrink.inverse()).then(fit)
        key = keyframe(pose.t, centred[pose.source], sources.index(pose.source), way)
        keyframes.append(replace(key, hidden=pose.hidden))
    return shapes, check_keyframes(keyframes, frames, len(shapes))


def resampled(masks: np.ndarray, frames: int, start: int = 0, stretch: float = 1.0) -> list[np.ndarray]:
    """Masks bool (T, h, w) as they are seen at each of `frames` frames; in between, the nearest two blend."""
    seen = []
    for t in range(frames):
        u = min(max((t - start) / stretch, 0.0), len(masks) - 1.0)
        before, after, nearest = math.floor(u), math.ceil(u), round(u)
        if abs(u - nearest) < 1e-6 or not masks[before].any() or not masks[after].any():
            seen.append(masks[nearest])
        else:
            pair, keys = [make_shape(masks[i]) for i in (before, after)], [Keyframe(0), Keyframe(1, shape=1)]
            between = rasterise(pair, keys, 2, (masks.shape[1], masks.shape[2]), times=[u - before])[0]
            seen.append(between if between.any() else masks[nearest])
    return seen


def _check(masks: np.ndarray, frames: int, start: int, stretch: float, tolerance: float) -> None:
    if masks.ndim != 3 or masks.dtype != bool:
        raise ValueError(f"masks must be bool (T, h, w), not {masks.shape} {masks.dtype}")
    if not masks.any():
        raise UserError("The subject is in no frame of the clip; select it and track it first.")
    if not 1 <= frames <= MAX_FRAMES:
        raise UserError(f"A track of {frames} frames cannot be made; choose 1 to {MAX_FRAMES}.")
    if not MIN_STRETCH <= stretch <= MAX_STRETCH:
        raise UserError(
            f"The time is stretched {stretch:g} times; choose {MIN_STRETCH:g} to {MAX_STRETCH:g} times."
        )
    if abs(start) > MAX_FRAMES * MAX_STRETCH:
        raise UserError(f"The clip begins at frame {start}, which is too far away; move it back.")
    if not 0 < tolerance <= 1:
        raise UserError(f"The tolerance is {tolerance:g}; it must be within 0..1.")


@dataclass(frozen=True)
class _Pose:
    """At frame t the mask of frame `source` is shown where `way` takes it."""

    t: int
    source: int
    way: Similarity = STILL
    hidden: bool = False


def _drawn(here: _Pose, t: int) -> _Pose:
    """The mask of frame t as it is."""
    return _Pose(t, t)


class _Simplifier:
    """Finds few poses between which the editor's motion gives the masks bool (h, w) of all frames within an IoU."""

    def __init__(self, masks: list[np.ndarray], least: float):
        self._masks, self._least = masks, least
        self._outlined: dict[int, Outlined] = {}
        self._ways: dict[tuple[int, int], Similarity] = {}

    def poses(self) -> list[_Pose]:
        """In order of t, none when all masks are empty."""
        poses: list[_Pose] = []
        hidden: list[int] = []
        for visible, group in groupby(range(len(self._masks)), key=lambda t: bool(self._masks[t].any())):
            run = list(group)
            if visible:
                poses += self._run(run[0], run[-1])
            else:
                hidden.append(run[0])
        for t in hidden if poses else ():  # where it was last seen, or is seen first: nothing moves meanwhile
            before = [pose for pose in poses if pose.t < t]
            poses.append(replace(before[-1] if before else poses[0], t=t, hidden=True))
            poses.sort(key=lambda pose: pose.t)
        return poses

    def _run(self, first: int, last: int) -> list[_Pose]:
        """Poses of the frames first..last, in all of which there is something."""
        poses = [_Pose(first, first)]
        while poses[-1].t < last:
            here = poses[-1]
            kept = self._farthest(here, last, self._following)
            poses.append(kept or self._farthest(here, last, _drawn) or _drawn(here, here.t + 1))
        return poses

    def _following(self, here: _Pose, t: int) -> _Pose:
        """The shape of `here`, moved to where the mask is at frame t."""
        return _Pose(t, here.source, self._way(here.source, t))

    def _farthest(self, here: _Pose, last: int, pose_at: Callable[[_Pose, int], _Pose]) -> _Pose | None:
        """The farthest pose until which all frames hold, looked for in steps that double, then halve."""
        found, step, growing = here, 1, True
        while step:
            t = found.t + step
            pose = pose_at(here, t) if t <= last else None
            if pose and self._holds(here, pose):
                found = pose
            else:
                growing = False
            step = 2 * step if growing else step // 2
        return None if found is here else found

    def _holds(self, one: _Pose, other: _Pose) -> bool:
        """Whether the frames after `one`, up to `other`, are as they should be when the editor moves between them."""
        shapes = {pose.source: self._outline(pose.source).shape for pose in (one, other)}
        order = list(shapes)
        keys = [
            keyframe(pose.t - one.t, shapes[pose.source], order.index(pose.source), pose.way)
            for pose in (one, other)
        ]
        length, size = other.t - one.t + 1, self._masks[0].shape
        every: list[Shape] = list(shapes.values())
        return all(
            overlap(rasterise(every, keys, length, (size[0], size[1]), times=[k])[0], self._masks[one.t + k])
            >= self._least
            for k in range(length - 1, 0, -1)  # the last one fails first
        )

    def _way(self, source: int, t: int) -> Similarity:
        """From the mask of one frame to that of a later one, followed from frame to frame, so that turns add up."""
        way = STILL
        for k in range(source + 1, t + 1):
            if (source, k) not in self._ways:
                one, other = self._outline(source), self._outline(k)
                near = by_area(one, other, way.rotation)
                self._ways[source, k] = refined(one, other, near, turn=not one.round)
            way = self._ways[source, k]
        return way

    def _outline(self, t: int) -> Outlined:
        if t not in self._outlined:
            self._outlined[t] = outlined(self._masks[t])
        return self._outlined[t]
