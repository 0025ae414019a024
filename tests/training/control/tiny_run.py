"""A training of the control on a tiny backbone with random weights, for tests and for the processes that they start."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator

from comogen_demo.training.control.memory import size
from comogen_demo.training.control.samples import SampleCache
from comogen_demo.training.control.settings import ControlTraining
from comogen_demo.training.control.trainable import make_trainable
from comogen_demo.training.control.trainer import ControlTrainer
from comogen_demo.training.data.folder import write_clip
from tests.tiny import tiny_model
from tests.training.data.made import square

SETTINGS = ControlTraining(
    adapter_epochs=2,
    lora_epochs=2,
    learning_rate=2e-3,
    warmup=2,
    cells=2,
    adapter_width=8,
    lora_rank=2,
    log_every=1,
    checkpoint_every=3,
)
LAYERS = (0, 2)


def write_data(folder: Path, clips: int = 4) -> Path:
    """Clips of a square that goes right, each of another colour."""
    for i in range(clips):
        frames, masks = square(height=32, width=32)
        frames[masks] = (230, 60 * i, 250 - 60 * i)
        write_clip(folder, f"clip-{i}", frames, masks, "the red cube slides to the right", fps=12.5)
    return folder


def make_trainer(folder: Path, data: Path, settings: ControlTraining = SETTINGS, **more) -> ControlTrainer:
    torch.manual_seed(0)
    trainable = make_trainable(tiny_model().backbone)
    cache = SampleCache(data.parent / "samples", data, trainable, settings.cells)
    assert all(not finding.fault for finding in cache.fill())
    folder.mkdir(parents=True, exist_ok=True)
    return ControlTrainer(trainable, LAYERS, cache, settings, folder, Accelerator(cpu=True), **more)


def learned(folder: Path, stage: str) -> dict[str, torch.Tensor]:
    return torch.load(folder / f"{stage}.pt", weights_only=True)


def train(rank: int, folders: dict[str, ControlTraining], data: Path, port: int, processes: int) -> None:
    """One of several processes, as accelerate's launcher sets them up: a run in each folder, with its settings."""
    import os

    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "true",
    }
    torch.set_num_threads(1)
    whole = size(tiny_model().backbone.denoiser)
    for folder, settings in folders.items():
        trainer = make_trainer(Path(folder), data, settings)
        assert trainer.accelerator.num_processes == processes
        share = size(trainer.model.denoiser) / whole
        assert share < 0.6 if settings.shard else share == 1
        for stage in ("adapter", "lora"):
            list(trainer.run(stage))
    trainer.accelerator.end_training()
