"""What selects and finds here, and the download of weights that do it better.

Downloads have a thread of their own, as no video should wait for one; there is one at a time. They write to the
server's disk, so they are offered only where whoever sees the page runs the server, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from ..errors import UserError
from ..jobs import Job, Jobs
from ..weights import KNOWN, Weights, download, find_weights
from .studio import Studio

POLL = 0.25  # seconds between two looks at a download


class Fetching:
    """The downloads of a server, and the events of pages that ask for them. allowed: whether pages may start one."""

    def __init__(self, studio: Studio, allowed: bool):
        self.studio, self.allowed = studio, allowed
        self._jobs = Jobs(waiting=1, history=2)
        self._last: tuple[Weights, Job] | None = None

    async def follow(self) -> AsyncIterator[Any]:
        """A page has opened -> editor, for as long as a download goes on."""
        async for update in self._states():
            yield update

    async def fetch(self, event: gr.EventData) -> AsyncIterator[Any]:
        """A file is wanted -> editor, until it is there."""
        try:
            self.start(str((event._data or {}).get("file")))
        except UserError as error:
            yield gr.update(selection={**await asyncio.to_thread(self.state), "error": str(error)})
            return
        async for update in self._states():
            yield update

    def stop(self) -> None:
        """What came is kept, so that the next download goes on from there."""
        if self.allowed and self._last:
            self._last[1].cancel()

    def start(self, file: str) -> None:
        """Begins to download one of the KNOWN files. Raises UserError when that is not to be."""
        weights = KNOWN.get(file)
        if not self.allowed:
            raise UserError("Weights are not fetched from here: ask who runs this server.")
        if weights is None:
            raise UserError("There is no such file to fetch: please choose one of those shown.")
        if self._busy():
            raise UserError("Another file is being fetched: wait for it, or stop it.")

        def work(job: Job) -> None:
            job.report((0, weights.bytes))
            download(weights, lambda done, total: job.report((done, total)))

        self._last = weights, self._jobs.submit(work)

    def state(self) -> dict[str, Any]:
        """The editor's property `selection`.

        note: what is in use; offers: what may be fetched, `begun` where a download was stopped; advice: what to do
        where nothing may be; fetching: the download that goes on, with its share 0..1; error: why the last one failed.
        """
        missing = [weights for weights in KNOWN.values() if find_weights(weights) is None]
        weights, job = self._last or (None, None)
        fetching, error, begun = None, "", ""
        if weights and job:
            done, total = job.progress or (0, weights.bytes)
            if not job.over:
                label = f"{weights.name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
                label = f"{weights.name}: checking it" if done >= total else label
                fetching = {"file": weights.file, "label": label, "share": done / total}
            error = job.error or ""
            begun = weights.file if job.over and 0 < done < total else ""
        offers = [_offer(one, one.file == begun) for one in missing if self.allowed]
        advice = "" if self.allowed or not missing else _advice(missing)
        note = self.studio.models.note()
        return {"note": note, "offers": offers, "advice": advice, "fetching": fetching, "error": error}

    def _busy(self) -> bool:
        return self._last is not None and not self._last[1].over

    async def _states(self) -> AsyncIterator[Any]:
        last: Any = None
        while True:
            busy = self._busy()
            now = await asyncio.to_thread(self.state)
            if now != last:
                yield gr.update(selection=now)
            last = now
            if not busy:
                return
            await asyncio.sleep(POLL)


def _offer(weights: Weights, begun: bool) -> dict[str, Any]:
    shown = {"file": weights.file, "name": weights.name, "what": weights.what}
    return {**shown, "size": weights.size, "licence": weights.licence, "begun": begun}


def _advice(missing: list[Weights]) -> str:
    """For a server that others run: what they would put where."""
    files = ", ".join(f"{one.file} ({one.name}, from {one.repository})" for one in missing)
    return f"Who runs this server can put these files into its folder checkpoints/: {files}."
