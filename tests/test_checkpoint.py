"""Models on disk: what is saved comes back, and what is missing or damaged is named."""

import json

import numpy as np
import pytest
import torch

from comogen_demo.checkpoint import load_model, save_model
from comogen_demo.errors import UserError
from tests.test_generate import run
from tests.tiny import tiny_model


@pytest.fixture
def saved(tmp_path):
    model = tiny_model(lora_rank=2)
    for module in (model.backbone.vae, model.module, model.adapter):
        module.to(torch.float16).float()  # what the file can hold
    save_model(tmp_path / "tiny", model.backbone, model.adapter, model.control)
    return model, tmp_path / "tiny"


def test_save_and_load_give_the_same_video(saved):
    model, folder = saved
    again = load_model("tiny", folder, device="cpu")
    again.backbone.dtype = torch.float32
    assert again.control == model.control and again.backbone.config == model.backbone.config
    assert np.array_equal(run(again)[1].frames, run(model)[1].frames)
    assert np.array_equal(run(again, masks=None)[1].frames, run(model, masks=None)[1].frames)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match="There is no model at"):
        load_model("none", tmp_path / "none")


@pytest.mark.parametrize("name", ["vae.safetensors", "base.safetensors", "control.safetensors"])
def test_missing_and_truncated_weights_are_named(saved, name):
    _, folder = saved
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        load_model("tiny", folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_model("tiny", folder)


@pytest.mark.parametrize(
    "change", [{"format": 99}, {"backbone": {}}, {"control": {"motion_layers": [0]}}, {"control": None}]
)
def test_a_config_that_does_not_fit_is_refused(saved, change):
    _, folder = saved
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**data, **change}))
    with pytest.raises(UserError, match=r"config\.json"):
        load_model("tiny", folder)


def test_weights_of_another_model_are_refused(saved):
    _, folder = saved
    data = json.loads((folder / "config.json").read_text())
    data["control"]["lora_rank"] = 4
    (folder / "config.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"control\.safetensors is damaged or does not fit"):
        load_model("tiny", folder)
