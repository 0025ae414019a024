"""Adds the mask's residual to the video tokens before each Motion Layer (CoMoGen, Eq. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Injection:
    """A context in which blocks[l], l in `layers`, get `tokens + residual`; outside it the backbone is untouched.

    residual: (B, N, D), already weighted by strength and schedule; None adds nothing at all.
    """

    def __init__(self, blocks: Sequence[nn.Module], layers: Sequence[int]):
        self.targets = [blocks[layer] for layer in layers]
        self.residual: Tensor | None = None
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Injection:
        self._handles = [block.register_forward_pre_hook(self._add) for block in self.targets]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.residual = [], None

    def _add(self, _: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.residual is None:
            return None
        return (args[0] + self.residual, *args[1:])
