"""HunyuanVideo behind the interface: its own pipeline's video without control, and the words where they are."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.backbones.families import SENTENCE, denoise, encoded, frame_for, hunyuan


def stock(backbone, steps=3, seed=5, output="latent", **prompt):
    preset = backbone.preset
    return backbone.pipe(
        Image.fromarray(frame_for(backbone)),
        height=preset.height,
        width=preset.width,
        num_frames=preset.frames + backbone.lead,
        num_inference_steps=steps,
        guidance_scale=preset.guidance,
        true_cfg_scale=preset.true_cfg,
        generator=torch.Generator().manual_seed(seed),
        output_type=output,
        **prompt,
    ).frames


def as_given(prompt, negative=None):
    given = {
        "prompt_embeds": prompt.embeds,
        "pooled_prompt_embeds": prompt.pooled,
        "prompt_attention_mask": prompt.mask,
    }
    if negative is not None:
        given |= {f"negative_{k}": v for k, v in as_given(negative).items()}
    return given


@pytest.mark.parametrize(
    ("condition", "true_cfg", "guided", "dtype"),
    [
        ("token_replace", 1.0, True, torch.float32),
        ("token_replace", 4.0, False, torch.float32),
        ("latent_concat", 1.0, False, torch.float32),
        ("latent_concat", 4.0, True, torch.float32),
        ("token_replace", 1.0, True, torch.bfloat16),
        ("latent_concat", 1.0, True, torch.bfloat16),
    ],
)
def test_without_control_it_is_the_pipeline_bit_for_bit(condition, true_cfg, guided, dtype):
    backbone = hunyuan(condition, true_cfg, guided, dtype=dtype)
    negative = encoded(backbone, 2, dtype=dtype) if true_cfg > 1 else None
    prompt = encoded(backbone, 1, negative, dtype)
    denoising, estimate = denoise(backbone, prompt)
    expected = stock(backbone, **as_given(prompt, negative))
    shown = denoising.latents[:, :, 1 if backbone.lead else 0 :]
    assert torch.equal(shown, expected) and torch.isfinite(expected).all()
    assert torch.allclose(
        estimate.float(), denoising.latents.float(), rtol=0.02, atol=0.02
    )  # the last step ends there
    video = stock(backbone, output="np", **as_given(prompt, negative))[0]
    frames = backbone.decode(denoising.latents)
    assert frames.shape == (9, 32, 32, 3) and frames.std() > 1
    assert np.array_equal(frames, (video * 255).round().astype(np.uint8))


@pytest.mark.parametrize(("condition", "true_cfg"), [("token_replace", 1.0), ("latent_concat", 3.0)])
def test_the_text_path_is_the_pipelines(condition, true_cfg):
    backbone = hunyuan(condition, true_cfg, text=True)
    prompt = backbone.encode_prompt("The red cube slides.", frame_for(backbone))
    negative = {"negative_prompt": ""} if true_cfg > 1 else {}
    expected = stock(backbone, prompt="The red cube slides.", **negative)
    denoising, _ = denoise(backbone, prompt)
    assert torch.equal(denoising.latents[:, :, 1 if backbone.lead else 0 :], expected)
    other = backbone.encode_prompt("The blue cube slides.", frame_for(backbone))
    assert not torch.equal(denoise(backbone, other)[0].latents, denoising.latents)
    flipped = backbone.encode_prompt("The red cube slides.", frame_for(backbone)[:, ::-1].copy())
    assert not torch.equal(flipped.embeds, prompt.embeds), "LLaVA sees the frame"


@pytest.mark.parametrize("condition", ["token_replace", "latent_concat"])
def test_words_are_where_their_embeddings_are(condition):
    backbone = hunyuan(condition, text=True)
    text = "The red cube slides, and its relationships..."
    prompt = backbone.encode_prompt(text, frame_for(backbone))
    assert len(prompt.words) == prompt.embeds.shape[1]
    assert [w for w in prompt.words if w] == [
        "the",
        "red",
        "cube",
        "slides",
        "and",
        "its",
        "relationships",
        "relationships",
    ]
    table = backbone.pipe.text_encoder.get_input_embeddings().weight
    tokens = backbone.pipe.tokenizer
    for word in ("red", "cube", "slides"):
        place = prompt.words.index(word)
        assert torch.equal(prompt.embeds[0, place], table[tokens.convert_tokens_to_ids(word)])
        assert prompt.mask[0, place] == 1


def test_words_of_a_prompt_that_is_cut():
    backbone = hunyuan(text=True)
    prompt = backbone.encode_prompt(f"{SENTENCE} " * 30, frame_for(backbone))
    assert len(prompt.words) == prompt.embeds.shape[1]
    place = len(prompt.words) - 1 - prompt.words[::-1].index("sphere")
    table = backbone.pipe.text_encoder.get_input_embeddings().weight
    token = backbone.pipe.tokenizer.convert_tokens_to_ids("sphere")
    assert torch.equal(prompt.embeds[0, place], table[token])


def test_shapes_it_promises():
    backbone = hunyuan("latent_concat")
    assert backbone.lead == 4 and backbone.token_grid == (4, 2, 2) and backbone.token_width == 32
    assert len(backbone.blocks) == 4
    assert hunyuan().token_grid == (3, 2, 2)
    levels = backbone.begin(frame_for(backbone), encoded(backbone), 5, 0).levels
    assert (
        levels[0] == 1
        and levels[-1] == 0
        and len(levels) == 6
        and sorted(levels, reverse=True) == list(levels)
    )
