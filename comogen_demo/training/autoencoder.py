"""Stage "vae": trains the video VAE on crops around objects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..backbones.mini.backbone import autocast
from ..backbones.mini.vae import WINDOW, VideoVAE, to_frames, to_video
from .clips import Shard
from .muon import Muon
from .record import Record

OBJECT_WEIGHT = 5.0  # of a pixel that an object covers at some time of the window, against one of the table
MOTION_WEIGHT = 20.0  # added per unit of a pixel's mean deviation within its window: there it smears
GRADIENT_WEIGHT = 0.3
KL_WEIGHT = 3e-4
DECODER = ("from_latent", "decoder_", "up.", "leave.")


@dataclass(frozen=True)
class VAETraining:
    """learning_rate is Muon's for the convolutions; the rest gets AdamW's. decoder_only leaves the latents as they are.

    The kernels of a convolution are orthogonalised as one matrix (out, in * kh * kw): on this model Muon is ahead of
    AdamW alone by 0.3 dB after 150 steps from the same weights.
    """

    steps: int = 1800
    batch: int = 16
    crop: int = 64
    frames: int = 9
    learning_rate: float = 1.5e-3
    adam_rate: float = 1.5e-3
    warmup: int = 50
    decoder_only: bool = False
    seed: int = 0


def train_vae(
    shards: list[Shard],
    vae: VideoVAE,
    training: VAETraining,
    folder: Path,
    device: str,
    record: Record,
) -> Iterator[dict[str, float]]:
    """Trains `vae` (checkpoints in `folder` to resume from), yields figures; at the end `vae.pt` is final."""
    for name, parameter in vae.named_parameters():
        parameter.requires_grad_(name.startswith(DECODER) or not training.decoder_only)
    trainable = [p for p in vae.parameters() if p.requires_grad]
    kernels, optimizers = _optimizers(trainable, training)
    saved, start = folder / "vae-state.pt", 0
    if saved.exists():
        state = torch.load(saved, weights_only=True, map_location=device)
        vae.load_state_dict(state["model"])
        for optimizer, record_of in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(record_of)
        start = state["step"]
    began = time.time()
    for step in range(start, training.steps):
        ramp = min(1.0, (step + 1) / training.warmup) * (1 - step / training.steps)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * ramp
        # seeded by step, so that a resumed run draws the same
        torch.manual_seed(training.seed * 1_000_003 + step)
        video, weight = _crops(shards, training, np.random.default_rng([training.seed, step]), device)
        with autocast(device):
            mean, logvar = vae.posterior(video)
            mean, logvar = mean.float(), logvar.float()
            sample = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
            output = vae.reconstruct(sample)
        loss, parts = _loss(output.float(), video, weight, mean, logvar)
        vae.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        for parameter, matrix in kernels:
            assert parameter.grad is not None
            matrix.grad = parameter.grad.reshape(matrix.shape)
        for optimizer in optimizers:
            optimizer.step()
        if step % 25 == 24 or step == training.steps - 1:
            figures = {"step": step + 1, "of": training.steps, "seconds": time.time() - began, **parts}
            record.add("vae", figures)
            yield figures
        if step % 200 == 199:
            kept = {"model": vae.state_dict(), "optimizers": [o.state_dict() for o in optimizers]}
            torch.save({**kept, "step": step + 1}, saved)
    if not training.decoder_only:
        _normalise(vae, shards, device)
    torch.save(vae.state_dict(), folder / "vae.pt")


def _optimizers(
    trainable: list[nn.Parameter], training: VAETraining
) -> tuple[list[tuple[nn.Parameter, nn.Parameter]], list[torch.optim.Optimizer]]:
    """Muon for the kernels, AdamW for the biases; and each kernel with the matrix that shares its memory."""
    kernels = [(p, nn.Parameter(p.detach().view(len(p), -1))) for p in trainable if p.ndim == 4]
    muon = Muon([matrix for _, matrix in kernels], lr=training.learning_rate, weight_decay=0.0)
    rest = [p for p in trainable if p.ndim != 4]
    adam = torch.optim.AdamW(rest, lr=training.adam_rate, betas=(0.9, 0.98), weight_decay=0.0)
    for optimizer in (muon, adam):
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return kernels, [muon, adam]


def _crops(
    shards: list[Shard], t: VAETraining, rng: np.random.Generator, device: str
) -> tuple[Tensor, Tensor]:
    """Crops (B, 3, t, h, w) in -1..1 around object pixels, mirrored at random, and `_weight` of them."""
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
    return video, _weight(video, torch.from_numpy(np.stack(weights)).to(device).float()[:, None])


def _weight(video: Tensor, objects: Tensor) -> Tensor:
    """What an error at each pixel counts: video (B, 3, t, h, w), objects (B, 1, t, h, w) of 0 and 1 -> (B, 1, t, h, w).

    The frames of a window share one latent, so what passes through a pixel matters in all of them: a trail that is
    left behind is as wrong as a part that is missing. Our choice.
    """
    windows = video[:, :, 1:].unflatten(2, (-1, WINDOW))
    moving = (windows - windows.mean(3, keepdim=True)).abs().mean((1, 3), keepdim=True)
    covered = objects[:, :, 1:].unflatten(2, (-1, WINDOW)).amax(3, keepdim=True)
    later = (1 + (OBJECT_WEIGHT - 1) * covered + MOTION_WEIGHT * moving).expand(-1, -1, -1, WINDOW, -1, -1)
    return torch.cat([1 + (OBJECT_WEIGHT - 1) * objects[:, :, :1], later.flatten(2, 3)], 2)


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
        inside = (weight > 1.5 * weight.min()).expand_as(error)
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
