"""The scenes of an evaluation: the first N of a split, rendered ahead by processes of their own."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from .truth import Truth, truth_of

LOOKAHEAD = 3  # scenes rendered ahead for each process; a 256-pixel scene takes some 60 MB


@dataclass(frozen=True)
class Case:
    """Scene number `index` of a split, and the counterfactual pair of that number (a scene of its own)."""

    index: int
    truth: Truth
    pair: tuple[Truth, Truth]


def make_case(split: str, index: int, size: int) -> Case:
    """Simulates and renders one case at size x size pixels. The pair's captions name no direction."""
    from ..world import counterfactual_pair, make_clip, render, simulate

    first, second = (
        truth_of(render(scene, simulate(scene), size), directions=False)
        for scene in counterfactual_pair(split, index)  # type: ignore[arg-type]
    )
    return Case(index, truth_of(make_clip(split, index, size)), (first, second))  # type: ignore[arg-type]


def make_cases(split: str, count: int, size: int, processes: int = 2) -> Generator[Case, None, None]:
    """Cases 0 to count - 1 in order, none left out; if a process is killed, this one makes the rest."""
    made = 0
    try:
        for case in _ahead(split, count, size, processes):
            made += 1
            yield case
    except BrokenProcessPool:
        for index in range(made, count):
            yield make_case(split, index, size)


def _ahead(split: str, count: int, size: int, processes: int) -> Generator[Case, None, None]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start) as pool:
        waiting: deque[Future[Case]] = deque()
        try:
            for index in range(count):
                waiting.append(pool.submit(make_case, split, index, size))
                if len(waiting) >= LOOKAHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _start() -> None:
    """One thread each, and Ctrl-C is left to the parent."""
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
