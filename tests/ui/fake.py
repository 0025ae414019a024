"""A stand-in for the model: the subject is cut out and pasted along its mask, so that its videos mean something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from comogen_demo.control.report import measure_control
from comogen_demo.errors import UserError
from comogen_demo.masks import validate_masks
from comogen_demo.settings import Settings

SIDE, FRAMES, FPS = 256, 25, 12.5


class FakeEngine:
    """Cut and paste with the wait of a real model. `broken` is the sentence of a checkpoint that does not load."""

    def __init__(self, pause: float = 0.03, broken: str = ""):
        self.name, self.state, self.note = "fake", "loading", ""
        self.pause, self.broken = pause, broken
        self.seen: list[tuple[Any, ...]] = []

    def load(self) -> None:
        if self.broken:
            self.state, self.note = "missing", self.broken
            raise UserError(self.broken)
        self.state, self.note = "ready", ""

    def run(
        self, frame: np.ndarray, masks: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        chosen = settings
        chosen.validate()
        self.seen.append((frame, masks, prompt, chosen))
        base = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        frames = np.repeat(base[None], FRAMES, 0)
        if masks is not None:
            masks = validate_masks(masks, FRAMES, frame.shape[:2])
            frames = paste_along(base, shrink(masks))
        noise = np.random.default_rng(chosen.seed).normal(0, 60, frames.shape)
        for k in range(chosen.steps):
            time.sleep(self.pause)
            left = 1 - (k + 1) / chosen.steps
            preview = np.clip(frames + left * noise, 0, 255).astype(np.uint8)
            yield SimpleNamespace(index=k, total=chosen.steps, weight=left, preview=preview)
        report = measure_control(base, frames, masks) if masks is not None else None
        seconds = self.pause * chosen.steps
        yield SimpleNamespace(frames=frames, fps=FPS, report=report, seconds=seconds, unknown_words=())


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
