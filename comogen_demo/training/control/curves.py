"""Curves to look at: TensorBoard where it is installed; without it the record's JSON alone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any


class Curves:
    """Writes figures for TensorBoard into `folder`/curves, if it is installed and `active`."""

    def __init__(self, folder: Path, active: bool):
        self.folder = folder
        self.writer: Any = None
        if active and find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(folder / "curves"))

    def add(self, stage: str, figures: dict[str, float]) -> None:
        if self.writer:
            for name, value in figures.items():
                if name not in ("step", "of"):
                    self.writer.add_scalar(f"{stage}/{name}", value, int(figures["step"]))

    def sentence(self) -> str:
        if self.writer:
            return f"Curves go to TensorBoard (tensorboard --logdir {self.folder / 'curves'})."
        return f"Curves go to {self.folder / 'record.json'}, as tensorboard is not installed."
