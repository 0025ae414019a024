"""Stage "vae": trains the video VAE on crops around objects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..backbones.mini.vae import VAEConfig, VideoVAE, to_frames, to_video
from .clips import Shard
from .record import Record

OBJECT_WEIGHT = 5.0  # of a pixel of an object against one of the table
GRADIENT_WEIGHT = 0.3
KL_WEIGHT = 3e-4


@dataclass(frozen=True)
class VAETraining:
    steps: int = 1800
    batch: int = 16
    crop: int = 64
    frames: int = 9
    learning_rate: float = 1.5e-3
    warmup: int = 50
    seed: int = 0


def train_vae(
    shards: list[Shard], config: VAEConfig, training: VAETraining, folder: Path, device: str, record: Record
) -> Iterator[dict[str, float]]:
    """Trains in `folder` (checkpoints to resume from), yields the step's figures; at the end `vae.pt` is final."""
    torch.manual_seed(training.seed)
    vae = VideoVAE(config).to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        vae.parameters(), lr=training.learning_rate, betas=(0.9, 0.98), weight_decay=1e-4
    )
    saved, start = folder / "vae-state.pt", 0
    if saved.exists():
        state = torch.load(saved, weights_only=True, map_location=device)
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["step"]
    began = time.time()
    for step in range(start, training.steps):
        ramp = min(1.0, (step + 1) / training.warmup) * (1 - step / training.steps)
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate * ramp
        # seeded by step, so that a resumed run draws the same
        torch.manual_seed(training.seed * 1_000_003 + step)
        video, weight = _crops(shards, training, np.random.default_rng([training.seed, step]), device)
        with torch.autocast(device, torch.bfloat16):
            mean, logvar = vae.posterior(video)
            mean, logvar = mean.float(), logvar.float()
            sample = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
            output = vae.reconstruct(sample)
        loss, parts = _loss(output.float(), video, weight, mean, logvar)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        if step % 25 == 24 or step == training.steps - 1:
            figures = {"step": step + 1, "of": training.steps, "seconds": time.time() - began, **parts}
            record.add("vae", figures)
            yield figures
        if step % 200 == 199:
            torch.save(
                {"model": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, saved
            )
    _normalise(vae, shards, device)
    torch.save(vae.state_dict(), folder / "vae.pt")


def _crops(
    shards: list[Shard], t: VAETraining, rng: np.random.Generator, device: str
) -> tuple[Tensor, Tensor]:
    """Crops (B, 3, t, h, w) in -1..1 around object pixels, mirrored at random, and weights (B, 1, t, h, w)."""
    videos, weights = [], []
    for _ in range(t.batch):
        shard = shards[rng.integers(len(shards))]
        clip = int(rng.integers(len(shard.frames)))
        first = int(rng.integers(0, shard.frames.shape[1] - t.frames + 1))
        times = slice(first, first + t.frames)
        objects = np.unpackbits(shard.objects[clip, times], axis=-1)
        size = objects.shape[-1]
        ys, xs = np.nonzero(objects[rng.integers(t.frames)])
        pick = int(rng.integers(len(ys))) if len(ys) else 0
        y, x = (int(ys[pick]), int(xs[pick])) if len(ys) else (size // 2, size // 2)
        jitter = rng.integers(-t.crop // 3, t.crop // 3 + 1, 2)
        # whole patches, so that crops and full frames fall on the same grid
        top, left = (
            int(np.clip(v + j - t.crop // 2, 0, size - t.crop)) // 8 * 8
            for v, j in zip((y, x), jitter, strict=True)
        )
        box = np.s_[:, top : top + t.crop, left : left + t.crop]
        frames, mask = shard.frames[clip, times][box], objects[box]
        if rng.random() < 0.5:
            frames, mask = frames[:, :, ::-1], mask[:, :, ::-1]
        videos.append(np.ascontiguousarray(frames))
        weights.append(np.ascontiguousarray(mask))
    video = to_video(torch.from_numpy(np.stack(videos)).to(device))
    weight = 1 + (OBJECT_WEIGHT - 1) * torch.from_numpy(np.stack(weights)).to(device).float()[:, None]
    return video, weight


def _loss(
    output: Tensor, video: Tensor, weight: Tensor, mean: Tensor, logvar: Tensor
) -> tuple[Tensor, dict[str, float]]:
    error = output - video
    weight = weight / weight.mean()
    reconstruction = (weight * (torch.sqrt(error**2 + 1e-4) + 2 * error**2)).mean()
    across = (weight[..., 1:] * error.diff(dim=-1).abs()).mean()
    down = (weight[..., 1:, :] * error.diff(dim=-2).abs()).mean()
    kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
    loss = reconstruction + GRADIENT_WEIGHT * (across + down) + KL_WEIGHT * kl
    with torch.no_grad():
        psnr = float(10 * torch.log10(4 / (error**2).mean()))
        inside = (weight > weight.min() + 1e-6).expand_as(error)
        objects = float(10 * torch.log10(4 / (error[inside] ** 2).mean())) if inside.any() else 0.0
    return loss, {
        "loss": float(loss.detach()),
        "psnr": psnr,
        "object_psnr": objects,
        "kl": float(kl.detach()),
    }


@torch.no_grad()
def _normalise(vae: VideoVAE, shards: list[Shard], device: str) -> None:
    """Sets the latent mean and standard deviation from a hundred clips."""
    rows = []
    for i in range(100):
        shard = shards[i % len(shards)]
        clip = torch.from_numpy(np.array(shard.frames[(i // len(shards)) % len(shard.frames)])).to(device)
        mean, _ = vae.posterior(to_video(clip[None]))
        rows.append(mean.float().permute(0, 2, 3, 4, 1).reshape(-1, mean.shape[1]))
    values = torch.cat(rows)
    vae.mean.copy_(values.mean(0))
    vae.std.copy_(values.std(0))


@torch.no_grad()
def measure_vae(vae: VideoVAE, shard: Shard, clips: int, device: str) -> dict[str, float]:
    """PSNR in dB over all pixels and over object pixels of the first clips of a (validation) shard."""
    total, inside, pixels, count = 0.0, 0.0, 0, 0
    for i in range(min(clips, len(shard.frames))):
        frames = torch.from_numpy(np.array(shard.frames[i])).to(device)
        again = to_frames(vae.decode(vae.encode(to_video(frames[None]))))[0]
        error = (again.float() - frames.float()) ** 2
        mask = torch.from_numpy(np.unpackbits(shard.objects[i], axis=-1)).to(device).bool()
        total, pixels = total + float(error.sum()), pixels + error.numel()
        inside, count = inside + float(error[mask].sum()), count + 3 * int(mask.sum())
    return {
        "psnr": 10 * float(np.log10(255**2 * pixels / total)),
        "object_psnr": 10 * float(np.log10(255**2 * count / inside)),
    }
