"""`python -m comogen_demo analyze`: layers scored for motion, layers skipped, parameters counted."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UserError
from ..files import check_writable
from ..world.scene import SPLITS
from . import analyze_layers, analyze_skip, large
from .analyze_common import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares `layers`, `skip` and `parameters`."""
    commands = parser.add_subparsers(dest="analyze_command", required=True, metavar="WHAT")
    for name, summary, options in (
        ("layers", "the attention score of each block, which chooses the Motion Layers", _layers_options),
        ("skip", "what becomes of the subject's motion when blocks are skipped", _skip_options),
        ("parameters", "what adapter, LoRA and ControlNet copies add to HunyuanVideo-I2V", _count_options),
    ):
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        options(command)
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def _layers_options(parser: argparse.ArgumentParser) -> None:
    _scene_options(parser, "val", 50)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of clips, as `train control` takes it, instead of scenes of the simulated world",
    )
    parser.add_argument("--subject", metavar="WORDS", help='what the masks of --data show, as in "man"')
    large.add_arguments(parser, "score the layers of this one, on --data")
    _cut_option(parser, "Otsu's cut")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the scores over scenes as a box plot")
    parser.add_argument(
        "--maps", type=Path, metavar="PNG", help="draw each block's attention over frames of the first scene"
    )


def _skip_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layers",
        required=True,
        metavar="FILE",
        help="what `analyze layers --json` wrote, from other scenes than these",
    )
    _cut_option(parser, "those of the file")
    _scene_options(parser, "test", 40)
    parser.add_argument("--size", type=int, default=3, metavar="N", help="blocks of a set (default 3)")
    parser.add_argument("--draws", type=int, default=1, metavar="N", help="pairs of sets a scene (default 1)")
    parser.add_argument(
        "--control",
        action="store_true",
        help="let the model follow the subject's masks (default: the caption alone, as in the paper)",
    )


def _scene_options(parser: argparse.ArgumentParser, split: str, scenes: int) -> None:
    parser.add_argument("--model", metavar="NAME", help="checkpoint (default mini)")
    parser.add_argument("--split", choices=SPLITS, default=split, help=f"(default {split})")
    parser.add_argument(
        "--scenes", type=int, default=scenes, metavar="N", help=f"the first N of it (default {scenes})"
    )
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="denoising steps (default 10)")


def _cut_option(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--top", type=int, metavar="K", help=f"the K highest blocks are Motion Layers (default: {default})"
    )


def _count_options(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Nothing is loaded: the modules are built without their weights, and counted."


def run(args: argparse.Namespace) -> int:
    """Runs the part that was chosen; what could not be written is said before the work."""
    for name in ("json", "plot", "maps"):
        if path := getattr(args, name, None):
            check_writable(path)
            if name != "json" and path.suffix.lower() != ".png":
                raise UserError(f"{path} is no PNG file name; give the picture a name that ends in .png.")
    commands = {"layers": analyze_layers.run, "skip": analyze_skip.run, "parameters": _parameters}
    return commands[args.analyze_command](args)


def _parameters(args: argparse.Namespace) -> int:
    from ..analysis.parameters import count_parameters
    from ..analysis.tables import as_text

    table = count_parameters()
    print(as_text(table))
    write_json(args.json, table)
    return 0
