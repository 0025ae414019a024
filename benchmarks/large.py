"""What control costs on HunyuanVideo-I2V: seconds of a denoising step and peak memory, without control, with adapter
and LoRA of about the paper's size, and with ControlNet copies, in each memory mode.

Weights and prompt are random, the text encoders are left out, nothing is decoded. With a GPU the network is measured at
full size; without one, time is measured on a small network of the same proportions, while memory and operations are
counted at full size on tensors without memory.

Steps with and without control are taken by turns by one model, and compared pair by pair: a machine that slows down
slows both.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from common import parser
from counted import Counted, FusedAttention
from diffusers import (
    AutoencoderKLHunyuanVideo,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
    logging,
)

from comogen_demo.analysis.parameters import HUNYUAN, MOTION_LAYERS, build
from comogen_demo.backbones.base import Prompt
from comogen_demo.backbones.hunyuan import HunyuanBackbone
from comogen_demo.backbones.placement import default_device, forget, speed
from comogen_demo.backbones.planner import MODES, Machine, seconds
from comogen_demo.backbones.registry import PRESETS, Preset
from comogen_demo.control.controlnet import ControlNet
from comogen_demo.control.lora import add_lora
from comogen_demo.controls import hold
from comogen_demo.errors import UserError
from comogen_demo.generate import Result, generate
from comogen_demo.model import ControlConfig, Model, build_adapter
from comogen_demo.settings import Settings

GB = 1e9
TEXT_PARTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "image_processor")
METHODS = ("base", "control", "controlnet")


@dataclass(frozen=True)
class Size:
    """shape: of the transformer; vae: of the VAE; layers: Motion Layers; adapter_width, lora_rank: those that come
    closest to the paper's per cents; text_tokens: beside the video's; preset: with the size in pixels."""

    title: str
    shape: dict[str, Any]
    vae: dict[str, Any]
    layers: tuple[int, ...]
    adapter_width: int
    lora_rank: int
    text_tokens: int
    preset: Preset


FULL = Size("full size", HUNYUAN, {}, MOTION_LAYERS, 2880, 360, 144 + 256, PRESETS["hunyuan"])
# An eighth of the width, a fifth of the blocks and about a fifth of the picture's sides. As at full size Motion Layers
# have 27 % of the weights, the adapter 1.8 and LoRA 1.4 %, and text 3 % of the tokens.
REDUCED = Size(
    "reduced size",
    {
        **HUNYUAN,
        "num_attention_heads": 3,
        "num_layers": 4,
        "num_single_layers": 8,
        "num_refiner_layers": 1,
        "text_embed_dim": 512,
    },
    {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    (2, 3),
    160,
    45,
    12,
    replace(PRESETS["hunyuan"], width=112, height=64, token_width=384, blocks=12, parameters=0.04),
)


class MetaScheduler(FlowMatchEulerDiscreteScheduler):
    """For tensors without memory: keeps the noise levels, which are looked at, on the CPU, and begins at the first."""

    def set_timesteps(self, *args: Any, device: Any = None, **kwargs: Any) -> None:
        super().set_timesteps(*args, device="cpu", **kwargs)
        own: Any = self
        own.timesteps = own.timesteps.to(device)

    def index_for_timestep(self, *_: Any) -> int:
        return 0


def open_model(size: Size, frames: int, method: str, device: str, copies: Sequence[int] = ()) -> Model:
    """A backbone with random weights in RAM or, where they are to stay there, on the device, and an untrained control:
    none, adapter and LoRA, or copies of blocks."""
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = filled(build(size.shape), device, dtype)
        with torch.device(device):
            vae = AutoencoderKLHunyuanVideo(**size.vae).to(dtype)
        pipe = HunyuanVideoImageToVideoPipeline(
            transformer=transformer.eval(),
            vae=vae.eval().requires_grad_(False),
            scheduler=(MetaScheduler if device == "meta" else FlowMatchEulerDiscreteScheduler)(shift=7.0),
            **dict.fromkeys(TEXT_PARTS),
        )
        backbone: Any = HunyuanBackbone(pipe, replace(size.preset, frames=frames))
        prompt = random_prompt(size, transformer)
        backbone.encode_prompt = lambda text, frame: prompt
        layers = {"base": (), "control": size.layers, "controlnet": tuple(copies or size.layers)}[method]
        control = ControlConfig(
            layers,
            (),
            adapter_width=size.adapter_width if method == "control" else 96,
            lora_rank=size.lora_rank if method == "control" else 0,
            method="controlnet" if method == "controlnet" else "adapter",
        )
        with torch.device(device):
            adapter = build_adapter(backbone, control).requires_grad_(False)
            if control.lora_rank:
                add_lora(transformer, backbone.blocks, layers, control.lora_rank)
        transformer.to(dtype).requires_grad_(False)
    return Model(method, backbone, transformer, adapter, control)


def filled(
    transformer: HunyuanVideoTransformer3DModel, device: str, dtype: torch.dtype
) -> HunyuanVideoTransformer3DModel:
    """The transformer with memory and small random weights: how long a product takes does not depend on them."""
    transformer = transformer.to(dtype)
    if device != "meta":
        transformer.to_empty(device=device)
        for name, parameter in transformer.named_parameters():
            parameter.data.normal_(1.0 if "norm" in name and parameter.ndim == 1 else 0.0, 0.02)
    return transformer


def random_prompt(size: Size, transformer: HunyuanVideoTransformer3DModel) -> Prompt:
    config, given = transformer.config, {"device": transformer.device, "dtype": transformer.dtype}
    embeds = torch.randn(1, size.text_tokens, config.text_embed_dim, **given)
    pooled = torch.randn(1, config.pooled_projection_dim, **given)
    return Prompt(embeds, pooled, torch.ones(1, size.text_tokens, **given), ("",) * size.text_tokens)


def stand(model: Model, mode: str, device: str) -> Model:
    """Puts a model into RAM, where loading leaves it, and then where the mode wants it."""
    if device == "cuda":
        model.adapter.to("cpu")
        if mode != "resident":
            model.backbone.pipe.to("cpu")  # type: ignore[attr-defined]
        forget()
    hold(model, mode, device)
    return model


def denoising(model: Model, controlled: bool, steps: int) -> Iterator[None]:
    """Takes a step of a video whenever it is asked; what comes before the first one is done in it. Ends before
    decoding."""
    frame = np.random.default_rng(0).integers(0, 255, (model.height, model.width, 3), dtype=np.uint8)
    side = model.height // 3
    masks = np.zeros((model.frames, *frame.shape[:2]), bool)
    for t in range(model.frames):
        left = (model.width - side) * t // model.frames
        masks[t, side : 2 * side, left : left + side] = True
    updates = generate(model, frame, masks if controlled else None, "", Settings(steps), previews=False)
    for _, update in zip(range(steps), updates, strict=False):
        assert not isinstance(update, Result)
        yield


def memory(model: Model, device: str, controlled: bool) -> dict[str, float]:
    """Of two steps, from the first frame's encoding on: the peak in GB, and where tensors are counted the operations
    of a step and those that are done once, in TFLOP."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        for _ in denoising(model, controlled, 2):
            pass
        return {"memory_gb": torch.cuda.max_memory_allocated() / GB}
    stays = [model.adapter] if isinstance(model.adapter, ControlNet) else []
    counted = Counted(model.module, model.backbone.pipe.vae, *stays)  # type: ignore[attr-defined]
    if not stays:
        counted.visit(model.adapter)
    with counted, FusedAttention(counted):
        flops = [counted.flops for _ in denoising(model, controlled, 2)]
    step = flops[1] - flops[0]
    return {"memory_gb": counted.peak / GB, "tflop": step / 1e12, "tflop_once": (flops[0] - step) / 1e12}


def clock(device: str) -> float:
    """Seconds: on a GPU of the wall once it is done, on the CPU of the process, as others may want the CPU, too."""
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def pairs(model: Model, device: str, rounds: int) -> dict[bool, list[float]]:
    """Seconds of steps with control (True) and without, taken by turns; each has begun with one that is not counted."""
    runs = {controlled: denoising(model, controlled, rounds + 1) for controlled in (False, True)}
    times: dict[bool, list[float]] = {False: [], True: []}
    for round_ in range(rounds + 1):
        for controlled in (True, False) if round_ % 2 else (False, True):
            began = clock(device)
            next(runs[controlled])
            if round_:
                times[controlled].append(clock(device) - began)
    return times


def measured(
    size: Size, frames: int, mode: str, device: str, rounds: int, every: bool
) -> list[dict[str, Any]]:
    """The row of each method; memory is that of a model with this control alone."""
    rows: list[dict[str, Any]] = []
    for method, copies in methods(size, every):
        model = stand(open_model(size, frames, method.split()[0], device, copies), mode, device)
        row: dict[str, Any] = {"frames": frames, "mode": mode, "method": method}
        row |= memory(model, device, method != "base")
        if method == "base":
            done = [clock(device) for _ in denoising(model, False, rounds + 1)]
            row["seconds"] = statistics.median(b - a for a, b in pairwise(done))
            row["estimate"] = estimate(size, frames, mode, device)
        else:
            times = pairs(model, device, rounds)
            ratios = [a / b for a, b in zip(times[True], times[False], strict=True)]
            row["seconds"], row["seconds_without"] = (statistics.median(times[on]) for on in (True, False))
            row["ratio"], row["low"], row["high"] = statistics.median(ratios), min(ratios), max(ratios)
        row["memory_ratio"] = row["memory_gb"] / (rows[0] if rows else row)["memory_gb"]
        rows.append(row)
        del model
        forget()
    return rows


def estimate(size: Size, frames: int, mode: str, device: str) -> float | None:
    """Seconds of a step as a plan would have them, from what the machine is measured at now."""
    rate, bus = speed(device, time.perf_counter if device == "cuda" else time.process_time)
    machine = Machine(float(device == "cuda"), 0, 0, rate, bus)
    first, second = (
        seconds(replace(size.preset, frames=frames, steps=steps), machine, mode) for steps in (1, 2)
    )
    return None if first is None or second is None else second - first


def methods(size: Size, every: bool) -> list[tuple[str, Sequence[int]]]:
    """Base, control, copies of the Motion Layers and, if wanted, of all blocks."""
    blocks = size.shape.get("num_layers", 20) + size.shape.get("num_single_layers", 40)
    return [(method, ()) for method in METHODS] + [("controlnet of all blocks", range(blocks))] * every


def counted(size: Size, frames: int, every: bool) -> list[dict[str, Any]]:
    """The row of each method on the meta device, all weights on the GPU that there would be."""
    rows: list[dict[str, Any]] = []
    for method, copies in methods(size, every):
        model = stand(open_model(size, frames, method.split()[0], "meta", copies), "resident", "meta")
        row: dict[str, Any] = {"frames": frames, "method": method, **memory(model, "meta", method != "base")}
        base = rows[0] if rows else row
        row["memory_ratio"] = row["memory_gb"] / base["memory_gb"]
        row["tflop_ratio"] = row["tflop"] / base["tflop"]
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """A line a row, figures by name."""
    for row in rows:
        cells = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        print("  ".join(cells), flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, nargs="+", default=[61, 129], help="(default 61 129)")
    options.add_argument("--steps", type=int, default=6, help="pairs of steps to be timed (default 6)")
    options.add_argument("--modes", nargs="+", choices=MODES, help="(default: all)")
    options.add_argument("--all-copies", action="store_true", help="ControlNet copies of all blocks, too")
    args = options.parse_args()
    device = default_device()
    size = FULL if device == "cuda" else REDUCED
    logging.set_verbosity_error()  # says of each change of precision that it can matter
    print(title(device), flush=True)
    report: dict[str, Any] = {"size": size.title, "device": device, "measured": [], "counted": []}
    for frames in args.frames:
        report["counted"] += (rows := counted(FULL, frames, args.all_copies))
        show(rows)
    for mode in args.modes or [mode for mode in MODES if mode != ("cpu" if device == "cuda" else "resident")]:
        for frames in args.frames:
            try:
                rows = measured(size, frames, mode, device, args.steps, args.all_copies)
            except (UserError, RuntimeError, ImportError) as error:  # out of memory, or not on this device
                rows = [{"frames": frames, "mode": mode, "failed": str(error).split("\n")[0]}]
            forget()
            report["measured"] += rows
            show(rows)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def title(device: str) -> str:
    if device == "cuda":
        return f"full size, {torch.cuda.get_device_name()}"
    preset, shape = REDUCED.preset, REDUCED.shape
    return (
        f"reduced size, CPU: there is no GPU. Seconds and the memory beside them are of {shape['num_layers']} + "
        f"{shape['num_single_layers']} blocks of width {128 * shape['num_attention_heads']} at {preset.width} x "
        f"{preset.height} pixels; rows without seconds are counted at full size, without memory"
    )


if __name__ == "__main__":
    main()
