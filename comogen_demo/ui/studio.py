"""What the server holds for all pages: the models, the one worker, frames and driving videos, a folder for files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..jobs import Job, Jobs
from .clips import Clips
from .engine import Engine
from .making import Outcome, Request, discard, make_comparison, make_video
from .sessions import Sessions

if TYPE_CHECKING:
    from ..selection.choice import Models


class Studio:
    """One to a process. Whatever belongs to one page is reached by that page's hash or by a job's unguessable id."""

    def __init__(self, engine: Engine, jobs: Jobs | None = None):
        self.engine = engine
        self.jobs = jobs or Jobs(history=24)
        self.folder = Path(tempfile.mkdtemp(prefix="comogen-"))
        self.sessions = Sessions(self.folder / "pages")
        self.clips = Clips(self.folder / "clips")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    @cached_property
    def models(self) -> Models:
        """What selects, tracks and finds; it loads its weights, if there are any, when they are first used."""
        from ..selection.choice import Models

        return Models()

    def warm_up(self) -> Job:
        """Loads the model in the worker thread; a request that comes meanwhile waits behind it."""
        return self.jobs.submit(lambda job: self.engine.load())

    def submit(self, request: Request) -> Job:
        """Queues a video. Raises UserError when too many are waiting."""
        return self._submit(make_video(self.engine, request, self._place()))

    def submit_comparison(self, before: Outcome) -> Job:
        return self._submit(make_comparison(self.engine, before, self._place()))

    def _submit(self, make: Callable[[Job], Outcome]) -> Job:
        """Queues a generation, which goes before the models that select where the GPU is short."""

        def work(job: Job) -> Outcome:
            self.models.make_room()
            return make(job)

        return self.jobs.submit(work, discard)

    def _place(self) -> Path:
        return self.folder / "videos" / uuid.uuid4().hex


def file_url(path: Path) -> str:
    """Where the browser finds one of the studio's files, relative to the page (a proxy may serve it below a path)."""
    return f"gradio_api/file={path}"
