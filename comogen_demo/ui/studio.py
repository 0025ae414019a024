"""What the server holds for all pages: the model, the one worker, the pages' frames, and a folder for files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from pathlib import Path

from ..jobs import Job, Jobs
from .engine import Engine
from .making import Outcome, Request, discard, make_comparison, make_video
from .sessions import Sessions


class Studio:
    """One to a process. Whatever belongs to one page is reached by that page's hash or by a job's unguessable id."""

    def __init__(self, engine: Engine, jobs: Jobs | None = None):
        self.engine = engine
        self.jobs = jobs or Jobs(history=24)
        self.folder = Path(tempfile.mkdtemp(prefix="comogen-"))
        self.sessions = Sessions(self.folder / "pages")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def warm_up(self) -> Job:
        """Loads the model in the worker thread; a request that comes meanwhile waits behind it."""
        return self.jobs.submit(lambda job: self.engine.load())

    def submit(self, request: Request) -> Job:
        """Queues a video. Raises UserError when too many are waiting."""
        return self.jobs.submit(make_video(self.engine, request, self._place()), discard)

    def submit_comparison(self, before: Outcome) -> Job:
        return self.jobs.submit(make_comparison(self.engine, before, self._place()), discard)

    def _place(self) -> Path:
        return self.folder / "videos" / uuid.uuid4().hex


def file_url(path: Path) -> str:
    """Where the browser finds one of the studio's files, relative to the page (a proxy may serve it below a path)."""
    return f"gradio_api/file={path}"
