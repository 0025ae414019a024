"""One worker, one lock: work that takes seconds runs in turn, outlives the page that asked for it, and can be stopped.

A `Job` is known by an unguessable id; who has the id may look at the job, and nobody can list the jobs of others.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Literal

from .errors import UserError

State = Literal["waiting", "running", "done", "failed", "stopped"]
log = logging.getLogger(__name__)


class Stopped(Exception):
    """Raised inside a job's function by `Job.check` after somebody pressed Stop."""


class Job:
    """One piece of work. `state`, `progress`, `result` and `error` may be read from any thread.

    progress: whatever the function last gave to `report`; result: what it returned, when state is "done";
    error: one sentence, when state is "failed".
    """

    def __init__(
        self,
        function: Callable[[Job], Any],
        discard: Callable[[Job], None] | None = None,
        keep: bool = True,
    ):
        self.id = uuid.uuid4().hex
        self.state: State = "waiting"
        self.progress: Any = None
        self.result: Any = None
        self.error: str | None = None
        self._function: Callable[[Job], Any] | None = function
        self._discard = discard
        self._keep = keep
        self._stop = threading.Event()
        self._over = threading.Event()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def report(self, progress: Any) -> None:
        """For the function: says how far it is, and ends it here if somebody pressed Stop. Raises Stopped."""
        self.progress = progress
        self.check()

    def check(self) -> None:
        """For the function: raises Stopped if somebody pressed Stop."""
        if self._stop.is_set():
            raise Stopped

    def cancel(self) -> None:
        """Asks the job to stop; it does at its next report. A job that is over stays as it is."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Blocks until the job is over; False if the time ran out first."""
        return self._over.wait(seconds)


class Jobs:
    """The queue, its one worker thread and a bounded history.

    waiting: how many jobs may wait at once; history: how many finished ones are remembered.
    """

    def __init__(self, waiting: int = 16, history: int = 48):
        self._limit, self._history = waiting, history
        self._queue: deque[Job] = deque()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running: Job | None = None
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(
        self,
        function: Callable[[Job], Any],
        discard: Callable[[Job], None] | None = None,
        keep: bool = True,
    ) -> Job:
        """Puts `function(job)` at the end of the queue; `discard(job)` is called when the job leaves the history.

        keep: whether it has a place in the history; small work, whose asker holds on to the job, should take none.
        Raises UserError when too many jobs wait already.
        """
        job = Job(function, discard, keep)
        with self._change:
            self._drop_stopped()
            if len(self._queue) >= self._limit:
                raise UserError(
                    f"{len(self._queue)} pieces of work are waiting already, too many: please try again in a minute."
                )
            self._queue.append(job)
            self._jobs[job.id] = job
            forgotten = self._trim()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._thread.start()
            self._change.notify()
        for old in forgotten:
            self._forget(old)
        return job

    def get(self, id: str) -> Job | None:
        with self._change:
            return self._jobs.get(id)

    def cancel(self, id: str) -> None:
        """Stops a job: a waiting one at once, a running one at its next report. Unknown ids are ignored."""
        with self._change:
            job = self._jobs.get(id)
            if job:
                job.cancel()
            self._drop_stopped()

    def ahead(self, job: Job) -> int:
        """How many jobs will run before this one starts."""
        with self._change:
            if job not in self._queue:
                return 0
            return self._queue.index(job) + (self._running is not None)

    def _drop_stopped(self) -> None:
        for job in [j for j in self._queue if j.stopping]:
            self._queue.remove(job)
            _finish(job, "stopped")

    def _trim(self) -> list[Job]:
        over = [job for job in self._jobs.values() if job.over]
        kept = [job for job in over if job._keep]
        surplus = kept[: max(0, len(kept) - self._history)] + [job for job in over if not job._keep]
        for job in surplus:
            del self._jobs[job.id]
        return surplus

    def _forget(self, job: Job) -> None:
        if job._discard:
            try:
                job._discard(job)
            except Exception:
                log.exception("could not tidy up after job %s", job.id)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._queue:
                    self._change.wait()
                job = self._running = self._queue.popleft()
            self._run(job)
            with self._change:
                self._running = None

    def _run(self, job: Job) -> None:
        try:
            job.check()
            job.state = "running"
            function, job._function = job._function, None  # what it holds on to goes with it
            assert function
            job.result = function(job)
            _finish(job, "done")
        except Stopped:
            _finish(job, "stopped")
        except UserError as error:
            job.error = str(error)
            _finish(job, "failed")
        except Exception as error:
            log.exception("job %s failed", job.id)
            job.error = (
                f"Something broke while making this ({type(error).__name__}): nothing is lost, try again."
            )
            _finish(job, "failed")


def _finish(job: Job, state: State) -> None:
    job.state = state
    job._function = None
    job._over.set()
