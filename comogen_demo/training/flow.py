"""Flow-matching training of the embedded transformer: stages "base", "adapter", "lora" and "joint"."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..backbones.mini.backbone import autocast
from ..backbones.mini.denoiser import MiniDenoiser
from ..backbones.mini.words import Words
from ..control.adapter import MaskAdapter
from ..control.injection import Injection
from ..control.schedule import progress_of, weight
from .attention import plain_attention
from .latents import Batch, Latents, Masking, draw_batch, reacting
from .muon import Muon
from .record import Record

FOREGROUND_WEIGHT = 5.0
SIGMA_FLOOR = 0.2  # of the velocity loss: error / max(sigma, floor)
VALIDATION_SHIFT = 2.0
REACTING_SHARE = 0.44  # of the world's scenes, as `reacting` counts


@dataclass(frozen=True)
class FlowTraining:
    """One stage. learning_rate is Muon's for the matrices of the blocks; everything else gets AdamW's.

    shift: of the noise levels drawn in training; sampling_shift: of the sampler whose schedule weights the mask;
    reacting: share of the samples with a mask from clips in which something reacts, None for that of the clips.
    """

    steps: int
    batch: int = 8
    learning_rate: float = 2e-3
    adam_rate: float = 1e-3
    warmup: int = 100
    cooldown: float = 0.35  # share of the steps over which the rate falls to zero
    shift: float = 2.0
    sampling_shift: float = 3.0
    reacting: float | None = None
    ema: float = 0.999
    masking: Masking = Masking()
    compile: bool = True
    checkpoint_every: int = 500  # steps
    seed: int = 0


def at_high_noise(stage: FlowTraining) -> FlowTraining:
    """A stage for a transformer that knows the world: at high noise, most samples with a mask from clips that react.

    Only there the model must find out from frame and mask what will happen; with less noise the answer shows through,
    and in more than half of the clips nothing reacts. Our choice: on 40 scenes of val 16 thousand samples at high noise
    raised the reaction skill from .51 to .57, where 19 thousand at shift 2 had left it at .51.
    """
    return replace(stage, shift=15.0, reacting=0.75)


def slower(stage: FlowTraining) -> FlowTraining:
    """The stage at the rates for weights that have been trained before (our choice)."""
    return replace(stage, learning_rate=1.2e-3, adam_rate=6e-4, cooldown=0.75)


class ControlledDenoiser(nn.Module):
    """The transformer with the mask's residual added at the Motion Layers: the function trained."""

    def __init__(self, denoiser: MiniDenoiser, adapter: MaskAdapter | None, injection: Injection | None):
        super().__init__()
        self.denoiser, self.adapter, self.injection = denoiser, adapter, injection

    def forward(
        self, latents: Tensor, sigma: Tensor, image: Tensor, tokens: Tensor, covered: Tensor, w: Tensor
    ) -> Tensor:
        if self.adapter is not None and self.injection is not None:
            self.injection.residual = self.adapter(covered) * w[:, None, None]
        return self.denoiser(latents, sigma, image, *self.denoiser.embed(tokens))


def train_flow(
    stage: str,
    model: ControlledDenoiser,
    trainable: dict[str, nn.Parameter],
    data: Latents,
    words: Words,
    grid: tuple[int, int, int],
    cells: int,
    training: FlowTraining,
    folder: Path,
    device: str,
    record: Record,
) -> Iterator[dict[str, float]]:
    """Trains `trainable` in place and leaves their exponential moving average in them and in folder/STAGE.pt.

    Every `checkpoint_every` steps a checkpoint is written from which a run broken off goes on.
    Yields figures every 50 steps.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in trainable.values():
        parameter.requires_grad_(True)
    optimizers = _optimizers(trainable, training)
    average = {name: p.detach().clone() for name, p in trainable.items()}
    saved, start = folder / f"{stage}-state.pt", 0
    if saved.exists():
        start = _resume(saved, trainable, average, optimizers, device)
    draw = drawing(data, training)
    run: Any = torch.compile(model) if training.compile else model
    began, losses = time.time(), []
    with plain_attention(model.denoiser.transformer):
        for step in range(start, training.steps):
            _set_rates(optimizers, step, training)
            rng = np.random.default_rng([training.seed, step])
            # seeded by step, so that a resumed run draws the same
            torch.manual_seed(training.seed * 1_000_003 + step)
            batch = draw_batch(data, *draw(rng), rng, words, training.masking, grid, cells)
            loss = _loss(run, batch, rng, training, device)
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(trainable.values()), 1.0)
            for optimizer in optimizers:
                optimizer.step()
            decay = min(training.ema, (step + 1) / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.values()), list(trainable.values()), 1 - decay)
            losses.append(float(loss.detach()))
            if step % 50 == 49 or step == training.steps - 1:
                seconds = time.time() - began
                figures = {
                    "step": step + 1,
                    "of": training.steps,
                    "seconds": seconds,
                    "loss": float(np.mean(losses)),
                }
                losses = []
                record.add(stage, figures)
                yield figures
            if (step + 1) % training.checkpoint_every == 0:
                state = {
                    "model": {n: p.detach() for n, p in trainable.items()},
                    "average": average,
                    "step": step + 1,
                }
                torch.save({**state, "optimizers": [o.state_dict() for o in optimizers]}, saved)
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(average[name])
    torch.save(average, folder / f"{stage}.pt")
    saved.unlink(missing_ok=True)


def drawing(data: Latents, t: FlowTraining) -> Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]:
    """What draws a batch: the numbers of its clips, (B,), and which keep their mask, bool (B,).

    Reacting clips have the share that `t` asks for among samples with a mask and that of the world among those without,
    which teach the transformer what happens when nobody says how things move.
    """
    reacts = reacting(data)

    def odds(share: float) -> np.ndarray:
        p = np.where(reacts, share / max(1, reacts.sum()), (1 - share) / max(1, (~reacts).sum()))
        return np.asarray(p / p.sum())

    every = np.full(len(reacts), 1 / max(1, len(reacts)))
    masked, free = (every, every) if t.reacting is None else (odds(t.reacting), odds(REACTING_SHARE))

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        controlled = rng.random(t.batch) >= t.masking.dropout
        chosen = [rng.choice(len(reacts), t.batch, p=p) for p in (masked, free)]
        return np.where(controlled, *chosen), controlled

    return draw


def _loss(run: Any, batch: Batch, rng: np.random.Generator, t: FlowTraining, device: str) -> Tensor:
    """Velocity error, the first frame left out, foreground weighted."""
    u = (rng.permutation(len(batch.latents)) + rng.random(len(batch.latents))) / len(
        batch.latents
    )  # stratified
    sigma = t.shift * u / (1 + (t.shift - 1) * u)
    strength = [weight(progress_of(float(s), t.sampling_shift)) for s in sigma]
    clean, level = batch.latents.to(device), torch.tensor(sigma, dtype=torch.float32, device=device)
    w = torch.tensor(strength, dtype=torch.float32, device=device) * batch.controlled.to(device)
    spread = level[:, None, None, None, None]
    noisy = (1 - spread) * clean + spread * torch.randn_like(clean)
    image = clean[:, :, :1]
    noisy[:, :, :1] = image
    with autocast(device):
        estimate = run(noisy, level, image, batch.tokens.to(device), batch.covered.to(device), w)
    error = (estimate.float() - clean) / spread.clamp(min=SIGMA_FLOOR)
    emphasis = 1 + (FOREGROUND_WEIGHT - 1) * batch.foreground.to(device)
    return (error**2 * emphasis)[:, :, 1:].mean()


def _optimizers(trainable: dict[str, nn.Parameter], t: FlowTraining) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices where they are trained whole, AdamW for the rest (LoRA and adapter included)."""
    matrices = {n for n, p in trainable.items() if p.ndim == 2 and "_blocks." in n and ".lora_" not in n}
    rest = [p for n, p in trainable.items() if n not in matrices]
    made: list[torch.optim.Optimizer] = []
    if matrices:
        made.append(Muon([trainable[n] for n in sorted(matrices)], lr=t.learning_rate))
    if rest:
        made.append(torch.optim.AdamW(rest, lr=t.adam_rate, betas=(0.9, 0.98), weight_decay=0.0))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def _set_rates(optimizers: list[torch.optim.Optimizer], step: int, t: FlowTraining) -> None:
    left = (t.steps - step) / max(1.0, t.cooldown * t.steps)
    share = min(1.0, (step + 1) / t.warmup, left)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share


def _resume(
    saved: Path,
    trainable: dict[str, nn.Parameter],
    average: dict[str, Tensor],
    optimizers: list[torch.optim.Optimizer],
    device: str,
) -> int:
    state = torch.load(saved, weights_only=True, map_location=device)
    with torch.no_grad():
        for name, parameter in trainable.items():
            parameter.copy_(state["model"][name])
            average[name].copy_(state["average"][name])
    for optimizer, record in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(record)
    return int(state["step"])


@torch.no_grad()
def validation_loss(
    model: ControlledDenoiser,
    data: Latents,
    words: Words,
    grid: tuple[int, int, int],
    cells: int,
    t: FlowTraining,
    device: str,
    samples: int = 96,
) -> float:
    """The training loss on fixed validation samples with fixed noise, at the same noise levels for every training."""
    t = replace(t, shift=VALIDATION_SHIFT)
    torch.manual_seed(1)
    total = []
    for start in range(0, samples, 8):
        rng = np.random.default_rng([9, start])
        numbers = np.arange(start, start + 8) % len(data.latents)
        controlled = rng.random(8) >= t.masking.dropout
        batch = draw_batch(data, numbers, controlled, rng, words, t.masking, grid, cells)
        total.append(float(_loss(model, batch, rng, t, device)))
    return float(np.mean(total))
