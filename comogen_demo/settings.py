"""How a video is made: the numbers a user chooses. Free of torch, so that documents and forms may use it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from .control.schedule import SCHEDULES, Schedule
from .errors import UserError

Control = Literal["adapter", "dual-clock"]
CONTROLS: tuple[Control, ...] = ("adapter", "dual-clock")
MAX_STEPS, MAX_STRENGTH, MAX_SEED = 100, 2.0, 2**32 - 1


@dataclass(frozen=True)
class Settings:
    """steps: 1..100; strength: 0..2, 1 as trained; schedule: how it fades over the steps; seed: 0..2^32 - 1.

    control: "adapter", the trained MaskAdapter; "dual-clock", a cut-out of the subject that denoising starts from
    (control/dual_clock.py), which needs no training and has no schedule.
    """

    steps: int = 8
    strength: float = 1.0
    schedule: Schedule = "cosine"
    seed: int = 0
    control: Control = "adapter"

    def validate(self) -> None:
        """Raise UserError with one sentence on the first value out of range."""
        if not 1 <= self.steps <= MAX_STEPS or self.steps != int(self.steps):
            raise UserError(
                f"{self.steps} steps are out of range: choose a whole number from 1 to {MAX_STEPS}."
            )
        if not (math.isfinite(self.strength) and 0 <= self.strength <= MAX_STRENGTH):
            raise UserError(
                f"Strength {self.strength} is out of range: choose a number from 0 to {MAX_STRENGTH:g}."
            )
        if self.schedule not in SCHEDULES:
            raise UserError(f"There is no schedule {self.schedule!r}: choose one of {', '.join(SCHEDULES)}.")
        if self.control not in CONTROLS:
            raise UserError(f"There is no control {self.control!r}: choose one of {', '.join(CONTROLS)}.")
        if not 0 <= self.seed <= MAX_SEED or self.seed != int(self.seed):
            raise UserError(f"Seed {self.seed} is out of range: choose a whole number from 0 to {MAX_SEED}.")
