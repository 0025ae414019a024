"""What happens to frames, the selected object and the fields: from the page's values to updates, one method an event.

A method touches only its own page's session. What the user can mend comes back as a sentence on the page; every value
made so far stays.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ..errors import UserError
from ..selection import select_by_box, select_by_points
from . import document, frames, views
from .composer import check_room, read_scene, shuffled
from .gallery import FRAME, jpeg_url
from .naming import subject_name, ways_of
from .plots import schedule_plot
from .prompts import is_proposal, propose
from .sessions import Session
from .studio import Studio

FIRST_EXAMPLE = 2  # what a page without a draft opens on
SURE = 0.12  # a click or box with less confidence has hit nothing
MOST_POINTS = 64  # of one pick
COMPOSER_SIDE = 320  # px of the composer's picture
SKIP = gr.skip()


class Handlers:
    """The events of a page whose frames are `aspect` times as wide as high."""

    def __init__(self, studio: Studio, aspect: float):
        self.studio, self.aspect = studio, aspect

    # The page's opening and closing

    def restore(self, event: gr.EventData, value: Any, request: gr.Request) -> tuple[Any, ...]:
        """A page has opened (or the server was restarted): the browser hands its draft over, or gets an example.

        -> editor, prompt, strength, steps, schedule, seed, job id, result id
        """
        data = event._data or {}
        ids = (str(data.get("job") or ""), str(data.get("result") or ""))
        session, kept = self._session(request), data.get("image")
        if kept:
            try:
                frames.from_browser(session, document.image_of(str(kept)), value.get("source"))
                return (SKIP, *document.fields_of(document.read(value)), *ids)
            except UserError as error:
                gr.Warning(str(error))
        source = {"kind": "example", "index": FIRST_EXAMPLE}
        frame = frames.from_example(session, FIRST_EXAMPLE)
        return (gr.update(frame=frames.shown(frame, source)), *[SKIP] * 5, *ids)

    def close(self, request: gr.Request) -> None:
        self.studio.sessions.drop(request.session_hash or "")

    # The first frame

    def choose(self, event: gr.EventData, request: gr.Request) -> Any:
        """An example was clicked -> editor."""
        index = int((event._data or {}).get("index", 0))
        try:
            frame = frames.from_example(self._session(request), index)
        except UserError as error:
            return _warn(error)
        return gr.update(frame=frames.shown(frame, {"kind": "example", "index": index}))

    def upload(self, path: str | None, request: gr.Request) -> tuple[Any, Any]:
        """A file was uploaded -> editor, crop."""
        if not path:
            return SKIP, ""
        try:
            frame, source, fit = frames.from_upload(self._session(request), Path(path), self.aspect)
        except UserError as error:
            return SKIP, views.notice(str(error))
        shown = frames.shown(frame, frames.upload_source(source, fit))
        return gr.update(frame=shown), frames.crop_picture(source, fit)

    def compose(self, value: Any) -> Any:
        """The composer's objects have changed -> composer."""
        try:
            return gr.update(picture=scene_picture(value), note="")
        except UserError as error:
            return gr.update(note=str(error))

    def shuffle(self) -> Any:
        value = shuffled(np.random.default_rng())
        return gr.update(value=value, picture=scene_picture(value), note="")

    def use_scene(self, value: Any, request: gr.Request) -> tuple[Any, Any]:
        """The composed scene is wanted as first frame -> composer, editor."""
        try:
            scene = read_scene(value)
            check_room(scene)
        except UserError as error:
            return gr.update(note=str(error)), SKIP
        frame = frames.from_scene(self._session(request), scene)
        return gr.update(note=""), gr.update(
            frame=frames.shown(frame, {"kind": "scene", "objects": value["objects"]})
        )

    # The object and its way

    def pick(self, event: gr.EventData, value: Any, request: gr.Request) -> Any:
        """Points or a box in the picture -> editor with the mask of what is there, joined to that of a given track."""
        data = event._data or {}
        frame = self._session(request).get(str(data.get("image", "")))
        if frame is None:
            return gr.update(missing=uuid.uuid4().hex)
        picked: dict[str, Any] = {"image": frame.id, "track": str(data.get("track") or "")}
        picked["turn"] = str(data.get("turn") or uuid.uuid4().hex)[:64]
        try:
            mask = _select(frame.pixels, data, _mask_of(value, picked["track"], frame.pixels.shape[:2]))
        except UserError as error:
            return gr.update(picked={**picked, "error": str(error)})
        return gr.update(
            picked={**picked, "mask": document.mask_url(mask), "name": subject_name(frame, mask)}
        )

    def edited(self, value: Any, prompt: str, request: gr.Request) -> Any:
        """The document has changed -> a better proposal for the prompt, unless the user has written one."""
        if not is_proposal(prompt or ""):
            return SKIP
        try:
            project = document.read(value)
            frame = self._session(request).get(str(project.image))
            width = frame.pixels.shape[1] if frame else FRAME
            return propose(ways_of(project, frame), width)
        except UserError:
            return SKIP  # Generate will say what is wrong

    def plot(self, strength: float, steps: float, schedule: str) -> str:
        return schedule_plot(strength or 0, int(steps or 1), schedule)

    def new_seed(self) -> int:
        return int(np.random.default_rng().integers(2**31))

    def _session(self, request: gr.Request) -> Session:
        return self.studio.sessions.get(request.session_hash or "")


def scene_picture(value: Any) -> str:
    """The composer's picture of its value. Raises UserError for what is no scene."""
    return jpeg_url(frames.first_frame(read_scene(value), COMPOSER_SIDE)[0])


def _select(pixels: np.ndarray, data: dict[str, Any], present: np.ndarray | None) -> np.ndarray:
    """What a pick's box and points select, with the present mask: bool (H, W). Raises UserError when it is nothing."""
    points, box = data.get("points") or [], data.get("box")
    try:
        placed = [(float(p["x"]), float(p["y"]), p.get("positive", True) is not False) for p in points]
        corners = [float(edge) for edge in box] if box else []
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError("The click has no place in the picture: please click again.") from None
    if len(placed) > MOST_POINTS or not (placed or corners):
        raise UserError(f"Choose 1 to {MOST_POINTS} points at a time, or draw a box.")
    mask, sure = present, 1.0
    if corners:
        mask, sure = select_by_box(pixels, corners, present)
        if sure < SURE:
            raise UserError("There is no object in this box: draw it around a whole one.")
    if placed:
        mask, sure = select_by_points(pixels, placed, mask)
    if sure < SURE and all(positive for _, _, positive in placed):
        raise UserError("There is no object here: click right on one.")
    if sure < SURE:
        raise UserError("There is nothing of the selection here: click on the part that should go.")
    if mask is None or not mask.any():
        raise UserError("Nothing of the object would be left: remove its track instead.")
    return mask


def _mask_of(value: Any, track: str, size: tuple[int, ...]) -> np.ndarray | None:
    """The first shape of a track of the document, bool of `size`; None without such a track. Raises UserError."""
    if not track:
        return None
    found = next((t for t in document.read(value).tracks if t.id == track), None)
    if found is None:
        return None
    mask = found.array()
    if mask.shape != tuple(size):
        raise UserError("The mask belongs to a picture of another size: click the object again.")
    return mask


def _warn(error: UserError) -> Any:
    gr.Warning(str(error))
    return SKIP
