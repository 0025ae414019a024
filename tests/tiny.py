"""A tiny model with random weights: the real code at a size that tests can afford."""

from __future__ import annotations

import torch
from torch import nn

from comogen_demo.backbones.mini.backbone import MiniConfig
from comogen_demo.backbones.mini.denoiser import DenoiserConfig
from comogen_demo.backbones.mini.vae import VAEConfig
from comogen_demo.control.lora import add_lora, lora_parameters
from comogen_demo.model import ControlConfig, Model, build_adapter, build_backbone
from comogen_demo.world.captions import VOCABULARY

TINY = MiniConfig(
    vocabulary=VOCABULARY,
    size=32,
    frames=9,
    vae=VAEConfig(latent_channels=4, widths=(16, 16), encoder_blocks=1, decoder_blocks=1),
    denoiser=DenoiserConfig(
        latent_channels=4,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=1,
        num_single_layers=2,
        text_embed_dim=16,
        rope_axes_dim=(4, 6, 6),
        vocabulary_size=len(VOCABULARY) + 2,
    ),
)


def tiny_model(lora_rank: int = 0, seed: int = 0, layers: tuple[int, ...] = (0, 2)) -> Model:
    """Random weights throughout, the zero-initialised ones too, so that every part has an effect."""
    torch.manual_seed(seed)
    backbone = build_backbone(TINY, dtype=torch.float32)
    control = ControlConfig(layers, (0.3, 0.1, 0.2), adapter_width=8, lora_rank=lora_rank)
    adapter = build_adapter(backbone, control).eval()
    nn.init.normal_(adapter.out.weight, std=0.5)
    if lora_rank:
        add_lora(backbone.denoiser, backbone.blocks, layers, lora_rank)
        for parameter in lora_parameters(backbone.denoiser).values():
            nn.init.normal_(parameter, std=0.3)
    for module in (backbone.vae, backbone.denoiser, adapter):
        module.requires_grad_(False)
    return Model("tiny", backbone, backbone.denoiser, adapter, control)
