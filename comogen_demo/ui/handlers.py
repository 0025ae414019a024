"""What happens to frames and the fields: from the page's values to updates, one method an event.

A method touches only its own page's session. What the user can mend comes back as a sentence on the page; every value
made so far stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ..errors import UserError
from . import document, frames, views
from .composer import check_room, read_scene, shuffled
from .gallery import FRAME, jpeg_url
from .naming import ways_of
from .plots import schedule_plot
from .prompts import is_proposal, propose
from .sessions import Session
from .studio import Studio

FIRST_EXAMPLE = 2  # what a page without a draft opens on
COMPOSER_SIDE = 320  # px of the composer's picture
SKIP = gr.skip()


class Handlers:
    """The events of a page."""

    def __init__(self, studio: Studio):
        self.studio = studio

    # The page's opening and closing

    def restore(self, event: gr.EventData, value: Any, request: gr.Request) -> tuple[Any, ...]:
        """A page has opened (or the server was restarted): the browser hands its draft over, or gets an example.

        -> editor, prompt, strength, steps, schedule, seed, control, job id, result id
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
        return (gr.update(frame=frames.shown(frame, source)), *[SKIP] * 6, *ids)

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

    def upload(self, path: str | None, value: Any, request: gr.Request) -> tuple[Any, Any]:
        """A file was uploaded -> editor, crop; it is cropped for the chosen model."""
        if not path:
            return SKIP, ""
        try:
            aspect = self.studio.shelf.form(value.get("model")).aspect
            frame, source, fit = frames.from_upload(self._session(request), Path(path), aspect)
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

    # The fields

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

    def plot(self, strength: float, steps: float, schedule: str, control: str) -> tuple[str, Any]:
        """What the mask weighs may have changed -> plot, schedule; the cut-out has none."""
        if control == "dual-clock":
            return views.HELD, gr.update(interactive=False)
        return schedule_plot(strength or 0, int(steps or 1), schedule), gr.update(interactive=True)

    def new_seed(self) -> int:
        return int(np.random.default_rng().integers(2**31))

    def _session(self, request: gr.Request) -> Session:
        return self.studio.sessions.get(request.session_hash or "")


def scene_picture(value: Any) -> str:
    """The composer's picture of its value. Raises UserError for what is no scene."""
    return jpeg_url(frames.first_frame(read_scene(value), COMPOSER_SIDE)[0])


def _warn(error: UserError) -> Any:
    gr.Warning(str(error))
    return SKIP
