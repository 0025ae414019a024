"""A driving video's motion as a track of the page's document: where it lies, when, and which track it becomes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..driving import Similarity, align, moved, retarget
from ..errors import UserError
from ..masks import Keyframe, make_shape
from ..project import MAX_TRACKS, Project, Track, mask_png
from . import document
from .clips import Clip

WHOLE = 0.97  # share of a shape that must be within the picture to be drawn there
CLOSE = 0.01  # px, degrees and share of the size within which two places of a mask are the same


@dataclass(frozen=True)
class Laid:
    """The motion as it was put on a picture, as `track`; fit: what brought it to its place."""

    track: Track
    fit: Similarity


def lay(
    clip: Clip,
    project: Project,
    chosen: str,
    size: tuple[int, int],
    begin: Any,
    lasts: Any,
) -> tuple[Laid, str]:
    """The motion of a clip's subject on a picture of `size` (H, W), and what is told of it.

    chosen: the id of the selected track, "" for none. begin, lasts: the frames of the project, from 1, at which it
    begins and for which it lasts, as they were typed.

    It takes the place of the selected track (it has the same id then) if that one rests, or is this motion and was
    moved, turned and resized as a whole only, which is done to the new one as well. Else it is a new track. It is
    aligned to what the selected track shows in the first frame. Raises UserError.
    """
    cut = clip.part()
    first, last = cut.known()
    if last <= first:
        raise UserError("Only the frames that you picked have a mask yet: press Track first.")
    masks = cut.tracking.array()[first : last + 1]
    start, stretch = _time(begin, lasts, len(masks), project.frames)
    selected = next((track for track in project.tracks if track.id == chosen), None)
    fit, over = _place(masks, project, selected, size, clip.laid)
    if not over and len(project.tracks) >= MAX_TRACKS:
        raise UserError(f"The project has {MAX_TRACKS} tracks already: delete one first.")
    shapes, keyframes = retarget(masks, size, fit, project.frames, start=start, stretch=stretch)
    shapes, keyframes = _in_place(shapes, keyframes, size)
    made = Track(uuid.uuid4().hex, clip.title, "#ff3b30", tuple(map(mask_png, shapes)), tuple(keyframes))
    part = (
        "" if len(masks) == len(cut) else f" Only frames {first + 1} to {last + 1} of the video are tracked."
    )
    if selected is not None and over:
        made = replace(selected, shapes=made.shapes, keyframes=made.keyframes, smooth=0.0)
    laid = clip.laid[made.id] = Laid(made, fit)
    while len(clip.laid) > MAX_TRACKS:
        clip.laid.pop(next(iter(clip.laid)))
    return laid, _told(selected, over) + part


def entry(laid: Laid) -> dict[str, Any]:
    """The track for the editor's property `imported`; `fit` lets the handles change all of it at once."""
    track = laid.track
    whole = json.loads(Project(frames=max(key.t for key in track.keyframes) + 1, tracks=(track,)).to_json())
    told = {name: whole["tracks"][0][name] for name in ("id", "name", "shapes", "keyframes", "smooth")}
    return {**told, "note": "Drag its handles to fit the whole motion.", "fit": True}


def _place(
    masks: np.ndarray,
    project: Project,
    selected: Track | None,
    size: tuple[int, int],
    known: dict[str, Laid],
) -> tuple[Similarity, bool]:
    """Where masks (T, h, w) go, and whether they take the place of the selected track."""
    if selected is None:
        return Similarity(), False
    before = known.get(selected.id)
    by_hand = _moved_as_a_whole(before.track, selected) if before else None
    if before and by_hand and not selected.locked:
        return before.fit.then(by_hand), True
    seen = next((mask for mask in masks if mask.any()), None)
    if seen is None:
        raise UserError("The subject is in sight in none of the tracked frames: pick it anew.")
    target = project.track_masks(selected, [0])[0]
    if target.shape != size:
        raise UserError("The selected mask belongs to a picture of another size: select the object again.")
    if not target.any():
        raise UserError(f"“{selected.name}” is hidden in the first frame: select another track, or none.")
    return align(seen, target), not (document.moves(selected) or selected.locked)


def _in_place(
    shapes: Sequence[np.ndarray], keyframes: Sequence[Keyframe], size: tuple[int, int]
) -> tuple[list[np.ndarray], list[Keyframe]]:
    """The same motion, with the first shape drawn where it is shown first: there the editor cuts the object out.

    A shape that the picture's edge would cut off stays as it is.
    """
    number = keyframes[0].shape
    shape = make_shape(shapes[number])
    first = _way(keyframes[0], shape.centre)
    drawn = moved(shapes[number], first, size)
    if np.count_nonzero(drawn) < WHOLE * first.scale**2 * np.count_nonzero(shapes[number]):
        return list(shapes), list(keyframes)
    centre = make_shape(drawn).centre
    placed = []
    for key in keyframes:
        if key.shape == number:
            way = first.inverse().then(_way(key, shape.centre)).about(*centre)
            key = replace(
                key, x=way.dx, y=way.dy, rotation=key.rotation - keyframes[0].rotation, scale=way.scale
            )
        placed.append(key)
    return [drawn if i == number else one for i, one in enumerate(shapes)], placed


def _moved_as_a_whole(before: Track, now: Track) -> Similarity | None:
    """What was done to all keyframes of a track alike; None when they were changed in other ways as well."""
    if before.shapes != now.shapes or [_rest(key) for key in before.keyframes] != [
        _rest(key) for key in now.keyframes
    ]:
        return None
    centres = [make_shape(now.array(shape)).centre for shape in range(len(now.shapes))]
    pairs = [
        (_way(one, centres[one.shape]), _way(other, centres[one.shape]))
        for one, other in zip(before.keyframes, now.keyframes, strict=True)
    ]
    done = pairs[0][0].inverse().then(pairs[0][1])
    return done if all(_same(one.then(done), other) for one, other in pairs) else None


def _rest(key: Keyframe) -> Keyframe:
    """A keyframe without its place."""
    return replace(key, x=0.0, y=0.0, rotation=0.0, scale=1.0)


def _way(key: Keyframe, centre: tuple[float, float]) -> Similarity:
    return Similarity(key.x, key.y, key.scale, key.rotation, *centre)


def _same(one: Similarity, other: Similarity) -> bool:
    one = one.about(other.px, other.py)
    turn = (one.rotation - other.rotation + 180) % 360 - 180
    away = (one.dx - other.dx, one.dy - other.dy, turn, one.scale / other.scale - 1)
    return bool(np.abs(away).max() < CLOSE)


def _time(begin: Any, lasts: Any, count: int, frames: int) -> tuple[int, float]:
    """Where so many masks begin in a project of `frames`, and by what their time is stretched."""
    start = (int(begin) if _is_number(begin) else 1) - 1
    if not 0 <= start < frames - 1:
        raise UserError(f"The motion begins at frame {start + 1}: choose 1 to {frames - 1}.")
    length = int(lasts) if _is_number(lasts) and lasts else frames - start
    if not 2 <= length <= 100 * frames:
        raise UserError(f"The motion lasts {length} frames: choose 2 to {frames - start}, or none for all.")
    return start, (length - 1) / (count - 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def _told(selected: Track | None, over: bool) -> str:
    tune = "To fit it by hand, drag its handles: they change the whole motion."
    if selected is None:
        return f"The motion is a new track, where the video shows it. {tune}"
    if over:
        return f"“{selected.name}” now moves as in the video. {tune} Undo takes it back."
    kept = "is locked, so it" if selected.locked else "has a motion of its own, so it"
    return f"The motion is a new track. “{selected.name}” {kept} stays: switch it off if the new one replaces it."
