"""A ControlNet learns in the adapter's place, from the same clips, and the generator loads and follows it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from comogen_demo import checkpoint
from comogen_demo.checkpoint import load_model, save_model
from comogen_demo.cli import main
from comogen_demo.control.controlnet import ControlNet
from comogen_demo.control.files import read_about
from comogen_demo.generate import Settings, generate
from comogen_demo.training.data.folder import read_clip
from tests.tiny import tiny_model
from tests.training.control.tiny_run import LAYERS, SETTINGS, make_trainer, write_data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """checkpoints/mini and data; what `train control --method controlnet` left there."""
    folder = tmp_path_factory.mktemp("controlnet")
    model = tiny_model()
    save_model(folder / "checkpoints/mini", model.backbone, model.adapter, model.control)
    data = write_data(folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "CHECKPOINTS", folder / "checkpoints")
        words = ["train", "control", "--backbone", "mini", "--method", "controlnet", "--device", "cpu"]
        more = ["--data", data, "--validation", data, "--folder", folder / "run", "--learning-rate", 0.01]
        assert main([str(word) for word in [*words, *more]]) == 0
        yield folder


def test_the_one_stage_is_recorded(place):
    about = read_about(place / "checkpoints/mini-controlnet.safetensors")
    assert about["control"]["method"] == "controlnet" and about["control"]["lora_rank"] == 0
    assert about["training"]["stages"].keys() >= {"adapter"} and "lora" not in about["training"]["stages"]
    record = json.loads((place / "run/record.json").read_text())
    assert "adapter-validation" in json.dumps(record), "videos were made with it"


def test_the_generator_follows_it_and_without_masks_is_the_base(place):
    model, base = load_model("mini-controlnet", device="cpu"), load_model("mini", device="cpu")
    assert isinstance(model.adapter, ControlNet) and model.adapter.layers == base.motion_layers
    clip = read_clip(place / "data", "clip-0")
    settings = Settings(steps=2, seed=3)

    def make(which, masks, settings=settings):
        *_, result = generate(which, clip.frames[0], masks, clip.caption, settings, previews=False)
        return result.frames

    free = make(base, None)
    assert np.array_equal(make(model, None), free)
    assert np.array_equal(make(model, clip.masks, replace(settings, strength=0.0)), free)
    for layer in model.adapter.outputs:  # learnt in two steps, little: made more, so that pixels show it
        layer.weight.data.mul_(1000)
    assert not np.array_equal(make(model, clip.masks), free)
    assert all(not block._forward_hooks for block in model.backbone.blocks)


def test_the_copies_learn_the_backbone_does_not_and_the_loss_falls(place, tmp_path):
    settings = replace(SETTINGS, method="controlnet", batch=4, adapter_epochs=20, learning_rate=1e-2)
    trainer = make_trainer(tmp_path, place / "data", settings)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    batch = trainer._batch("adapter", 0, 0, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_batch", lambda *_: batch)
        list(trainer.run("adapter"))
    losses = [figures["loss"] for figures in trainer.record.stages["adapter"]["curve"]]
    assert losses[-1] < 0.97 * losses[0]
    changed = {
        name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed and all(name.startswith("adapter.") for name in changed)
    for part in ("embed", *(f"{kind}.{i}" for kind in ("copies", "outputs") for i in range(len(LAYERS)))):
        assert any(name.startswith(f"adapter.{part}.") for name in changed), part
    assert len(list(trainer.cost())) == 1
