"""Training on a few rendered clips with tiny models: every stage runs, resumes exactly, and teaches something."""

from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from comogen_demo.backbones.mini.denoiser import MiniDenoiser, initialise
from comogen_demo.backbones.mini.vae import VAEConfig
from comogen_demo.checkpoint import load_model
from comogen_demo.control.injection import Injection
from comogen_demo.errors import UserError
from comogen_demo.generate import Settings
from comogen_demo.training import cli
from comogen_demo.training import clips as clips_module
from comogen_demo.training.autoencoder import DECODER, VAETraining
from comogen_demo.training.card import METRICS
from comogen_demo.training.clips import open_shards, reacts, render_shards
from comogen_demo.training.flow import (
    ControlledDenoiser,
    FlowTraining,
    at_high_noise,
    drawing,
    train_flow,
    validation_loss,
)
from comogen_demo.training.latents import Latents, Masking, draw_batch, reacting
from comogen_demo.training.mini import MiniTrainer, MiniTraining, further
from comogen_demo.training.record import Record
from comogen_demo.world import sample_scene, simulate
from comogen_demo.world.physics import rest
from tests.test_generate import run
from tests.tiny import TINY

FLOW = FlowTraining(steps=6, batch=2, warmup=1, compile=False)
SETTINGS = MiniTraining(
    clips=8,
    size=64,
    vae_config=TINY.vae,
    denoiser=TINY.denoiser,
    vae=VAETraining(steps=100, batch=4, crop=32, learning_rate=5e-3, adam_rate=5e-3),
    base=replace(FLOW, steps=40, batch=4, masking=Masking(dropout=1.0)),
    adapter=replace(FLOW, masking=Masking(dropout=0.0)),
    lora=FLOW,
    joint=FLOW,
    lora_rank=2,
    layer_clips=3,
)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips_module, "SHARD", 4)
        patch.setattr("comogen_demo.training.mini.VALIDATION_CLIPS", 4)
        trainer = MiniTrainer(tmp_path_factory.mktemp("mini"), SETTINGS, "cpu", workers=1)
        for stage in ("clips", "vae", "encode", "base", "layers", "adapter", "lora", "joint"):
            list(trainer.run(stage))
        yield trainer


def test_all_stages_are_recorded_with_settings_and_curve(trainer):
    for stage in ("vae", "base", "adapter", "lora", "joint"):
        record = trainer.record.stages[stage]
        assert record["done"] and record["settings"]["steps"] == record["curve"][-1]["step"]
    assert trainer.record.stages["layers"]["motion_layers"]
    assert list(trainer.run("base")) == ["base: done before"]


def test_the_vae_learns(trainer):
    curve = trainer.record.stages["vae"]["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


@pytest.mark.parametrize("recipe", ["paper", "joint"])
def test_both_recipes_export_a_model_that_generates(trainer, recipe, tmp_path):
    trainer.export(tmp_path, recipe)
    model = load_model("x", tmp_path, device="cpu")
    assert model.control.recipe == recipe and model.control.lora_rank == (2 if recipe == "paper" else 0)
    frame = np.zeros((64, 64, 3), np.uint8)
    masks = np.zeros((25, 64, 64), bool)
    masks[:, 10:30, 10:30] = True
    assert run(model, masks, Settings(steps=2), frame)[1].frames.shape == (25, 64, 64, 3)


def test_the_card_tells_of_the_other_recipe_too(trainer, tmp_path):
    figures = {metric: {"mean": 0.125, "low": 0.0, "high": 0.25} for metric in METRICS}
    methods = {"control": dict.fromkeys(("all", "dynamic", "kinematic"), figures)}
    results = {"split": "test", "scenes": 7, "seeds": 1, "steps": 8, "model": "p", "methods": methods}
    trainer.export(tmp_path / "paper", "paper", results)
    trainer.export(tmp_path / "joint", "joint", other=tmp_path / "paper")
    own, _, other = (tmp_path / "joint" / "CARD.md").read_text().partition("\n## The other recipe\n")
    assert "- **joint**" in own and "- **lora**" not in own and "0.125" not in own
    assert "- **lora**" in other and "- **joint**" not in other and "kept frozen" in other
    assert (
        "--scenes 7 --seeds 1 --model p`" in other and other.count("| control | 0.125 (0.000 to 0.250)") == 1
    )


@pytest.mark.parametrize("card", [None, "# Another project's card", "\nControl recipe: **joint**. The same."])
def test_a_folder_without_a_card_of_the_other_recipe_is_refused(card, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    if card:
        (tmp_path / "other" / "CARD.md").write_text(card)
    parser = ArgumentParser()
    cli.add_arguments(parser)
    with pytest.raises(UserError, match="no card of a model of the recipe 'paper'"):
        cli.run(parser.parse_args(["mini", "--device", "cpu", "--export", "mine", "--other", "other"]))
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize("option", ["--results", "--other"])
def test_what_is_for_the_card_needs_an_export(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    cli.add_arguments(parser)
    with pytest.raises(UserError, match="add --export DIR"):
        cli.run(parser.parse_args(["mini", "--device", "cpu", option, "x"]))
    assert list(tmp_path.iterdir()) == []


def test_the_papers_recipe_leaves_the_base_untouched(trainer):
    base = torch.load(trainer.folder / "base.pt", weights_only=True)
    backbone, _, _ = trainer.assemble("paper")
    for name, value in backbone.denoiser.state_dict().items():
        if ".lora_" not in name:
            plain = "denoiser." + name.replace(".base_layer.", ".")
            assert torch.equal(value, base[plain]), name


def test_a_run_broken_off_and_resumed_equals_an_unbroken_one(trainer, tmp_path):
    data, words = trainer._latents("train"), trainer._backbone().words

    def train(folder, until):
        folder.mkdir(exist_ok=True)
        torch.manual_seed(5)
        denoiser = MiniDenoiser(TINY.denoiser)
        initialise(denoiser)
        model = ControlledDenoiser(denoiser, None, None)
        settings = replace(FLOW, steps=6, checkpoint_every=3)
        run = train_flow(
            "base",
            model,
            dict(model.named_parameters()),
            data,
            words,
            trainer.grid,
            4,
            settings,
            folder,
            "cpu",
            Record(folder),
        )
        if until == "end":
            list(run)
            return model.state_dict()
        original = torch.save

        class Broken(Exception):
            pass

        def save_and_break(*args):
            original(*args)
            raise Broken

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Broken):
            patch.setattr(torch, "save", save_and_break)
            list(run)
        return None

    whole = train(tmp_path / "whole", "end")
    train(tmp_path / "parts", "break")
    assert (tmp_path / "parts" / "base-state.pt").exists()
    parts = train(tmp_path / "parts", "end")
    assert all(torch.equal(whole[k], parts[k]) for k in whole)


def test_the_validation_loss_is_at_the_same_noise_for_every_training(trainer):
    backbone, adapter, control = trainer.assemble("joint")
    given = trainer._latents("val"), backbone.words, trainer.grid, 4
    later = at_high_noise(FLOW)
    with Injection(backbone.blocks, control.motion_layers) as injection:
        model = ControlledDenoiser(backbone.denoiser, adapter, injection)
        low, high = (validation_loss(model, *given, one, "cpu", samples=8) for one in (FLOW, later))
    assert later.shift > FLOW.shift and low == high


def test_a_model_is_trained_further_at_high_noise(monkeypatch, tmp_path):
    seen = []

    class Trainer:
        def __init__(self, folder, settings, *_):
            seen.append(settings)

        def run(self, stage):
            return []

    monkeypatch.setattr("comogen_demo.training.mini.MiniTrainer", Trainer)
    for origin in ([], ["--origin", str(tmp_path)]):
        parser = ArgumentParser()
        cli.add_arguments(parser)
        cli.run(parser.parse_args(["mini", "--device", "cpu", "--stages", "clips", *origin]))
    assert seen == [MiniTraining(), further(MiniTraining())]


def test_what_has_learned_goes_on_slower_and_what_is_new_does_not():
    first, later = MiniTraining(), further(MiniTraining())
    stages = ("base", "adapter", "lora", "joint")
    assert all(getattr(later, name).shift > getattr(first, name).shift for name in stages)
    rates = {name: getattr(later, name).adam_rate / getattr(first, name).adam_rate for name in stages}
    assert rates["base"] == rates["joint"] < rates["adapter"] == rates["lora"] == 1
    # the base stays without masks, adapter and LoRA never without
    assert [getattr(later, name).masking.dropout for name in stages] == [1, 0, 0, pytest.approx(0.08)]


def discs(*objects):
    """Latents of clips of 32x32: of each object: its place at first, that later, and whether driven."""
    seen, controlled = np.zeros((2, len(objects), 5, 32, 32), bool)
    for clip, things in enumerate(objects):
        for first, last, driven in things:
            for t, (x, y) in enumerate((first, *[last] * 4)):
                box = np.s_[clip, t, y : y + 8, x : x + 8]
                seen[box], controlled[box] = True, controlled[box] | driven
    objects, driven = np.packbits(seen, axis=-1), np.packbits(controlled, axis=-1)
    return Latents(np.zeros((len(seen), 1)), objects, driven, driven, [("", "")] * len(seen))


PUSHED = [((0, 0), (10, 0), True), ((12, 0), (22, 0), False)]
ALONE = [((0, 0), (10, 0), True), ((12, 12), (12, 12), False)]
NUDGED = [((0, 0), (10, 0), True), ((12, 0), (13, 0), False)]


def test_a_clip_reacts_where_something_goes_that_nobody_controls():
    assert reacting(discs(PUSHED, ALONE, NUDGED, PUSHED)).tolist() == [True, False, False, True]


@pytest.mark.parametrize(("share", "drawn"), [(1.0, {0}), (0.0, {1, 2}), (0.7, {0, 1, 2}), (None, {0, 1, 2})])
def test_the_share_of_reacting_clips_is_as_told(share, drawn):
    training = replace(FLOW, batch=4000, reacting=share, masking=Masking(dropout=0.3))
    numbers, controlled = drawing(discs(PUSHED, ALONE, NUDGED), training)(np.random.default_rng(0))
    assert np.mean(controlled) == pytest.approx(0.7, abs=0.03)
    assert set(numbers[controlled].tolist()) == drawn
    pushed = numbers == 0
    assert np.mean(pushed[controlled]) == pytest.approx(1 / 3 if share is None else share, abs=0.03)
    # a sample without a mask shows what happens by itself, as often as it does
    assert np.mean(pushed[~controlled]) == pytest.approx(1 / 3 if share is None else 0.44, abs=0.05)


def test_a_stage_starts_from_its_seed_alone(trainer):
    """The joint stage run again, whatever the generator's state, gives the same weights."""
    first = torch.load(trainer.folder / "joint.pt", weights_only=True)
    torch.manual_seed(12345)
    list(trainer._joint())
    again = torch.load(trainer.folder / "joint.pt", weights_only=True)
    assert all(torch.equal(first[k], again[k]) for k in first)


def test_a_trained_model_is_trained_further_on_its_own_latents(trainer, tmp_path, monkeypatch):
    """With an origin the encoder stays, the decoder learns, and transformer and adapter go on from its weights."""
    monkeypatch.setattr(clips_module, "SHARD", 4)
    monkeypatch.setattr("comogen_demo.training.mini.VALIDATION_CLIPS", 4)
    first, second = tmp_path / "first", tmp_path / "second"
    trainer.export(first, "joint")
    settings = replace(
        SETTINGS,
        vae=replace(SETTINGS.vae, steps=3),
        base=replace(SETTINGS.base, steps=1),
        joint=replace(FLOW, steps=1, adam_rate=0.0),
    )
    settings = replace(
        settings, size=128, vae_config=VAEConfig(), denoiser=replace(TINY.denoiser, num_layers=2)
    )
    again = MiniTrainer(tmp_path / "run", settings, "cpu", workers=1, origin=first)
    # what is trained further keeps its shape, whatever the settings say
    assert again.config == trainer.config
    for stage in ("clips", "encode", "base", "layers", "joint", "vae"):
        list(again.run(stage))
    again.export(second, "joint")
    old, new = (load_model("x", folder, device="cpu") for folder in (first, second))
    assert new.control.motion_layers == old.control.motion_layers and new.control.scores == old.control.scores
    before, after = old.backbone.vae.state_dict(), new.backbone.vae.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith(DECODER) for name in changed)
    # with AdamW's rate at zero, what is not Muon's stays as the origin left it
    assert all(
        torch.equal(a, b) for a, b in zip(old.adapter.parameters(), new.adapter.parameters(), strict=True)
    )
    # a base trained from the origin is the start of the paper's recipe, not of the joint stage
    card = (second / "CARD.md").read_text()
    assert "> - **base**" in card and card.count("- **joint**") == 2 and "\n- **base**" not in card


def test_shards_are_made_once_and_hold_what_was_rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "SHARD", 2)
    assert list(render_shards(tmp_path, "val", 2, 32, 1))[-1] == 2
    stamp = next(tmp_path.iterdir()).stat().st_mtime_ns
    assert list(render_shards(tmp_path, "val", 2, 32, 1)) == [2]
    assert next(tmp_path.iterdir()).stat().st_mtime_ns == stamp
    shard = next(open_shards(tmp_path, "val", 2, 32))
    assert shard.frames.shape == (2, 25, 32, 32, 3) and len(shard.captions) == 2
    inside = np.unpackbits(shard.visible, axis=-1) <= np.unpackbits(shard.objects, axis=-1)
    assert inside.all()


def test_a_later_training_sees_scenes_that_are_new_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "SHARD", 2)
    list(render_shards(tmp_path, "train", 4, 32, 1))
    frames = np.concatenate([s.frames for s in open_shards(tmp_path, "train", 4, 32)])
    counts = list(render_shards(tmp_path, "train", 3, 32, 1, first=2))
    assert counts == [2, 3], "two of them are there already"
    later = np.concatenate([s.frames for s in open_shards(tmp_path, "train", 3, 32, first=2)])
    assert len(later) == 3 and np.array_equal(later[:2], frames[2:])
    assert not any(np.array_equal(later[2], frame) for frame in frames)


def test_reacting_clips_alone_are_those_of_the_scenes_that_react(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "SHARD", 4)
    assert list(render_shards(tmp_path, "train", 8, 32, 1, 100))[-1] == 8
    assert list(render_shards(tmp_path, "train", 8, 32, 1, 100, reacting=True))[-1] == 8
    whole, some = (
        np.concatenate([s.frames for s in open_shards(tmp_path, "train", 8, 32, 100, which)])
        for which in (False, True)
    )
    scenes = [sample_scene("train", i) for i in range(100, 108)]
    keep = np.array([reacts(scene, simulate(scene)) for scene in scenes])
    assert 0 < keep.sum() < 8 and np.array_equal(some, whole[keep])


@pytest.mark.parametrize(
    ("driven", "far", "reaction"), [(False, 0.3, True), (False, 0.2, False), (True, 3.0, False)]
)
def test_a_scene_reacts_where_an_object_that_nobody_drives_leaves_its_place(driven, far, reaction):
    scene = next(
        s for s in (sample_scene("train", i) for i in range(50)) if len(s.objects) > len(s.controlled)
    )
    still = rest(scene)
    position = np.repeat(still.position, 3, 0)
    position[1, [(i in scene.controlled) == driven for i in range(len(scene.objects))], 0] += far
    assert reacts(scene, replace(still, position=position)) is reaction


def test_shards_without_a_clip_are_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "SHARD", 1)
    monkeypatch.setattr(clips_module, "reacts", lambda scene, states: False)
    monkeypatch.setattr(
        clips_module, "ProcessPoolExecutor", lambda workers, mp_context: ThreadPoolExecutor(1)
    )
    assert list(render_shards(tmp_path, "train", 2, 32, 1, reacting=True)) == [0, 1, 2]
    assert list(open_shards(tmp_path, "train", 2, 32, reacting=True)) == []


def test_batches_mask_and_caption_as_they_are_told(trainer):
    data, words = trainer._latents("train"), trainer._backbone().words
    assert len(data.latents) == 16  # eight clips and their mirror images
    every = np.arange(16)
    quiet = Masking(dropout=0, thin=0, grow=0, amodal=0, plain_caption=0)
    arguments = (np.random.default_rng(0), words, quiet, trainer.grid, 4)
    batch = draw_batch(data, every, np.ones(16, bool), *arguments)
    assert batch.controlled.all() and batch.covered.flatten(1).any(1).all()
    assert batch.latents.shape[:2] == (16, 4) and batch.foreground.shape == (16, 1, 7, 8, 8)
    none = draw_batch(data, every, np.zeros(16, bool), *arguments)
    assert not none.controlled.any() and not none.covered.any()
    left, right = words.tokens("left")[0][0], words.tokens("right")[0][0]
    swap = {left: right, right: left}
    for i in range(4):  # shards of four clips, each followed by its mirror images
        mirrored = [swap.get(int(t), int(t)) for t in batch.tokens[i]]
        assert mirrored == batch.tokens[i + 4].tolist()
        assert torch.allclose(batch.covered[i].flip(-1), batch.covered[i + 4])
