"""`analyze layers`: the attention score of every block of a model, and the Motion Layers that follow from it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..world.scene import SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="analyze_command", required=True, metavar="WHAT")
    layers = commands.add_parser("layers", help="attention scores of all blocks over scenes of the world")
    layers.add_argument("--model", default="mini")
    layers.add_argument("--split", choices=SPLITS, default="val")
    layers.add_argument("--scenes", type=int, default=50)
    layers.add_argument("--json", type=Path, help="write the figures there")


def run(args: argparse.Namespace) -> int:
    from ..checkpoint import load_model
    from ..errors import UserError
    from .layers import find_motion_layers

    if not 2 <= args.scenes <= 10_000:
        raise UserError(f"{args.scenes} scenes are out of range: choose 2 to 10000.")
    model = load_model(args.model)
    found = find_motion_layers(model.backbone, args.split, args.scenes)  # type: ignore[arg-type]
    print("block   score   95 % interval      V2T     T2V")
    for i, score in enumerate(found["scores"]):
        mark = "  Motion Layer" if i in found["motion_layers"] else ""
        spread = f"{found['low'][i]:.3f} .. {found['high'][i]:.3f}"
        print(f"{i:5d}   {score:.3f}   {spread}   {found['v2t'][i]:.3f}   {found['t2v'][i]:.3f}{mark}")
    print(
        f"a uniform map would score {found['floor']:.3f}; {found['scenes']} scenes; cut by Otsu's threshold"
    )
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
