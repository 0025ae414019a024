"""The large backbones by name: what they are, before anything of them is loaded. Free of torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .stored import source_of

if TYPE_CHECKING:
    from .large import LargeBackbone


@dataclass(frozen=True)
class Preset:
    """A backbone and how it is run; `dataclasses.replace` makes another choice.

    module: the file of this room that runs it; hub: where its weights are; parameters, text_parameters,
    vae_parameters: of denoiser, text encoders and VAE, in billions; download: of all of them as the hub keeps them, in
    GB (derived from these and the precision there); token_width: D; blocks: of the denoiser; token_side: pixels that a
    token spans; batch: videos that are denoised at once, 2 where guidance goes in one pass; passes: one after the other
    in a step, 2 where guidance goes so; width, height, frames, fps: of the video;
    steps: as many as it is usually run with; guidance: the scale, 1 is none;
    true_cfg: a second scale, of classifier-free guidance, for HunyuanVideo, whose `guidance` is distilled into the
    model; negative: the prompt that classifier-free guidance leads away from; motion_layers: where known;
    gguf: a file that the denoiser is read from instead; attention: a backend, by its name in diffusers'
    AttentionBackendName; compile: whether the blocks are compiled; cache: whether steps share attention
    (`step_cache.StepCache`).
    """

    name: str
    title: str
    module: str
    hub: str
    parameters: float
    text_parameters: float
    vae_parameters: float
    download: float
    token_width: int
    blocks: int
    licence: str
    width: int
    height: int
    frames: int
    fps: float
    steps: int
    guidance: float
    token_side: int = 16
    batch: int = 1
    passes: int = 1
    true_cfg: float = 1.0
    negative: str = ""
    motion_layers: tuple[int, ...] = ()
    gguf: str = ""
    attention: str = "native"
    compile: bool = False
    cache: bool = False

    @property
    def guided(self) -> bool:
        """Whether classifier-free guidance has a second video denoised, in the same batch or in another pass."""
        return self.true_cfg > 1 or (self.module != "hunyuan" and self.guidance > 1)


HUNYUAN_LICENCE = (
    "Tencent Hunyuan Community License: not for use in the European Union, the United Kingdom and South Korea"
)

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="hunyuan",
            title="HunyuanVideo-I2V",
            module="hunyuan",
            hub="hunyuanvideo-community/HunyuanVideo-I2V",
            parameters=12.8,
            text_parameters=8.48,
            vae_parameters=0.25,
            download=43,
            token_width=3072,
            blocks=60,
            licence=HUNYUAN_LICENCE,
            width=640,
            height=368,
            frames=61,
            fps=24,
            steps=50,
            guidance=6.0,
            motion_layers=(6, 9, 11, 12, 13, 14, 15, 16, 19, 20, 31),  # read off the project page's figure
        ),
        Preset(
            name="hunyuan-33ch",
            title="HunyuanVideo-I2V, first release (image latents concatenated)",
            module="hunyuan",
            hub="hunyuanvideo-community/HunyuanVideo-I2V-33ch",
            parameters=12.8,
            text_parameters=8.48,
            vae_parameters=0.25,
            download=43,
            token_width=3072,
            blocks=60,
            licence=HUNYUAN_LICENCE,
            width=640,
            height=368,
            frames=61,
            fps=24,
            steps=50,
            guidance=1.0,
        ),
        Preset(
            name="cogvideox",
            title="CogVideoX-5B-I2V",
            module="cogvideox",
            hub="zai-org/CogVideoX-5b-I2V",
            parameters=5.6,
            text_parameters=4.76,
            vae_parameters=0.22,
            download=21,
            token_width=3072,
            blocks=42,
            licence="CogVideoX License: free for research, commercial use after registration",
            width=720,
            height=480,
            frames=49,
            fps=8,
            steps=50,
            guidance=6.0,
            batch=2,
        ),
        Preset(
            name="wan",
            title="Wan2.2-TI2V-5B",
            module="wan",
            hub="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
            parameters=5.0,
            text_parameters=5.68,
            vae_parameters=0.7,
            download=34,
            token_width=3072,
            blocks=30,
            licence="Apache License 2.0",
            width=1280,
            height=704,
            frames=121,
            fps=24,
            steps=50,
            guidance=5.0,
            token_side=32,
            passes=2,
        ),
    )
}


def find_preset(name: str) -> Preset:
    """Raises UserError with the known names."""
    if name not in PRESETS:
        raise UserError(f"There is no backbone {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def family(preset: Preset) -> type[LargeBackbone]:
    """The class that runs it."""
    return importlib.import_module(f".{preset.module}", __package__).BACKBONE


def open_backbone(
    preset: Preset, weights: str | Path | None = None, device: str | None = None, mode: str = "resident"
) -> LargeBackbone:
    """Reads a backbone into RAM, in the precision for `device` and the memory mode, where `placement.place` then puts
    it: from a folder in diffusers' layout, checkpoints/NAME if that is one, or from its hub id, which downloads what is
    not there yet.

    device: by default the GPU if there is one, else the CPU. Raises UserError if nothing, something damaged or another
    model is found, and for a size or number of frames that the model cannot make.
    """
    return family(preset).load(preset, source_of(preset, weights), device, mode)


def load_backbone(
    preset: Preset, weights: str | Path | None = None, device: str | None = None
) -> LargeBackbone:
    """`open_backbone`, with all of it on the device. Raises UserError as that."""
    from .placement import default_device, place

    device = device or default_device()
    backbone = open_backbone(preset, weights, device)
    place(backbone, "resident", device)
    return backbone
