"""What a selected object is called, and where its track takes it."""

from __future__ import annotations

import numpy as np

from ..project import Project, Track
from .prompts import Way, known_name, name_of
from .sessions import Frame


def subject_name(frame: Frame, mask: np.ndarray) -> str:
    """ "the red cube" if the mask bool (H, W) is one of the scene's objects, else a name by its colour."""
    if frame.scene is not None and frame.masks is not None:
        shared = np.array([np.count_nonzero(own & mask) for own in frame.masks])
        sizes = np.array([np.count_nonzero(own) for own in frame.masks])
        overlap = shared / np.maximum(sizes + np.count_nonzero(mask) - shared, 1)
        if overlap.max() > 0.5:
            return f"the {frame.scene.objects[int(overlap.argmax())].name}"
    return name_of(frame.pixels, mask)


def ways_of(project: Project, frame: Frame | None) -> list[Way]:
    """The ways of the project's tracks that are on, named as the model can read. Raises UserError for a bad mask."""
    return [_way(track, frame) for track in project.tracks if track.on]


def _way(track: Track, frame: Frame | None) -> Way:
    name = known_name(track.name)
    if not name:
        mask = track.array()
        seen = frame is not None and mask.shape == frame.pixels.shape[:2] and mask.any()
        name = subject_name(frame, mask) if frame is not None and seen else "the object"
    if not track.keyframes:
        return Way(name)
    first = min(track.keyframes, key=lambda key: key.t)
    last = max(track.keyframes, key=lambda key: key.t)
    x, y = last.x - first.x, last.y - first.y
    if first.shape != last.shape:  # drawn anew: where the other mask is counts, too
        (x0, y0), (x1, y1) = (_centre(track.array(key.shape)) for key in (first, last))
        x, y = x + x1 - x0, y + y1 - y0
    return Way(name, x, y)


def _centre(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return (float(columns.mean()), float(rows.mean())) if len(rows) else (0.0, 0.0)
