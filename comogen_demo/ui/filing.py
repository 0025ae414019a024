"""Files in and out of the editor: projects, masks and pictures that are dropped on it, and masks as files.

A file that can't be read changes nothing on the page: it answers with one sentence.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ..errors import UserError
from ..masks import export_masks
from ..project import Project
from ..project_reading import read_text
from ..video import embed_project, read_project
from . import document, frames
from .importing import read_masks, track_of
from .sessions import Session, png_bytes
from .studio import Studio, file_url
from .uploads import kind_of, looks_like_masks, uploaded

FORMS = ("zip", "mp4", "npz")
MOST_SOURCE = 10_000  # characters of JSON
KEEP = 4  # exports of a page that stay to be fetched
SKIP = gr.skip()
NOTHING = (SKIP,) * 8
MIXED = "These files do not belong together: choose one project, one picture, or one PNG for every frame."


class Filing:
    """The events of a page whose frames play at `fps`."""

    def __init__(self, studio: Studio, fps: float):
        self.studio, self.fps = studio, fps

    def take_in(self, event: gr.EventData, value: Any, request: gr.Request) -> tuple[Any, ...]:
        """Files were dropped or chosen -> editor, prompt, strength, steps, schedule, seed, control, crop.

        The event has `files` (paths as the upload has given them), `want` ("project", "masks" or "" for what they are)
        and `turn`, by which the editor knows the answer.
        """
        data = event._data or {}
        turn = str(data.get("turn") or "")[:64]
        session = self.studio.sessions.get(request.session_hash or "")
        try:
            paths = uploaded(data.get("files"))
            kind = _sort(paths, str(data.get("want") or ""))
            if kind == "project":
                return self._open(session, paths[0], turn)
            if kind == "masks":
                return self._import(session, paths, value, turn)
            aspect = self.studio.shelf.form(value.get("model")).aspect
            frame, source, fit = frames.from_upload(session, paths[0], aspect)
            picture = {**frames.shown(frame, frames.upload_source(source, fit)), "turn": turn}
            return (gr.update(frame=picture), *NOTHING[:6], frames.crop_picture(source, fit))
        except UserError as error:
            return (gr.update(imported={"turn": turn, "error": str(error)}), *NOTHING[1:])

    def hand_out(self, event: gr.EventData, value: Any, request: gr.Request) -> Any:
        """The masks are wanted as a file of the event's `form` ("zip", "mp4", "npz") -> editor."""
        data = event._data or {}
        form, turn = data.get("form"), str(data.get("turn") or "")[:64]
        session = self.studio.sessions.get(request.session_hash or "")
        try:
            if form not in FORMS:
                raise UserError("Masks are exported as zip, mp4 or npz: please choose one of them.")
            project = document.read(value)
            path = _place(session) / f"comogen-masks.{form}"
            export_masks(path, project.masks(), self.fps)
            frame = session.get(str(project.image))
            if form == "mp4" and frame is not None:  # dropped on the page it brings everything back
                whole = replace(project, image=png_bytes(frame.pixels))
                embed_project(path, project_text(whole, value.get("source")))
        except UserError as error:
            return gr.update(exported={"turn": turn, "error": str(error)})
        return gr.update(exported={"turn": turn, "url": file_url(path), "name": path.name})

    def _open(self, session: Session, path: Path, turn: str) -> tuple[Any, ...]:
        project, source = _project(path)
        frame = frames.from_browser(session, _picture(project), source)
        doc = {**document.to_browser(project), "image": frame.id, "source": source}
        opened = {"turn": turn, "doc": doc, "frame": frames.shown(frame, source)}
        return (gr.update(opened=opened), *document.fields_of(project), "")

    def _import(self, session: Session, paths: list[Path], value: Any, turn: str) -> tuple[Any, ...]:
        image, source = str(value.get("image") or ""), value.get("source")
        if not image:
            raise UserError("There is no picture yet that the masks could belong to: choose one first.")
        frame = session.get(image)
        if frame is None:
            return (gr.update(missing=uuid.uuid4().hex), *NOTHING[1:])
        length = document.read(value).frames
        masks = read_masks(paths, (frame.pixels.shape[0], frame.pixels.shape[1]), source)
        track = track_of(masks, length, paths[0].name)
        return (gr.update(imported={"turn": turn, "image": image, "track": track}), *NOTHING[1:])


def _sort(paths: list[Path], want: str) -> str:
    """What is to be made of the files: "project", "masks" or "picture". Raises UserError when they are none of it."""
    if want == "masks":
        return "masks"
    kinds = {kind_of(path) for path in paths}
    if len(paths) > 1:
        if kinds == {"masks"} and want != "project":
            return "masks"
        raise UserError(MIXED)
    kind, path = kinds.pop(), paths[0]
    if kind == "video" and read_project(path) is not None:
        return "project"
    if want == "project" and kind != "project":
        raise UserError(
            f"{path.name} holds no project: choose a project (json) or a video that was made here."
        )
    if kind == "video":
        if looks_like_masks(path):
            return "masks"
        raise UserError(
            f"{path.name} holds no project, and no masks either, which are white on black: choose another video."
        )
    return kind


def project_text(project: Project, source: Any) -> str:
    """A project as JSON, with what the page knows of where its frame is from."""
    return json.dumps({**json.loads(project.to_json()), "source": source}, ensure_ascii=False)


def _project(path: Path) -> tuple[Project, dict[str, Any]]:
    """The project in a JSON file or an MP4, and where its frame is from. Raises UserError when it is damaged."""
    text = read_text(path)
    project, source = Project.from_json(text), json.loads(text).get("source")
    known = isinstance(source, dict) and len(json.dumps(source)) <= MOST_SOURCE
    return project, source if known else {"kind": "project"}


def _picture(project: Project) -> np.ndarray:
    """The project's own first frame, uint8 (H, W, 3). Raises UserError when it holds none that this page can show."""
    if not isinstance(project.image, bytes):
        raise UserError(
            "The project has no picture in it: open the picture, and save the project here again."
        )
    pixels = project.picture(".")
    height, width = pixels.shape[:2]
    if max(height, width) > document.MAX_SIDE:
        raise UserError(
            f"The project's picture is {width} x {height} pixels: at most {document.MAX_SIDE} a side are edited here."
        )
    return pixels


def _place(session: Session) -> Path:
    """A new folder for a file of the page; those of old exports are removed."""
    home = session.folder / "exports"
    home.mkdir(exist_ok=True)
    old = sorted((path for path in home.iterdir()), key=lambda path: path.stat().st_mtime)
    for path in old[: max(0, len(old) - KEEP + 1)]:
        shutil.rmtree(path, ignore_errors=True)
    folder = home / uuid.uuid4().hex
    folder.mkdir()
    return folder
