"""`train`: the embedded model from nothing, in stages that can be taken up again; the control of any backbone."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .card import is_card
from .control import cli as control
from .data import cli as data

if TYPE_CHECKING:
    from .mini import MiniTraining

STAGES = ("clips", "vae", "encode", "base", "layers", "adapter", "lora", "joint")
RECIPES = ("paper", "joint")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="train_command", required=True, metavar="WHAT")
    control.add_arguments(commands)
    data.add_arguments(commands)
    mini = commands.add_parser("mini", help="the embedded model, on CPU or GPU")
    mini.add_argument(
        "--folder", type=Path, default=Path("runs/mini"), help="data and checkpoints (default runs/mini)"
    )
    mini.add_argument(
        "--stages", nargs="+", choices=STAGES, default=list(STAGES), help="default: all, in this order"
    )
    mini.add_argument(
        "--scale", type=float, default=1.0, help="multiplies clips and steps of all stages (default 1)"
    )
    mini.add_argument(
        "--first-clip",
        type=int,
        default=0,
        metavar="N",
        help="number of the first training scene: a model trained further learns more from scenes new to it",
    )
    mini.add_argument(
        "--reacting-clips",
        action="store_true",
        help="of the training scenes, keep those in which something reacts (some 2 in 5)",
    )
    mini.add_argument("--device", choices=("cpu", "cuda"), help="default: the GPU if there is one")
    mini.add_argument("--workers", type=int, default=2, help="processes that render (default 2)")
    mini.add_argument(
        "--origin",
        type=Path,
        help="a model folder to train further, at high noise; of its VAE only the decoder learns",
    )
    mini.add_argument("--export", type=Path, help="write the model there when the stages are done")
    mini.add_argument(
        "--results", type=Path, help="what `evaluate --json` wrote, for the exported model's card"
    )
    mini.add_argument(
        "--other",
        type=Path,
        metavar="DIR",
        help="a model folder of the other recipe, for the card to tell of both",
    )
    mini.add_argument(
        "--recipe", choices=RECIPES, default="joint", help="which control to export (default joint)"
    )
    mini.set_defaults(train=_run_mini)


def run(args: argparse.Namespace) -> int:
    return int(args.train(args))


def _run_mini(args: argparse.Namespace) -> int:
    import torch

    from .mini import MiniTrainer, MiniTraining, further

    if not 0 < args.scale <= 1000:
        raise UserError(f"Scale {args.scale} is out of range: choose a number above 0 and up to 1000.")
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if args.first_clip < 0:
        raise UserError(f"--first-clip {args.first_clip} is below zero: give the number of a scene.")
    settings = replace(
        scaled(MiniTraining(), args.scale), first_clip=args.first_clip, reacting_clips=args.reacting_clips
    )
    if args.origin:
        settings = further(settings)
    if (args.results or args.other) and not args.export:
        raise UserError("--results and --other are for the card of an exported model: add --export DIR.")
    if args.other:
        _check_other(args.other, args.recipe)
    trainer = MiniTrainer(args.folder, settings, device, args.workers, args.origin)
    for stage in STAGES:
        if stage in args.stages:
            for line in trainer.run(stage):
                print(line, flush=True)
    if args.export:
        if not trainer.trained(args.recipe):
            raise UserError(
                f"The recipe {args.recipe!r} is not trained yet in {args.folder}: run its stages first."
            )
        results = _results(args.results) if args.results else None
        trainer.export(args.export, args.recipe, results, args.other)
        print(args.export)
    return 0


def scaled(settings: MiniTraining, scale: float) -> MiniTraining:
    """`MiniTraining` with clips and steps of all stages multiplied by `scale` (at least 100 clips and 2 steps)."""
    stages = {
        name: replace(getattr(settings, name), steps=max(2, round(getattr(settings, name).steps * scale)))
        for name in ("vae", "base", "adapter", "lora", "joint")
    }
    return replace(settings, clips=max(100, round(settings.clips * scale)), **stages)


def _check_other(folder: Path, recipe: str) -> None:
    (other,) = set(RECIPES) - {recipe}
    card = folder / "CARD.md"
    if not (card.is_file() and is_card(card.read_text(errors="replace"), other)):
        raise UserError(
            f"{folder} holds no card of a model of the recipe {other!r}: give what `--export` wrote for it."
        )


def _results(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        found["methods"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} holds no results: give the file that `evaluate --json` wrote.") from None
    return dict(found)
