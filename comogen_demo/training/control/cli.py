"""`train control`: the mask control of any backbone, learnt from a folder of clips; also under `accelerate launch`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ..data.cli import tell
from .settings import STAGES, ControlTraining

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ...backbones.base import Backbone
    from ...backbones.registry import Preset
    from .trainable import Trainable
    from .trainer import ControlTrainer
    from .validation import Validation

FORM = ("width", "height", "frames")
CURVE_POINTS = 100  # of a stage that the trained file keeps


def add_arguments(commands: Any) -> None:
    default = ControlTraining()
    control = commands.add_parser("control", help="the mask control of any backbone, from a folder of clips")
    control.add_argument("--backbone", required=True, help="mini, hunyuan, cogvideox, wan, ...")
    control.add_argument(
        "--method",
        choices=("adapter", "controlnet"),
        default=default.method,
        help="controlnet: copies of the Motion Layers instead, in the adapter's stage, to compare with",
    )
    control.add_argument("--data", type=Path, required=True, help="folder of clips, see `train check`")
    control.add_argument("--validation", type=Path, help="folder of a few clips to make videos of")
    control.add_argument("--weights", help="folder or hub id of a large backbone (default: its hub id)")
    control.add_argument("--layers", type=Path, help="what `analyze layers --json` wrote: the Motion Layers")
    control.add_argument(
        "--folder",
        type=Path,
        help="samples, checkpoints, record (default runs/control-BACKBONE, with copies controlnet-BACKBONE)",
    )
    control.add_argument(
        "--out",
        type=Path,
        help="the trained control (default checkpoints/BACKBONE-control.safetensors, or -controlnet)",
    )
    control.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), help="default: both")
    control.add_argument("--device", choices=("cpu", "cuda"), help="default: the GPU if there is one")
    for name in FORM:
        control.add_argument(
            f"--{name}", type=int, help=f"{name} of a large backbone's videos (default: its own)"
        )
    for name, what in (
        ("adapter_epochs", "epochs of the adapter alone"),
        ("lora_epochs", "epochs of adapter and LoRA"),
        ("batch", "clips a step, all processes together"),
        ("learning_rate", "of AdamW"),
        ("adapter_width", "channels of the MaskAdapter"),
        ("validate_every", "steps between validation videos; 0: at the end of a stage"),
        ("seed", "of everything random"),
    ):
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        control.add_argument(option, type=type(value), default=value, help=f"{what} (default {value})")
    control.add_argument(
        "--lora-rank", type=int, help="default: 128, or a sixth of the token width if that is less"
    )
    control.add_argument(
        "--no-gradient-checkpointing",
        dest="gradient_checkpointing",
        action="store_false",
        help="faster, and takes far more memory",
    )
    control.add_argument(
        "--shard",
        action="store_true",
        help="with several processes, each keeps a part of the frozen backbone (FSDP): less memory, more traffic",
    )
    control.set_defaults(train=run)


def run(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

    from .samples import SampleCache
    from .trainable import make_trainable
    from .trainer import ControlTrainer

    # a process may encode for hours while another waits
    patience = InitProcessGroupKwargs(timeout=timedelta(days=2))
    # of the last copy, the text that it makes leads nowhere
    unused = DistributedDataParallelKwargs(find_unused_parameters=args.method == "controlnet")
    accelerator = Accelerator(cpu=args.device == "cpu", kwargs_handlers=[patience, unused])
    settings = _settings(args)
    if not set(settings.stages) & set(args.stages):
        raise UserError("A ControlNet learns in the stage adapter and has no LoRA: leave --stages out.")
    kind = {"adapter": "control", "controlnet": "controlnet"}[settings.method]
    folder = args.folder or Path("runs") / f"{kind}-{args.backbone}"
    folder.mkdir(parents=True, exist_ok=True)
    # the launcher has given each process its own of the device's kind
    backbone, layers, scores = _backbone(args, settings, accelerator)
    trainable = make_trainable(backbone)
    cache = SampleCache(folder / "samples", args.data, trainable, settings.cells)
    good, count = tell(cache.fill(accelerator.process_index, accelerator.num_processes))
    print(f"{good} of {count} clips are encoded in {cache.folder}", flush=True)
    accelerator.wait_for_everyone()
    validation = _validation(args.validation, trainable, layers, folder, settings)
    trainable.forget_encoders()
    trainer = ControlTrainer(trainable, layers, cache, settings, folder, accelerator, validation)
    for line in (*trainer.cost(), trainer.curves.sentence()):
        accelerator.print(line, flush=True)
    for stage in settings.stages:
        if stage in args.stages:
            for line in trainer.run(stage):
                accelerator.print(line, flush=True)
    if accelerator.is_main_process:
        out = args.out or _default_out(f"{args.backbone}-{kind}")
        save(out, trainer, scores)
        print(out)
    accelerator.end_training()
    return 0


def save(path: Path, trainer: ControlTrainer, scores: tuple[float, ...]) -> None:
    """Writes what was trained as one file for checkpoints/, with its settings and the record of its training."""
    from ...controls import save_control
    from ...model import ControlConfig, Model

    backbone, settings = trainer.trainable.backbone, trainer.settings
    control = ControlConfig(
        trainer.layers, scores, settings.cells, settings.adapter_width, trainer.rank, method=settings.method
    )
    model = Model(path.stem, backbone, backbone.denoiser, trainer.adapter, control)
    stages = {
        name: {**found, "curve": _thin(found["curve"])} for name, found in trainer.record.stages.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_control(path, model, {"clips": len(trainer.names), "stages": stages})


def _settings(args: argparse.Namespace) -> ControlTraining:
    given = {
        name: getattr(args, name) for name in ControlTraining.__dataclass_fields__ if hasattr(args, name)
    }
    return ControlTraining(**given)


def _backbone(
    args: argparse.Namespace, settings: ControlTraining, accelerator: Accelerator
) -> tuple[Backbone, tuple[int, ...], tuple[float, ...]]:
    """The backbone without control, its Motion Layers and the scores of all blocks, () where they are not known. What a
    large one needs is printed before it is loaded."""
    from ...backbones.placement import place_encoders
    from ...backbones.registry import find_preset, load_backbone, open_backbone
    from ...checkpoint import CHECKPOINTS, load_embedded
    from ...control.layers import read_layers

    chosen = {name: value for name in FORM if (value := getattr(args, name)) is not None}
    layers: tuple[int, ...]
    scores: tuple[float, ...] = ()
    if args.backbone == "mini":
        if chosen or args.weights:
            raise UserError("The model mini has one size and its own weights: leave these options out.")
        embedded, control = load_embedded(CHECKPOINTS / "mini", accelerator.device.type)
        layers, scores, blocks = control.motion_layers, control.scores, len(embedded.blocks)
    else:
        preset = replace(find_preset(args.backbone), **chosen)
        layers, blocks = preset.motion_layers, preset.blocks
    if args.layers:
        choice, _ = read_layers(args.layers, blocks)
        layers, scores = choice.motion_layers, choice.scores
    if args.backbone == "mini":
        return embedded, layers, scores
    if not layers:
        raise UserError(
            f"The Motion Layers of {preset.title} are not known: find them by `analyze layers --json FILE` "
            "and give --layers FILE."
        )
    accelerator.print(_foreseen(preset, args, layers, settings, accelerator), flush=True)
    if not settings.shard:
        return load_backbone(preset, args.weights, accelerator.device.type), layers, scores
    backbone = open_backbone(preset, args.weights, accelerator.device.type)
    place_encoders(backbone, str(accelerator.device))
    return backbone, layers, scores


def _foreseen(
    preset: Preset,
    args: argparse.Namespace,
    layers: tuple[int, ...],
    settings: ControlTraining,
    accelerator: Accelerator,
) -> str:
    """What the training will need on this machine; UserError where it does not fit."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from ...backbones.placement import measure
    from ...backbones.planner import with_sizes
    from .memory import foresee

    cache = Path(HF_HUB_CACHE)
    machine = measure(cache)
    if accelerator.device.type == "cpu":
        machine = replace(machine, vram=0.0)
    sized = with_sizes(preset, args.weights, cache)
    return foresee(sized, machine, layers, settings, accelerator.num_processes)


def _validation(
    data: Path | None, trainable: Trainable, layers: tuple[int, ...], folder: Path, settings: ControlTraining
) -> Validation | None:
    if data is None:
        return None
    from ...generate import Settings
    from ..data.folder import clip_names, read_clip
    from .trainable import form_of
    from .validation import Validation

    form = form_of(trainable.backbone)
    clips = []
    for name in clip_names(data):
        try:
            clips.append(read_clip(data, name, form))
        except UserError as error:
            raise UserError(f"The validation clip {name} cannot be used: {error}") from None
    chosen = Settings(settings.validation_steps, schedule=settings.schedule)
    return Validation(trainable, clips, folder / "validation", layers, chosen)


def _default_out(name: str) -> Path:
    from ...checkpoint import CHECKPOINTS

    return CHECKPOINTS / f"{name}.safetensors"


def _thin(curve: list[dict[str, float]]) -> list[dict[str, float]]:
    return curve[:: max(1, len(curve) // CURVE_POINTS)]
