"""The two stages of the paper on any backbone: the adapter alone, then the adapter with LoRA in the Motion Layers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn

from ...control.controlnet import Control, CopyInjection, inject
from ...control.injection import Injection
from ...control.lora import add_lora, lora_enabled
from ...control.schedule import weight
from ...errors import UserError
from ...model import ControlConfig, build_adapter
from ..record import Record
from .curves import Curves
from .memory import Peak, estimate
from .samples import SampleCache, draw, order
from .settings import STAGES, ControlTraining
from .sharding import shard, whole_for_each
from .state import Average, checkpoint_of, give_checkpoint, give_weights, load, store, weights_of
from .trainable import Samples, Trainable
from .validation import Validation

SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)
# settings that may be others when a run is resumed
FREE = (
    "log_every",
    "checkpoint_every",
    "validate_every",
    "validation_steps",
    "gradient_checkpointing",
    "shard",
)


class ControlledBackbone(nn.Module):
    """The function that learns: the mask's residual at the Motion Layers, and the backbone's error with it."""

    def __init__(
        self,
        trainable: Trainable,
        adapter: Control,
        injection: Injection | CopyInjection,
        settings: ControlTraining,
    ):
        super().__init__()
        self.adapter, self.denoiser = adapter, trainable.backbone.denoiser
        self.trainable, self.injection, self.schedule = trainable, injection, settings.schedule

    def forward(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        """Mean loss of a batch at times u (B,); the residual stays for the backward pass, which runs blocks again."""
        w = torch.tensor([weight(1 - t, self.schedule) for t in u.tolist()], device=u.device)
        self.injection.give(self.adapter(samples["covered"]), w[:, None, None])
        return self.trainable.loss(samples, noise, u).mean()


class ControlTrainer:
    """Trains in `folder`, where samples, checkpoints and the record are, and goes on where it was broken off.

    A run resumed gives the same weights as one that was not, bit for bit: noise, times and order follow from the seed
    and the step alone.
    """

    def __init__(
        self,
        trainable: Trainable,
        layers: tuple[int, ...],
        cache: SampleCache,
        settings: ControlTraining,
        folder: Path,
        accelerator: Accelerator,
        validation: Validation | None = None,
    ):
        self.trainable, self.layers, self.cache = trainable, layers, cache
        self.settings, self.folder, self.accelerator = settings, folder, accelerator
        if accelerator.distributed_type in SHARDED:
            raise UserError(
                f"Training shares one model among processes by --shard, not by accelerate's configuration "
                f"({accelerator.distributed_type.value}): choose plain data parallelism there."
            )
        self.names, self.validation = cache.good(), validation
        settings.validate(len(self.names), accelerator.num_processes)
        backbone = trainable.backbone
        self.record, self.curves = Record(folder), Curves(folder, accelerator.is_main_process)
        self.told = {
            **asdict(settings),
            "layers": list(layers),
            "clips": len(self.names),
            "model": backbone.name,
        }
        self._check_same_run()
        torch.manual_seed(settings.seed)
        control = ControlConfig(layers, (), settings.cells, settings.adapter_width, method=settings.method)
        self.adapter = build_adapter(backbone, control).to(accelerator.device)
        self.injection = inject(self.adapter, backbone.blocks, layers)
        self.model = ControlledBackbone(trainable, self.adapter, self.injection, settings)
        self.rank = 0  # of the LoRA that is in the model
        transformer: Any = getattr(backbone.denoiser, "transformer", backbone.denoiser)
        if settings.gradient_checkpointing:
            transformer.enable_gradient_checkpointing()
        if settings.shard:
            self.model.requires_grad_(False)
            shard(transformer, backbone.blocks, accelerator)

    def _check_same_run(self) -> None:
        """Raises UserError if the folder holds a run of other settings, which would be mixed with this one."""
        for stage in STAGES:
            before = self.record.stages.get(stage, {}).get("settings", {})
            other = [k for k in before if k in self.told and k not in FREE and before[k] != self.told[k]]
            if other:
                raise UserError(
                    f"{self.folder} holds a training with {other[0].replace('_', ' ')} {before[other[0]]}, not "
                    f"{self.told[other[0]]}: give that, or another --folder."
                )

    def steps(self, stage: str) -> int:
        """Batches that an epoch does not fill are left out."""
        return self.settings.epochs(stage) * (len(self.names) // self.settings.batch)

    def cost(self) -> Iterator[str]:
        """What the training will take, a line a stage."""
        processes, shape = self.accelerator.num_processes, self.cache.shape()
        text = shape["embeds"][0] if "embeds" in shape else shape["tokens"][0]
        lora = self._lora_size()
        for stage in self.settings.stages:
            trained = sum(p.numel() for p in self.adapter.parameters()) + lora * (stage == "lora")
            needs = estimate(self.trainable, trained, self.layers, text, self.settings, processes)
            yield (
                f"{stage}: {self.steps(stage)} steps of {self.settings.batch} clips, {trained / 1e6:.2f} million "
                f"parameters learn; about {needs.total / 1e9:.2f} GB for each process (weights "
                f"{needs.weights / 1e9:.2f}, optimiser {needs.trained / 1e9:.2f}, activations "
                f"{needs.activations / 1e9:.2f})"
            )

    def run(self, stage: str) -> Iterator[str]:
        """Runs a stage to its end, yielding a line now and then; where it is done already it is loaded."""
        if stage == "lora":
            self._add_lora()
        trained = self._choose(stage)
        done = self.folder / f"{stage}.pt"
        if done.exists():
            give_weights(self.model, load(done))
            yield f"{stage}: done before"
            return
        if self.accelerator.is_main_process:
            self.record.start(stage, {**self.told, "trained": sum(p.numel() for p in trained.values())})
        with lora_enabled(self.model.denoiser, stage == "lora"), self.injection:
            yield from self._train(stage)
        yield f"{stage}: done"

    def _train(self, stage: str) -> Iterator[str]:
        s, accelerator = self.settings, self.accelerator
        raw = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=s.learning_rate,
            weight_decay=s.weight_decay,
        )
        whole_for_each(self.model)
        model, optimizer = accelerator.prepare(self.model, raw)
        learning = [p for p in model.parameters() if p.requires_grad]
        average, start, saved = Average(model, s.ema), 0, self.folder / f"{stage}-state.pt"
        if saved.exists():
            start = give_checkpoint(model, optimizer.optimizer, average, load(saved))
            for name in (stage, f"{stage}-validation"):
                self.record.cut(name, start)
        steps, share = self.steps(stage), s.batch // accelerator.num_processes
        first = accelerator.process_index * share
        peak, began, losses = Peak(accelerator.device), time.time(), []
        for step in range(start, steps):
            for group in optimizer.param_groups:
                group["lr"] = s.learning_rate * min(1.0, (step + 1) / s.warmup)
            samples, noise, u = self._batch(stage, step, first, share)
            loss = model(samples, noise, u)
            peak.look()
            optimizer.zero_grad(set_to_none=True)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(learning, s.clip_norm)
            optimizer.step()
            average.follow(step)
            losses.append(loss.detach())
            if (step + 1) % s.log_every == 0 or step + 1 == steps:
                mean = accelerator.reduce(torch.stack(losses).mean(), "mean")
                losses = []
                figures = {"step": step + 1, "of": steps, "loss": float(mean)}
                seconds = (time.time() - began) / (step + 1 - start)
                self._note(stage, figures)
                yield (
                    f"{stage}: step {step + 1} of {steps}, loss {float(mean):.4f}, {seconds:.2f} s a step, "
                    f"{seconds * (steps - step - 1) / 60:.0f} min left"
                )
            if (step + 1) % s.checkpoint_every == 0 and step + 1 < steps:
                state = checkpoint_of(model, optimizer.optimizer, average, step + 1)
                if accelerator.is_main_process:
                    store(state, saved)
            if s.validate_every and (step + 1) % s.validate_every == 0 and step + 1 < steps:
                with average.shown():
                    yield from self._validate(stage, step + 1)
        yield f"{stage}: {peak.line()}"
        with average.shown():
            if accelerator.is_main_process:
                self.record.finish(
                    stage, steps=steps, peak_memory=peak.most, processes=accelerator.num_processes
                )
            yield from self._validate(stage, steps)
            weights = weights_of(model)
        give_weights(model, weights)
        if accelerator.is_main_process:
            store(weights, self.folder / f"{stage}.pt")
            saved.unlink(missing_ok=True)
        accelerator.wait_for_everyone()
        accelerator.free_memory()

    def _batch(self, stage: str, step: int, first: int, share: int) -> tuple[Samples, Tensor, Tensor]:
        """This process's part of a step's batch, with its noise and times."""
        s, clips = self.settings, len(self.names)
        epoch, within = divmod(step, clips // s.batch)
        chosen = order(s.seed, 1000 * STAGES.index(stage) + epoch, clips)[within * s.batch :][
            first : first + share
        ]
        device = self.accelerator.device
        samples = self.cache.batch([self.names[i] for i in chosen], device)
        shape = tuple(samples["latents"].shape[1:])
        noise, u = draw((s.seed, STAGES.index(stage), step), shape, first, share, s.batch)
        return samples, noise.to(device), u.to(device)

    # --- what learns ------------------------------------------------------------------------------------------------

    def _choose(self, stage: str) -> dict[str, nn.Parameter]:
        """Lets the adapter learn, and the LoRA in its stage, in float32; everything else is frozen."""
        self.model.requires_grad_(False)
        chosen = {
            name: p
            for name, p in self.model.named_parameters()
            if name.startswith("adapter.") or (stage == "lora" and ".lora_" in name)
        }
        for parameter in chosen.values():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
        return chosen

    def _add_lora(self) -> None:
        """Starts from what the stage before left; LoRA begins as no change."""
        before = self.folder / "adapter.pt"
        if before.exists():
            self._choose("adapter")
            give_weights(self.model, load(before))
        if not self.rank:
            self.rank = self.settings.rank(self.trainable.backbone.token_width)
            torch.manual_seed(self.settings.seed)
            add_lora(self.model.denoiser, self.trainable.backbone.blocks, self.layers, self.rank)

    def _lora_size(self) -> int:
        """Parameters of the LoRA: rank x (in + out) of every attention projection of the Motion Layers."""
        from ...control.lora import PROJECTION

        backbone = self.trainable.backbone
        rank = self.settings.rank(backbone.token_width)
        linear = [
            module
            for layer in self.layers
            for name, module in backbone.blocks[layer].named_modules()
            if isinstance(module, nn.Linear) and PROJECTION.fullmatch(name)
        ]
        return rank * sum(m.in_features + m.out_features for m in linear)

    def _note(self, stage: str, figures: dict[str, float]) -> None:
        if self.accelerator.is_main_process:
            self.record.add(stage, figures)
            self.curves.add(stage, figures)

    def _validate(self, stage: str, step: int) -> Iterator[str]:
        if self.validation is None:
            return
        self.injection.give(None)  # the generator adds its own
        for figures in self.validation.run(self.adapter, stage, step, self.accelerator.is_main_process):
            self._note(f"{stage}-validation", {"step": step, "iou": figures.iou})
            yield f"{stage}: {figures.name}, subject IoU {figures.iou:.3f}, {figures.path}"
