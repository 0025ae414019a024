"""Models on disk: checkpoints/NAME/ with config.json, vae.safetensors, base.safetensors and control.safetensors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .backbones.base import Backbone
from .backbones.mini.backbone import MiniBackbone, MiniConfig
from .backbones.mini.denoiser import DenoiserConfig, MiniDenoiser
from .backbones.mini.vae import VAEConfig, VideoVAE
from .control.adapter import AdapterConfig, MaskAdapter
from .control.lora import add_lora, load_lora, lora_parameters
from .errors import UserError

FORMAT = 1
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


@dataclass(frozen=True)
class ControlConfig:
    """How the control of a model is made: the Motion Layers with the attention score of every block, the LoRA's rank
    (0: none) and the recipe it was trained by ("paper": frozen base; "joint": base, adapter and all)."""

    motion_layers: tuple[int, ...]
    scores: tuple[float, ...]
    cells: int = 4
    adapter_width: int = 96
    lora_rank: int = 0
    recipe: str = "paper"


@dataclass(frozen=True)
class Model:
    """A backbone with its control. `module` is what LoRA was put into."""

    name: str
    backbone: Backbone
    module: nn.Module
    adapter: MaskAdapter
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


def load_model(name: str = "mini", folder: Path | None = None, device: str | None = None) -> Model:
    """Loads checkpoints/NAME (or `folder`) onto the GPU if there is one, else the CPU.

    Raises UserError if the checkpoint is missing, damaged or of another version.
    """
    folder = folder or CHECKPOINTS / name
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    backbone_config, control = read_config(folder)
    backbone = build_backbone(backbone_config, device)
    adapter = build_adapter(backbone, control).to(device).eval()
    _fill(backbone.vae, folder / "vae.safetensors")
    _fill(backbone.denoiser, folder / "base.safetensors")
    state = _read(folder / "control.safetensors")
    own = {k.removeprefix("adapter."): v for k, v in state.items() if k.startswith("adapter.")}
    lora = {k.removeprefix("lora."): v for k, v in state.items() if k.startswith("lora.")}
    if control.lora_rank:
        add_lora(backbone.denoiser, backbone.blocks, control.motion_layers, control.lora_rank)
    try:
        adapter.load_state_dict(own)
        load_lora(backbone.denoiser, lora)
    except (RuntimeError, KeyError) as error:
        raise _damaged(folder / "control.safetensors", str(error).splitlines()[0]) from error
    for parameter in (*backbone.vae.parameters(), *backbone.denoiser.parameters(), *adapter.parameters()):
        parameter.requires_grad_(False)
    return Model(name, backbone, backbone.denoiser, adapter, control)


def save_model(folder: Path, backbone: MiniBackbone, adapter: MaskAdapter, control: ControlConfig) -> None:
    """Writes a model as fp16 safetensors; the base without its LoRA, which goes with the adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"format": FORMAT, "backbone": asdict(backbone.config), "control": asdict(control)}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    lora = lora_parameters(backbone.denoiser)
    base = {
        k.replace(".base_layer.", "."): v for k, v in backbone.denoiser.state_dict().items() if k not in lora
    }
    _write(folder / "vae.safetensors", backbone.vae.state_dict())
    _write(folder / "base.safetensors", base)
    parts = {f"adapter.{k}": v for k, v in adapter.state_dict().items()}
    _write(folder / "control.safetensors", {**parts, **{f"lora.{k}": v.detach() for k, v in lora.items()}})


def read_config(folder: Path) -> tuple[MiniConfig, ControlConfig]:
    """config.json of a checkpoint. Raises UserError if it is missing, damaged or of another version."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(
            f"There is no model at {folder}: expected config.json and three .safetensors files; "
            "get them from the repository."
        )
    try:
        data: dict[str, Any] = json.loads(path.read_text())
        if data.get("format") != FORMAT:
            raise UserError(
                f"{path} is of format {data.get('format')}, but this version reads format {FORMAT}: "
                "update the program or the model."
            )
        shape = dict(data["backbone"])
        vae, denoiser = dict(shape.pop("vae")), dict(shape.pop("denoiser"))
        vae["widths"] = tuple(vae["widths"])
        denoiser["rope_axes_dim"] = tuple(denoiser["rope_axes_dim"])
        shape["vocabulary"] = tuple(shape["vocabulary"])
        control = dict(data["control"])
        control["motion_layers"], control["scores"] = (
            tuple(control["motion_layers"]),
            tuple(control["scores"]),
        )
        return MiniConfig(**shape, vae=VAEConfig(**vae), denoiser=DenoiserConfig(**denoiser)), ControlConfig(
            **control
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise _damaged(path, str(error)) from error


def build_backbone(config: MiniConfig, device: str = "cpu", dtype: torch.dtype | None = None) -> MiniBackbone:
    """The embedded backbone with random weights; dtype as in `MiniBackbone`."""
    vae = VideoVAE(config.vae).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return MiniBackbone(config, vae, MiniDenoiser(config.denoiser), device, dtype)


def build_adapter(backbone: Backbone, control: ControlConfig) -> MaskAdapter:
    return MaskAdapter(
        AdapterConfig(backbone.token_grid, backbone.token_width, control.cells, control.adapter_width)
    )


def _fill(module: nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(_read(path))
    except RuntimeError as error:
        raise _damaged(path, " ".join(str(error).split())[:200]) from error


def _read(path: Path) -> dict[str, Tensor]:
    """Tensors of a file as float32."""
    if not path.is_file():
        raise UserError(f"The model file {path} is missing: get it again from the repository.")
    try:
        return {k: v.float() for k, v in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _write(path: Path, state: dict[str, Tensor]) -> None:
    save_file({k: v.to(torch.float16).contiguous() for k, v in state.items()}, path)


def _damaged(path: Path, why: str) -> UserError:
    return UserError(
        f"The model file {path} is damaged or does not fit ({why}): get it again from the repository."
    )
