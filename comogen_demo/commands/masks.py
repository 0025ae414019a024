"""`python -m comogen_demo masks`: the masks that a project document means, as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UserError
from ..files import check_writable
from ..masks import export_masks
from ..masks.save import check_suffix
from ..project import Project
from ..video import embed_project

DEFAULT_FPS = 12.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `masks`."""
    parser.add_argument(
        "--project", required=True, metavar="FILE", help="a project (JSON), or an exported MP4 with it inside"
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="a .zip of PNG files, an .mp4 or an .npz"
    )
    parser.add_argument("--fps", type=float, default=DEFAULT_FPS, help=f"of an mp4 (default {DEFAULT_FPS})")


def run(args: argparse.Namespace) -> int:
    """Rasterise the project's keyframes and write them. Raises UserError for bad input."""
    check_suffix(args.out)
    if not 1 <= args.fps <= 120:
        raise UserError(f"{args.fps:g} frames per second are out of range; choose 1 to 120.")
    check_writable(args.out)
    project = Project.read(args.project)
    masks = project.masks()
    export_masks(args.out, masks, args.fps)
    if Path(args.out).suffix.lower() == ".mp4":
        embed_project(args.out, project.to_json())
    print(f"{args.out}  {len(masks)} masks of {masks.shape[2]} x {masks.shape[1]} px")
    return 0
