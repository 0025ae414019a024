"""What makes a large backbone faster leaves the control at work, and says what it cannot do."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import AttentionBackendName
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from torch._dynamo.testing import CompileCounter

from comogen_demo.backbones.planner import Machine, fitting, plan
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.backbones.speed import check, speed_up
from comogen_demo.control.injection import Injection
from comogen_demo.controls import load_large
from comogen_demo.errors import UserError
from tests.backbones.families import FAMILIES, controlled, encoded, frame_for, hunyuan, make_latents, wan


def faster(family, **choices):
    model = controlled(FAMILIES[family]())
    model.backbone.preset = replace(model.backbone.preset, **choices)
    speed_up(model.backbone)
    return model


def test_blocks_are_compiled_once_whatever_the_step_the_weight_and_the_video(monkeypatch):
    """Tracing takes its seconds. Dual blocks without LoRA and with it, the first single one and the other, whose tokens
    lie otherwise in memory; then LoRA switched off."""
    counter = CompileCounter()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    plain, model = (controlled(hunyuan(), layers=(1,)) for _ in range(2))
    model.backbone.preset = replace(model.backbone.preset, compile=True)
    speed_up(model.backbone)
    graphs = []
    for steps, strength in ((1, 1.0), (3, 1.0), (2, 0.5), (1, 0.0), (1, 1.0)):
        made = make_latents(model, steps, strength)
        graphs.append(counter.frame_count)
        assert torch.equal(made, make_latents(plain, steps, strength))
    assert graphs == [4, 4, 4, 5, 5]
    assert not torch.equal(made, make_latents(plain, 1, 0.0)), "the hooks of the control ran"


@pytest.mark.parametrize("family", FAMILIES)
def test_reused_attention_leaves_the_control_at_work_and_nothing_behind(family):
    model = faster(family, cache=True)
    backbone, cache = model.backbone, model.backbone.cache
    prompt = encoded(backbone, 1, encoded(backbone, 2))
    size = 1, int(np.prod(backbone.token_grid)), backbone.token_width
    first, other = torch.randn(2, *size, generator=torch.Generator().manual_seed(0))
    calls = []
    for block in backbone.blocks:
        attention = block.attn if hasattr(block, "attn") else block.attn1
        attention.to_q.register_forward_hook(lambda *_: calls.append(1))

    def at_reuse(residual, steps=5):
        """The states before and after the first step with kept attention, in which the residual is this one."""
        run = backbone.begin(frame_for(backbone), prompt, steps, 0)
        with Injection(backbone.blocks, [1]) as injection:
            for k in range(steps):
                calls.clear()
                injection.residual = residual if cache._kept else first
                before = run.latents
                run.step(k)
                if not calls:
                    return before, run.latents
        raise AssertionError("no step reused attention")

    (start, same), (start_again, moved) = at_reuse(first), at_reuse(other)
    assert torch.equal(start, start_again)
    assert (same - moved).abs().max() > 1e-3
    assert torch.equal(at_reuse(first)[1], same), "what a video broken off left is gone"


@pytest.mark.parametrize("family", ["hunyuan", "cogvideox", "wan"])
def test_a_cached_video_is_another_and_the_next_one_the_same(family):
    model, plain = faster(family, cache=True), controlled(FAMILIES[family]())
    moved = make_latents(model)
    cache = model.backbone.cache
    assert not cache._kept and not cache._outputs, "nothing is held while decoding"
    assert torch.equal(make_latents(model), moved)
    assert not torch.equal(make_latents(plain), moved)
    assert torch.equal(make_latents(model, steps=1), make_latents(plain, steps=1)), (
        "there is no step before the first"
    )


@pytest.mark.parametrize("family", ["hunyuan", "wan"])
def test_another_attention_backend_is_near_and_other_models_keep_theirs(family):
    before = _AttentionBackendRegistry.get_active_backend()
    model = faster(family, attention="_native_math")
    assert _AttentionBackendRegistry.get_active_backend() == before
    attention = model.backbone.blocks[0]
    attention = attention.attn if family == "hunyuan" else attention.attn1
    assert attention.processor._attention_backend == AttentionBackendName._NATIVE_MATH
    expected = make_latents(controlled(FAMILIES[family]()), steps=2)
    torch.testing.assert_close(make_latents(model, steps=2), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "choices", "words"),
    [
        ("wan", {"attention": "lightning"}, "no attention backend 'lightning': choose one of flash,"),
        ("wan", {"attention": "xformers"}, "xformers does not work here for Wan2.2-TI2V-5B"),
        ("hunyuan", {"attention": "_native_flash"}, "_native_flash does not work here for HunyuanVideo-I2V"),
        ("cogvideox", {"attention": "_native_math"}, "no other backend than native"),
        ("wan", {"compile": True, "cache": True}, "choose one of them"),
    ],
)
def test_what_does_not_work_is_said_before_anything_is_loaded(name, choices, words):
    with pytest.raises(UserError, match=words) as error:
        load_large(replace(PRESETS[name], **choices), "nowhere", device="cpu")
    assert "\n" not in str(error.value)


def test_a_missing_compiler_is_said_before_anything_is_loaded(monkeypatch):
    def fail(function):
        raise RuntimeError("No working C++ compiler found.\nMore")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(UserError, match=r"does not work here \(No working C\+\+ compiler found\): leave"):
        check(replace(PRESETS["wan"], compile=True), "cpu")
    check(PRESETS["wan"], "cpu")


def test_modes_that_change_the_layers_go_without():
    wish = replace(PRESETS["wan"], compile=True, cache=True)
    assert fitting(wish, "model-offload") == wish
    assert fitting(wish, "fp8") == replace(wish, compile=False)
    assert fitting(wish, "group-offload") == PRESETS["wan"]


def test_the_memory_of_the_cache_is_planned():
    """Wan's 30 blocks, two passes, 32 x 22 x 40 tokens of 3072 numbers of 16 bits."""
    machine, preset = Machine(1000, 1000, 1000), PRESETS["wan"]
    cached = replace(preset, cache=True)
    more = {
        mode: plan(cached, machine, mode).vram - plan(preset, machine, mode).vram
        for mode in ("model-offload", "group-offload")
    }
    assert more == pytest.approx(
        {"model-offload": 2 * 30 * 2 * 32 * 22 * 40 * 3072 / 1e9, "group-offload": 0}
    )
    for name, backbone in (("hunyuan", 60), ("cogvideox", 42), ("wan", 30)):
        assert PRESETS[name].blocks == backbone


def test_wan_takes_a_backend_that_knows_no_masks():
    check(replace(PRESETS["wan"], attention="_native_math"), "cpu")
    assert wan().masks_attention is False
