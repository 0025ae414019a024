"""The denoiser from a GGUF file, with LoRA and control at work on it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from comogen_demo.backbones.planner import Machine, below, plan
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.control.lora import lora_parameters
from comogen_demo.controls import load_large, save_control
from comogen_demo.errors import UserError
from tests.backbones.families import cogvideox, controlled, hunyuan, make_latents, wan

gguf = pytest.importorskip("gguf")


def write_gguf(path, state):
    """Matrices in 8 bits where a row can be cut into blocks of 32, all else as it is."""
    kind = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(path, "denoiser")
    for name, tensor in state.items():
        values = tensor.float().numpy()
        if tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module", params=[hunyuan, wan])
def stored(request, tmp_path_factory):
    """A model, its weights without a denoiser, its control, and its denoiser as GGUF."""
    folder = tmp_path_factory.mktemp("stored")
    backbone = request.param(text=True)
    backbone.pipe.save_pretrained(folder / "weights")
    (folder / "weights/transformer/diffusion_pytorch_model.safetensors").unlink()
    write_gguf(folder / "denoiser.gguf", backbone.pipe.transformer.state_dict())
    model = controlled(backbone)
    save_control(folder / "control.safetensors", model, {})
    preset = replace(backbone.preset, gguf=str(folder / "denoiser.gguf"))
    return model, preset, folder


def test_it_is_the_model_but_for_rounding_with_lora_and_control(stored):
    model, preset, folder = stored
    held = load_large(preset, str(folder / "weights"), folder / "control.safetensors", "cpu", "cpu")
    held.backbone.encode_prompt = model.backbone.encode_prompt
    bytes_of = {p.dtype for name, p in held.module.named_parameters() if "to_q.base_layer.weight" in name}
    assert bytes_of == {torch.uint8}
    lora, found = lora_parameters(model.module), lora_parameters(held.module)
    assert found.keys() == lora.keys() and all(torch.equal(found[name], lora[name]) for name in lora)
    moved, free = make_latents(held, 2), make_latents(held, 2, strength=0.0)
    apart = (moved - make_latents(model, 2)).abs().mean()
    assert 0 < apart < (moved - free).abs().mean(), "rounding moves less than the control"


def test_faults_are_a_sentence(stored, tmp_path):
    _, preset, folder = stored
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes((folder / "denoiser.gguf").read_bytes()[:500])
    other = tmp_path / "other.gguf"
    write_gguf(other, {"weight": torch.ones(4, 32)})
    for file, words in (
        (damaged, "could not be read"),
        (other, "could not be read"),
        ("gone", "no file gone"),
    ):
        with pytest.raises(UserError, match=words):
            load_large(replace(preset, gguf=str(file)), str(folder / "weights"), None, "cpu", "cpu")


def test_cogvideox_has_no_such_files(tmp_path):
    backbone = cogvideox(text=True)
    backbone.pipe.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no GGUF files of a CogVideoX"):
        load_large(replace(backbone.preset, gguf="any"), str(tmp_path), None, "cpu", "cpu")


def test_the_plan_counts_the_files_bytes_and_rounds_no_further(tmp_path):
    file = tmp_path / "denoiser.gguf"
    with file.open("wb") as stream:
        stream.truncate(7_000_000_000)  # sparse
    whole = replace(PRESETS["hunyuan"], download=0.0)
    preset, machine = replace(whole, gguf=str(file)), Machine(vram=80, ram=100, disk=100)
    saved = plan(whole, machine, "resident").vram - plan(preset, machine, "resident").vram
    assert np.isclose(saved, 2 * 12.8 - 7)
    assert plan(preset, replace(machine, vram=21), "auto").mode == "model-offload"
    with pytest.raises(UserError, match="quantised already"):
        plan(preset, machine, "fp8")
    assert below("model-offload", gguf=True) == "group-offload"
