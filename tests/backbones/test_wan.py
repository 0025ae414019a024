"""Wan2.2-TI2V behind the interface: its own pipeline's video without control, the pinned frame, and its words."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.pipelines.wan import pipeline_wan_i2v
from PIL import Image

from comogen_demo.backbones.wan import WanBackbone
from comogen_demo.errors import UserError
from tests.backbones.families import denoise, encoded, frame_for, wan


@pytest.fixture
def cleaning(monkeypatch):
    """ftfy, which mends broken encodings, as it treats text that is not broken."""
    monkeypatch.setattr(pipeline_wan_i2v, "ftfy", SimpleNamespace(fix_text=lambda text: text), raising=False)
    monkeypatch.setattr("comogen_demo.backbones.wan.is_ftfy_available", lambda: True)


def stock(backbone, steps=4, seed=5, output="latent", **prompt):
    preset = backbone.preset
    return backbone.pipe(
        Image.fromarray(frame_for(backbone)),
        height=preset.height,
        width=preset.width,
        num_frames=preset.frames,
        num_inference_steps=steps,
        guidance_scale=preset.guidance,
        generator=torch.Generator().manual_seed(seed),
        output_type=output,
        **prompt,
    ).frames


@pytest.mark.parametrize(
    ("guidance", "dtype"), [(5.0, torch.float32), (1.0, torch.float32), (5.0, torch.bfloat16)]
)
def test_without_control_it_is_the_pipeline_bit_for_bit(guidance, dtype):
    backbone = wan(guidance, dtype=dtype)
    negative = encoded(backbone, 2, dtype=dtype) if guidance > 1 else None
    prompt = encoded(backbone, 1, negative, dtype)
    given = {"prompt_embeds": prompt.embeds}
    if negative is not None:
        given["negative_prompt_embeds"] = negative.embeds
    denoising, estimate = denoise(backbone, prompt, steps=4)
    expected = stock(backbone, **given)
    assert torch.equal(denoising.latents, expected) and torch.isfinite(expected).all()
    assert torch.allclose(estimate, denoising.latents, atol=1e-3)
    video = stock(backbone, output="np", **given)[0]
    frames = backbone.decode(denoising.latents)
    assert frames.shape == (9, 64, 64, 3) and frames.std() > 1
    assert np.array_equal(frames, (video * 255).round().astype(np.uint8))


def test_the_text_path_is_the_pipelines(cleaning):
    backbone = wan(text=True)
    prompt = backbone.encode_prompt("The red   cube slides.", frame_for(backbone))
    denoising, _ = denoise(backbone, prompt, steps=4)
    assert torch.equal(denoising.latents, stock(backbone, prompt="The red   cube slides."))
    assert prompt.words[:6] == ("the", "red", "cube", "slides", "", "")
    assert len(prompt.words) == prompt.embeds.shape[1] == 512
    assert prompt.embeds[0, :6].any(1).all() and not prompt.embeds[0, 6:].any(), (
        "six tokens with the full stop and the end"
    )


def test_without_ftfy_it_says_so(monkeypatch):
    monkeypatch.setattr("comogen_demo.backbones.wan.is_ftfy_available", lambda: False)
    with pytest.raises(UserError, match="pip install ftfy"):
        wan().encode_prompt("the cube", frame_for(wan()))


def test_the_first_latent_stays_the_images():
    backbone = wan()
    denoising = backbone.begin(frame_for(backbone), encoded(backbone, 1, encoded(backbone, 2)), 3, 0)
    first = denoising.latents[:, :, 0].clone()
    assert torch.equal(denoising.step(0)[:, :, 0], first)
    denoising.step(1)
    assert torch.equal(denoising.latents[:, :, 0], first)


def test_shapes_it_promises():
    backbone = wan()
    assert backbone.token_grid == (3, 2, 2) and backbone.token_width == 32 and len(backbone.blocks) == 3
    levels = backbone.begin(frame_for(backbone), encoded(backbone), 4, 0).levels
    assert len(levels) == 5 and levels[0] > 0.99 and levels[-1] == 0
    assert sorted(levels, reverse=True) == list(levels)


def test_weights_of_another_wan_are_refused():
    backbone = wan()
    backbone.pipe.register_to_config(expand_timesteps=False)
    with pytest.raises(UserError, match="another Wan"):
        WanBackbone(backbone.pipe, backbone.preset)
