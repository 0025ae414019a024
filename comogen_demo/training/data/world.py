"""Scenes that `world render` wrote: the video, the controlled objects as they are seen, and the caption."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...images import open_image
from ...video import read_video
from .convert import Footage, Source, existing


def world(source: Path) -> Iterator[Source]:
    """Every scene folder in `source`. UserError if there is none."""
    scenes = sorted(path.parent for path in existing(source, "rendered scenes").glob("*/scene.json"))
    if not scenes:
        raise UserError(f"{source} holds no scene: give the folder that `world render --out` wrote to.")
    for folder in scenes:

        def read(folder: Path = folder) -> Footage:
            frames, fps = read_video(folder / "video.mp4")
            try:
                scene = json.loads((folder / "scene.json").read_text())
                caption, numbers = str(scene["caption"]), [1 + int(i) for i in scene["controlled"]]
            except (OSError, ValueError, KeyError, TypeError):
                raise UserError(f"{folder.name}/scene.json is damaged: render the scene again.") from None
            pictures = sorted((folder / "visible").glob("*.png"))
            if len(pictures) != len(frames):
                raise UserError(
                    f"{folder.name} has {len(pictures)} masks for {len(frames)} frames: render the scene again."
                )
            labels = [np.asarray(open_image(path, ("PNG",))[0]) for path in pictures]
            return Footage(frames, np.isin(np.stack(labels), numbers), caption, fps)

        yield Source(folder.name, read)
