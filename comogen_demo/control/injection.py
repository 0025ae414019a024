"""Adds the mask's residual to the video tokens before each Motion Layer (CoMoGen, Eq. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Injection:
    """A context in which blocks[l], l in `layers`, get `tokens + weight x residual`; outside it the backbone is
    untouched.

    A block's video tokens are its first argument or `hidden_states`, as diffusers' blocks are called. residual:
    (1 or B, N, D), or None, which adds nothing at all; weight: strength times schedule, a float or one a sample,
    (B, 1, 1), multiplied at each block: a second residual would take memory throughout. With classifier-free guidance
    both passes get it, the one with the prompt and the one without (our choice): guidance would otherwise multiply the
    control by its scale, and strength 1 no longer be what was trained.
    """

    def __init__(self, blocks: Sequence[nn.Module], layers: Sequence[int]):
        self.targets = [blocks[layer] for layer in layers]
        self.residual: Tensor | None = None
        self.weight: float | Tensor = 1.0
        self._handles: list[RemovableHandle] = []

    def give(self, residual: Tensor | None, weight: float | Tensor = 1.0) -> None:
        """What is added from now on: weight x residual."""
        self.residual, self.weight = residual, weight

    def __enter__(self) -> Injection:
        self._handles = [
            block.register_forward_pre_hook(self._add, with_kwargs=True) for block in self.targets
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.residual, self.weight = [], None, 1.0

    def _add(
        self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if self.residual is None:
            return None
        if args:
            return (self._sum(args[0], self.weight * self.residual), *args[1:]), kwargs
        tokens = kwargs["hidden_states"]
        return args, kwargs | {"hidden_states": self._sum(tokens, self.weight * self.residual)}

    @staticmethod
    def _sum(tokens: Tensor, residual: Tensor) -> Tensor:
        """Under autocast the wider type wins, as in every sum there; otherwise the tokens keep theirs."""
        if not is_autocast(tokens):
            residual = residual.to(tokens.dtype)
        return tokens + residual


def is_autocast(tokens: Tensor) -> bool:
    """Whether autocast is on where the tokens are; not every device has it."""
    device = tokens.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
