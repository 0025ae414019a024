"""`world render` and `world sheet`: scenes as files, and as one picture to look at."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError
from .captions import caption
from .physics import States
from .render import Clip
from .scene import FPS, SPLITS

MAX_SCENES = 100_000
SHEET_TIMES = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="world_command", required=True, metavar="COMMAND")
    one = commands.add_parser("render", help="scenes as PNG frames, mp4, masks and JSON")
    one.add_argument("--out", type=Path, required=True, help="folder to write to")
    two = commands.add_parser("sheet", help="a contact sheet: a row per scene, time to the right")
    two.add_argument("--out", type=Path, required=True, help="PNG file to write")
    for command, scenes in ((one, 1), (two, 12)):
        command.add_argument("--split", choices=SPLITS, default="test")
        command.add_argument("--start", type=int, default=0, help="first scene (default 0)")
        command.add_argument("--scenes", type=int, default=scenes, help=f"how many (default {scenes})")
        command.add_argument("--size", type=int, default=128, help="pixels, 32 to 1024 (default 128)")


def run(args: argparse.Namespace) -> int:
    from . import make_clip

    if not 1 <= args.scenes <= MAX_SCENES or args.start < 0:
        raise UserError(
            f"{args.scenes} scenes from {args.start} on do not exist: "
            f"give --start >= 0 and --scenes from 1 to {MAX_SCENES}."
        )
    if not 32 <= args.size <= 1024:
        raise UserError(f"Size {args.size} is out of range: choose 32 to 1024 pixels.")
    clips = (make_clip(args.split, i, args.size) for i in range(args.start, args.start + args.scenes))
    if args.world_command == "sheet":
        args.out.parent.mkdir(parents=True, exist_ok=True)
        _save_picture(args.out, contact_sheet([c.frames for c in clips]))
        print(args.out)
        return 0
    for clip in clips:
        print(write_clip(args.out / f"{args.split}-{clip.scene.index:05d}", clip))
    return 0


def contact_sheet(videos: list[np.ndarray], times: int = SHEET_TIMES) -> np.ndarray:
    """uint8 videos (T, H, W, 3) -> one picture, a row per video with `times` frames at equal distances."""
    rows = []
    for frames in videos:
        picks = np.linspace(0, len(frames) - 1, times).round().astype(int)
        rows.append(
            np.concatenate(
                [np.pad(frames[t], ((1, 1), (1, 1), (0, 0)), constant_values=255) for t in picks], 1
            )
        )
    return np.concatenate(rows)


def write_clip(folder: Path, clip: Clip) -> Path:
    """frames/NN.png, video.mp4, visible/ and amodal/ (a PNG per frame, pixel values 1 + object index; an amodal
    file per object since those overlap), and scene.json with states and contacts."""
    from ..video import write_mp4

    for part in ("frames", "visible", "amodal"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    numbers = np.arange(1, len(clip.scene.objects) + 1, dtype=np.uint8)[:, None, None]
    for t, frame in enumerate(clip.frames):
        _save_picture(folder / "frames" / f"{t:02d}.png", frame)
        _save_picture(folder / "visible" / f"{t:02d}.png", (clip.visible[t] * numbers).max(0))
        for i, mask in enumerate(clip.amodal[t]):
            _save_picture(folder / "amodal" / f"{t:02d}-{i + 1}.png", mask.astype(np.uint8) * 255)
    write_mp4(folder / "video.mp4", clip.frames, FPS)
    (folder / "scene.json").write_text(json.dumps(describe(clip), indent=1) + "\n")
    return folder


def describe(clip: Clip) -> dict[str, object]:
    """The ground truth of a clip as plain data: what is in it, where it is at each frame, who touched whom when."""
    states: States = clip.states
    return {
        "caption": caption(clip.scene),
        "fps": FPS,
        "scene": asdict(clip.scene),
        "controlled": list(clip.controlled),
        "position": states.position.round(4).tolist(),
        "quaternion": states.quaternion.round(5).tolist(),
        "contacts": [asdict(c) for c in states.contacts],
    }


def _save_picture(path: Path, picture: np.ndarray) -> None:
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    if not cv2.imwrite(str(path), bgr):
        raise UserError(f"{path} could not be written: check the folder and that its name ends in .png.")
