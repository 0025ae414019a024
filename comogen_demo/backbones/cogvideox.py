"""CogVideoX-5B-I2V (arXiv 2408.06072): a diffusion model with v-prediction, 42 joint blocks, the first frame's latent
beside the noisy ones as channels, classifier-free guidance in one batch of two."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import CogVideoXDPMScheduler, CogVideoXImageToVideoPipeline
from torch import Tensor, nn

from ..errors import UserError
from .base import Prompt
from .large import LargeBackbone, t5_words

MAX_TOKENS = 226  # of the prompt


class CogVideoXBackbone(LargeBackbone):
    pipeline = CogVideoXImageToVideoPipeline
    network = "CogVideoXTransformer3DModel"
    multiple = 16
    fixed_attention = True

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """Called with keyword arguments; in attention the text's tokens come first."""
        return list(self.pipe.transformer.transformer_blocks)

    @torch.inference_mode()
    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt:
        """T5 alone; the frame is not looked at."""
        embeds, negative = self.pipe.encode_prompt(
            text,
            self.preset.negative,
            do_classifier_free_guidance=self.preset.guidance > 1,
            max_sequence_length=MAX_TOKENS,
            device=self.device,
        )
        away = None if negative is None else Prompt(negative, None, None, ())
        words = t5_words(self.pipe.tokenizer, text, MAX_TOKENS)
        return Prompt(embeds, None, None, words, negative=away)

    @torch.inference_mode()
    def encode(self, video: np.ndarray) -> Tensor:
        return self.distribution(video).mode().float() * self.pipe.vae_scaling_factor_image

    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> CogVideoXDenoising:
        return CogVideoXDenoising(self, frame, prompt, steps, seed)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        return self.postprocess(self.pipe.decode_latents(latents.transpose(1, 2).to(self.pipe.vae.dtype)))

    def check_weights(self) -> None:
        config = self.pipe.transformer.config
        if config.patch_size_t is not None or config.in_channels != 2 * config.out_channels:
            raise UserError(
                f"The weights for {self.preset.title} are those of another CogVideoX: give {self.preset.hub}."
            )
        width, height = config.sample_width * 8, config.sample_height * 8
        learned = (width, height, config.sample_frames)
        if config.use_learned_positional_embeddings and (self.width, self.height, self.frames) != learned:
            raise UserError(
                f"{self.preset.title} has learned its places by heart: it makes {width} x {height} pixels and "
                f"{config.sample_frames} frames only, not {self.width} x {self.height} and {self.frames}."
            )


class CogVideoXDenoising:
    """The steps of CogVideoXImageToVideoPipeline with its DDIM or DPM scheduler."""

    @torch.inference_mode()
    def __init__(self, backbone: CogVideoXBackbone, frame: np.ndarray, prompt: Prompt, steps: int, seed: int):
        pipe, device = backbone.pipe, backbone.device
        self.transformer, self.guidance = pipe.transformer, backbone.preset.guidance
        self.cache = backbone.cache
        self.cache.begin()
        self.embeds = prompt.embeds
        if prompt.negative is not None:
            self.embeds = torch.cat([prompt.negative.embeds, prompt.embeds])
        config, dtype = self.transformer.config, prompt.embeds.dtype
        generator = torch.Generator().manual_seed(seed)  # it draws the image's latent, the noise, and DPM's
        latents, self.image = pipe.prepare_latents(
            backbone.preprocess(frame).to(dtype),
            1,
            config.in_channels // 2,
            backbone.frames,
            backbone.height,
            backbone.width,
            dtype,
            device,
            generator,
        )
        self.latents = self.beginning = latents.transpose(1, 2)  # the pipeline's order is (1, T', C, h, w)
        self.rotary = None
        if config.use_rotary_positional_embeddings:
            self.rotary = pipe._prepare_rotary_positional_embeddings(
                backbone.height, backbone.width, latents.shape[1], device
            )
        self.options: dict[str, Any] = pipe.prepare_extra_step_kwargs(generator, 0.0)
        self.scheduler = copy.deepcopy(pipe.scheduler)  # it has a state
        self.scheduler.set_timesteps(steps, device=device)
        self.alphas = self.scheduler.alphas_cumprod[self.scheduler.timesteps.cpu()].double()
        self.levels = noise_levels(self.alphas)
        self.estimate: Tensor | None = None

    @torch.inference_mode()
    def step(self, k: int) -> Tensor:
        timesteps, noisy = self.scheduler.timesteps, self.latents.transpose(1, 2)
        t = timesteps[k]
        batch = len(self.embeds)
        given = self.scheduler.scale_model_input(torch.cat([noisy] * batch), t)
        self.cache.enter("cond_uncond", k, self.levels)
        with self.transformer.cache_context("cond_uncond"):
            output = self.transformer(
                hidden_states=torch.cat([given, torch.cat([self.image] * batch)], 2),
                encoder_hidden_states=self.embeds,
                timestep=t.expand(batch),
                image_rotary_emb=self.rotary,
                return_dict=False,
            )[0].float()
        if batch == 2:
            away, towards = output.chunk(2)
            output = away + self.guidance * (towards - away)
        if isinstance(self.scheduler, CogVideoXDPMScheduler):
            back = timesteps[k - 1] if k else None
            moved, self.estimate = self.scheduler.step(
                output, self.estimate, t, back, noisy, **self.options, return_dict=False
            )
        else:
            moved, self.estimate = self.scheduler.step(output, t, noisy, **self.options, return_dict=False)
        self.latents = moved.to(self.embeds.dtype).transpose(1, 2)
        assert self.estimate is not None
        return self.estimate.transpose(1, 2)

    @torch.inference_mode()
    def noised(self, clean: Tensor, k: int) -> Tensor:
        alpha = float(self.alphas[k]) if k < len(self.alphas) else 1.0
        state = alpha**0.5 * clean + (1 - alpha) ** 0.5 * self.beginning
        return state.to(self.embeds.dtype)


def noise_levels(alphas: Tensor) -> tuple[float, ...]:
    """The noise's share of x = sqrt(a) clean + sqrt(1 - a) noise, with a the cumulative alpha of each step, and 0 at
    the end: sigma = sqrt(1 - a) / (sqrt(a) + sqrt(1 - a)), that of the flow with the same signal-to-noise ratio
    (derived).
    """
    signal, noise = alphas.double().sqrt(), (1 - alphas.double()).sqrt()
    return (*(noise / (signal + noise)).tolist(), 0.0)


BACKBONE = CogVideoXBackbone
