"""LoRA (peft) on the attention projections of the Motion Layers, and nowhere else (CoMoGen, Sec. 4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

# as diffusers names them: attn (HunyuanVideo), attn1 (CogVideoX, Wan), attn2 (Wan, across to the text)
PROJECTION = re.compile(r"attn[12]?\.(to_[qkv]|to_out\.0|add_[qkv]_proj|to_add_out)")


def add_lora(model: nn.Module, blocks: Sequence[nn.Module], layers: Sequence[int], rank: int) -> None:
    """Puts LoRA of this rank (alpha = rank) into `model` in place, on the attention of blocks[l], l in `layers`."""
    chosen = {id(blocks[layer]) for layer in layers}
    prefixes = [name for name, module in model.named_modules() if id(module) in chosen]
    targets = [
        name
        for prefix in prefixes
        for name, module in model.get_submodule(prefix).named_modules(prefix=prefix)
        if isinstance(module, nn.Linear) and PROJECTION.fullmatch(name.removeprefix(f"{prefix}."))
    ]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets), model)


def lora_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> parameter of every LoRA matrix in the model."""
    return {name: p for name, p in model.named_parameters() if ".lora_" in name}


def load_lora(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Copies LoRA matrices saved from `lora_parameters`. Raises KeyError naming what is missing or superfluous."""
    own = lora_parameters(model)
    if own.keys() != state.keys():
        raise KeyError(", ".join(sorted(own.keys() ^ state.keys())))
    for name, parameter in own.items():
        parameter.data.copy_(state[name])


@contextmanager
def lora_enabled(model: nn.Module, enabled: bool) -> Iterator[None]:
    """Switches every LoRA of the model on or off for a while; off, the base weights alone compute."""
    layers = [m for m in model.modules() if isinstance(m, BaseTunerLayer)]
    before = [not layer.disable_adapters for layer in layers]
    for layer in layers:
        layer.enable_adapters(enabled)
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.enable_adapters(was)
