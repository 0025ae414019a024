"""Videos of clips that training does not see, made by the generator as a user would have it make them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...backbones.base import Prompt
from ...control.controlnet import Control
from ...generate import Result, Settings, generate
from ...model import ControlConfig, Model
from ...video import write_mp4
from ..data.folder import Clip
from .trainable import Trainable


@dataclass(frozen=True)
class Shown:
    """A validation video; iou: of the subject found in it with its masks, mean over the frames after the first."""

    name: str
    path: Path
    iou: float


class KnownPrompts:
    """A backbone that has encoded its prompts beforehand, so that its text encoders may go."""

    def __init__(self, backbone: Any, clips: list[Clip]):
        self._backbone = backbone
        self._known = {clip.caption: backbone.encode_prompt(clip.caption, clip.frames[0]) for clip in clips}

    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt:
        return self._known[text]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backbone, name)


class Validation:
    """clips: in the backbone's form, few; their videos go to `folder`, the true one beside the one made."""

    def __init__(
        self,
        trainable: Trainable,
        clips: list[Clip],
        folder: Path,
        layers: tuple[int, ...],
        settings: Settings,
    ):
        self.trainable, self.clips, self.folder, self.settings = trainable, clips, folder, settings
        self.layers = layers
        self.backbone = KnownPrompts(trainable.backbone, clips)

    def run(self, adapter: Control, stage: str, step: int, write: bool) -> Iterator[Shown]:
        control = ControlConfig(self.layers, ())
        model = Model(self.backbone.name, self.backbone, self.trainable.backbone.denoiser, adapter, control)
        for clip in self.clips:
            torch.manual_seed(0)
            *_, result = generate(
                model, clip.frames[0], clip.masks, clip.caption, self.settings, previews=False
            )
            assert isinstance(result, Result) and result.report is not None
            path = self.folder / f"{stage}-{step:06d}-{clip.name}.mp4"
            if write:
                self.folder.mkdir(parents=True, exist_ok=True)
                write_mp4(path, np.concatenate([clip.frames, result.frames], 2), result.fps)
            yield Shown(clip.name, path, result.report.mean)
