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
ADVICE = "Who runs this server can put any of these into its folder checkpoints/; they are on Hugging Face."
TOGETHER = {"groundingdino_swint_ogc.pth": ("vocab.txt",)}  # files that are of use only with others


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
        wanted = next((group for group in _groups() if group[0].file == file), ())
        if not self.allowed:
            raise UserError("Weights are not fetched from here: ask who runs this server.")
        if not wanted:
            raise UserError("There is no such file to fetch: please choose one of those shown.")
        if self._busy():
            raise UserError("Another file is being fetched: wait for it, or stop it.")

        def work(job: Job) -> None:
            before, total = 0, sum(weights.bytes for weights in wanted)

            def report(done: int, _: int) -> None:
                job.report((before + done, total))

            report(0, 0)
            for weights in wanted:
                download(weights, report)
                before += weights.bytes

        self._last = wanted[0], self._jobs.submit(work)

    def state(self) -> dict[str, Any]:
        """The editor's property `selection`.

        note: what is in use; offers: what is not here, `begun` where a download was stopped; advice: what to do
        where nothing may be fetched; fetching: what is fetched now, with its share 0..1; error: why one failed.
        """
        missing = [group for group in _groups() if any(find_weights(one) is None for one in group)]
        weights, job = self._last or (None, None)
        fetching, error, begun = None, "", ""
        if weights and job:
            done, total = job.progress or (0, weights.bytes)
            if not job.over:
                told = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if done < total else "checking it"
                told = "stopping…" if job.stopping else told
                fetching = {"file": weights.file, "label": f"{weights.name}: {told}", "share": done / total}
            error = job.error or ""
            begun = weights.file if job.over and 0 < done < total else ""
        offers = [_offer(group, group[0].file == begun) for group in missing]
        advice = "" if self.allowed or not missing else ADVICE
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


def _groups() -> list[tuple[Weights, ...]]:
    """What is fetched at once, by its first file: most files alone."""
    seconds = {file for group in TOGETHER.values() for file in group}
    firsts = [file for file in KNOWN if file not in seconds]
    return [tuple(KNOWN[name] for name in (file, *TOGETHER.get(file, ()))) for file in firsts]


def _offer(group: tuple[Weights, ...], begun: bool) -> dict[str, Any]:
    first = group[0]
    shown = {"file": first.file, "name": first.name, "what": first.what, "begun": begun}
    size = f"{sum(one.bytes for one in group) / 1e6:.0f} MB"
    licence = ", ".join(dict.fromkeys(one.licence for one in group))
    source = ", ".join(f"{one.file} from {one.repository}" for one in group)
    return {**shown, "size": size, "licence": licence, "source": source}
