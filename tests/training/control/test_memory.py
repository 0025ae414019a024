"""What a training of a large backbone will need, said before it is loaded."""

from dataclasses import replace

import pytest

from comogen_demo.backbones.planner import Machine
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.cli import main
from comogen_demo.errors import UserError
from comogen_demo.training.control.memory import GB, TRAINED_BYTES, estimate, foresee
from comogen_demo.training.control.settings import ControlTraining
from comogen_demo.training.control.trainable import make_trainable
from tests.backbones.families import hunyuan

PRESET, LAYERS = PRESETS["hunyuan"], PRESETS["hunyuan"].motion_layers
PLENTY = Machine(1000, 1000, 1000)


def figures(sentence):
    """Weights, what learns and activations."""
    return [float(part.split()[-1]) for part in sentence.split("to train,")[1].split(" GB")[0].split(", ")]


def test_it_is_what_is_told_of_the_loaded_one():
    """Of a tiny one with a video of forty thousand frames, so that the sentence's tenths show."""
    settings, layers = ControlTraining(adapter_width=8, lora_rank=2), (1, 2)
    trainable = make_trainable(hunyuan())
    backbone = trainable.backbone
    preset = replace(backbone.preset, token_width=backbone.token_width, blocks=4, frames=40_001)
    backbone.token_grid = (10_001, *backbone.token_grid[1:])
    known = estimate(trainable, 0, layers, 0, settings, 1)
    seen = figures(foresee(preset, replace(PLENTY, vram=0), layers, settings, 1))
    assert seen[2] == pytest.approx(known.activations / GB, abs=0.06)


def test_it_counts_what_learns_at_full_size():
    """405.4 million, `analyze parameters` says."""
    full = figures(foresee(PRESET, PLENTY, LAYERS, ControlTraining(adapter_width=2880, lora_rank=360), 1))
    assert full[1] == pytest.approx(TRAINED_BYTES * 405.4e6 / GB, rel=0.08)
    assert full[0] == pytest.approx(2 * 12.8 + 4 * 0.25 + 1, abs=0.06)


def test_checkpointing_and_processes_save_what_they_do():
    whole, settings = {}, ControlTraining()
    for name, chosen, processes in (
        ("plain", replace(settings, gradient_checkpointing=False), 1),
        ("checkpointed", settings, 1),
        ("shared", settings, 2),
    ):
        whole[name] = figures(foresee(PRESET, PLENTY, LAYERS, chosen, processes))[2]
    assert whole["plain"] > 10 * whole["checkpointed"]
    assert whole["checkpointed"] == pytest.approx(2 * whole["shared"], abs=0.11)


def test_parts_of_the_backbone_are_a_share_of_its_weights():
    settings = ControlTraining()
    alone, shared = (
        figures(foresee(PRESET, PLENTY, LAYERS, chosen, 2))[0]
        for chosen in (settings, replace(settings, shard=True))
    )
    assert alone - shared == pytest.approx(12.8, abs=0.11)
    small = Machine(30, 300, 100)
    with pytest.raises(UserError, match="does not fit"):
        foresee(PRESET, small, LAYERS, settings, 2)
    foresee(PRESET, small, LAYERS, replace(settings, shard=True), 2)


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(
        UserError, match=r"Training the control of Hunyuan.*24\.0 and 300\.0 GB are free; choose a smaller"
    ):
        foresee(PRESET, Machine(24, 300, 100), LAYERS, ControlTraining(), 1)
    foresee(PRESET, Machine(80, 60, 100), LAYERS, ControlTraining(), 1)
    with pytest.raises(UserError, match=r"60\.0 GB are free"):
        foresee(PRESET, Machine(80, 60, 100), LAYERS, ControlTraining(), 2)


def test_the_command_refuses_before_anything_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("comogen_demo.backbones.placement.measure", lambda cache: Machine(24, 30, 1000))
    words = ["train", "control", "--backbone", "hunyuan", "--data", "none", "--device", "cpu"]
    assert main([*words, "--folder", str(tmp_path)]) == 2
    assert "Training the control of HunyuanVideo-I2V" in capsys.readouterr().err
