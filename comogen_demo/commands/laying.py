"""A clip's motion laid onto a picture, or onto an object of a project: what `track` makes a project of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..driving import Similarity, align, retarget
from ..errors import UserError
from ..images import read_image
from ..masks.pictures import decode_png
from ..masks.validate import resize_mask
from ..project import Project, Track, mask_png, picture_png

COLOUR = "#ff3b30"
PROJECT_SUFFIXES = (".json", ".mp4")


@dataclass(frozen=True)
class Place:
    """What the motion is laid onto: a project with its picture, whose masks are of `size` (height, width).

    subject: bool (H, W), what is to move in it; without it, the clip's frame is laid onto the picture as large as it
    fits. track: the object of the project that the subject is.
    """

    project: Project
    size: tuple[int, int]
    subject: np.ndarray | None = None
    track: Track | None = None


def still(frames: np.ndarray) -> Place:
    """The first of a clip's frames uint8 (T, h, w, 3) as the picture."""
    image = picture_png(frames[0])
    return Place(Project(frames=len(frames), image=image), (frames.shape[1], frames.shape[2]))


def read_place(path: str, subject: str | None, frames: int) -> Place:
    """A picture, which gets a project of so many frames, or a project; and in it a mask's file or an object's name.

    Raises UserError when one of them cannot be read.
    """
    if Path(path).suffix.lower() not in PROJECT_SUFFIXES:
        picture = read_image(path)
        project = Project(frames=frames, image=picture_png(picture))
    else:
        project = Project.read(path)
        picture = project.picture(Path(path).parent)
        if not isinstance(project.image, bytes):
            project = replace(project, image=picture_png(picture))
    Project.from_json(
        project.to_json()
    )  # whether it can be read again; it cannot when its picture is too large
    pixels = project.tracks[0].array() if project.tracks else picture
    size = pixels.shape[0], pixels.shape[1]
    if subject is None:
        return Place(project, size)
    for track in project.tracks:
        if subject in (track.name, track.id):
            return Place(project, size, project.track_masks(track, [0])[0], track)
    if project.tracks and not Path(subject).is_file():
        names = ", ".join(track.name for track in project.tracks)
        raise UserError(
            f"{subject} is neither a mask's file nor an object of the project, which has {names}."
        )
    return Place(project, size, resize_mask(decode_png(Path(subject)), size))


def laid(place: Place, masks: np.ndarray, name: str) -> tuple[Project, Track]:
    """The project with the motion of a clip's masks bool (T, h, w), which lasts as long as it does, and its track.

    Laid onto an object that has no motion of its own, it takes that one's place; else it is a track called `name`.
    Raises UserError as `align` and `retarget`, and when the project gets too large.
    """
    project, aimed, fit = place.project, place.track, Similarity()
    if place.subject is not None:
        fit = align(masks[int(masks.any(axis=(1, 2)).argmax())], place.subject)
    stretch = (project.frames - 1) / (len(masks) - 1)
    shapes, keyframes = retarget(masks, place.size, fit, project.frames, stretch=stretch)
    track = Track(uuid.uuid4().hex, name[:100], COLOUR, tuple(map(mask_png, shapes)), tuple(keyframes))
    if aimed and len(aimed.keyframes) <= 1 and not aimed.locked:
        track = replace(aimed, shapes=track.shapes, keyframes=track.keyframes, smooth=0.0)
        tracks = tuple(track if one is aimed else one for one in project.tracks)
    else:
        tracks = (*project.tracks, track)
    project = replace(project, tracks=tracks)
    Project.from_json(project.to_json())
    return project, track
