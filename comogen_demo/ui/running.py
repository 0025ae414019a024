"""Making videos from the page: Generate, Stop, the comparison, and finding a job again after a reload.

A page can reach only jobs whose unguessable id it brings. While a job runs nothing of the last result is touched.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from ..errors import UserError
from ..jobs import Job
from . import document, views
from .filing import project_text
from .making import Outcome, Request
from .player import showing
from .sessions import png_bytes
from .shelf import EMBEDDED
from .studio import Studio

POLL = 0.05  # seconds between two looks at a job
SKIP = gr.skip()


class Update(NamedTuple):
    """One update of the page, in the order of the events' outputs; what is not given stays as it is."""

    sign: Any = SKIP
    editor: Any = SKIP
    job: Any = SKIP
    result: Any = SKIP
    progress: Any = SKIP
    player: Any = SKIP
    report: Any = SKIP
    generate: Any = SKIP
    stop: Any = SKIP
    compare: Any = SKIP


Updates = AsyncIterator[tuple[Any, ...]]


class Running:
    """The events that make videos."""

    def __init__(self, studio: Studio):
        self.studio = studio

    async def model_state(self) -> AsyncIterator[str]:
        """Follows the embedded model's sign until it is loaded or known to be missing."""
        engine, last = self.studio.shelf.embedded, ""
        while True:
            sign = views.model_sign(engine.name, engine.state, engine.note)
            if sign != last:
                yield sign
            last = sign
            if engine.state != "loading":
                return
            await asyncio.sleep(0.2)

    async def generate(
        self,
        value: Any,
        prompt: Any,
        strength: Any,
        steps: Any,
        schedule: Any,
        seed: Any,
        control: Any,
        job_id: str,
        request: gr.Request,
    ) -> Updates:
        """Generate was pressed."""
        try:
            self._check_idle(job_id)
            settings = document.settings_of(strength, steps, schedule, seed, control)
            words = str(prompt or "")[: document.MAX_PROMPT]
            project = replace(document.read({**value, "settings": {}}), prompt=words, settings=settings)
            frame = self.studio.sessions.get(request.session_hash or "").get(str(project.image))
            if frame is None:
                yield tuple(Update(editor=gr.update(missing=uuid.uuid4().hex)))
                return
            model, size = value.get("model") or EMBEDDED, frame.pixels.shape[:2]
            engine = await asyncio.to_thread(self.studio.shelf.engine, model)
            if settings.strength > 0 and settings.control not in engine.form.controls:
                raise UserError(
                    f"No trained control for {engine.name} is here: choose “{views.CONTROLS['dual-clock']}” as the "
                    "control, or put a control's file into checkpoints/ and choose it under Model."
                )
            subjects = await asyncio.to_thread(document.subjects_of, project, engine.form.frames, size)
            project = replace(project, image=png_bytes(frame.pixels))
            text = project_text(project, value.get("source"))
            order = Request(frame.pixels, subjects, words, settings, text, project.frames)
            job = await asyncio.to_thread(self.studio.submit, order, model)
        except UserError as error:
            yield tuple(Update(progress=views.notice(str(error))))
            return
        async for update in self._watch(job, model):
            yield update

    async def compare(self, job_id: str, result_id: str) -> Updates:
        """The same video without control was asked for."""
        try:
            self._check_idle(job_id)
            done = self.studio.jobs.get(result_id)
            if done is None or not isinstance(done.result, Outcome):
                raise UserError("The video to compare with is no longer kept: please generate it again.")
            job = await asyncio.to_thread(self.studio.submit_comparison, done.result)
        except UserError as error:
            yield tuple(Update(progress=views.notice(str(error))))
            return
        async for update in self._watch(job, done.result.model):
            yield update

    async def follow(self, value: Any, job_id: str, result_id: str) -> Updates:
        """A page was opened again: shows its last result, and goes on watching its running job."""
        done = self.studio.jobs.get(result_id)
        yield tuple(self._state(done) if done is not None and done.over else Update())
        job = self.studio.jobs.get(job_id)
        if job is not None and job is not done:
            async for update in self._watch(job, value.get("model") or EMBEDDED):
                yield update

    def stop(self, job_id: str) -> None:
        self.studio.jobs.cancel(job_id)

    async def _watch(self, job: Job, model: str) -> Updates:
        seen: Any = None
        while not job.over:
            now = (job.state, job.progress, job.stopping, self.studio.jobs.ahead(job))
            if now != seen:
                yield tuple(await asyncio.to_thread(self._state, job))
            seen = now
            await asyncio.sleep(POLL)
        sign = await asyncio.to_thread(views.sign_of, self.studio.shelf, model)
        yield tuple(self._state(job)._replace(sign=sign))

    def _state(self, job: Job) -> Update:
        """The page as a job has it."""
        if not job.over:
            return Update(
                editor=gr.update(job=job.id),
                job=job.id,
                progress=views.progress_panel(job, self.studio.jobs.ahead(job)),
                generate=gr.update(visible=False),
                stop=gr.update(visible=True, interactive=not job.stopping),
                compare=gr.update(interactive=False),
            )
        ended = Update(
            editor=gr.update(job=""),
            job="",
            progress=views.ended_panel(job),
            generate=gr.update(visible=True),
            stop=gr.update(visible=False),
            compare=gr.update(interactive=True),
        )
        if not isinstance(job.result, Outcome):
            return ended
        return ended._replace(
            editor=gr.update(job="", result=job.id),
            result=job.id,
            player=showing(job.result),
            report=views.report_panel(job.result),
            compare=gr.update(visible=not job.result.free, interactive=True),
        )

    def _check_idle(self, job_id: str) -> None:
        job = self.studio.jobs.get(job_id)
        if job is not None and not job.over:
            raise UserError("A video is being made already: wait for it or press Stop.")
