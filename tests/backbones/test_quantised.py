"""The memory mode int8: the denoiser read in 8 bits, LoRA and control at work on it."""

import sys

import pytest
import torch

from comogen_demo.backbones.placement import quantisation
from comogen_demo.control.files import read_control, write_control
from comogen_demo.control.lora import lora_parameters
from comogen_demo.controls import load_large, save_control
from comogen_demo.errors import UserError
from tests.backbones.families import cogvideox, controlled, hunyuan, make_latents, wan


@pytest.fixture(scope="module", params=[hunyuan, cogvideox, wan])
def stored(request, tmp_path_factory):
    """A model, and its weights and control in files."""
    folder = tmp_path_factory.mktemp("stored")
    backbone = request.param(text=True)
    backbone.pipe.save_pretrained(folder / "weights")
    model = controlled(backbone)
    save_control(folder / "control.safetensors", model, {})
    return model, folder / "weights", folder / "control.safetensors"


@pytest.fixture
def no_offload(monkeypatch):
    """The hooks that move the parts take a GPU."""
    monkeypatch.setattr("diffusers.DiffusionPipeline.enable_model_cpu_offload", lambda self, device: None)


def test_int8_keeps_lora_and_control(stored, no_offload):
    pytest.importorskip("torchao")
    model, weights, control = stored
    held = load_large(model.backbone.preset, str(weights), control, "cpu", "int8")
    held.backbone.encode_prompt = model.backbone.encode_prompt
    linear = {name: m for name, m in held.module.named_modules() if isinstance(m, torch.nn.Linear)}
    inside = [m.weight for name, m in linear.items() if "attn" in name and "lora_" not in name]
    assert inside and all(weight.qdata.dtype == torch.int8 for weight in inside)
    lora, found = lora_parameters(model.module), lora_parameters(held.module)
    assert found.keys() == lora.keys() and all(torch.equal(found[name], lora[name]) for name in lora)
    moved, free = make_latents(held, 2), make_latents(held, 2, strength=0.0)
    apart = (moved - make_latents(model, 2)).abs().mean()
    assert 0 < apart < (moved - free).abs().mean(), "rounding moves less than the control"


def test_a_controlnet_is_refused_before_the_weights_are_read(stored, tmp_path):
    model, _, control = stored
    about, tensors = read_control(control)
    about["control"]["method"] = "controlnet"
    write_control(tmp_path / "copies.safetensors", tensors, about)
    with pytest.raises(UserError, match=r"copied blocks.*another --memory than int8"):
        load_large(model.backbone.preset, "nowhere", tmp_path / "copies.safetensors", "cpu", "int8")


def test_without_its_package_int8_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(UserError, match=r"needs torchao .*: pip install torchao"):
        quantisation()
