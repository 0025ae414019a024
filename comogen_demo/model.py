"""A model is a backbone with its control; here it is made, with random weights: `checkpoint.py` fills it from files."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .backbones.base import Backbone
from .backbones.mini.backbone import MiniBackbone, MiniConfig
from .backbones.mini.denoiser import MiniDenoiser
from .backbones.mini.vae import VideoVAE
from .control.adapter import AdapterConfig, MaskAdapter
from .control.controlnet import Control, ControlNet, Method


@dataclass(frozen=True)
class ControlConfig:
    """How the control of a model is made: the Motion Layers (none: the model has no control) with the attention score
    of every block, the LoRA's rank (0: none), the recipe it was trained by ("paper": frozen base; "joint": base,
    adapter and all) and the method ("adapter": MaskAdapter; "controlnet": copies of the Motion Layers)."""

    motion_layers: tuple[int, ...]
    scores: tuple[float, ...]
    cells: int = 4
    adapter_width: int = 96
    lora_rank: int = 0
    recipe: str = "paper"
    method: Method = "adapter"


@dataclass(frozen=True)
class Model:
    """A backbone with its control. `module` is what LoRA was put into, the backbone's denoiser."""

    name: str
    backbone: Backbone
    module: nn.Module
    adapter: Control
    control: ControlConfig

    @property
    def motion_layers(self) -> tuple[int, ...]:
        return self.control.motion_layers

    @property
    def frames(self) -> int:
        return self.backbone.frames

    @property
    def fps(self) -> float:
        return self.backbone.fps

    @property
    def height(self) -> int:
        return self.backbone.height

    @property
    def width(self) -> int:
        return self.backbone.width


def build_backbone(config: MiniConfig, device: str = "cpu", dtype: torch.dtype | None = None) -> MiniBackbone:
    """The embedded backbone with random weights; dtype as in `MiniBackbone`."""
    vae = VideoVAE(config.vae).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return MiniBackbone(config, vae, MiniDenoiser(config.denoiser), device, dtype)


def build_adapter(backbone: Backbone, control: ControlConfig) -> Control:
    """What follows the masks, untrained; a ControlNet copies blocks, so the backbone is yet without LoRA."""
    if control.method == "controlnet":
        return ControlNet(backbone.blocks, control.motion_layers, backbone.token_width, control.cells)
    return MaskAdapter(
        AdapterConfig(backbone.token_grid, backbone.token_width, control.cells, control.adapter_width)
    )
