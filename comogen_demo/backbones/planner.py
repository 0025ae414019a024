"""How a large backbone is held in memory: what each way needs, and which is the fastest that fits. Free of torch.

The weights are counted. What a step and the decoding need beside them is derived from the number of tokens and pixels;
none of it was measured on a GPU, and the order of the modes in speed is expected, not measured (our choice). Seconds
are derived from operations and from the device's rate in one matrix product.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from .registry import Preset
from .stored import source_of

MODES = {  # from the fastest to the slowest; fp8 and int8 alone round the weights
    "resident": "all weights on the GPU",
    "model-offload": "denoiser, text encoders and VAE on the GPU one at a time",
    "fp8": "as model-offload, the denoiser kept in 8 bits, which loses some precision",
    "int8": "as fp8, but quantised while it is read, which spares RAM, too",
    "group-offload": "every layer on the GPU only while it computes",
    "cpu": "no GPU, all in RAM at float32",
}
WITHOUT = {  # what does not work in a mode: both change the layers' forward
    "compile": ("fp8", "group-offload"),  # blocks would come apart into many pieces
    "cache": ("group-offload",),  # the next layer is fetched by the one before, which the cache may leave out
}
ROUNDING = ("fp8", "int8")
STEP = 24  # numbers held for each of N x D in a block: q, k, v, feed-forward, modulation (derived)
DECODE = (
    3 * 128
)  # numbers held for each pixel at the VAE's full resolution: three maps of 128 channels (derived)
AT_ONCE = 16  # frames that a VAE decodes at once, at most, tiled or not (diffusers' defaults)
TILE = 256 * 256  # pixels of a tile (diffusers' defaults)
LAYERS = 2.5  # GB: the largest single layer and the one fetched next; UMT5's table of words has 2.1
PRODUCTS = (
    12  # D x D products for each token in a block: 4 of attention, 8 of a feed-forward of width 4 D (derived)
)
SPARE = 1.0  # GB of VRAM and of RAM: CUDA's own, Python and torch, fragments


class DoesNotFit(UserError):
    """No way to hold a backbone fits.

    what: the sentence up to the advice, which is the asker's own; least: the mode that needs least, "" if all failed.
    """

    def __init__(self, what: str, least: str = ""):
        super().__init__(f"{what}: choose a smaller model, or run it on a machine with more memory.")
        self.what, self.least = what, least


@dataclass(frozen=True)
class Machine:
    """What is free, in GB (1e9 bytes): vram (0: no GPU), ram, and disk where downloads go. How fast it is (0: not
    measured): rate, of a matrix product on the GPU or, without one, on the CPU, in TFLOP/s; bus, from RAM to the GPU in
    GB/s."""

    vram: float
    ram: float
    disk: float
    rate: float = 0.0
    bus: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A mode of MODES, what it needs in GB, the seconds of denoising (None: not known), and a sentence that says so."""

    mode: str
    vram: float
    ram: float
    disk: float
    seconds: float | None
    sentence: str


def plan(preset: Preset, machine: Machine, mode: str = "auto") -> Plan:
    """The fastest mode that fits, or the one that is asked for, whether it fits or not: it is an estimate.

    `preset.download` is what must still be fetched. Raises DoesNotFit if no mode fits, UserError if there is no GPU or
    no torchao for the mode or no room on the disk.
    """
    if preset.download > machine.disk:
        raise UserError(
            f"The weights of {preset.title} need {preset.download:.1f} GB more on the disk, but {machine.disk:.1f} GB "
            "are free: make room, or give a folder that has them."
        )
    if mode not in ("auto", "cpu") and not machine.vram:
        raise UserError(f"The memory mode {mode} needs a GPU, and none was found: choose cpu or auto.")
    if mode == "int8" and not quantises():
        raise UserError(
            "The memory mode int8 needs torchao: pip install torchao, or choose another --memory."
        )
    if preset.gguf and mode in ROUNDING:
        raise UserError(
            f"A GGUF file is quantised already, so that {mode} cannot hold it: choose another --memory."
        )
    possible = [mode] if mode != "auto" else [m for m in MODES if (m == "cpu") == (not machine.vram)]
    if mode == "auto":
        without = ROUNDING if preset.gguf else () if quantises() else ("int8",)
        possible = [m for m in possible if m not in without]
    plans = [_estimate(preset, machine, m) for m in possible]
    for made in plans:
        if mode != "auto" or (made.vram <= machine.vram and made.ram <= machine.ram):
            return made
    least = plans[-1]
    raise DoesNotFit(
        f"{preset.title} at {preset.width} x {preset.height} pixels and {preset.frames} frames does not fit: "
        f"{least.mode}, which needs least, is estimated at {least.vram:.1f} GB of VRAM and {least.ram:.1f} GB of RAM, "
        f"and {machine.vram:.1f} and {machine.ram:.1f} GB are free",
        least.mode,
    )


def plan_whole(preset: Preset, machine: Machine, work: str) -> Plan:
    """All on the GPU or, without one, in RAM, for `work` that knows no other way. Raises UserError as `plan`, and where
    it is estimated not to fit."""
    made = plan(preset, machine, "resident" if machine.vram else "cpu")
    check(
        preset,
        machine,
        work,
        (made.vram, made.ram),
        "choose a smaller --size, fewer --frames or a smaller backbone",
    )
    return made


def check(preset: Preset, machine: Machine, work: str, needs: tuple[float, float], remedy: str) -> None:
    """Raises UserError with the remedy where `work` needs more VRAM or RAM, in GB, than is free."""
    if needs[0] > machine.vram or needs[1] > machine.ram:
        raise UserError(
            f"{work} {preset.title} at {preset.width} x {preset.height} pixels and {preset.frames} frames does not "
            f"fit: it is estimated at {needs[0]:.1f} GB of VRAM and {needs[1]:.1f} GB of RAM, and {machine.vram:.1f} "
            f"and {machine.ram:.1f} GB are free; {remedy}."
        )


def below(mode: str, gguf: bool = False) -> str | None:
    """The mode that is tried when this one ran out of memory; None after the last one on the GPU. int8 is for want of
    RAM: on the GPU it takes no less than fp8, and what takes less there takes more RAM."""
    modes = [m for m in MODES if m not in (ROUNDING if gguf else ("int8",))]
    if mode == "int8":
        return None
    lower = modes[modes.index(mode) + 1 :]
    return lower[0] if lower and lower[0] != "cpu" else None


def quantises() -> bool:
    """Whether the package for int8 is here."""
    return importlib.util.find_spec("torchao") is not None


def fitting(preset: Preset, mode: str) -> Preset:
    """The preset without what would make it faster but does not work in the mode."""
    kept: dict[str, Any] = {
        what: getattr(preset, what) and mode not in modes for what, modes in WITHOUT.items()
    }
    return replace(preset, **kept)


def with_sizes(preset: Preset, weights: str | None, cache: Path) -> Preset:
    """The preset with the parameters of a folder's weights, as their files count them, and with what is to be
    downloaded: nothing for a folder, for a hub id what the cache of huggingface_hub has not got yet."""
    source = source_of(preset, weights)
    if Path(source).is_dir():
        text = sum(_parameters(part) for part in sorted(Path(source).glob("text_encoder*")))
        counts = (_parameters(Path(source) / "transformer"), text, _parameters(Path(source) / "vae"))
        if not all(counts):  # other files than safetensors, or damaged: loading says what is wrong
            return replace(preset, download=0.0)
        denoiser, text, vae = counts
        return replace(preset, parameters=denoiser, text_parameters=text, vae_parameters=vae, download=0.0)
    if preset.gguf:  # the hub's own denoiser is not fetched
        preset = replace(preset, download=max(preset.download - 2 * preset.parameters, 0.0))
    blobs = (cache / f"models--{source.replace('/', '--')}" / "blobs").glob("*")
    return replace(preset, download=max(preset.download - sum(b.stat().st_size for b in blobs) / 1e9, 0.0))


def _estimate(preset: Preset, machine: Machine, mode: str) -> Plan:
    text = 2 * preset.text_parameters  # bfloat16
    denoiser = _denoiser(preset)
    vae = 4 * preset.vae_parameters  # float32, which Wan's needs
    ram = denoiser + text + vae + SPARE  # all modes read the weights into RAM first
    ram -= denoiser / 2 if mode == "int8" else 0.0  # quantised one by one as they are read
    tokens = tokens_of(preset)
    step = 2 * STEP * tokens * preset.token_width * preset.batch / 1e9
    if fitting(preset, mode).cache:  # the attention of all blocks
        step += 2 * preset.blocks * tokens * preset.token_width * (1 + preset.guided) / 1e9
    area, at_once = preset.width * preset.height, min(preset.frames, AT_ONCE)
    width = 4 if preset.module == "wan" else 2
    video = 2 * 4 * 3 * preset.frames * area / 1e9  # twice in float32: as decoded, and clamped or joined
    whole = width * DECODE * at_once * area / 1e9 + video
    tiled = width * DECODE * at_once * min(TILE, area) / 1e9 + video
    if mode == "resident":
        vram = denoiser + text + vae + max(step, whole)
    elif mode == "group-offload":
        vram = vae + min(LAYERS, denoiser + text) + max(step, tiled)
    elif mode == "cpu":
        vram, ram = (
            0.0,
            (denoiser if preset.gguf else 2 * denoiser) + 2 * text + vae + 2 * max(step, whole) + SPARE,
        )
    else:
        held = denoiser if mode == "model-offload" else denoiser / 2
        vram = vae + max(text, held + step, tiled)  # the VAE stays, having encoded the frame
    vram += SPARE if vram else 0.0
    needed = seconds(preset, machine, mode)
    sentence = (
        f"memory: {mode}, {MODES[mode]}; estimated VRAM {vram:.1f} GB ({machine.vram:.1f} free), RAM {ram:.1f} GB "
        f"({machine.ram:.1f} free), download {preset.download:.1f} GB ({machine.disk:.1f} free on the disk); derived, "
        f"not measured; how long {preset.steps} steps take is "
        + ("not known before the first ones" if needed is None else f"about {_time(needed)}, derived, too")
    )
    return Plan(mode, vram, ram, preset.download, needed, sentence)


def seconds(preset: Preset, machine: Machine, mode: str) -> float | None:
    """Of `preset.steps` denoising steps, text and VAE left out; None for a machine whose speed was not measured.

    Operations are counted for the video's tokens: the weights that modulate, or that only text goes through, have
    little work. All is taken to run as fast as one matrix product, the weights to cross the bus once a video or, with
    group offload, in every pass while the ones before compute (our assumptions).
    """
    if not machine.rate or (mode == "cpu" and machine.vram):
        return None
    tokens, width = tokens_of(preset), preset.token_width
    work = 2 * preset.blocks * tokens * width * (PRODUCTS * width + 2 * tokens) * preset.batch / 1e12
    step = preset.passes * work / machine.rate
    if mode in ("resident", "cpu"):
        return preset.steps * step
    if not machine.bus:
        return None
    moved = _denoiser(preset) / machine.bus
    if mode == "group-offload":
        return preset.steps * max(step, preset.passes * moved)
    return preset.steps * step + (moved / 2 if mode in ("fp8", "int8") else moved)


def _denoiser(preset: Preset) -> float:
    """GB of its weights: in bfloat16, or as they are in a GGUF file (one that is missing, loading tells of)."""
    if not preset.gguf:
        return 2 * preset.parameters
    file = Path(preset.gguf)
    return file.stat().st_size / 1e9 if file.is_file() else 0.0


def tokens_of(preset: Preset) -> int:
    """Of the video, with the window that latent_concat puts before the others."""
    side = preset.token_side
    return ((preset.frames - 1) // 4 + 2) * (preset.height // side) * (preset.width // side)


def _time(amount: float) -> str:
    """Seconds in the unit that gives a number from 2 to 120."""
    for unit, length in (("seconds", 1), ("minutes", 60)):
        if amount < 120 * length:
            return f"{max(amount / length, 1):.0f} {unit}"
    return f"{amount / 3600:.0f} hours"


def _parameters(folder: Path) -> float:
    """In billions, as the headers of the folder's safetensors files count them; 0 if they cannot be read."""
    try:
        return sum(math.prod(shape) for file in folder.glob("*.safetensors") for shape in _shapes(file)) / 1e9
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0.0


def _shapes(file: Path) -> Iterator[list[int]]:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > 100_000_000:  # the format's own limit
            raise ValueError("no safetensors file")
        header = json.loads(stream.read(length))
    yield from (entry["shape"] for key, entry in header.items() if key != "__metadata__")
