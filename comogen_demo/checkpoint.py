"""Models on disk: checkpoints/NAME/ with config.json, vae.safetensors, base.safetensors and control.safetensors is an
embedded model; checkpoints/NAME.safetensors a control, for mini or for a large backbone with weights elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .backbones.base import Backbone
from .backbones.mini.backbone import MiniBackbone, MiniConfig
from .backbones.mini.denoiser import DenoiserConfig, MiniDenoiser
from .backbones.mini.vae import VAEConfig, VideoVAE
from .backbones.placement import default_device, place
from .backbones.planner import fitting
from .backbones.registry import Preset, find_preset, open_backbone
from .control.adapter import AdapterConfig, MaskAdapter
from .control.controlnet import Control, ControlNet, Method
from .control.files import damaged, read_about, read_control, write_control
from .control.lora import add_lora, load_lora, lora_parameters
from .errors import UserError

if TYPE_CHECKING:
    from .backbones.large import LargeBackbone

FORMAT = 1
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


@dataclass(frozen=True)
class ControlConfig:
    """How the control of a model is made: the Motion Layers (none: the model has no control) with the attention score
    of every block, the LoRA's rank (0: none), the recipe it was trained by ("paper": frozen base; "joint": base,
    adapter and all) and the method ("adapter": MaskAdapter; "controlnet": copies of the Motion Layers)."""

    motion_layers: tuple[int, ...]
    scores: tuple[float, ...]
    cells: int = 4
    adapter_width: int = 96
    lora_rank: int = 0
    recipe: str = "paper"
    method: Method = "adapter"


@dataclass(frozen=True)
class Model:
    """A backbone with its control. `module` is what LoRA was put into, the backbone's denoiser."""

    name: str
    backbone: Backbone
    module: nn.Module
    adapter: Control
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


def build_adapter(backbone: Backbone, control: ControlConfig) -> Control:
    """What follows the masks, untrained; a ControlNet copies blocks, so the backbone is yet without LoRA."""
    if control.method == "controlnet":
        return ControlNet(backbone.blocks, control.motion_layers, backbone.token_width, control.cells)
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
