"""The embedded backbone: words, noise, prediction, and its flow against diffusers' scheduler."""

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from comogen_demo.backbones.mini.backbone import sampling_sigmas
from comogen_demo.backbones.mini.denoiser import MiniDenoiser, initialise
from comogen_demo.backbones.mini.words import Words
from comogen_demo.training.attention import plain_attention
from tests.tiny import TINY, tiny_model


def test_words_pad_cut_and_report_the_unknown():
    words = Words(("the", "red", "cube"), slots=5)
    ids, places, unknown = words.tokens("The red, RED dragon!")
    assert ids == [2, 3, 3, 1, 0]
    assert places == ("the", "red", "red", "dragon", "")
    assert unknown == ("dragon",)
    assert len(words.tokens("red " * 99)[0]) == 5


def test_noise_depends_on_the_seed_alone():
    backbone = tiny_model().backbone
    assert torch.equal(backbone.noise(5), tiny_model(seed=9).backbone.noise(5))
    assert not torch.equal(backbone.noise(5), backbone.noise(6))


@pytest.mark.parametrize("steps", [1, 4, 10, 50])
@pytest.mark.parametrize("shift", [1.0, 3.0, 7.0])
def test_noise_levels_are_those_of_diffusers_flow_scheduler(steps, shift):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=[1 - k / steps for k in range(steps)])
    assert sampling_sigmas(steps, shift) == pytest.approx(scheduler.sigmas.tolist(), abs=1e-6)


def test_a_fresh_denoiser_predicts_a_still_scene():
    torch.manual_seed(0)
    denoiser = MiniDenoiser(TINY.denoiser)
    initialise(denoiser)
    image = torch.randn(1, 4, 1, 4, 4)
    embeds = denoiser.embed(torch.tensor([[2, 3, 0, 0]]))
    clean = denoiser(torch.randn(1, 4, 3, 4, 4), torch.tensor([0.7]), image, *embeds)
    assert torch.equal(clean, image.expand_as(clean))


def test_velocity_is_zero_on_the_given_first_frame():
    backbone = tiny_model().backbone
    latents = backbone.noise(0)
    velocity = backbone.velocity(latents, 0.8, latents[:, :, :1], backbone.encode_prompt("the cube"))
    assert not velocity[:, :, 0].any() and velocity[:, :, 1:].any()


def test_plain_attention_computes_what_the_stock_processor_does():
    backbone = tiny_model().backbone
    latents, prompt = backbone.noise(1), backbone.encode_prompt("the red cube slides to the left")
    stock = backbone.velocity(latents, 0.6, latents[:, :, :1], prompt)
    with plain_attention(backbone.denoiser.transformer):
        plain = backbone.velocity(latents, 0.6, latents[:, :, :1], prompt)
    assert torch.allclose(stock, plain, atol=1e-4)
    assert torch.equal(stock, backbone.velocity(latents, 0.6, latents[:, :, :1], prompt))


def test_a_frame_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match="expected"):
        tiny_model().backbone.encode_image(np.zeros((16, 16, 3), np.uint8))
