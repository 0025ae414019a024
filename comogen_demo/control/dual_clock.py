"""Control without training: dual-clock denoising (Time-to-Move, 2025).

A crude reference video, the subject cut out and pasted along its masks, is noised to a high level and denoised. Down to a
lower level the reference is put back inside the masks after each step; from there on everything is denoised freely. So the
subject's clock starts later than the scene's: it is bound to the reference, and the scene may react.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Clocks:
    """weak: the noise level (0..1) from which the whole video is denoised; strong: the one down to which the inside of the
    masks is put back. Noise levels and not step numbers, since the schedulers' shifts differ.
    """

    weak: float
    strong: float

    def __post_init__(self) -> None:
        if not 0 <= self.strong <= self.weak <= 1:
            raise ValueError(f"{self}: expected 0 <= strong <= weak <= 1")

    def start(self, levels: list[float]) -> int:
        """The first step k with levels[k] <= weak, of a sampler's falling noise levels (the last step at the latest)."""
        return next((k for k, level in enumerate(levels) if level <= self.weak + 1e-6), len(levels) - 1)

    def holds(self, level: float, strength: float = 1.0) -> bool:
        """Whether the inside of the masks is put back at this level. strength (our choice): 1 as published, 0 never, and
        between and above the hold ends so much earlier or later on the way from `weak` to `strong`."""
        return strength > 0 and level > self.weak - strength * (self.weak - self.strong) + 1e-6


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
