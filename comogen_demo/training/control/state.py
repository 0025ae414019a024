"""What learns, its moving average and the optimiser, in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)

# what learns, on the CPU and by its own name also where a model is wrapped for several processes
LEARNING = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True, strict=False)


class Average:
    """The exponential moving average of what learns in a model."""

    def __init__(self, model: nn.Module, decay: float):
        self.model, self.decay = model, decay
        self.values = {name: p.detach().clone() for name, p in self._learning()}

    def follow(self, step: int) -> None:
        """After step number `step`, from 0; the first steps count for more, so that the start is forgotten."""
        decay = min(self.decay, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, parameter in self._learning():
                self.values[name].lerp_(parameter, 1 - decay)

    def take(self) -> None:
        """Becomes what the model holds."""
        with torch.no_grad():
            for name, parameter in self._learning():
                self.values[name].copy_(parameter)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The average in the weights' place for a while."""
        kept = {name: p.detach().clone() for name, p in self._learning()}
        self._fill(self.values)
        try:
            yield
        finally:
            self._fill(kept)

    def _fill(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._learning():
                parameter.copy_(values[name])

    def _learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, p) for name, p in self.model.named_parameters() if p.requires_grad)


def weights_of(model: nn.Module) -> dict[str, Any]:
    """What learns in a model."""
    return get_model_state_dict(model, options=LEARNING)


def give_weights(model: nn.Module, weights: dict[str, Any]) -> None:
    """Fills in what `weights_of` gave; names that are missing stay as they are."""
    set_model_state_dict(model, dict(weights), options=LEARNING)  # torch adds to what it is given


def checkpoint_of(
    model: nn.Module, optimizer: torch.optim.Optimizer, average: Average, step: int
) -> dict[str, Any]:
    """All that a run needs to go on after `step` steps."""
    weights, moments = get_state_dict(model, optimizer, options=LEARNING)
    with average.shown():
        return {"step": step, "model": weights, "optimizer": moments, "average": weights_of(model)}


def give_checkpoint(
    model: nn.Module, optimizer: torch.optim.Optimizer, average: Average, checkpoint: dict[str, Any]
) -> int:
    """Fills in what `checkpoint_of` gave, and returns its step."""
    give_weights(model, checkpoint["average"])
    average.take()
    set_state_dict(
        model,
        optimizer,
        model_state_dict=checkpoint["model"],
        optim_state_dict=checkpoint["optimizer"],
        options=LEARNING,
    )
    return int(checkpoint["step"])


def store(state: Any, path: Path) -> None:
    """Writes a state; an earlier one stays until the new one is whole."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True, map_location="cpu")
