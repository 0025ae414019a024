"""ControlNet (Zhang et al., 2023) in the frame of the MaskAdapter, for comparison only: trainable copies of blocks, fed
with video and mask, whose zero-initialised outputs are added to the video tokens.

In a transformer of equal blocks the copies of some blocks form a network of their own, one feeding the next, and each
adds to the block that it was copied from (ControlNet-Transformer: PixArt-delta, 2024, Sec. 4).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from .adapter import MaskAdapter
from .injection import Injection, is_autocast

Method = Literal["adapter", "controlnet"]
VIDEO, TEXT = (0, "hidden_states"), (1, "encoder_hidden_states")  # place and name among a block's arguments


class ControlNet(nn.Module):
    """Copies of blocks[l], l in `layers`, with the mask's patch embedding before the first of them and a linear layer
    after each, all of these zero at the start.

    blocks: a backbone's, with neither LoRA nor hooks; token_width: D; cells: mask cells along a token's side, as in
    `AdapterConfig`. The copies learn, in float32 or as the backbone is. Raises ValueError if `layers` is empty or not
    ascending.
    """

    def __init__(self, blocks: Sequence[nn.Module], layers: Sequence[int], token_width: int, cells: int = 4):
        super().__init__()
        if not layers or list(layers) != sorted(set(layers)):
            raise ValueError(f"layers {list(layers)}: expected one or more blocks, ascending")
        self.layers, self.cells = tuple(layers), cells
        size = (1, cells, cells)
        self.embed = _zero(nn.Conv3d(1, token_width, size, stride=size))
        self.copies = nn.ModuleList(copy.deepcopy(blocks[layer]) for layer in layers).requires_grad_(True)
        self.outputs = nn.ModuleList(_zero(nn.Linear(token_width, token_width)) for _ in layers)

    def forward(self, covered: Tensor) -> Tensor:
        """`occupancy` (B, T', h' cells, w' cells), normalised as by the MaskAdapter -> tokens (B, T' h' w', D)."""
        x = F.layer_norm(covered, covered.shape[1:])[:, None].to(self.embed.weight.dtype)
        return self.embed(x).flatten(2).transpose(1, 2)


class CopyInjection:
    """A context in which the blocks that `net` has copies of give `tokens + weight x output of the copy`; outside it
    the backbone is untouched.

    tokens: the mask's (1 or B, N, D), or None, which adds nothing and runs no copy; weight: strength times schedule, a
    float or one a sample, (B, 1, 1). Copies see the mask at full weight, only what they add is weighted (our choice).
    Both passes of classifier-free guidance have them, as with `Injection`.

    The first copy gets its block's video tokens plus the mask's, and its text; each later one what the copy before made
    of both, and all else as its block gets it.
    """

    def __init__(self, blocks: Sequence[nn.Module], net: ControlNet):
        self.targets, self.net = [blocks[layer] for layer in net.layers], net
        self.tokens: Tensor | None = None
        self.weight: float | Tensor = 1.0
        # what each copy is given. All are kept: gradient checkpointing runs the blocks again, last one first
        self._streams: list[Any] = [None] * len(self.targets)
        self._handles: list[RemovableHandle] = []

    def give(self, tokens: Tensor | None, weight: float | Tensor = 1.0) -> None:
        self.tokens, self.weight = tokens, weight

    def __enter__(self) -> CopyInjection:
        self._handles = [
            block.register_forward_hook(
                lambda _, args, kwargs, output, place=place: self._add(place, args, kwargs, output),
                with_kwargs=True,
            )
            for place, block in enumerate(self.targets)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.tokens, self._streams = [], None, [None] * len(self.targets)

    def _add(self, place: int, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        if self.tokens is None:
            return output
        made = output[0] if isinstance(output, tuple) else output
        if place == 0:
            video, text = _argument(args, kwargs, VIDEO), _argument(args, kwargs, TEXT)
            stream = (video + self.tokens.to(video.dtype), text)
        else:
            stream = self._streams[place]
        for value, argument in zip(stream, (VIDEO, TEXT), strict=True):
            args, kwargs = _replaced(args, kwargs, argument, value)
        with _precision(made, self.net.embed.weight.dtype):
            found = self.net.copies[place](*args, **kwargs)
            following = (
                found if isinstance(found, tuple) else (found, stream[1])
            )  # Wan's leave the text as it is
            if place + 1 < len(self._streams):
                self._streams[place + 1] = following
            added = self.weight * self.net.outputs[place](following[0])
        summed = made + (added if is_autocast(made) else added.to(made.dtype))
        return (summed, *output[1:]) if isinstance(output, tuple) else summed


Control = MaskAdapter | ControlNet  # what makes of masks what the video tokens get


def inject(control: Control, blocks: Sequence[nn.Module], layers: Sequence[int]) -> Injection | CopyInjection:
    """The context in which what `control` makes of the masks acts on the blocks; a ControlNet knows its layers."""
    return CopyInjection(blocks, control) if isinstance(control, ControlNet) else Injection(blocks, layers)


def _zero(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _precision(tokens: Tensor, own: torch.dtype) -> AbstractContextManager[Any]:
    """Of a backbone in 16 bits, copies that learn in float32 multiply in the backbone's type."""
    narrow = tokens.dtype in (torch.bfloat16, torch.float16) and own != tokens.dtype
    return torch.autocast(tokens.device.type, tokens.dtype) if narrow else nullcontext()


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], which: tuple[int, str]) -> Any:
    place, name = which
    return args[place] if place < len(args) else kwargs[name]


def _replaced(
    args: tuple[Any, ...], kwargs: dict[str, Any], which: tuple[int, str], value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    place, name = which
    if place < len(args):
        return (*args[:place], value, *args[place + 1 :]), kwargs
    return args, kwargs | {name: value}
