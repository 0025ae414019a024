"""The project document between browser and server: what the page makes of `project.Project`."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import UserError
from ..images import read_image
from ..project import DATA_URL, VERSION, Project, Track, mask_png
from ..settings import Settings

MAX_PROMPT = 400
MAX_IMAGE_BYTES, MAX_SIDE = 4 * 2**20, 1024  # of a first frame that the browser kept
MOST_STEPS, MOST_SEED = 50, 2**31 - 1  # what the page's fields offer


def empty(frames: int) -> dict[str, Any]:
    """A document before anything was chosen. Beside a project's entries it has `source`, where its frame is from, and
    `model`, the choice of the one that is to make the video ("": the embedded one)."""
    given: dict[str, Any] = {"image": "", "source": None, "model": ""}
    return {"version": VERSION, "frames": frames, **given, "tracks": [], "prompt": "", "settings": {}}


def read(document: Any) -> Project:
    """The browser's document as a project; `image` is a frame's id. Raises UserError when it is damaged."""
    return Project.from_json(json.dumps(document))


def subjects_of(project: Project, frames: int, size: tuple[int, int]) -> np.ndarray:
    """The project's control, track by track, bool (K, frames, H, W), for a frame of `size` (height, width); also if it
    has other `frames`.

    Raises UserError when no object is selected, none that is part of the control is moved, or a mask is of another
    frame.
    """
    if not project.tracks:
        raise UserError(
            "No object is selected: click an object in the picture, then drag it to where it should go."
        )
    control = [track for track in project.tracks if track.on]
    if not control:
        raise UserError("No object is part of the control: switch on at least one of them.")
    if not any(moves(track) for track in control):
        raise UserError("The selected object has no way to go yet: drag it to where it should end up.")
    if project.size() != tuple(size):
        raise UserError("The mask belongs to a picture of another size: click the object again.")
    return project.subjects(project.sample_times(frames))


def moves(track: Track) -> bool:
    """Whether a track shows anything but one shape at rest."""
    keys = track.keyframes
    return len(keys) > 1 or len(track.shapes) > 1 or any(key.hidden for key in keys)


def to_browser(project: Project) -> dict[str, Any]:
    """A loaded project as the browser's document; its `image` is left "", for the caller to put a frame's id there.

    Masks come as the black and white PNG that the browser reads, and every track has an id of its own. Raises
    UserError when a mask is damaged.
    """
    tracks: dict[str, Track] = {}
    for track in project.tracks:
        own = track.id if track.id and track.id not in tracks else uuid.uuid4().hex
        shapes = tuple(mask_png(track.array(shape)) for shape in range(len(track.shapes)))
        tracks[own] = replace(track, id=own, shapes=shapes)
    document = json.loads(replace(project, image=None, tracks=tuple(tracks.values())).to_json())
    return document | {"source": None, "model": ""}


def fields_of(project: Project) -> tuple[str, float, int, str, int, str]:
    """Prompt, strength, steps, schedule, seed and control for the page's fields."""
    made = project.settings
    return (
        project.prompt[:MAX_PROMPT],
        made.strength,
        min(made.steps, MOST_STEPS),
        made.schedule,
        min(made.seed, MOST_SEED),
        made.control,
    )


def settings_of(strength: Any, steps: Any, schedule: Any, seed: Any, control: Any) -> Settings:
    """The page's fields as settings. Raises UserError for an empty field or a value out of range."""
    for name, value in {"strength": strength, "number of steps": steps, "seed": seed}.items():
        if not isinstance(value, (int, float)):
            raise UserError(f"The {name} is empty: please enter a number.")
    settings = Settings(int(steps), float(strength), schedule, int(seed), control)
    settings.validate()
    return settings


def mask_url(mask: np.ndarray) -> str:
    """bool (H, W) -> a data URL of a black and white PNG."""
    return DATA_URL + base64.b64encode(mask_png(mask)).decode()


def image_of(url: str) -> np.ndarray:
    """A first frame that the browser kept, uint8 (H, W, 3). Raises UserError if it is not a small PNG."""
    again = "please choose the frame again."
    if not url.startswith(DATA_URL) or len(url) > MAX_IMAGE_BYTES * 4 // 3 + 64:
        raise UserError(f"The picture that this browser kept is not a PNG of at most 4 MB: {again}")
    try:
        pixels = read_image(base64.b64decode(url[len(DATA_URL) :], validate=True))
    except ValueError:  # UserError is one
        raise UserError(f"The picture that this browser kept is damaged: {again}") from None
    if max(pixels.shape[:2]) > MAX_SIDE:
        raise UserError(f"The picture that this browser kept is larger than {MAX_SIDE} pixels: {again}")
    return pixels
