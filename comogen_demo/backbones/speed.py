"""What makes the steps of a large backbone faster: another attention backend, compiled blocks, a step cache."""

from __future__ import annotations

import torch
from diffusers import attention_backend
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

from ..errors import UserError, gist
from .large import LargeBackbone
from .registry import Preset, family


def check(preset: Preset, device: str) -> None:
    """Tries on something small what the preset asks for, before the weights are loaded. Raises UserError for what
    does not go together, is not installed, or does not work on this device or for this backbone."""
    if preset.compile and preset.cache:
        raise UserError("--compile and --cache do not go together: choose one of them.")
    if preset.attention != "native":
        _try_attention(preset, device)
    if preset.compile:
        try:
            torch.compile(lambda x: x.sin() + 1)(torch.zeros(8, device=device))
        except Exception as error:  # a compiler is missing: each way says so in its own class
            raise UserError(
                f"torch.compile does not work here ({gist(error)}): leave --compile away."
            ) from error


def speed_up(backbone: LargeBackbone) -> None:
    """Does what the backbone's preset asks for, once it is placed and has its LoRA and its control.

    Not `compile_repeated_blocks`, which knows neither CogVideoX's blocks nor HunyuanVideo's with token_replace, and
    compiles hooks, too. Here the blocks' forward alone is compiled and hooks run as ever, so that nothing that they
    read, such as the mask's weight in each step, compiles anything anew. Each kind of block is compiled without LoRA,
    with it, and with it switched off, and once more for the first one, whose tokens lie otherwise in memory.
    """
    preset = backbone.preset
    if preset.attention != "native":
        with attention_backend(AttentionBackendName.NATIVE):  # restores that of all other models on leaving
            backbone.denoiser.set_attention_backend(preset.attention)
    if preset.cache:
        backbone.cache.attach(backbone.blocks)
    if preset.compile:
        torch.compiler.reset()  # what an earlier backbone left counts towards dynamo's limit
        for block in backbone.blocks:
            block.forward = torch.compile(block.forward)


def _try_attention(preset: Preset, device: str) -> None:
    name = preset.attention
    names = [str(backend.value) for backend in AttentionBackendName]
    if name not in names:
        raise UserError(f"There is no attention backend {name!r}: choose one of {', '.join(names)}.")
    kind = family(preset)
    if kind.fixed_attention:
        raise UserError(
            f"{preset.title}'s attention has no other backend than native: leave --attention away."
        )
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    query, key, value = torch.randn(3, 1, 256, 2, 128, generator=torch.Generator().manual_seed(0)).to(
        device, dtype
    )
    mask = None
    if kind.masks_attention:  # where it is ignored, the values there are seen
        value[:, 128:] += 4
        mask = torch.ones(1, 1, 1, 256, dtype=torch.bool, device=device)
        mask[..., 128:] = False
    try:
        expected = dispatch_attention_fn(query, key, value, mask, backend=AttentionBackendName.NATIVE)
        with attention_backend(name):
            found = dispatch_attention_fn(query, key, value, mask)
        if not (found - expected).abs().max() < 0.5:
            raise ValueError("it gives something else than native")
    except Exception as error:  # whatever a backend says that lacks something
        raise UserError(
            f"The attention backend {name} does not work here for {preset.title} ({gist(error)}): "
            "install what it needs, or choose another --attention."
        ) from error
