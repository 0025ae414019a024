"""What every backbone offers: the interface behind which the embedded model and the large ones look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Prompt:
    """An encoded prompt.

    embeds (1, L, D); pooled (1, D'); mask (1, L), 1 where a token counts; words: the word at each of the L places,
    "" for padding; unknown: words that the backbone has never seen.
    """

    embeds: Tensor
    pooled: Tensor
    mask: Tensor
    words: tuple[str, ...]
    unknown: tuple[str, ...] = ()


class Backbone(Protocol):
    """An image-to-video flow model. Latents are (1, C, T', h, w); noise level sigma runs from 1 (noise) to 0."""

    name: str
    height: int
    width: int
    frames: int
    fps: float
    shift: float  # of the sampling schedule: sigma = s u / (1 + (s - 1) u)
    token_grid: tuple[int, int, int]  # (T', h', w') with N = T' h' w'
    token_width: int  # D

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """In the order of the forward pass; each is called with the video tokens (B, N, D) first."""
        ...

    def encode_image(self, frame: np.ndarray) -> Tensor:
        """uint8 (height, width, 3) -> the first latent frame (1, C, 1, h, w)."""

    def encode_prompt(self, text: str) -> Prompt: ...

    def noise(self, seed: int) -> Tensor:
        """Starting noise (1, C, T', h, w), the same for a seed on every device."""

    def velocity(self, latents: Tensor, sigma: float, image: Tensor, prompt: Prompt) -> Tensor:
        """d latents / d sigma at noise level sigma, (1, C, T', h, w); zero on the pinned first frame."""

    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents -> uint8 (T, height, width, 3)."""
