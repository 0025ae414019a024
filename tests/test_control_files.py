"""A control for a large backbone in one file: it comes back exactly, and what does not fit is refused by name."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from comogen_demo.backbones import registry
from comogen_demo.checkpoint import load_model
from comogen_demo.control.files import KEY, read_about, write_control
from comogen_demo.control.lora import lora_parameters
from comogen_demo.controls import load_control, load_large, preset_of, save_control
from comogen_demo.errors import UserError
from tests.backbones.families import FAMILIES, cogvideox, controlled, encoded, hunyuan, wan
from tests.backbones.test_large import make
from tests.test_generate import run
from tests.tiny import tiny_model

TRAINING = {"stages": [{"name": "adapter", "steps": 100, "loss": 0.123456789}], "data": "CLEVRER"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    model = controlled(wan())
    path = tmp_path_factory.mktemp("controls") / "toys.safetensors"
    save_control(path, model, TRAINING)
    return model, path.read_bytes()


@pytest.fixture
def saved(written, tmp_path):
    model, data = written
    (tmp_path / "toys.safetensors").write_bytes(data)
    return model, tmp_path / "toys.safetensors"


def speaking(backbone):
    """With the prompt of `controlled`."""
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    backbone.encode_prompt = lambda text, frame: prompt
    return backbone


@pytest.mark.parametrize("family", FAMILIES)
def test_saved_and_loaded_it_is_the_same_to_the_bit(tmp_path, family):
    model = controlled(FAMILIES[family]())
    save_control(tmp_path / "c.safetensors", model, TRAINING)
    again = load_control(tmp_path / "c.safetensors", speaking(FAMILIES[family]()))
    assert again.control == model.control
    for name, tensor in model.adapter.state_dict().items():
        assert torch.equal(again.adapter.state_dict()[name], tensor)
    own, other = lora_parameters(model.module), lora_parameters(again.module)
    assert own.keys() == other.keys() and all(torch.equal(own[k], other[k]) for k in own)
    assert np.array_equal(make(again), make(model))
    save_control(tmp_path / "d.safetensors", again, TRAINING)
    assert (tmp_path / "c.safetensors").read_bytes() == (tmp_path / "d.safetensors").read_bytes()


def test_its_metadata_tell_all(saved):
    about = read_about(saved[1])
    assert about["format"] == 1 and about["backbone"] == "wan" and about["training"] == TRAINING
    assert about["control"]["motion_layers"] == [1, 2] and about["control"]["lora_rank"] == 2
    assert about["settings"] == {"width": 64, "height": 64, "frames": 9, "fps": 24}
    preset = preset_of(saved[1])
    assert (preset.name, preset.width, preset.height, preset.frames) == ("wan", 64, 64, 9)


def test_the_embedded_models_control_can_be_such_a_file_too(tmp_path):
    model = tiny_model(lora_rank=2)
    save_control(tmp_path / "c.safetensors", model, {})
    bare = tiny_model()
    assert np.array_equal(
        run(load_control(tmp_path / "c.safetensors", bare.backbone))[1].frames, run(model)[1].frames
    )


def test_truncated_and_changed_files_are_refused(saved):
    _, path = saved
    data = path.read_bytes()
    backbone = wan()
    for broken in (data[: len(data) // 2], data[:20], b"", data[:-1] + bytes([data[-1] ^ 1])):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"toys\.safetensors is damaged"):
            load_control(path, backbone)
    path.write_bytes(data.replace(b'motion_layers\\": [1, 2]', b'motion_layers\\": [0, 2]'))
    assert path.read_bytes() != data
    with pytest.raises(UserError, match="not those that were saved"):
        load_control(path, backbone)
    path.unlink()
    with pytest.raises(UserError, match="There is no control file"):
        load_control(path, backbone)


def test_another_file_is_no_control(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="no control file"):
        load_control(tmp_path / "a.safetensors", wan())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 9}, "is of format 9"),
        ({"backbone": "cogvideox"}, "its backbone is cogvideox, expected wan"),
        ({"token width": 64}, "its token width is 64, expected 32"),
        ({"number of blocks": 30}, "its number of blocks is 30, expected 3"),
        ({"control": {"motion_layers": [0]}}, "damaged"),
        ({"control": None}, "damaged"),
        ({"motion_layers": [1, 7]}, r"Motion Layers \[7\] of 3 blocks"),
        ({"motion_layers": [0, 2]}, r"lora\.blocks\.0\..*is missing"),
        ({"lora_rank": 4}, r"its lora\.blocks\.1.*lora_.* is \(.*expected \("),
        ({"lora_rank": 0}, r"its lora\.blocks\.1.* is \(.*expected nothing"),
        ({"adapter_width": 16}, r"its adapter\.one\.\w+ is \(8,.*expected \(16,"),
    ],
)
def test_what_does_not_fit_is_named(saved, change, words):
    """Files that are whole, but for another model."""
    _, path = saved
    about, tensors = read_about(path), load_file(path)
    del about["digest"]
    for key, value in change.items():
        (about["control"] if key in about["control"] else about)[key] = value
    write_control(path, tensors, about)
    with pytest.raises(UserError, match=words) as error:
        load_control(path, wan())
    assert "\n" not in str(error.value)


def test_a_control_of_another_family_is_refused_before_the_weights_are_loaded(saved):
    with pytest.raises(UserError, match="its backbone is wan, expected cogvideox"):
        load_large(registry.PRESETS["cogvideox"], "nowhere", saved[1])


@pytest.mark.parametrize("family", [cogvideox, hunyuan, wan])
def test_backbones_are_loaded_from_folders_of_diffusers(tmp_path, family, monkeypatch):
    """The folder as `save_pretrained` leaves it, text encoders and all; a control dropped into checkpoints/."""
    backbone = family(text=True)
    backbone.pipe.save_pretrained(tmp_path / "weights")
    if family is wan:  # published as the parts of a text-to-video pipeline, which has no image encoder
        index = tmp_path / "weights" / "model_index.json"
        parts = json.loads(index.read_text()) | {"_class_name": "WanPipeline"}
        del parts["image_encoder"], parts["image_processor"]
        index.write_text(json.dumps(parts))
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    if family is not wan:  # which cleans its prompts with a further library
        prompt = backbone.encode_prompt("the red cube", np.zeros((32, 32, 3), np.uint8))
        assert torch.equal(
            load_large(backbone.preset, str(tmp_path / "weights"), device="cpu")
            .backbone.encode_prompt("the red cube", np.zeros((32, 32, 3), np.uint8))
            .embeds,
            prompt.embeds,
        )
    model = controlled(backbone)
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    save_control(checkpoints / "toys.safetensors", model, TRAINING)
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", checkpoints)
    again = load_model("toys", device="cpu", weights=str(tmp_path / "weights"))
    speaking(again.backbone)
    assert again.name == "toys" and again.frames == 9
    assert np.array_equal(make(again), make(model))


def test_weights_that_are_missing_damaged_or_of_another_family_are_refused(tmp_path):
    preset = replace(registry.PRESETS["wan"], width=64, height=64, frames=9)
    with pytest.raises(UserError, match=r"Wan2\.2-TI2V-5B could not be loaded from the hub id"):
        load_large(preset, str(tmp_path / "none"), device="cpu")
    cogvideox(text=True).pipe.save_pretrained(tmp_path / "cog")
    with pytest.raises(UserError, match="its transformer is a CogVideoXTransformer3DModel, expected a Wan"):
        load_large(preset, str(tmp_path / "cog"), device="cpu")
    wan(text=True).pipe.save_pretrained(tmp_path / "wan")
    weights = next((tmp_path / "wan" / "transformer").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="could not be loaded from the folder"):
        load_large(preset, str(tmp_path / "wan"), device="cpu")


def test_the_file_is_plain_safetensors(saved):
    model, path = saved
    with safe_open(path, "pt") as file:
        assert set(json.loads(file.metadata()[KEY])) >= {
            "format",
            "backbone",
            "control",
            "training",
            "digest",
        }
        names = set(file.keys())
    assert {"adapter.out.weight", *(f"lora.{k}" for k in lora_parameters(model.module))} <= names
