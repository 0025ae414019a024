"""Wan2.2-TI2V-5B (arXiv 2503.20314): a flow solved by UniPC, 30 blocks of self-attention over the video and
cross-attention to the text, a time for every token: the first frame's are at t = 0, its latent in place of the noisy
one. Classifier-free guidance in two passes."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from diffusers import WanImageToVideoPipeline
from diffusers.pipelines.wan import pipeline_wan_i2v
from diffusers.utils import is_ftfy_available
from torch import Tensor, nn

from ..errors import UserError
from .base import Prompt
from .large import LargeBackbone, t5_words

MAX_TOKENS = 512  # of the prompt


class WanBackbone(LargeBackbone):
    pipeline = WanImageToVideoPipeline
    network = "WanTransformer3DModel"
    multiple = 32
    keep_float32 = ("vae",)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """`attn1` is among the video's tokens, `attn2` from them to the text's, which no block changes."""
        return list(self.pipe.transformer.blocks)

    @torch.inference_mode()
    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt:
        """UMT5 alone; the frame is not looked at. The pipeline cleans the text first, which takes ftfy."""
        if not is_ftfy_available():
            raise UserError(f"{self.preset.title} reads prompts by way of ftfy: pip install ftfy.")
        embeds, negative = self.pipe.encode_prompt(
            text,
            self.preset.negative,
            do_classifier_free_guidance=self.preset.guidance > 1,
            max_sequence_length=MAX_TOKENS,
            device=self.device,
        )
        dtype = self.pipe.transformer.dtype
        away = None if negative is None else Prompt(negative.to(dtype), None, None, ())
        words = t5_words(self.pipe.tokenizer, pipeline_wan_i2v.prompt_clean(text), MAX_TOKENS)
        return Prompt(embeds.to(dtype), None, None, words, negative=away)

    @torch.inference_mode()
    def encode(self, video: np.ndarray) -> Tensor:
        mean, std = self._statistics()
        return (self.distribution(video).mode().float() - mean) / std

    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> WanDenoising:
        return WanDenoising(self, frame, prompt, steps, seed)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        vae = self.pipe.vae
        latents = latents.to(vae.dtype)
        mean, std = self._statistics()
        restored = latents / (1.0 / std).to(latents) + mean.to(latents)
        return self.postprocess(vae.decode(restored, return_dict=False)[0])

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the VAE's latents, each (1, C, 1, 1, 1)."""
        config = self.pipe.vae.config
        mean, std = (torch.tensor(v).view(1, -1, 1, 1, 1) for v in (config.latents_mean, config.latents_std))
        return mean.to(self.device), std.to(self.device)

    def check_weights(self) -> None:
        if not self.pipe.config.expand_timesteps:
            raise UserError(
                f"The weights for {self.preset.title} are those of another Wan: give {self.preset.hub}."
            )


class WanDenoising:
    """The steps of WanImageToVideoPipeline with a time for every token (`expand_timesteps`)."""

    @torch.inference_mode()
    def __init__(self, backbone: WanBackbone, frame: np.ndarray, prompt: Prompt, steps: int, seed: int):
        pipe = backbone.pipe
        self.transformer, self.prompt, self.guidance = pipe.transformer, prompt, backbone.preset.guidance
        self.cache = backbone.cache
        self.cache.begin()
        noise, self.image, self.free = pipe.prepare_latents(
            backbone.preprocess(frame).to(torch.float32),
            1,
            pipe.vae.config.z_dim,
            backbone.height,
            backbone.width,
            backbone.frames,
            torch.float32,
            backbone.device,
            torch.Generator().manual_seed(seed),
        )
        self.latents = self.beginning = self._pinned(noise)
        self.scheduler = copy.deepcopy(pipe.scheduler)  # it has a state
        self.scheduler.set_timesteps(steps, device=backbone.device)
        self.levels = tuple(self.scheduler.sigmas.tolist())

    @torch.inference_mode()
    def step(self, k: int) -> Tensor:
        t, sigma, noisy = self.scheduler.timesteps[k], self.scheduler.sigmas[k], self.latents
        velocity = self._velocity(noisy, k, self.prompt, "cond")
        if self.prompt.negative is not None:
            away = self._velocity(noisy, k, self.prompt.negative, "uncond")
            velocity = away + self.guidance * (velocity - away)
        self.latents = self._pinned(self.scheduler.step(velocity, t, noisy, return_dict=False)[0])
        return self._pinned(noisy - sigma * velocity)

    @torch.inference_mode()
    def noised(self, clean: Tensor, k: int) -> Tensor:
        return self._pinned((1 - self.levels[k]) * clean + self.levels[k] * self.beginning)

    def _pinned(self, latents: Tensor) -> Tensor:
        """With the image's latent in the first place, where `free` is 0."""
        return (1 - self.free) * self.image + self.free * latents

    def _velocity(self, noisy: Tensor, k: int, prompt: Prompt, context: str) -> Tensor:
        t = self.scheduler.timesteps[k]
        times = (self.free[0][0][:, ::2, ::2] * t).flatten()[
            None
        ]  # one for each token of 2 x 2 latent pixels
        self.cache.enter(context, k, self.levels)
        with self.transformer.cache_context(context):
            return self.transformer(
                hidden_states=noisy.to(self.transformer.dtype),
                timestep=times,
                encoder_hidden_states=prompt.embeds,
                return_dict=False,
            )[0]


BACKBONE = WanBackbone
