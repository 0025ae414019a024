"""CogVideoX behind the interface: its own pipeline's video without control, its noise levels, and its words."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import CogVideoXImageToVideoPipeline
from PIL import Image

from comogen_demo.errors import UserError
from tests.backbones.families import cogvideox, denoise, encoded, frame_for


def stock(backbone, steps=3, seed=5, output="latent", **prompt):
    preset = backbone.preset
    pipe: CogVideoXImageToVideoPipeline = backbone.pipe
    return pipe(
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
    ("guidance", "scheduler", "dtype"),
    [
        (6.0, "ddim", torch.float32),
        (1.0, "ddim", torch.float32),
        (6.0, "dpm", torch.float32),
        (6.0, "ddim", torch.bfloat16),
        (6.0, "dpm", torch.bfloat16),
    ],
)
def test_without_control_it_is_the_pipeline_bit_for_bit(guidance, scheduler, dtype):
    backbone = cogvideox(guidance, scheduler, dtype=dtype)
    negative = encoded(backbone, 2, dtype=dtype) if guidance > 1 else None
    prompt = encoded(backbone, 1, negative, dtype)
    given = {"prompt_embeds": prompt.embeds}
    if negative is not None:
        given["negative_prompt_embeds"] = negative.embeds
    denoising, estimate = denoise(backbone, prompt, steps=4)
    expected = stock(backbone, steps=4, **given)
    assert torch.equal(denoising.latents.transpose(1, 2), expected) and torch.isfinite(expected).all()
    if scheduler == "ddim":
        assert torch.allclose(estimate.float(), denoising.latents.float(), rtol=0.02, atol=0.02)
    video = stock(backbone, steps=4, output="np", **given)[0]
    frames = backbone.decode(denoising.latents)
    assert frames.shape == (9, 32, 32, 3) and frames.std() > 1
    assert np.array_equal(frames, (video * 255).round().astype(np.uint8))
    assert backbone.decode(estimate).shape == frames.shape


def test_the_text_path_is_the_pipelines():
    backbone = cogvideox(text=True)
    prompt = backbone.encode_prompt("The red cube slides.", frame_for(backbone))
    denoising, _ = denoise(backbone, prompt)
    assert torch.equal(denoising.latents.transpose(1, 2), stock(backbone, prompt="The red cube slides."))
    other = backbone.encode_prompt("The blue cube slides.", frame_for(backbone))
    assert not torch.equal(denoise(backbone, other)[0].latents, denoising.latents)


def test_words_are_where_their_embeddings_are():
    backbone = cogvideox(text=True)
    prompt = backbone.encode_prompt("The red, the cube's relationships!", frame_for(backbone))
    assert prompt.words[:10] == ("the", "red", "", "the", "cube", "", "s", *["relationships"] * 2, "")
    assert len(prompt.words) == prompt.embeds.shape[1] == 226 and not any(prompt.words[10:])
    changed = backbone.encode_prompt("The red, the cube's relation!", frame_for(backbone))
    assert changed.words[7] == "relation"
    long = backbone.encode_prompt("red " * 300, frame_for(backbone))
    assert len(long.words) == 226 and set(long.words[:225]) == {"red"} and long.words[225] == ""


def test_levels_are_those_of_the_scheduler():
    backbone = cogvideox()
    denoising = backbone.begin(frame_for(backbone), encoded(backbone, 1, encoded(backbone, 2)), 5, 0)
    assert len(denoising.levels) == 6 and denoising.levels[0] == 1 and denoising.levels[-1] == 0
    assert sorted(denoising.levels, reverse=True) == list(denoising.levels)
    scheduler = denoising.scheduler
    noisy = scheduler.add_noise(torch.ones(1), torch.zeros(1), scheduler.timesteps[2:3])
    noise = scheduler.add_noise(torch.zeros(1), torch.ones(1), scheduler.timesteps[2:3])
    assert denoising.levels[2] == pytest.approx((noise / (noise + noisy)).item(), abs=1e-5)


def test_shapes_it_promises():
    backbone = cogvideox()
    assert backbone.token_grid == (3, 2, 2) and backbone.token_width == 32 and len(backbone.blocks) == 3
    assert backbone.lead == 0
    assert backbone.begin(frame_for(backbone), encoded(backbone), 2, 0).latents.shape == (1, 4, 3, 4, 4)


@pytest.mark.parametrize("change", [{"width": 64}, {"height": 16}, {"frames": 13}])
def test_other_sizes_than_the_learned_one_are_refused(change):
    backbone = cogvideox()
    with pytest.raises(UserError, match="32 x 32 pixels and 9 frames only"):
        type(backbone)(backbone.pipe, replace(backbone.preset, **change))
