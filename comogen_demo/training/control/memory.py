"""Memory of a training: what it will need, estimated from shapes, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch import nn
from torch.distributed.tensor import DTensor

from .settings import ControlTraining
from .trainable import Trainable

GB = 1e9
TRAINED_BYTES = 4 * 5  # float32 weight, gradient, two moments of AdamW, moving average
INSIDE = 34  # values a token and unit of width that one block keeps for its backward pass, our estimate:
# norms, queries, keys, values, attention and an MLP of four times the width, with their inputs


@dataclass(frozen=True)
class Estimate:
    """Bytes. weights: of denoiser, adapter and VAE; trained: weights, gradients, optimiser and average of what learns;
    activations: kept for the backward pass at each process's share of the batch."""

    weights: int
    trained: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.trained + self.activations


def estimate(
    trainable: Trainable,
    trained: int,
    layers: tuple[int, ...],
    text_tokens: int,
    settings: ControlTraining,
    processes: int,
) -> Estimate:
    """An estimate, not a promise: with gradient checkpointing a block's input for each block from the first Motion
    Layer on (before it nothing needs a gradient) and the inside of one block; without it the inside of all of these.

    trained: parameters that learn; text_tokens: beside the video's.
    """
    backbone = trainable.backbone
    windows, rows, columns = backbone.token_grid
    tokens = windows * rows * columns + text_tokens
    width = next(backbone.denoiser.parameters()).element_size()
    kept = len(backbone.blocks) - min(layers)
    values = kept + INSIDE if settings.gradient_checkpointing else kept * INSIDE
    share = settings.batch // processes
    weights = size(backbone.denoiser) + size(getattr(backbone, "vae", None) or backbone.pipe.vae)  # type: ignore[attr-defined]
    return Estimate(weights, trained * TRAINED_BYTES, share * tokens * backbone.token_width * width * values)


def size(module: nn.Module) -> int:
    """Bytes of a module's weights in this process."""
    own = (p.to_local() if isinstance(p, DTensor) else p for p in module.parameters())
    return sum(p.numel() * p.element_size() for p in own)


class Peak:
    """The most memory in use since the beginning: on a GPU as its allocator counts, else of the process at `look`s."""

    def __init__(self, device: torch.device):
        self.device, self.most = device, 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def look(self) -> None:
        """Best called when a forward pass is done: what its backward pass needs is there then."""
        if self.device.type == "cuda":
            self.most = torch.cuda.max_memory_allocated(self.device)
        else:
            self.most = max(self.most, psutil.Process().memory_info().rss)

    def line(self) -> str:
        where = "on the GPU" if self.device.type == "cuda" else "of the process"
        return f"peak memory {self.most / GB:.2f} GB {where}"
