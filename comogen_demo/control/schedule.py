"""How strongly the mask pulls at each denoising step (CoMoGen, Sec. 4.3, Eq. 3-4)."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "constant"]
SCHEDULES: tuple[Schedule, ...] = ("cosine", "constant")


def weight(progress: float, schedule: Schedule = "cosine") -> float:
    """w at `progress` t in 0 (first step) .. 1 (last step).

    cosine: (1 + cos(pi t)) / 2, from 1 down to 0. The paper states the end points; of the forms that meet them this one
    is derived from the usual cosine decay. constant: 1 throughout, the paper's ablation.
    """
    return 1.0 if schedule == "constant" else (1 + math.cos(math.pi * progress)) / 2


def weights(steps: int, schedule: Schedule = "cosine") -> list[float]:
    """w of every step, t = k / (steps - 1); a single step gets w(0) = 1."""
    return [weight(k / max(steps - 1, 1), schedule) for k in range(steps)]


def progress_of(sigma: float, shift: float) -> float:
    """The progress t at which a sampler with this shift meets noise level sigma (0..1).

    sigma = s u / (1 + (s - 1) u) gives u = sigma / (s - (s - 1) sigma) and t = 1 - u, so that training, which draws
    sigma, and sampling see the same weight at the same noise (derived).
    """
    return 1 - sigma / (shift - (shift - 1) * sigma)
