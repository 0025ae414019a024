"""HunyuanVideo-I2V (Tencent, arXiv 2412.03603): rectified flow, 20 dual-stream and 40 single-stream joint blocks.

The first frame comes in by token_replace (its latent stands in place of the first noisy one and its tokens are
modulated as at t = 0) or, in the first release, by latent_concat (its latent beside the noisy ones as channels).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from diffusers import HunyuanVideoImageToVideoPipeline
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_image2video import DEFAULT_PROMPT_TEMPLATE
from PIL import Image
from torch import Tensor, nn

from ..errors import UserError
from .base import Prompt
from .large import LargeBackbone, token_words

IMAGE_STRIDE = {"token_replace": 4, "latent_concat": 2}  # every n-th of LLaVA's image tokens is kept
MAX_TOKENS = 256  # of the prompt
ASSISTANT = 4  # tokens of the template's "assistant" header, which the pipeline cuts out


class HunyuanBackbone(LargeBackbone):
    pipeline = HunyuanVideoImageToVideoPipeline
    network = "HunyuanVideoTransformer3DModel"
    multiple = 16
    masks_attention = True
    template = DEFAULT_PROMPT_TEMPLATE

    @property
    def condition(self) -> str:
        return self.pipe.transformer.config.image_condition_type

    @property
    def lead(self) -> int:  # type: ignore[override]
        """With latent_concat the first latent is not shown, and so the first window of four frames neither."""
        return 4 if self.condition == "latent_concat" else 0

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The dual-stream blocks, then the single-stream ones; in attention the video's tokens come first."""
        transformer = self.pipe.transformer
        return [*transformer.transformer_blocks, *transformer.single_transformer_blocks]

    @torch.inference_mode()
    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt:
        """LLaVA sees the frame with the text; CLIP gives the pooled embedding."""
        picture = Image.fromarray(frame)
        given = self._encode(picture, text, IMAGE_STRIDE[self.condition])
        if self.preset.true_cfg > 1:  # as the pipeline has it: a black picture, and its default stride
            black = Image.new("RGB", picture.size)
            negative = Prompt(*self._encode(black, self.preset.negative, IMAGE_STRIDE["latent_concat"]), ())
        else:
            negative = None
        return Prompt(*given, self._words(text, given[0].shape[1]), negative=negative)

    def _encode(self, picture: Image.Image, text: str, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        embeds, pooled, mask = self.pipe.encode_prompt(
            picture,
            text,
            prompt_template=self.template,
            device=self.device,
            max_sequence_length=MAX_TOKENS,
            image_embed_interleave=stride,
        )
        dtype = self.pipe.transformer.dtype
        return embeds.to(dtype), pooled.to(dtype), mask.to(dtype)

    def _words(self, text: str, places: int) -> tuple[str, ...]:
        """The image's tokens come first, then the prompt's with what follows them in the template, without the
        assistant's header, then padding."""
        around = self.template["template"]
        whole = around.format(text)
        encoded = self.pipe.tokenizer(
            whole,
            max_length=MAX_TOKENS + self.template["crop_start"],
            padding="max_length",
            truncation=True,
            return_offsets_mapping=True,
        )
        start = around.index("{}")
        spans = [(max(a - start, 0), min(b - start, len(text))) for a, b in encoded["offset_mapping"]]
        words = token_words(text, spans)
        header = self.pipe.tokenizer.convert_tokens_to_ids("<|end_header_id|>")
        ends = [i for i, token in enumerate(encoded["input_ids"]) if token == header]
        end = ends[-1] + 1 if len(ends) > 2 else len(words)  # two only: the prompt was cut
        kept = words[self.template["crop_start"] : end - ASSISTANT] + words[end:]
        return ("",) * (places - len(kept)) + kept

    @torch.inference_mode()
    def encode(self, video: np.ndarray) -> Tensor:
        return self.distribution(video).mode().float() * self.pipe.vae_scaling_factor

    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> HunyuanDenoising:
        return HunyuanDenoising(self, frame, prompt, steps, seed)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        vae = self.pipe.vae
        video = vae.decode(latents.to(vae.dtype) / self.pipe.vae_scaling_factor, return_dict=False)[0]
        return self.postprocess(video[:, :, self.lead :])

    def check_weights(self) -> None:
        if self.condition not in IMAGE_STRIDE:
            raise UserError(
                f"The weights for {self.preset.title} are those of a text-to-video model: give {self.preset.hub}."
            )


class HunyuanDenoising:
    """Euler steps along the shifted flow, as HunyuanVideoImageToVideoPipeline takes them."""

    @torch.inference_mode()
    def __init__(self, backbone: HunyuanBackbone, frame: np.ndarray, prompt: Prompt, steps: int, seed: int):
        pipe, preset, device = backbone.pipe, backbone.preset, backbone.device
        self.transformer, self.prompt, self.true_cfg = pipe.transformer, prompt, preset.true_cfg
        self.cache = backbone.cache
        self.cache.begin()
        self.concat = backbone.condition == "latent_concat"
        config = self.transformer.config
        self.latents, self.image = pipe.prepare_latents(
            backbone.preprocess(frame).to(pipe.vae.dtype),
            1,
            (config.in_channels - 1) // 2 if self.concat else config.in_channels,
            backbone.height,
            backbone.width,
            backbone.frames + backbone.lead,
            torch.float32,
            device,
            torch.Generator().manual_seed(seed),
            image_condition_type=backbone.condition,
        )
        self.beginning = self.latents
        if self.concat:
            self.image[:, :, 1:] = 0
            self.known = torch.zeros_like(self.image[:, :1])
            self.known[:, :, :1] = 1
        self.guidance = None
        if config.guidance_embeds:
            self.guidance = (
                torch.tensor([preset.guidance], dtype=self.transformer.dtype, device=device) * 1000.0
            )
        self.scheduler = copy.deepcopy(pipe.scheduler)  # it has a state
        self.scheduler.set_timesteps(sigmas=np.linspace(1.0, 0.0, steps + 1)[:-1], device=device)
        self.levels = tuple(self.scheduler.sigmas.tolist())

    @torch.inference_mode()
    def step(self, k: int) -> Tensor:
        t, sigma = self.scheduler.timesteps[k], self.scheduler.sigmas[k]
        if self.concat:
            given = torch.cat([self.latents, self.image, self.known], 1)
        else:
            given = torch.cat([self.image, self.latents[:, :, 1:]], 2)
        velocity = self._velocity(given, k, self.prompt, "cond")
        if self.prompt.negative is not None:
            away = self._velocity(given, k, self.prompt.negative, "uncond")
            velocity = away + self.true_cfg * (velocity - away)
        noisy = self.latents
        if not self.concat:
            noisy, velocity = noisy[:, :, 1:], velocity[:, :, 1:]
        moved = self.scheduler.step(velocity, t, noisy, return_dict=False)[0]
        estimate = noisy - sigma * velocity
        if not self.concat:
            moved, estimate = torch.cat([self.image, moved], 2), torch.cat([self.image, estimate], 2)
        self.latents = moved
        return estimate

    @torch.inference_mode()
    def noised(self, clean: Tensor, k: int) -> Tensor:
        state = (1 - self.levels[k]) * clean + self.levels[k] * self.beginning
        return state if self.concat else torch.cat([self.image, state[:, :, 1:]], 2)

    def _velocity(self, given: Tensor, k: int, prompt: Prompt, context: str) -> Tensor:
        self.cache.enter(context, k, self.levels)
        return self.transformer(
            hidden_states=given.to(self.transformer.dtype),
            timestep=self.scheduler.timesteps[k].expand(1).to(self.latents.dtype),
            encoder_hidden_states=prompt.embeds,
            encoder_attention_mask=prompt.mask,
            pooled_projections=prompt.pooled,
            guidance=self.guidance,
            return_dict=False,
        )[0]


BACKBONE = HunyuanBackbone
