"""The one public endpoint: a project document in, a video out. It takes and gives no paths."""

from __future__ import annotations

import base64
import math
from typing import Any

import gradio as gr

from ..errors import UserError
from ..project import Project
from . import document
from .making import Outcome, Request
from .studio import Studio

PATIENCE = 900  # seconds until a job is given up


def endpoint(studio: Studio, length: int) -> Any:
    """The function behind /generate for videos of `length` frames."""

    def generate(project: str) -> dict[str, Any]:
        """Makes the video of a project document (JSON text with its picture inside, as the page downloads it).

        Returns {"video": data URL of an MP4, "overlap": mean IoU of the object with its mask, "seconds": number}.
        """
        try:
            read = Project.from_json(project)
            if not isinstance(read.image, bytes):
                raise UserError("The project's picture is not inside it: put it in as a PNG in base64.")
            frame = read.picture(".")
            subjects = document.subjects_of(read, length, frame.shape[:2])
            job = studio.submit(
                Request(frame, subjects, read.prompt, read.settings, read.to_json(), read.frames)
            )
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        if not job.wait(PATIENCE):
            studio.jobs.cancel(job.id)
        if not isinstance(job.result, Outcome):
            raise gr.Error(
                job.error or "The video took too long: please try again later.", print_exception=False
            )
        made = job.result
        video = base64.b64encode(made.file("control.mp4").read_bytes()).decode()
        mean = made.report.mean if made.report is not None and not math.isnan(made.report.mean) else None
        return {"video": f"data:video/mp4;base64,{video}", "overlap": mean, "seconds": made.seconds}

    return generate
