"""The large backbones by name: what they are, before anything of them is loaded. Free of torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from .large import LargeBackbone


@dataclass(frozen=True)
class Preset:
    """A backbone and how it is run; `dataclasses.replace` makes another choice.

    module: the file of this room that runs it; hub: where its weights are; parameters: of the denoiser, in billions;
    width, height, frames, fps: of the video; steps: as many as it is usually run with; guidance: the scale, 1 is none;
    true_cfg: a second scale, of classifier-free guidance, for HunyuanVideo, whose `guidance` is distilled into the
    model; negative: the prompt that classifier-free guidance leads away from; motion_layers: where known.
    """

    name: str
    title: str
    module: str
    hub: str
    parameters: float
    licence: str
    width: int
    height: int
    frames: int
    fps: float
    steps: int
    guidance: float
    true_cfg: float = 1.0
    negative: str = ""
    motion_layers: tuple[int, ...] = ()


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
            licence="CogVideoX License: free for research, commercial use after registration",
            width=720,
            height=480,
            frames=49,
            fps=8,
            steps=50,
            guidance=6.0,
        ),
        Preset(
            name="wan",
            title="Wan2.2-TI2V-5B",
            module="wan",
            hub="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
            parameters=5.0,
            licence="Apache License 2.0",
            width=1280,
            height=704,
            frames=121,
            fps=24,
            steps=50,
            guidance=5.0,
        ),
    )
}


def find_preset(name: str) -> Preset:
    """Raises UserError with the known names."""
    if name not in PRESETS:
        raise UserError(f"There is no backbone {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def load_backbone(
    preset: Preset, weights: str | Path | None = None, device: str | None = None
) -> LargeBackbone:
    """Loads a backbone from a folder in diffusers' layout, or from its hub id, which downloads what is not there yet.

    device: by default the GPU if there is one, else the CPU. Raises UserError if nothing, something damaged or another
    model is found, and for a size or number of frames that the model cannot make.
    """
    module = importlib.import_module(f".{preset.module}", __package__)
    return module.BACKBONE.load(preset, str(weights or preset.hub), device)
