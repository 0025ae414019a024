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

    embeds (1, L, D); pooled (1, D'); mask (1, L), 1 where a token counts (both None where the backbone has none);
    words: the word at each of the L places, "" for padding and whatever else is no word of the prompt; unknown: words
    that the backbone has never seen; negative: what classifier-free guidance leads away from, None without guidance.
    """

    embeds: Tensor
    pooled: Tensor | None
    mask: Tensor | None
    words: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    negative: Prompt | None = None


class Denoising(Protocol):
    """One video on its way out of the noise: the schedule and the step are the backbone's own.

    latents: (1, C, T', h, w), the present state; levels: steps + 1 noise levels sigma from 1 down to 0, those of a
    rectified flow x = (1 - sigma) clean + sigma noise or, for a diffusion model, of the flow with the same ratio of
    signal and noise.
    """

    latents: Tensor
    levels: tuple[float, ...]

    def step(self, k: int) -> Tensor:
        """Takes `latents` from levels[k] to levels[k + 1] and returns the estimate of the clean latents that it made,
        (1, C, T', h, w). k runs from 0 or a later start, one after the other."""

    def noised(self, clean: Tensor, k: int) -> Tensor:
        """The state that these clean latents have at levels[k], with the noise that this run began from."""


class Backbone(Protocol):
    """An image-to-video model. Frames are uint8 (height, width, 3)."""

    name: str
    height: int
    width: int
    frames: int
    fps: float
    lead: int  # frames that are made before the first shown one; 0 for most
    token_grid: tuple[int, int, int]  # (T', h', w') with N = T' h' w'
    token_width: int  # D

    @property
    def denoiser(self) -> nn.Module:
        """The network of the blocks: what LoRA goes into."""
        ...

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """In the order of the forward pass; each is called with the video tokens (B, N, D) as its first argument or
        as `hidden_states`, apart from the text's tokens."""
        ...

    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt:
        """The prompt for this first frame, which some text encoders look at."""

    def encode(self, video: np.ndarray) -> Tensor:
        """uint8 (T, height, width, 3) -> clean latents (1, C, T', h, w)."""

    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> Denoising:
        """A new video from the first frame; its noise is the same for a seed on every device."""

    def decode(self, latents: Tensor) -> np.ndarray:
        """Latents (1, C, T', h, w) -> uint8 (T, height, width, 3)."""


def with_lead(sequence: np.ndarray, lead: int) -> np.ndarray:
    """Frames or masks (T, ...) as a backbone has them: the `lead` before the first shown one are like it."""
    return np.concatenate([sequence[:1]] * lead + [sequence])
