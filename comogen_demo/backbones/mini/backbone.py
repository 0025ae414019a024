"""The embedded model as a `Backbone`: loading, prompts, images, denoising, decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..base import Prompt
from .denoiser import DenoiserConfig, MiniDenoiser
from .vae import VAEConfig, VideoVAE, to_frames, to_video
from .words import Words


@dataclass(frozen=True)
class MiniConfig:
    """Everything that fixes the embedded model's shape and sampling; written to config.json.

    noise: standard deviation of the starting noise. Below 1 seeds differ less, and subjects keep to their masks better
    (our choice: on 40 scenes of val .5 gives subject IoU .88 and reaction skill .59 where 1 gives .86 and .57).
    """

    vocabulary: tuple[str, ...]
    size: int = 128  # pixels, frames are square
    frames: int = 25
    fps: float = 12.5
    shift: float = 3.0
    noise: float = 0.5
    slots: int = 16
    vae: VAEConfig = VAEConfig()
    denoiser: DenoiserConfig = DenoiserConfig()


class MiniBackbone:
    """See `backbones.base.Backbone`. Not safe for two generations at once: callers take turns (jobs.py).

    dtype: what the matrix products are computed in; by default bfloat16 where the processor has it, else float32.
    """

    name = "mini"
    lead = 0

    def __init__(
        self,
        config: MiniConfig,
        vae: VideoVAE,
        denoiser: MiniDenoiser,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
    ):
        self.config = config
        self.dtype = dtype or fast_dtype(device)
        self.vae, self.denoiser = vae.eval().to(device), denoiser.eval().to(device)
        self.device = device
        self.words = Words(config.vocabulary, config.slots)
        self.height = self.width = config.size
        self.frames, self.fps, self.shift = config.frames, config.fps, config.shift
        side = config.size // config.vae.compression
        self.latent_shape = (1, config.vae.latent_channels, (config.frames + 3) // 4, side, side)
        self.token_grid = (self.latent_shape[2], side // 2, side // 2)
        self.token_width = config.denoiser.width

    @property
    def blocks(self) -> Sequence[nn.Module]:
        return self.denoiser.blocks

    @torch.inference_mode()
    def encode_image(self, frame: np.ndarray) -> Tensor:
        """uint8 (height, width, 3) -> the first latent frame (1, C, 1, h, w)."""
        return self.encode(frame[None])

    @torch.inference_mode()
    def encode(self, video: np.ndarray) -> Tensor:
        if video.shape[1:] != (self.height, self.width, 3):
            raise ValueError(f"frames {video.shape}: expected (T, {self.height}, {self.width}, 3)")
        pixels = to_video(torch.from_numpy(np.ascontiguousarray(video))[None])
        with self._autocast():
            return self.vae.encode(pixels.to(self.device)).float()

    @torch.inference_mode()
    def encode_prompt(self, text: str, frame: np.ndarray | None = None) -> Prompt:
        ids, words, unknown = self.words.tokens(text)
        embeds, pooled, mask = self.denoiser.embed(torch.tensor([ids], device=self.device))
        return Prompt(embeds, pooled, mask, words, unknown)

    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> MiniDenoising:
        return MiniDenoising(self, self.encode_image(frame), prompt, steps, seed)

    def noise(self, seed: int) -> Tensor:
        """Starting noise (1, C, T', h, w), the same for a seed on every device."""
        generator = torch.Generator("cpu").manual_seed(seed)
        return self.config.noise * torch.randn(self.latent_shape, generator=generator).to(self.device)

    @torch.inference_mode()
    def velocity(self, latents: Tensor, sigma: float, image: Tensor, prompt: Prompt) -> Tensor:
        """d latents / d sigma at noise level sigma, (1, C, T', h, w); zero on the pinned first frame."""
        level = torch.tensor([sigma], device=self.device, dtype=torch.float32)
        with self._autocast():
            clean = self.denoiser(latents, level, image, prompt.embeds, prompt.pooled, prompt.mask).float()
        clean[:, :, :1] = image
        return (latents - clean) / sigma

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        with self._autocast():
            video = self.vae.decode(latents)
        return to_frames(video)[0].cpu().numpy()

    def _autocast(self) -> torch.autocast:
        return autocast(self.device, self.dtype)


class MiniDenoising:
    """Euler steps along the rectified flow, the first latent frame pinned (`backbones.base.Denoising`)."""

    def __init__(self, backbone: MiniBackbone, first: Tensor, prompt: Prompt, steps: int, seed: int):
        self.backbone, self.first, self.prompt = backbone, first, prompt
        self.levels = sampling_sigmas(steps, backbone.shift)
        self.beginning = backbone.noise(seed)
        self.beginning[:, :, :1] = first
        self.latents = self.beginning

    @torch.inference_mode()
    def step(self, k: int) -> Tensor:
        sigma, following = self.levels[k], self.levels[k + 1]
        velocity = self.backbone.velocity(self.latents, sigma, self.first, self.prompt)
        estimate = self.latents - sigma * velocity
        self.latents = self.latents + (following - sigma) * velocity
        self.latents[:, :, :1] = self.first  # token_replace: the first frame is given, not made
        return estimate

    @torch.inference_mode()
    def noised(self, clean: Tensor, k: int) -> Tensor:
        sigma = self.levels[k]
        state = (1 - sigma) * clean + sigma * self.beginning
        state[:, :, :1] = self.first
        return state


def sampling_sigmas(steps: int, shift: float) -> tuple[float, ...]:
    """steps + 1 noise levels from 1 to 0: sigma = s u / (1 + (s - 1) u) at u = 1, (steps - 1) / steps, ..., 0."""
    levels = [1 - k / steps for k in range(steps + 1)]
    return tuple(shift * u / (1 + (shift - 1) * u) for u in levels)


def autocast(device: str, dtype: torch.dtype | None = None) -> torch.autocast:
    """Computes matrix products in dtype, by default in `fast_dtype`."""
    dtype = dtype or fast_dtype(device)
    return torch.autocast(device, dtype, enabled=dtype != torch.float32)


def fast_dtype(device: str) -> torch.dtype:
    """bfloat16 where the GPU or the CPU multiplies it natively, else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16
    abilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else torch.float32
