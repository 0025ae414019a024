"""The download of a large backbone's weights: offered with size and licence, one at a time, told to every open page.

It has a thread of its own, as no video should wait for it, and writes to the server's disk, so it is offered only where
whoever sees the page runs the server, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ..backbones.fetching import begun, fetch
from ..backbones.registry import Preset, find_preset
from ..errors import UserError
from ..jobs import Job, Jobs
from .shelf import Shelf

POLL = 0.25  # seconds between two looks at a download


class Obtaining:
    """The downloads of a server. allowed: whether pages may start one."""

    def __init__(self, shelf: Shelf, allowed: bool):
        self.shelf, self.allowed = shelf, allowed
        self._jobs = Jobs(waiting=1, history=2)
        self._last: tuple[Preset, Job] | None = None

    def start(self, name: Any, accepted: Any) -> None:
        """Begins to download a backbone that is offered. Raises UserError when that is not to be."""
        if not self.allowed:
            raise UserError("Weights are not fetched from here: ask who runs this server.")
        if name not in self.shelf.offered:
            raise UserError("There is no such model to fetch: please choose one of those shown.")
        if accepted is not True:
            raise UserError("The licence was not accepted: read it, tick the box, then press Download.")
        if self.busy:
            raise UserError("Other weights are being fetched: wait for them, or stop that.")
        preset = find_preset(name)

        def work(job: Job) -> None:
            fetch(preset, lambda done, total: job.report((done, total)))

        self._last = preset, self._jobs.submit(work)

    def stop(self) -> None:
        """What came is kept, so that the next download goes on from there."""
        if self.allowed and self._last:
            self._last[1].cancel()

    @property
    def busy(self) -> bool:
        return self._last is not None and not self._last[1].over

    def offer(self, preset: Preset) -> dict[str, Any]:
        """The chooser's offer of weights that are not here."""
        there = begun(preset) / 1e9
        size = f"{max(preset.download - there, 0.1):.3g} GB"
        command = (
            f"The weights go to checkpoints/{preset.name}; they can be put there by hand, too."
            if self.allowed
            else f"Who runs this server can get them by: hf download {preset.hub}"
        )
        return {
            "name": preset.name,
            "licence": preset.licence,
            "label": f"Go on: {size} more" if there else f"Download {size}",
            "allowed": self.allowed,
            "page": f"https://huggingface.co/{preset.hub}",
            "command": command,
        }

    def state(self) -> dict[str, Any]:
        """The chooser's property `download`: what is fetched now, with its share 0..1, and why one failed."""
        if self._last is None:
            return {"fetching": None, "error": ""}
        preset, job = self._last
        done, total = job.progress or (0, 1)
        told = f"{done / 1e9:.2f} of {total / 1e9:.2f} GB" if total > 1 else "asking what there is"
        told = "stopping…" if job.stopping else told
        now = {"label": f"{preset.title}: {told}", "share": done / total}
        return {"fetching": None if job.over else now, "error": job.error or ""}

    async def states(self) -> AsyncIterator[dict[str, Any]]:
        """As `state`, whenever it has changed, until the download is over."""
        last: Any = None
        while True:
            busy = self.busy
            now = self.state()
            if now != last:
                yield now
            last = now
            if not busy:
                return
            await asyncio.sleep(POLL)
