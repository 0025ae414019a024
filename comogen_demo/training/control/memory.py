"""Memory of a training: what it will need, estimated from shapes, and what it took."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch import nn
from torch.distributed.tensor import DTensor

from ...backbones.planner import SPARE, Machine, check, plan, tokens_of
from ...backbones.registry import Preset
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
    kept = _kept(tokens * backbone.token_width, len(backbone.blocks) - min(layers), settings, processes)
    weights = size(backbone.denoiser) + size(getattr(backbone, "vae", None) or backbone.pipe.vae)  # type: ignore[attr-defined]
    return Estimate(weights, trained * TRAINED_BYTES, kept * width)


def foresee(
    preset: Preset,
    machine: Machine,
    layers: tuple[int, ...],
    settings: ControlTraining,
    processes: int,
) -> str:
    """What a training of a large backbone will need, said before it is loaded: the larger of encoding the clips, for
    which all of it is there, and of training, without the text encoders. Raises UserError where that does not fit.

    layers: the Motion Layers; all is on the GPU, or in RAM without one. Each is counted with LoRA in eight projections,
    the most that a family has, and its copy as of average size; the text's tokens are left out.
    """
    whole = plan(preset, machine, "resident" if machine.vram else "cpu")
    wide, d = 2 if machine.vram else 4, preset.token_width
    if settings.method == "controlnet":
        trained = len(layers) * (preset.parameters * GB / preset.blocks + d * d)
    else:
        width = settings.adapter_width
        trained = 27 * width * (width + 1) + width * d + len(layers) * 8 * 2 * settings.rank(d) * d
    kept = _kept(tokens_of(preset) * d, preset.blocks - min(layers), settings, processes)
    denoiser = wide * preset.parameters
    held = denoiser / processes if settings.shard else denoiser
    weights = held + 4 * preset.vae_parameters + SPARE
    parts = weights, trained * TRAINED_BYTES / GB, wide * kept / GB
    encoding = whole.vram - (denoiser if settings.shard else 0.0)  # it waits in RAM then
    vram, ram = max(encoding, sum(parts)), whole.ram
    if not machine.vram:
        vram, ram = 0.0, max(whole.ram, sum(parts))
    remedy = "choose a smaller --width and --height, fewer --frames, a smaller --batch or another backbone"
    remedy += "" if settings.shard else ", or share it among several GPUs with --shard"
    check(preset, machine, "Training the control of", (vram, processes * ram), remedy)
    return (
        f"training: estimated VRAM {vram:.1f} GB ({machine.vram:.1f} free), RAM {processes * ram:.1f} GB "
        f"({machine.ram:.1f} free), download {preset.download:.1f} GB ({machine.disk:.1f} free on the disk); to train, "
        f"weights {parts[0]:.1f}, what learns with gradients and optimiser {parts[1]:.1f}, activations {parts[2]:.1f} "
        "GB; derived, not measured"
    )


def _kept(values: int, blocks: int, settings: ControlTraining, processes: int) -> int:
    """Numbers kept for the backward pass of a process's share of the batch, `values` being a clip's tokens x width."""
    each = blocks + INSIDE if settings.gradient_checkpointing else blocks * INSIDE
    return settings.batch // processes * values * each


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
