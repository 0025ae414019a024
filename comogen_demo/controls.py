"""Controls on disk, each one file, for mini or for a large backbone; and large backbones with or without one."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .backbones.base import Backbone
from .backbones.placement import default_device, place
from .backbones.planner import fitting
from .backbones.registry import Preset, find_preset, open_backbone
from .control.controlnet import ControlNet
from .control.files import damaged, read_about, read_control, write_control
from .control.lora import add_lora, load_lora, lora_parameters
from .errors import UserError
from .model import ControlConfig, Model, build_adapter

if TYPE_CHECKING:
    from .backbones.large import LargeBackbone


def load_large(
    preset: Preset,
    weights: str | None = None,
    control: Path | None = None,
    device: str | None = None,
    mode: str = "resident",
) -> Model:
    """A large backbone with a control from a file, or with none, held as a mode of `planner.MODES` says, as fast as the
    preset asks for and the mode allows (`planner.fitting`). Raises UserError as `open_backbone`, `speed.check` and
    `load_control`."""
    from .backbones.speed import check, speed_up  # brings diffusers' pipelines, which mini does without

    about = read_about(control) if control else None
    if control and about:
        _compare(
            control, {"backbone": about.get("backbone")}, {"backbone": preset.name}
        )  # before the long loading
        method = dict(about.get("control") or {}).get("method")
        if (mode == "int8" or preset.gguf) and method == "controlnet":
            raise UserError(
                f"The control {control} is of copied blocks, which quantised blocks cannot be: choose another --memory "
                "than int8, and no --denoiser."
            )
    device = "cpu" if mode == "cpu" else device or default_device()
    preset = fitting(preset, mode)
    check(preset, device)
    backbone = open_backbone(preset, weights, device, mode)
    if control:
        model = load_control(control, backbone)
    else:
        none = ControlConfig((), ())
        model = Model(preset.name, backbone, backbone.denoiser, build_adapter(backbone, none), none)
    hold(model, mode, device)
    speed_up(backbone)
    return model


def hold(model: Model, mode: str, device: str) -> None:
    """Puts a large backbone where `mode` wants it (`placement.place`), with its LoRA in, and gives the control its
    precision. Copies of blocks go to the device; a MaskAdapter stays in RAM, from where it is called once a video."""
    backbone = cast("LargeBackbone", model.backbone)
    model.adapter.to(backbone.pipe.transformer.dtype)
    place(backbone, mode, device)
    if isinstance(model.adapter, ControlNet):
        model.adapter.to(device)


def preset_of(path: Path) -> Preset:
    """The preset of a control's backbone, at the size and number of frames of its training. Raises UserError as
    `load_control`."""
    about = read_about(path)
    try:
        width, height, frames = (int(about["settings"][key]) for key in ("width", "height", "frames"))
        return replace(find_preset(about["backbone"]), width=width, height=height, frames=frames)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise damaged(path, str(error)) from error


def save_control(path: Path, model: Model, training: dict[str, Any]) -> None:
    """Writes a model's adapter and LoRA into one file, exactly as they are; training: the record of how they came
    about, whatever JSON can hold."""
    backbone = model.backbone
    about = {
        **_fit(backbone),
        "control": asdict(model.control),
        "settings": {key: getattr(backbone, key) for key in ("width", "height", "frames", "fps")},
        "training": training,
    }
    adapter = {f"adapter.{k}": v for k, v in model.adapter.state_dict().items()}
    lora = {f"lora.{k}": v for k, v in lora_parameters(model.module).items()}
    write_control(path, adapter | lora, about)


def load_control(path: Path, backbone: Backbone) -> Model:
    """A backbone without LoRA and the control of a file for it.

    Raises UserError if the file is missing, damaged, or for another backbone, naming what differs.
    """
    about, tensors = read_control(path)
    _compare(path, about, _fit(backbone))
    try:
        fields = dict(about["control"])
        fields["motion_layers"] = tuple(fields["motion_layers"])
        fields["scores"] = tuple(fields["scores"])
        control = ControlConfig(**fields)
        outside = [layer for layer in control.motion_layers if not 0 <= layer < len(backbone.blocks)]
        if outside:
            raise ValueError(f"Motion Layers {outside} of {len(backbone.blocks)} blocks")
        adapter = build_adapter(backbone, control)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error
    device = next(backbone.denoiser.parameters()).device
    if control.lora_rank:
        add_lora(backbone.denoiser, backbone.blocks, control.motion_layers, control.lora_rank)
    adapter_state = {f"adapter.{k}": v for k, v in adapter.state_dict().items()}
    lora_state = {f"lora.{k}": v for k, v in lora_parameters(backbone.denoiser).items()}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    needed = {k: tuple(v.shape) for k, v in (adapter_state | lora_state).items()}
    _compare(path, found, needed | {k: "nothing" for k in found if k not in needed})
    adapter.load_state_dict({k.removeprefix("adapter."): tensors[k] for k in adapter_state})
    load_lora(backbone.denoiser, {k.removeprefix("lora."): tensors[k] for k in lora_state})
    adapter = adapter.to(device).eval().requires_grad_(False)
    backbone.denoiser.requires_grad_(False)
    return Model(path.stem, backbone, backbone.denoiser, adapter, control)


def _fit(backbone: Backbone) -> dict[str, Any]:
    """What a control and its backbone must agree on."""
    return {
        "backbone": backbone.name,
        "token width": backbone.token_width,
        "number of blocks": len(backbone.blocks),
    }


def _compare(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Raises UserError that names the first of the expected entries that the file has otherwise or lacks."""
    for key, value in expected.items():
        if found.get(key) != value:
            there = f"is {found[key]}" if key in found else "is missing"
            raise UserError(
                f"The control file {path} does not fit this model: its {key} {there}, expected {value}; "
                "choose the backbone that it was trained for, or another file."
            )
