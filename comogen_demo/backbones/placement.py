"""A large backbone put where a memory mode of planner.py wants it, by what diffusers has for that."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch
from torch import nn

from ..errors import UserError
from .planner import Machine

if TYPE_CHECKING:
    from diffusers import PipelineQuantizationConfig

    from .large import LargeBackbone


def default_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def measure(cache: Path) -> Machine:
    """What is free now: on the GPU, in RAM, and on the disk of `cache`, which need not be there yet; and how fast the
    machine is at present."""
    there = next(place for place in (cache.absolute(), *cache.absolute().parents) if place.exists())
    vram = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    ram, disk = psutil.virtual_memory().available, shutil.disk_usage(there).free
    return Machine(vram / 1e9, ram / 1e9, disk / 1e9, *speed(default_device()))


def speed(device: str, clock: Callable[[], float] = time.perf_counter) -> tuple[float, float]:
    """TFLOP/s of a product of square matrices, in the precision that backbones have on the device, and GB/s from RAM to
    it (0 for the CPU), in seconds of the clock: the best of a few short tries."""
    gpu = device != "cpu"
    side = 4096 if gpu else 768
    matrix = torch.randn(side, side, dtype=torch.bfloat16 if gpu else torch.float32).to(device)
    rate = 2 * side**3 / _least(lambda: matrix @ matrix, gpu, clock) / 1e12
    if not gpu:
        return rate, 0.0
    block = torch.empty(2**28, dtype=torch.uint8).pin_memory()  # as group offload has its weights
    return rate, block.numel() / _least(lambda: block.to(device, non_blocking=True), gpu, clock) / 1e9


def _least(work: Callable[[], object], gpu: bool, clock: Callable[[], float]) -> float:
    """Seconds of the shortest of five runs."""
    times = []
    for _ in range(5):
        began = clock()
        work()
        if gpu:
            torch.cuda.synchronize()
        times.append(clock() - began)
    return min(times)


def place(backbone: LargeBackbone, mode: str, device: str) -> None:
    """Puts a backbone that lies in RAM, with whatever LoRA it has, where `mode` wants it; it computes on `device`.

    Only fp8 rounds the denoiser's weights here; for int8 they were read so. The modes that offload decode in
    tiles, whose seams are blended: their frames are not the pipeline's bit for bit. Once only: another mode takes a
    backbone loaded again.
    """
    pipe = backbone.pipe
    if mode in ("resident", "cpu"):
        pipe.to(device)
        return
    pipe.vae.enable_tiling()
    if mode == "group-offload":
        from diffusers.hooks import apply_group_offloading

        pipe.vae.to(device)
        stream = device.startswith("cuda")  # the next layer is fetched while this one computes
        for name, part in pipe.components.items():
            if isinstance(part, nn.Module) and name != "vae":
                apply_group_offloading(
                    part, torch.device(device), offload_type="leaf_level", use_stream=stream
                )
        return
    if mode == "fp8":
        keep_in_8_bits(pipe.transformer)
    elif mode not in ("model-offload", "int8"):
        raise ValueError(mode)
    pipe.enable_model_cpu_offload(device=device)


def place_encoders(backbone: LargeBackbone, device: str) -> None:
    """Puts all but the denoiser on the device; that stays in RAM, to be shared among processes."""
    for name, part in backbone.pipe.components.items():
        if isinstance(part, nn.Module) and name != "transformer":
            part.to(device)


def keep_in_8_bits(transformer: nn.Module) -> None:
    """Keeps the weights as float8 (e4m3) and computes in the present precision; embeddings, norms and LoRA stay."""
    transformer.enable_layerwise_casting(torch.float8_e4m3fn, transformer.dtype)  # type: ignore[operator]


def quantisation() -> PipelineQuantizationConfig:
    """For reading the denoiser's linear layers as integers of 8 bits, a scale a row (torchao, weights only); the LoRA
    that is put around them later stays as it is. Raises UserError if torchao is missing."""
    from diffusers import PipelineQuantizationConfig, TorchAoConfig

    try:
        from torchao.quantization import Int8WeightOnlyConfig
    except ImportError as error:
        raise UserError(f"The memory mode int8 needs torchao ({error}): pip install torchao.") from error
    return PipelineQuantizationConfig(quant_mapping={"transformer": TorchAoConfig(Int8WeightOnlyConfig())})


def forget() -> None:
    """Gives memory of objects that nothing refers to any more back to the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
