"""`python -m comogen_demo masks`: the masks that a project document means, as files."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import check_writable
from ..masks import save_masks
from ..project import Project
from ..video import write_mp4

DEFAULT_FPS = 12.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `masks`."""
    parser.add_argument("--project", required=True, metavar="FILE", help="the project document (JSON)")
    parser.add_argument("--out", required=True, metavar="FILE", help="a .zip of PNG files, or an .mp4")
    parser.add_argument("--fps", type=float, default=DEFAULT_FPS, help=f"of an mp4 (default {DEFAULT_FPS})")


def run(args: argparse.Namespace) -> int:
    """Rasterise the project's keyframes and write them. Raises UserError for bad input."""
    suffix = Path(args.out).suffix.lower()
    if suffix not in (".zip", ".mp4"):
        raise UserError(f"The masks {args.out} must end in .zip or .mp4; choose such a name.")
    if not 1 <= args.fps <= 120:
        raise UserError(f"{args.fps:g} frames per second are out of range; choose 1 to 120.")
    check_writable(args.out)
    masks = Project.read(args.project).masks()
    if suffix == ".zip":
        save_masks(args.out, masks)
    else:
        write_mp4(args.out, np.repeat(masks[..., None], 3, axis=3) * np.uint8(255), args.fps)
    print(f"{args.out}  {len(masks)} masks of {masks.shape[2]} x {masks.shape[1]} px")
    return 0
