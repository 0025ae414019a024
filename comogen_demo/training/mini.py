"""The embedded model from nothing: all stages in order, each resumable, their record kept in one folder.

clips     render the training scenes                     world/
vae       train the video VAE                            autoencoder.py
encode    clips and their mirror images -> latents       latents.py
base      image-to-video without masks                   flow.py
layers    attention scores -> Motion Layers              analysis/layers.py
adapter   frozen base, MaskAdapter alone                 flow.py   (the paper's stage 1)
lora      frozen base, MaskAdapter + LoRA                flow.py   (the paper's stage 2)
joint     base and adapter trained together              flow.py   (the alternative to adapter and lora)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..backbones.mini.backbone import MiniBackbone, MiniConfig
from ..backbones.mini.denoiser import DenoiserConfig, initialise
from ..backbones.mini.vae import VAEConfig, VideoVAE
from ..backbones.mini.words import Words
from ..checkpoint import load_model, save_model
from ..control.controlnet import Control
from ..control.injection import Injection
from ..control.lora import add_lora
from ..model import ControlConfig, build_adapter, build_backbone
from ..world import Split
from ..world.captions import VOCABULARY
from .autoencoder import VAETraining, measure_vae, train_vae
from .card import training_of, write_card
from .clips import SHARD, open_shards, render_shards
from .flow import ControlledDenoiser, FlowTraining, at_high_noise, slower, train_flow, validation_loss
from .latents import Latents, Masking, encode, load_latents, save_latents
from .record import Record

Recipe = Literal["paper", "joint"]
VALIDATION_CLIPS = 100
RECIPE_STAGES: dict[str, tuple[str, ...]] = {"paper": ("adapter", "lora"), "joint": ("joint",)}


@dataclass(frozen=True)
class MiniTraining:
    """The settings of every stage; the defaults are for a CPU of two cores and some two hours."""

    clips: int = 4000
    first_clip: int = 0  # number of the first of them in its split: a model trained further may see others
    reacting_clips: bool = False  # of these scenes, keep only those in which something reacts
    size: int = 128
    vae_config: VAEConfig = VAEConfig()
    denoiser: DenoiserConfig = DenoiserConfig(vocabulary_size=len(VOCABULARY) + 2)
    vae: VAETraining = VAETraining(steps=1750)
    base: FlowTraining = FlowTraining(steps=1200, cooldown=0.02, masking=Masking(dropout=1.0))
    adapter: FlowTraining = FlowTraining(steps=400, masking=Masking(dropout=0.0))
    lora: FlowTraining = FlowTraining(steps=800, masking=Masking(dropout=0.0))
    joint: FlowTraining = FlowTraining(steps=8000, masking=Masking(dropout=0.15), seed=1)
    lora_rank: int = 32
    layer_clips: int = 50


def further(s: MiniTraining) -> MiniTraining:
    """The stages for a model that has been through them: all at high noise, and what goes on learning slower.

    Adapter and LoRA of the paper's recipe start from nothing, whatever the origin's.
    """
    base, adapter, lora, joint = map(at_high_noise, (s.base, s.adapter, s.lora, s.joint))
    joint = replace(joint, masking=replace(joint.masking, dropout=0.08))
    return replace(s, base=slower(base), adapter=adapter, lora=lora, joint=slower(joint))


class MiniTrainer:
    """Runs stages in `folder` (data and checkpoints, nothing of it for git) and exports models from it."""

    def __init__(
        self,
        folder: Path,
        settings: MiniTraining,
        device: str,
        workers: int = 2,
        origin: Path | None = None,
    ):
        """origin: a checkpoint folder whose weights are trained further. Its latents stay as they are, so that the
        transformer, which knows them, goes on where it was: of the VAE only the decoder learns."""
        self.folder, self.settings, self.device, self.workers = folder, settings, device, workers
        self.origin_folder = origin
        self.origin = load_model(origin.name, origin, device) if origin else None
        if self.origin:
            vae, config = replace(settings.vae, decoder_only=True), self._origin_backbone().config
            self.settings = settings = replace(
                settings, size=config.size, vae=vae, vae_config=config.vae, denoiser=config.denoiser
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.record = Record(folder)
        side = settings.size // settings.vae_config.compression // 2
        self.config = MiniConfig(
            VOCABULARY, size=settings.size, vae=settings.vae_config, denoiser=settings.denoiser
        )
        self.grid = ((self.config.frames + 3) // 4, side, side)

    def run(self, stage: str) -> Iterator[str]:
        """Runs one stage to its end, yielding a line of progress now and then; does nothing if it is done."""
        if self.record.done(stage):
            yield f"{stage}: done before"
            return
        yield from getattr(self, f"_{stage}")()

    def trained(self, recipe: Recipe) -> bool:
        return self.record.done(RECIPE_STAGES[recipe][-1])

    def export(
        self,
        target: Path,
        recipe: Recipe,
        results: dict[str, Any] | None = None,
        other: Path | None = None,
    ) -> None:
        """Writes the trained model of a recipe as a checkpoint folder with its card; results: `evaluate --json`'s;
        other: the folder of a model of the other recipe, of which the card tells, too."""
        card = self.origin_folder / "CARD.md" if self.origin_folder else None
        before = training_of(card.read_text()) if card and card.exists() else ""
        backbone, adapter, control = self.assemble(recipe)
        save_model(target, backbone, adapter, control)
        config = json.loads((target / "config.json").read_text())
        ground = () if self.origin and recipe == "joint" else ("base",)  # the origin's weights are its start
        stages = ("clips", "vae", *ground, "layers", *RECIPE_STAGES[recipe])
        record = {stage: self.record.stages[stage] for stage in stages if self.record.done(stage)}
        beside = (other / "CARD.md").read_text() if other else ""
        (target / "CARD.md").write_text(write_card(config, record, results, before, beside))

    def assemble(self, recipe: Recipe) -> tuple[MiniBackbone, Control, ControlConfig]:
        layers = self.record.stages["layers"]
        rank = self.settings.lora_rank if recipe == "paper" else 0
        control = ControlConfig(
            tuple(layers["motion_layers"]), tuple(layers["scores"]), lora_rank=rank, recipe=recipe
        )
        backbone = self._backbone()
        adapter = build_adapter(backbone, control).to(self.device)
        if rank:
            self._load(backbone, adapter, "base")
            add_lora(backbone.denoiser, backbone.blocks, control.motion_layers, rank)
        self._load(backbone, adapter, RECIPE_STAGES[recipe][-1])
        return backbone, adapter, control

    # --- stages ---------------------------------------------------------------------------------------------------

    def _clips(self) -> Iterator[str]:
        s = self.settings
        chosen = {"clips": s.clips, "first_clip": s.first_clip, "reacting_clips": s.reacting_clips}
        self.record.start("clips", {**chosen, "size": s.size})
        for split, number, first, some in self._splits():
            for done in render_shards(
                self.folder / "clips", split, number, s.size, self.workers, first, some
            ):
                yield f"clips: {split} {done} of {number}"
        self.record.finish("clips")

    def _vae(self) -> Iterator[str]:
        s = self.settings
        self.record.start("vae", {**asdict(s.vae_config), **asdict(s.vae)})
        shards = list(
            open_shards(self.folder / "clips", "train", s.clips, s.size, s.first_clip, s.reacting_clips)
        )
        torch.manual_seed(s.vae.seed)
        vae = VideoVAE(s.vae_config).to(self.device)
        if self.origin:
            vae.load_state_dict(self._origin_vae())
        for figures in train_vae(shards, vae, s.vae, self.folder, self.device, self.record):
            yield _line("vae", figures)
        validation = next(open_shards(self.folder / "clips", "val", VALIDATION_CLIPS, s.size))
        measured = measure_vae(self._trained_vae(), validation, 50, self.device)
        self.record.finish("vae", validation=measured)
        yield f"vae: {measured['psnr']:.2f} dB, {measured['object_psnr']:.2f} dB on objects"

    def _encode(self) -> Iterator[str]:
        vae, s = self._trained_vae(), self.settings
        (self.folder / "latents").mkdir(exist_ok=True)
        for split, number, first, some in self._splits():
            shards = open_shards(self.folder / "clips", split, number, s.size, first, some)
            for i, part in enumerate(encode(vae, shards, self.device, mirror=split == "train")):
                save_latents(self.folder / "latents" / f"{split}-{i:04d}.npz", part)
                yield f"encode: {split} {min((i + 1) * SHARD, number)} of {number}"
        self.record.finish("encode")

    def _base(self) -> Iterator[str]:
        torch.manual_seed(self.settings.base.seed)
        backbone = self._backbone()
        initialise(backbone.denoiser)
        if self.origin:
            self._load(backbone, None, "origin")
        model = ControlledDenoiser(backbone.denoiser, None, None)
        yield from self._train("base", model, dict(model.named_parameters()), self.settings.base)

    def _layers(self) -> Iterator[str]:
        from ..analysis.layers import find_motion_layers

        backbone = self._backbone()
        if self.origin:  # its control has been trained on its Motion Layers, so they stay
            control = self.origin.control
            found = {"motion_layers": list(control.motion_layers), "scores": list(control.scores)}
        else:
            self._load(backbone, None, "base")
            found = find_motion_layers(backbone, "val", self.settings.layer_clips)
        self.record.finish("layers", **found)
        yield f"layers: {found['motion_layers']} of {len(backbone.blocks)}"

    def _adapter(self) -> Iterator[str]:
        yield from self._control("adapter", self.settings.adapter, ("base",), teach="adapter")

    def _lora(self) -> Iterator[str]:
        yield from self._control("lora", self.settings.lora, ("base", "adapter"), teach="lora")

    def _joint(self) -> Iterator[str]:
        start = "origin" if self.origin else "base"
        yield from self._control("joint", self.settings.joint, (start,), teach="all")

    def _control(
        self,
        stage: str,
        training: FlowTraining,
        starts: tuple[str, ...],
        teach: Literal["adapter", "lora", "all"],
    ) -> Iterator[str]:
        """Trains the adapter from what the stages `starts` left: alone, with LoRA, or with the whole transformer."""
        backbone = self._backbone()
        layers = tuple(self.record.stages["layers"]["motion_layers"])
        torch.manual_seed(training.seed)
        adapter = build_adapter(backbone, ControlConfig(layers, ())).to(self.device)
        for earlier in starts:
            self._load(backbone, adapter, earlier)
        if teach == "lora":
            add_lora(backbone.denoiser, backbone.blocks, layers, self.settings.lora_rank)
        with Injection(backbone.blocks, layers) as injection:
            model = ControlledDenoiser(backbone.denoiser, adapter, injection)
            trainable = {
                name: p
                for name, p in model.named_parameters()
                if teach == "all" or name.startswith("adapter.") or ".lora_" in name
            }
            yield from self._train(stage, model, trainable, training)

    # --- shared by the stages -------------------------------------------------------------------------------------

    def _splits(self) -> tuple[tuple[Split, int, int, bool], ...]:
        """What is rendered: split, number of scenes, number of the first, whether only those that react."""
        s = self.settings
        return ("val", VALIDATION_CLIPS, 0, False), ("train", s.clips, s.first_clip, s.reacting_clips)

    def _train(
        self,
        stage: str,
        model: ControlledDenoiser,
        trainable: dict[str, nn.Parameter],
        training: FlowTraining,
    ) -> Iterator[str]:
        self.record.start(
            stage, {**asdict(training), "parameters": sum(p.numel() for p in trainable.values())}
        )
        words = Words(self.config.vocabulary, self.config.slots)
        arguments = (words, self.grid, ControlConfig.cells)
        data = self._latents("train")
        for figures in train_flow(
            stage, model, trainable, data, *arguments, training, self.folder, self.device, self.record
        ):
            yield _line(stage, figures)
        loss = validation_loss(model, self._latents("val"), *arguments, training, self.device)
        self.record.finish(stage, validation_loss=loss)
        yield f"{stage}: validation loss {loss:.4f}"

    def _latents(self, split: str) -> Latents:
        return load_latents(sorted((self.folder / "latents").glob(f"{split}-*.npz")))

    def _trained_vae(self) -> VideoVAE:
        """What stage "vae" left; before it is done, the origin's, which gives the same latents."""
        vae = VideoVAE(self.settings.vae_config).to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        path = self.folder / "vae.pt"
        own = path.exists() or self.origin is None
        state = torch.load(path, weights_only=True, map_location=self.device) if own else self._origin_vae()
        vae.load_state_dict(state)
        return vae

    def _origin_vae(self) -> dict[str, Tensor]:
        return self._origin_backbone().vae.state_dict()

    def _origin_backbone(self) -> MiniBackbone:
        assert self.origin is not None and isinstance(self.origin.backbone, MiniBackbone)
        return self.origin.backbone

    def _backbone(self) -> MiniBackbone:
        backbone = build_backbone(self.config, self.device)
        backbone.vae = self._trained_vae().eval()
        return backbone

    def _load(self, backbone: MiniBackbone, adapter: Control | None, stage: str) -> None:
        """Fills in what a stage trained, or the origin's weights; names are those of `ControlledDenoiser`."""
        if stage == "origin":
            backbone.denoiser.load_state_dict(self._origin_backbone().denoiser.state_dict())
            if adapter is not None and self.origin is not None:
                adapter.load_state_dict(self.origin.adapter.state_dict())
            return
        state = torch.load(self.folder / f"{stage}.pt", weights_only=True, map_location=self.device)
        for prefix, module in (("denoiser.", backbone.denoiser), ("adapter.", adapter)):
            part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if module is not None and part:
                missing = module.load_state_dict(part, strict=False)
                if missing.unexpected_keys:
                    raise RuntimeError(f"{stage}.pt does not fit the model: {missing.unexpected_keys[:3]}")


def _line(stage: str, figures: dict[str, float]) -> str:
    rest = ", ".join(f"{k} {v:.4g}" for k, v in figures.items() if k not in ("step", "of", "seconds"))
    return f"{stage}: step {figures['step']:.0f} of {figures['of']:.0f}, {figures['seconds']:.0f} s, {rest}"
