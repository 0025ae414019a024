"""From shapes and keyframes to masks. The browser's script raster.js previews the same; this is the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import UserError
from .keyframes import Keyframe, check_keyframes
from .motion import Moment, Part, moment_at
from .shape import Shape
from .validate import MAX_FRAMES

MAX_BYTES = 2 * 2**30  # of one sequence of masks
EDGE = 1e-3  # px; where an edge falls on pixels' centres, rounding errors would else decide pixel by pixel


def rasterise(
    shapes: Sequence[Shape],
    keyframes: Sequence[Keyframe],
    frames: int,
    size: tuple[int, int],
    smooth: float = 0.0,
    times: Sequence[float] | None = None,
) -> np.ndarray:
    """The masks of one track: bool (T, H, W) for `size` (H, W), one at each of `times` (default 0..frames-1).

    `frames` is the length that the keyframes belong to, `smooth` (0..1) the roundness of the path. A shape at rest
    gives the mask as it was drawn, exactly. Raises UserError for bad keyframes and for too many or too large frames.
    """
    times = range(frames) if times is None else times
    masks = blank(len(times), size)
    draw(masks, shapes, keyframes, frames, smooth, times)
    return masks


def blank(frames: int, size: tuple[int, int]) -> np.ndarray:
    """Empty masks bool (frames, *size) to draw on. Raises UserError when they are too many or too large."""
    if not 1 <= frames <= MAX_FRAMES:
        raise UserError(f"A sequence of {frames} frames cannot be made; choose 1 to {MAX_FRAMES}.")
    check_bytes(frames, size)
    return np.zeros((frames, *size), dtype=bool)


def check_bytes(count: int, size: tuple[int, int]) -> None:
    """Raise UserError when so many masks of `size` (height, width) are too much to hold at a time."""
    if count * size[0] * size[1] > MAX_BYTES:
        raise UserError(
            f"{count} masks of {size[1]} x {size[0]} px need over {MAX_BYTES >> 30} GB; "
            "scale the picture down or choose fewer frames."
        )


def draw(
    masks: np.ndarray,
    shapes: Sequence[Shape],
    keyframes: Sequence[Keyframe],
    frames: int,
    smooth: float,
    times: Sequence[float],
) -> None:
    """Add one track to masks bool (T, H, W), in place; one time for each of them. As `rasterise` else."""
    ordered = check_keyframes(keyframes, frames, len(shapes))
    last: Moment | None = None
    patch: _Patch | None = None
    for mask, t in zip(masks, times, strict=True):
        moment = moment_at(shapes, ordered, smooth, t)
        if moment != last:
            last = moment
            patch = None if moment is None else _patch(moment, shapes, (mask.shape[0], mask.shape[1]))
        if patch is not None:
            rows, columns, bits = patch
            mask[rows, columns] |= bits


_Patch = tuple[slice, slice, np.ndarray]


def _patch(moment: Moment, shapes: Sequence[Shape], size: tuple[int, int]) -> _Patch | None:
    """The part of the frame that the moment can reach, and its mask there; None when that is outside of the frame."""
    parts = [part for part in moment.parts if part.weight > 0]
    boxes = [_reach(moment, part, shapes[part.shape]) for part in parts]
    left, top = max(0, min(box[0] for box in boxes)), max(0, min(box[1] for box in boxes))
    right, bottom = min(size[1], max(box[2] for box in boxes)), min(size[0], max(box[3] for box in boxes))
    if left >= right or top >= bottom:
        return None
    area = (left, top, right, bottom)
    fields = [_warp(moment, part, shapes[part.shape], area) for part in parts]
    if len(parts) == 1:
        value = fields[0]  # only its sign counts
    else:
        one, other = (part.weight * part.scale for part in parts)
        value = cv2.addWeighted(fields[0], one, fields[1], other, 0.0)
    return slice(top, bottom), slice(left, right), value > EDGE


def _reach(moment: Moment, part: Part, shape: Shape) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the frame's pixels that the shape's box can cover, with one to spare."""
    cosine, sine = _turn(part)
    left, top, right, bottom = shape.box
    x = [part.scale * (corner - shape.centre[0]) for corner in (left, right)]
    y = [part.scale * (corner - shape.centre[1]) for corner in (top, bottom)]
    across = [moment.x + cosine * u - sine * v for u in x for v in y]
    down = [moment.y + sine * u + cosine * v for u in x for v in y]
    return (
        math.floor(min(across)) - 1,
        math.floor(min(down)) - 1,
        math.ceil(max(across)) + 1,
        math.ceil(max(down)) + 1,
    )


def _warp(moment: Moment, part: Part, shape: Shape, area: tuple[int, int, int, int]) -> np.ndarray:
    """The shape's distance field seen from the frame's pixels in `area`, bilinear, clamped at its edge: float32."""
    cosine, sine = _turn(part)
    back = np.array([[cosine, sine], [-sine, cosine]]) / part.scale
    # From the centre of the area's first pixel to coordinates of the field, whose pixel i has its centre at i + .5.
    start = np.array([area[0] + 0.5 - moment.x, area[1] + 0.5 - moment.y])
    corner = np.array([shape.centre[0] - shape.left - 0.5, shape.centre[1] - shape.top - 0.5])
    return cv2.warpAffine(
        shape.sdf,
        np.column_stack([back, back @ start + corner]),
        (area[2] - area[0], area[3] - area[1]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _turn(part: Part) -> tuple[float, float]:
    """Cosine and sine of the part's rotation."""
    angle = math.radians(part.rotation)
    return math.cos(angle), math.sin(angle)
