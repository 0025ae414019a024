"""The driving video's events: from a file to a track of the document, one method an event.

A page reaches only the clips that its browser brought, by their unguessable ids and the browser's own key. Tracking is
a job of the one worker, and so is a click where a model answers it. What the user can mend comes back as a sentence;
every mask made so far stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import gradio as gr
import numpy as np

from ..errors import UserError
from ..jobs import Job
from . import document
from .clip_state import Following, clip_state, told_at_end
from .clips import Clip, Cut, Gone
from .laying import entry, lay
from .picking import picked
from .studio import Studio
from .uploads import uploaded

POLL = 0.1  # seconds between two looks at a job
SKIP = gr.skip()


class Driver:
    """The events of the driving video, for a page whose project plays at `fps`."""

    def __init__(self, studio: Studio, fps: float):
        self.studio, self.fps = studio, fps

    # The clip

    async def bring(self, event: gr.EventData) -> Any:
        """A video was uploaded -> driving. The clip that it replaces is let go."""

        def take(data: dict[str, Any]) -> Clip:
            clip = self.studio.clips.add(uploaded([data.get("file")])[0], _owner(data))
            self._drop(data)
            return clip

        data = event._data or {}
        try:
            clip = await asyncio.to_thread(take, data)
        except UserError as error:
            return gr.update(answer=_answer(data, str(error), "error"))
        return self._update(clip, data)

    async def cut(self, event: gr.EventData) -> Any:
        """A part and a rate were chosen -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            lost = clip.cut_out(*(_number(data.get(name), name) for name in ("start", "end", "fps")))
            self.studio.clips.tidy()
            if not lost:
                return ""
            those = "The mask that you gave is" if lost == 1 else f"{lost} of the masks that you gave are"
            return f"{those} of a picture that is not in this part."

        return await self._change(event, work)

    async def leave(self, event: gr.EventData) -> Any:
        """The video is to be removed -> driving."""
        data = event._data or {}
        await asyncio.to_thread(self._drop, data)
        return gr.update(clip={}, answer=_answer(data))

    async def reopen(self, event: gr.EventData) -> AsyncIterator[Any]:
        """A page was opened again -> driving, for as long as its subject is being tracked."""
        data = event._data or {}
        try:
            clip = self._clip(data)
        except UserError as error:
            yield gr.update(clip={}, answer=_answer(data, str(error), "error"))
            return
        if not clip.busy:
            yield self._update(clip, data)
            return
        async for update in self._watch(clip, data):
            yield update

    # The subject

    async def pick(self, event: gr.EventData) -> Any:
        """A click or a box in a frame -> driving."""
        data = event._data or {}
        try:
            clip = self._clip(data)
            clip.check_free()
            cut = clip.part()
            index = _frame(data, cut)
            picture, present = np.asarray(cut.frames[index]), cut.tracking.masks[index]
            mask = await self._asked(lambda: picked(self.studio.models.selector(), picture, data, present))
        except UserError as error:
            return self._error(error, data)

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                if clip.cut is not cut:
                    raise UserError("The part has changed meanwhile: please click again.")
                cut.give(index, mask)
            return ""

        return await self._change(event, work)

    async def forget(self, event: gr.EventData) -> Any:
        """The mask that was given for a frame is to go -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                clip.part().forget(_frame(data, clip.part()))
            return ""

        return await self._change(event, work)

    async def hide(self, event: gr.EventData) -> Any:
        """The subject is out of sight from a frame on, until the next given mask -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                cut = clip.part()
                cut.give(_frame(data, cut), np.zeros(cut.frames.shape[1:3], bool))
            return ""

        return await self._change(event, work)

    async def undo(self, event: gr.EventData) -> Any:
        """The last change of the given masks is taken back -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                clip.part().undo()
            return ""

        return await self._change(event, work)

    async def track(self, event: gr.EventData) -> AsyncIterator[Any]:
        """The subject is to be tracked through the part -> driving, frame by frame."""
        data = event._data or {}
        try:
            clip = self._clip(data)
            with clip.lock:
                clip.check_free()
                cut = clip.part()
                if not cut.tracking.given:
                    raise UserError("Nothing is picked yet: click the subject in any frame first.")
                if not cut.missing():
                    raise UserError("Every frame has its mask already: correct one to track on from it.")
                clip.job = self.studio.jobs.submit(self._tracking(clip, cut), keep=False)
                clip.serial += 1
        except UserError as error:
            yield gr.update(answer=_answer(data, str(error), "error"))
            return
        async for update in self._watch(clip, data):
            yield update

    def halt(self, event: gr.EventData) -> None:
        """Stop was pressed."""
        with contextlib.suppress(Gone):
            clip = self._clip(event._data or {})
            if clip.job is not None:
                self.studio.jobs.cancel(clip.job.id)

    def _tracking(self, clip: Clip, cut: Cut) -> Callable[[Job], None]:
        def work(job: Job) -> None:
            total = cut.missing()
            job.report(Following(0, total))
            for done, tracked in enumerate(cut.follow(self.studio.models.selector()), 1):
                clip.serial += 1
                job.report(Following(done, total, tracked.index))

        return work

    async def _watch(self, clip: Clip, data: dict[str, Any]) -> AsyncIterator[Any]:
        job, seen = clip.job, None
        assert job is not None
        while not job.over:
            now = (job.state, job.progress, job.stopping, self.studio.jobs.ahead(job))
            if now != seen:
                yield gr.update(clip=self._state(clip))
            seen = now
            await asyncio.sleep(POLL)
        clip.serial += 1
        if job.state == "failed":
            yield self._update(clip, data, job.error or "", "error")
        else:
            yield self._update(clip, data, told_at_end(clip.part(), job.state == "stopped"))

    async def _asked(self, select: Callable[[], np.ndarray]) -> np.ndarray:
        """What a selection gives: at once, or in its turn among all heavy work where a model is asked. UserError."""
        if not self.studio.models.uses_weights():
            return await asyncio.to_thread(select)
        job = self.studio.jobs.submit(lambda job: select(), keep=False)
        while not job.over:
            await asyncio.sleep(POLL)
        if job.state != "done":
            raise UserError(job.error or "It was stopped: please click again.")
        return job.result

    # The track

    async def put(self, event: gr.EventData, value: Any, request: gr.Request) -> tuple[Any, Any]:
        """The motion is to lie on the picture -> driving, editor: see `lay`."""
        data = event._data or {}
        session = self.studio.sessions.get(request.session_hash or "")
        try:
            clip = self._clip(data)
            clip.check_free()
            project, image = document.read(value), str(value.get("image") or "")
            frame = session.get(image)
            if not image:
                raise UserError("There is no picture yet to put the motion on: choose one first.")
            if frame is None:
                again = _answer(data, "The connection was renewed: please do that once more.")
                return gr.update(answer=again), gr.update(missing=uuid.uuid4().hex)
            size = (frame.pixels.shape[0], frame.pixels.shape[1])
            asked = (str(data.get("track") or ""), size, data.get("begin"), data.get("lasts"))
            laid, told = await asyncio.to_thread(lay, clip, project, *asked)
        except UserError as error:
            return self._error(error, data), SKIP
        imported = {"turn": _turn(data), "image": image, "track": entry(laid)}
        return self._update(clip, data, told), gr.update(imported=imported)

    # What all of them need

    def _clip(self, data: dict[str, Any]) -> Clip:
        return self.studio.clips.get(_id(data), _owner(data))

    def _drop(self, data: dict[str, Any]) -> None:
        """Lets the clip go that a page names, its tracking first."""
        with contextlib.suppress(Gone):
            clip = self._clip(data)
            if clip.job is not None and not clip.job.over:
                self.studio.jobs.cancel(clip.job.id)
                clip.job.wait(60)
            self.studio.clips.drop(clip.id)

    async def _change(self, event: gr.EventData, work: Callable[[Clip, dict[str, Any]], str]) -> Any:
        """Does a work that changes a clip, beside the page's other events -> driving."""
        data = event._data or {}
        try:
            clip = self._clip(data)
            told = await asyncio.to_thread(work, clip, data)
            clip.serial += 1
        except UserError as error:
            return self._error(error, data)
        return self._update(clip, data, told)

    def _error(self, error: UserError, data: dict[str, Any]) -> Any:
        gone: dict[str, Any] = {"clip": {}} if isinstance(error, Gone) else {}
        return gr.update(answer=_answer(data, str(error), "error"), **gone)

    def _update(self, clip: Clip, data: dict[str, Any], text: str = "", kind: str = "info") -> Any:
        return gr.update(clip=self._state(clip), answer=_answer(data, text, kind))

    def _state(self, clip: Clip) -> dict[str, Any]:
        return clip_state(clip, self.studio, self.fps)


def _frame(data: dict[str, Any], cut: Cut) -> int:
    index = data.get("frame")
    if not isinstance(index, int) or not 0 <= index < len(cut):
        raise UserError(f"The part has frames 1 to {len(cut)}: choose one of them.")
    return index


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise UserError(f"The {name} of the part is no number: please enter it again.")
    return float(value)


def _id(data: dict[str, Any]) -> str:
    return str(data.get("clip") or "")


def _owner(data: dict[str, Any]) -> str:
    return str(data.get("owner") or "")[:64]


def _turn(data: dict[str, Any]) -> str:
    return str(data.get("turn") or "")[:64]


def _answer(data: dict[str, Any], text: str = "", kind: str = "info") -> dict[str, Any]:
    return {"turn": _turn(data), "text": text, "kind": kind}
