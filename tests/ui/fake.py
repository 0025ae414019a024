"""Stand-ins for the models.

Of the generator: the subject is cut out and pasted along its mask, so that its videos mean something. Of what selects
and finds: the built-in selection under another name, and a finder that knows what it is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from comogen_demo.control.report import measure_control
from comogen_demo.errors import UserError
from comogen_demo.masks import validate_masks
from comogen_demo.selection import select_by_box, select_by_points
from comogen_demo.selection.builtin import BuiltIn, ColourFinder
from comogen_demo.selection.interface import Box, Found, Point
from comogen_demo.settings import Settings
from comogen_demo.ui.engine import Form

SIDE, FRAMES, FPS = 256, 25, 12.5


class FakeEngine:
    """Cut and paste with the wait of a real model. `broken` is the sentence of a checkpoint that does not load."""

    def __init__(self, pause: float = 0.03, broken: str = ""):
        self.name, self.state, self.note = "fake", "loading", ""
        self.form = Form(SIDE, SIDE, FRAMES, FPS, (32, 32))
        self.pause, self.broken = pause, broken
        self.seen: list[tuple[Any, ...]] = []  # frame, masks of all subjects united, prompt, settings
        self.subjects: list[np.ndarray | None] = []

    def load(self) -> None:
        if self.broken:
            self.state, self.note = "missing", self.broken
            raise UserError(self.broken)
        self.state, self.note = "ready", ""

    def unload(self) -> None:
        self.state = "resting"

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        masks = None if subjects is None else subjects.any(0)
        self.subjects.append(subjects)
        chosen = settings
        chosen.validate()
        self.seen.append((frame, masks, prompt, chosen))
        base = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        frames = np.repeat(base[None], FRAMES, 0)
        if masks is not None:
            masks = validate_masks(masks, FRAMES, frame.shape[:2])
            frames = paste_along(base, shrink(masks))
            if chosen.control == "dual-clock":
                yield SimpleNamespace(index=-1, total=chosen.steps, weight=1.0, preview=frames)
                time.sleep(self.pause)
        noise = np.random.default_rng(chosen.seed).integers(0, 256, frames.shape, np.uint8)
        for k in range(chosen.steps):
            time.sleep(self.pause)
            left = 1 - (k + 1) / chosen.steps
            preview = cv2.addWeighted(frames, 1 - left, noise, left, 0)
            yield SimpleNamespace(index=k, total=chosen.steps, weight=left, preview=preview)
        report = measure_control(base, frames, masks) if masks is not None else None
        seconds = self.pause * chosen.steps
        late = () if subjects is None else tuple(k for k, one in enumerate(subjects) if not one[0].any())
        yield SimpleNamespace(
            frames=frames,
            fps=FPS,
            report=report,
            seconds=seconds,
            unknown_words=(),
            left_out=late if chosen.control == "dual-clock" else (),
        )


def shrink(masks: np.ndarray) -> np.ndarray:
    small = [
        cv2.resize(m.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0.5 for m in masks
    ]
    return np.stack(small)


def paste_along(base: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The subject of mask 0 moved by each mask's centroid over the painted-over first frame."""
    hole = cv2.dilate(masks[0].astype(np.uint8), np.ones((9, 9), np.uint8))
    empty = cv2.inpaint(base, hole, 3, cv2.INPAINT_TELEA)
    home = np.argwhere(masks[0]).mean(0)
    shots = []
    for mask in masks:
        dy, dx = np.argwhere(mask).mean(0) - home if mask.any() else (0, 0)
        shift = np.float32([[1, 0, dx], [0, 1, dy]])
        moved = cv2.warpAffine(base, shift, (SIDE, SIDE))
        cover = cv2.warpAffine(masks[0].astype(np.float32), shift, (SIDE, SIDE))[..., None]
        shots.append((moved * cover + empty * (1 - cover)).astype(np.uint8))
    return np.stack(shots)


class BuiltInModels:
    """As selection.choice.Models where there are no weights."""

    def selector(self) -> BuiltIn:
        return BuiltIn()

    def finder(self) -> ColourFinder:
        return ColourFinder()

    def uses_weights(self) -> bool:
        return False

    def note(self) -> str:
        return "The built-in selects and tracks by colours, edges and motion; words find colours only."

    def make_room(self) -> None:
        pass


class FakeModels:
    """As selection.choice.Models. weights: whether its work must go through the worker.

    knows: what a phrase finds, in shares of the frame; "nonsense" is refused, and all else is not there.
    """

    name = "fake finder"

    def __init__(self, knows: dict[str, list[tuple[Box, float]]] | None = None, weights: bool = False):
        self.knows, self.weights = knows or {}, weights
        self.pause = 0.0

    def uses_weights(self) -> bool:
        return self.weights

    def note(self) -> str:
        return "A fake model selects here." if self.weights else "Selected by colours and edges (built-in)."

    def selector(self) -> FakeModels:
        return self

    finder = selector

    def make_room(self) -> None:
        pass

    def select(
        self,
        frame: np.ndarray,
        points: Sequence[Point] = (),
        box: Box | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, float]:
        time.sleep(self.pause)
        sure = 1.0
        if box:
            mask, sure = select_by_box(frame, box, mask)
        if points:
            mask, sure = select_by_points(frame, points, mask)
        return np.zeros(frame.shape[:2], bool) if mask is None else mask, sure

    def find(self, frame: np.ndarray, words: str) -> list[Found]:
        time.sleep(self.pause)
        if words == "nonsense":
            raise UserError("The built-in finder knows colours only: say a colour, or get Grounding DINO.")
        height, width = frame.shape[:2]
        scaled = [
            (tuple(np.array(box) * (width, height, width, height)), sure)
            for box, sure in self.knows.get(words, [])
        ]
        return [Found(box, sure, words) for box, sure in scaled]
