"""How many parameters the control adds to HunyuanVideo-I2V: counted on modules built at full size on torch's
meta device, where a tensor has a shape and no memory.

The paper states 1.84 % at inference and 3.17 % in training, and neither widths nor ranks. We read the first
as the adapter alone, the LoRA being merged into the weights, and the second as adapter and LoRA; so the
difference is the LoRA's (derived).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import HunyuanVideoTransformer3DModel
from torch import nn

from ..backbones.registry import PRESETS
from ..control.adapter import AdapterConfig, MaskAdapter
from ..control.controlnet import ControlNet
from ..control.lora import add_lora, lora_parameters

# HunyuanVideo-I2V with token_replace, 16 latent channels; all else is the class's default.
HUNYUAN = {"in_channels": 16, "guidance_embeds": True, "image_condition_type": "token_replace"}
MOTION_LAYERS = PRESETS["hunyuan"].motion_layers
PAPER = {"inference": 1.84, "training": 3.17, "controlnet": 100.0}  # per cent of the backbone
WIDTHS = (96, 768, 1536, 3072)  # 96 is the embedded model's, 3072 the backbone's own
RANKS = (16, 32, 64, 128, 256)
LINEAR_RANK = 128  # on all linear layers: not what the paper says, but close to its difference
WIDTH_STEP, MOST_WIDTH = 64, 4096  # of the widths among which the closest is looked for
RANK_STEP, MOST_RANK = 8, 1024  # of the ranks


def count_parameters(
    shape: dict[str, Any] = HUNYUAN, motion_layers: Sequence[int] = MOTION_LAYERS
) -> dict[str, Any]:
    """Counts, and per cent of the backbone's.

    Returns backbone {parameters, blocks, width}; adapter [{width, parameters, percent}]; lora [{rank,
    targets, ...}], in the Motion Layers, on their attention projections ("attention") or all their linear
    layers ("linear"); controlnet [{copies, ...}], trainable copies of blocks as in `control.controlnet`;
    closest {inference: {width, ...}, training: {width, rank, ...}}; paper.
    """
    transformer = build(shape)
    whole, blocks = count(transformer), block_list(transformer)
    width = transformer.config.num_attention_heads * transformer.config.attention_head_dim
    copies = {
        f"all {len(blocks)} blocks": range(len(blocks)),
        f"the {len(transformer.transformer_blocks)} dual-stream blocks": range(
            len(transformer.transformer_blocks)
        ),
        f"the {len(motion_layers)} Motion Layers": motion_layers,
    }
    controlnet = {name: count_copies(blocks, layers, width) for name, layers in copies.items()}
    every_linear = count_linear_lora([blocks[layer] for layer in motion_layers])
    per_rank = count_lora(transformer, motion_layers)
    adapters = {w: count_adapter(w, width) for w in range(WIDTH_STEP, MOST_WIDTH + 1, WIDTH_STEP)}
    close = min(adapters, key=lambda w: abs(100 * adapters[w] / whole - PAPER["inference"]))
    rank = min(
        range(RANK_STEP, MOST_RANK + 1, RANK_STEP),
        key=lambda r: abs(100 * (adapters[close] + r * per_rank) / whole - PAPER["training"]),
    )

    def row(parameters: int, **names: Any) -> dict[str, Any]:
        return {**names, "parameters": parameters, "percent": round(100 * parameters / whole, 3)}

    return {
        "backbone": {"parameters": whole, "blocks": len(blocks), "width": width},
        "adapter": [row(count_adapter(w, width), width=w) for w in sorted({*WIDTHS, close})],
        "lora": [
            *(row(r * per_rank, rank=r, targets="attention") for r in sorted({*RANKS, rank})),
            row(LINEAR_RANK * every_linear, rank=LINEAR_RANK, targets="linear"),
        ],
        "controlnet": [row(number, copies=name) for name, number in controlnet.items()],
        "closest": {
            "inference": row(adapters[close], width=close),
            "training": row(adapters[close] + rank * per_rank, width=close, rank=rank),
        },
        "paper": PAPER,
    }


def build(shape: dict[str, Any]) -> HunyuanVideoTransformer3DModel:
    """The transformer without memory for its weights."""
    with torch.device("meta"):
        return HunyuanVideoTransformer3DModel(**shape)


def block_list(transformer: HunyuanVideoTransformer3DModel) -> list[nn.Module]:
    """Dual-stream blocks, then single-stream ones."""
    return [*transformer.transformer_blocks, *transformer.single_transformer_blocks]


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def count_adapter(width: int, token_width: int) -> int:
    """Of the MaskAdapter with convolutions of `width` channels; the token grid has no part in it."""
    with torch.device("meta"):
        return count(MaskAdapter(AdapterConfig((1, 1, 1), token_width, width=width)))


def count_copies(blocks: Sequence[nn.Module], layers: Sequence[int], token_width: int) -> int:
    """Of the ControlNet with copies of blocks[l], l in `layers`."""
    with torch.device("meta"):
        return count(ControlNet(blocks, layers, token_width))


def count_lora(transformer: HunyuanVideoTransformer3DModel, layers: Sequence[int]) -> int:
    """Of LoRA of rank 1 on the attention projections of these blocks; its matrices grow in proportion to the
    rank.

    Puts that LoRA into the transformer.
    """
    with torch.device("meta"):
        add_lora(transformer, block_list(transformer), layers, 1)
    return sum(p.numel() for p in lora_parameters(transformer).values())


def count_linear_lora(blocks: Sequence[nn.Module]) -> int:
    """Of LoRA of rank 1 on all linear layers of these blocks."""
    linear = [module for block in blocks for module in block.modules() if isinstance(module, nn.Linear)]
    return sum(module.in_features + module.out_features for module in linear)
