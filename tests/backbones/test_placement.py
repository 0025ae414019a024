"""The memory modes, as far as a CPU can take them: where the weights go, and that the control goes on working."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.hooks.group_offloading import _get_group_onload_device
from diffusers.pipelines.wan import pipeline_wan_i2v

from comogen_demo.backbones.placement import keep_in_8_bits, measure, place
from comogen_demo.control.lora import lora_parameters
from comogen_demo.generate import Settings, generate
from tests.backbones.families import FAMILIES, cogvideox, controlled, frame_for, hunyuan, wan

SETTINGS = Settings(steps=2, seed=5)


def make(model, strength=1.0):
    backbone = model.backbone
    masks = np.zeros((9, backbone.height, backbone.width), bool)
    for t in range(9):
        masks[t, 8:20, 2 + 2 * t : 14 + 2 * t] = True
    settings = replace(SETTINGS, strength=strength)
    *_, result = generate(model, frame_for(backbone), masks, "the cube", settings, previews=False)
    return result.frames.astype(int)


@pytest.mark.parametrize("family", FAMILIES)
def test_group_offload_is_the_resident_video_bit_for_bit(family):
    resident, held = controlled(FAMILIES[family]()), controlled(FAMILIES[family]())
    place(resident.backbone, "resident", "cpu")
    place(held.backbone, "group-offload", "cpu")
    assert _get_group_onload_device(held.module) == torch.device("cpu")
    assert held.backbone.pipe.vae.use_tiling
    moved = make(held)
    assert np.array_equal(moved, make(resident))
    free = make(held, strength=0.0)
    assert np.array_equal(free, make(resident, strength=0.0))
    assert not np.array_equal(free, moved)


@pytest.mark.parametrize("family", [hunyuan, cogvideox, wan])
def test_text_encoders_give_the_same_under_group_offload(family, monkeypatch):
    if family is wan:  # ftfy leaves a text that is not broken as it is
        cleaner = SimpleNamespace(fix_text=lambda text: text)
        monkeypatch.setattr(pipeline_wan_i2v, "ftfy", cleaner, raising=False)
        monkeypatch.setattr("comogen_demo.backbones.wan.is_ftfy_available", lambda: True)
    resident, held = family(text=True), family(text=True)
    place(held, "group-offload", "cpu")
    for part in (held.pipe.text_encoder, held.pipe.transformer):
        assert _get_group_onload_device(part) == torch.device("cpu")
    text = "the red cube slides to the left"
    expected = resident.encode_prompt(text, frame_for(resident)).embeds
    assert torch.equal(held.encode_prompt(text, frame_for(held)).embeds, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_8_bits_keep_lora_and_control(family):
    wide, held = controlled(FAMILIES[family]()), controlled(FAMILIES[family]())
    lora = {name: value.clone() for name, value in lora_parameters(held.module).items()}
    keep_in_8_bits(held.module)
    kept = {name: p.dtype for name, p in held.module.named_parameters()}
    eight = {name for name, dtype in kept.items() if dtype == torch.float8_e4m3fn}
    inside = {name for name in kept if "attn" in name and "base_layer.weight" in name}
    assert inside and inside <= eight, "what LoRA is put around is in 8 bits"
    assert not any("lora_" in name or "norm" in name for name in eight)
    assert all(torch.equal(value, lora[name]) for name, value in lora_parameters(held.module).items())
    moved, free = make(held), make(held, strength=0.0)
    apart = np.abs(moved - make(wide)).mean()
    assert 0 < apart < np.abs(moved - free).mean(), "rounding moves less than the control"


def test_offloaded_weights_give_the_same_and_lora_can_be_switched():
    """The CPU is the GPU that they are moved to, where inference mode makes new tensors of them."""
    resident, held = controlled(hunyuan()), controlled(hunyuan())
    place(held.backbone, "model-offload", "cpu")
    moved = make(held)
    assert np.array_equal(moved, make(resident))
    assert np.array_equal(make(held, strength=0.0), make(resident, strength=0.0))
    assert np.array_equal(make(held), moved)


def test_model_offload_comes_after_the_weights_are_in_8_bits(monkeypatch):
    """The hooks that move the parts take a GPU; that they are asked for, and when, does not."""
    backbone, seen = wan(), []

    def offload(device):
        eight = any(p.dtype == torch.float8_e4m3fn for p in backbone.pipe.transformer.parameters())
        seen.append((device, eight, backbone.pipe.vae.use_tiling))

    monkeypatch.setattr(backbone.pipe, "enable_model_cpu_offload", offload)
    place(backbone, "model-offload", "cuda")
    place(backbone, "fp8", "cuda")
    assert seen == [("cuda", False, True), ("cuda", True, True)]
    with pytest.raises(ValueError, match="fast"):
        place(backbone, "fast", "cpu")


def test_what_is_free_is_measured_where_the_cache_will_be(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    machine = measure(tmp_path / "not" / "there" / "yet")
    assert machine.vram == 0 and machine.ram > 0 and machine.disk > 0
    assert machine.rate > 0 and machine.bus == 0
    monkeypatch.setattr("comogen_demo.backbones.placement.speed", lambda device: (1.0, 1.0))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (7_000_000_000, 8_000_000_000))
    assert measure(tmp_path).vram == 7
