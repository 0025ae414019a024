"""Models on disk: checkpoints/NAME/ with config.json, vae.safetensors, base.safetensors and control.safetensors is an
embedded model; checkpoints/NAME.safetensors a control, for mini or for a large backbone with weights elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .backbones.mini.backbone import MiniBackbone, MiniConfig
from .backbones.mini.denoiser import DenoiserConfig
from .backbones.mini.vae import VAEConfig
from .backbones.placement import default_device
from .control.controlnet import Control
from .control.files import read_about
from .control.lora import add_lora, load_lora, lora_parameters
from .controls import load_control, load_large, preset_of
from .errors import UserError
from .model import ControlConfig, Model, build_adapter, build_backbone

FORMAT = 1
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


def load_model(
    name: str = "mini", folder: Path | None = None, device: str | None = None, weights: str | None = None
) -> Model:
    """Loads checkpoints/NAME (or `folder`) onto the GPU if there is one, else the CPU.

    If there is a control NAME.safetensors (or NAME is the path of one), its backbone is loaded with it: the embedded
    one from checkpoints/mini, a large one at the size of its training from `weights`, a folder or hub id. Raises
    UserError if anything is missing, damaged or of another version.
    """
    file = control_file(name)
    if folder is None and file:
        if is_embedded(file):
            return load_control(file, load_embedded(CHECKPOINTS / "mini", device)[0])
        return load_large(preset_of(file), weights, file, device)
    folder = folder or CHECKPOINTS / name
    backbone, control = load_embedded(folder, device)
    adapter = build_adapter(backbone, control).to(backbone.device).eval()
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
    for module in (backbone.denoiser, adapter):
        module.requires_grad_(False)
    return Model(name, backbone, backbone.denoiser, adapter, control)


def load_embedded(folder: Path, device: str | None = None) -> tuple[MiniBackbone, ControlConfig]:
    """The embedded backbone of a checkpoint folder without control, and how its own is made. Raises as `load_model`."""
    config, control = read_config(folder)
    backbone = build_backbone(config, device or default_device())
    _fill(backbone.vae, folder / "vae.safetensors")
    _fill(backbone.denoiser, folder / "base.safetensors")
    for module in (backbone.vae, backbone.denoiser):
        module.requires_grad_(False)
    return backbone, control


def save_model(folder: Path, backbone: MiniBackbone, adapter: Control, control: ControlConfig) -> None:
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


def control_file(name: str) -> Path | None:
    """Where a model of this name is a control in one file: the path that it is, or a file in checkpoints/."""
    if name.endswith(".safetensors"):
        return Path(name)
    file = CHECKPOINTS / f"{name}.safetensors"
    return file if file.is_file() else None


def is_embedded(control: Path) -> bool:
    """Whether a control file is for the embedded backbone. Raises UserError as `read_about`."""
    return bool(read_about(control).get("backbone") == MiniBackbone.name)


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
