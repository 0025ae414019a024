"""Control without training: dual-clock denoising (Time-to-Move, 2025).

A crude reference video, the subject cut out and pasted along its masks, is noised to a high level and denoised. Down to
a lower level the reference is put back inside the masks after each step; from there on everything is denoised freely.
So the subject's clock starts later than the scene's: it is bound to the reference, and the scene may react.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from ..backbones.base import Denoising


@dataclass(frozen=True)
class Clocks:
    """weak: the noise level (0..1) from which the whole video is denoised; strong: the one down to which the inside of
    the masks is put back. Noise levels and not step numbers, since the schedulers' shifts differ.
    """

    weak: float
    strong: float

    def __post_init__(self) -> None:
        if not 0 <= self.strong <= self.weak <= 1:
            raise ValueError(f"{self}: expected 0 <= strong <= weak <= 1")

    def start(self, levels: Sequence[float]) -> int:
        """The first step k with levels[k] <= weak, of a sampler's falling noise levels (at the latest the last)."""
        return next((k for k, level in enumerate(levels) if level <= self.weak + 1e-6), len(levels) - 1)

    def holds(self, level: float, strength: float = 1.0) -> bool:
        """Whether the inside of the masks is put back at this level. strength (our choice): 1 as published, 0 never;
        between and above, the hold ends so much earlier or later on the way from `weak` to `strong`."""
        return strength > 0 and level > self.weak - strength * (self.weak - self.strong) + 1e-6


# Published as steps of 50 for two of them (Time-to-Move): 3 and 7 of Wan 2.2, 4 and 9 of CogVideoX; here as levels of
# the rectified flow with the same ratio of signal and noise. The embedded model's were chosen on validation scenes.
CLOCKS = {
    "mini": Clocks(weak=0.9, strong=0.5),
    "wan": Clocks(weak=0.979, strong=0.949),
    "cogvideox": Clocks(weak=0.959, strong=0.895),
}
OTHERS = CLOCKS["wan"]  # our choice for a backbone of which nothing is published


class Reference:
    """The crude reference of one run: where denoising starts, and what is put back after each step."""

    def __init__(self, clean: Tensor, masks: Tensor, clocks: Clocks, strength: float = 1.0):
        """clean: latents (1, C, T', h, w) of the reference video; masks: bool (T, H, W)."""
        self.clean, self.clocks, self.strength = clean, clocks, strength
        self.mask = latent_mask(masks, (clean.shape[2], clean.shape[3], clean.shape[4])).to(clean.device)

    def begin(self, run: Denoising) -> int:
        """Gives the run the reference at the weak clock's level, and returns the step to start with."""
        first = self.clocks.start(run.levels[:-1])
        run.latents = run.noised(self.clean, first)
        return first

    def put_back(self, run: Denoising, k: int) -> None:
        """After the step to levels[k]: inside the masks the reference, as long as the strong clock holds it."""
        if self.clocks.holds(run.levels[k], self.strength):
            run.latents = (1 - self.mask) * run.latents + self.mask * run.noised(self.clean, k)


def latent_mask(masks: Tensor, size: tuple[int, int, int]) -> Tensor:
    """Masks bool (T, H, W) -> float (1, 1, T', h, w) of zeros and ones on the latent grid `size` (T', h, w).

    Frames are joined by OR over the causal windows {0}, {1-4}, ..., as for the MaskAdapter; a latent pixel counts when
    at least half of it is covered (our choice). Raises ValueError if T is not 4 T' - 3.
    """
    windows, height, width = size
    if len(masks) != 4 * windows - 3:
        raise ValueError(f"{len(masks)} mask frames for {windows} latent frames: expected {4 * windows - 3}")
    joined = torch.cat([masks[:1], masks[1:].unflatten(0, (windows - 1, 4)).any(1)])
    covered = F.interpolate(joined[None].float(), (height, width), mode="area")
    return (covered >= 0.5).float()[None]
