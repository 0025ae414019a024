"""Attention kept from one denoising step for the next, after Pyramid Attention Broadcast (Zhao et al., 2024).

Caches that skip whole blocks skip what control adds to them, too. Here each block runs in each step, on the tokens as
they are then, with the control's residual; only what its attention adds to them is that of the step before. diffusers'
own such cache has one state for both passes of classifier-free guidance, so that the pass without the prompt would get
the attention of the one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn

# Our choice, not measured: every other step takes the attention of the one before, at these noise levels. Above them
# the layout is decided, and the control is strongest; below them details are.
HIGHEST, LOWEST = 0.8, 0.1


class StepCache:
    """Does nothing before `attach`. Each pass of guidance has what is its own, and an output is used once, so that
    nothing is held after the last step."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, Any]] = {}  # pass -> place of a block -> output of its attention
        self._outputs: dict[int, Any] = {}  # the present pass's
        self._reuses = self._keeps = False

    def attach(self, blocks: Sequence[nn.Module]) -> None:
        """Puts itself around the blocks' self-attention, `attn` or `attn1`, for good."""
        for place, block in enumerate(blocks):
            attention = block.attn if hasattr(block, "attn") else block.attn1
            attention.forward = partial(self._attend, place, attention.forward)

    def begin(self) -> None:
        """Before the first step of a video: drops what one that was broken off has left."""
        self._kept = {}

    def enter(self, name: str, k: int, levels: Sequence[float]) -> None:
        """Before the denoiser is called for the step from levels[k]; name: which of guidance's passes it is."""
        self._reuses = name in self._kept
        following = levels[k + 1] if k + 2 < len(levels) else 0.0  # there is no step from the last level
        self._keeps = not self._reuses and LOWEST < following < HIGHEST
        self._outputs = self._kept.pop(name) if self._reuses else {}
        if self._keeps:
            self._kept[name] = self._outputs

    def _attend(self, place: int, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._reuses:
            return self._outputs.pop(place)
        made = forward(*args, **kwargs)
        if self._keeps:
            self._outputs[place] = made
        return made
