"""What the server holds for all pages: the models, the one worker, frames and driving videos, a folder for files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..jobs import Job, Jobs
from .clips import Clips
from .engine import Engine
from .making import Outcome, Request, discard, make_comparison, make_video
from .sessions import Sessions
from .shelf import EMBEDDED, Shelf

if TYPE_CHECKING:
    from ..selection.choice import Models


class Studio:
    """One to a process. Whatever belongs to one page is reached by that page's hash or by a job's unguessable id."""

    def __init__(self, engine: Engine, jobs: Jobs | None = None, backbones: Sequence[str] = ()):
        """engine: the embedded model; backbones: the large ones that pages may choose, by name."""
        self.shelf = Shelf(engine, backbones)
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
        """Loads the embedded model in the worker thread; a request that comes meanwhile waits behind it."""
        return self.jobs.submit(lambda job: self.shelf.embedded.load())

    def submit(self, request: Request, model: str = EMBEDDED) -> Job:
        """Queues a video. Raises UserError when too many are waiting, or the model is not here or does not fit."""
        engine = self.shelf.engine(model)
        self.shelf.check(engine)
        return self._submit(engine, make_video(engine, request, model, self._place()))

    def submit_comparison(self, before: Outcome) -> Job:
        engine = self.shelf.engine(before.model)
        return self._submit(engine, make_comparison(engine, before, self._place()))

    def _submit(self, engine: Engine, make: Callable[[Job], Outcome]) -> Job:
        """Queues a generation, which goes before other models, and before those that select where the GPU is short."""

        def work(job: Job) -> Outcome:
            self.models.make_room()
            self.shelf.make_room(engine)
            return make(job)

        return self.jobs.submit(work, discard)

    def _place(self) -> Path:
        return self.folder / "videos" / uuid.uuid4().hex


def file_url(path: Path) -> str:
    """Where the browser finds one of the studio's files, relative to the page (a proxy may serve it below a path)."""
    return f"gradio_api/file={path}"
