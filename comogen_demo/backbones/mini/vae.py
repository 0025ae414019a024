"""A small causal video VAE: 8x8 in space, 4x in time, 4n + 1 frames (our design; HunyuanVideo's VAE is the model for
its interface).

Time is split into the causal windows {0}, {1-4}, {5-8}, ...; the first frame stands in its window four times. The four
frames of a window are stacked into channels, so that all convolutions are two-dimensional: on a CPU they run several
times faster than 3-D ones. Each window also sees its predecessor; the first sees itself, so that a scene in
which nothing moves has the same latent in every window.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOW = 4  # frames to a latent frame


@dataclass(frozen=True)
class VAEConfig:
    """patch: side of the pixel blocks folded into channels first; widths: channels at 1/patch and at 1/(2 patch);
    blocks: residual blocks of the encoder and of the decoder at each of the two scales."""

    latent_channels: int = 16
    patch: int = 4
    widths: tuple[int, int] = (128, 160)
    encoder_blocks: int = 1
    decoder_blocks: int = 3

    @property
    def compression(self) -> int:
        return 2 * self.patch


class ResBlock(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.two.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(F.silu(self.one(F.silu(x))))


class CausalMix(nn.Module):
    """Adds to each window what a convolution makes of the window before it."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 3, padding=1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, windows: int) -> Tensor:
        """x: (B * windows, C, h, w)."""
        per_clip = x.unflatten(0, (-1, windows))
        before = torch.cat([per_clip[:, :1], per_clip[:, :-1]], 1).flatten(0, 1)
        return x + self.conv(F.silu(torch.cat([x, before], 1)))


class VideoVAE(nn.Module):
    """encode: (B, 3, T, H, W) in -1..1 -> latents (B, C, T', H / 8, W / 8), normalised to about unit variance;
    decode: the way back. T = 4 T' - 3; H and W are multiples of `config.compression`."""

    def __init__(self, config: VAEConfig = VAEConfig()):
        super().__init__()
        self.config = config
        fine, coarse = config.widths
        pixels = 3 * WINDOW * config.patch**2
        self.enter = nn.Conv2d(pixels, fine, 3, padding=1)
        self.encoder_fine = nn.Sequential(*[ResBlock(fine) for _ in range(config.encoder_blocks)])
        self.down = nn.Conv2d(fine, coarse, 2, stride=2)
        self.encoder_mix = CausalMix(coarse)
        self.encoder_coarse = nn.Sequential(*[ResBlock(coarse) for _ in range(config.encoder_blocks)])
        self.to_latent = nn.Conv2d(coarse, 2 * config.latent_channels, 1)

        self.from_latent = nn.Conv2d(config.latent_channels, coarse, 3, padding=1)
        self.decoder_mix = CausalMix(coarse)
        self.decoder_coarse = nn.Sequential(*[ResBlock(coarse) for _ in range(config.decoder_blocks)])
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.decoder_fine = nn.Sequential(*[ResBlock(fine) for _ in range(config.decoder_blocks)])
        self.leave = nn.Conv2d(fine, pixels, 3, padding=1)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(config.latent_channels))
        self.register_buffer("std", torch.ones(config.latent_channels))

    def posterior(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the raw latents, each (B, C, T', h, w)."""
        batch, _, frames, _, _ = video.shape
        windows = (frames + WINDOW - 1) // WINDOW
        if frames != (windows - 1) * WINDOW + 1:
            raise ValueError(f"{frames} frames: expected 4 n + 1")
        padded = torch.cat([video[:, :, :1].expand(-1, -1, WINDOW - 1, -1, -1), video], 2)
        stacked = padded.unflatten(2, (windows, WINDOW)).permute(0, 2, 3, 1, 4, 5).flatten(2, 3).flatten(0, 1)
        stacked = stacked.contiguous(memory_format=torch.channels_last)
        x = self.enter(F.pixel_unshuffle(stacked, self.config.patch))
        x = self.down(F.silu(self.encoder_fine(x)))
        x = self.encoder_coarse(self.encoder_mix(x, windows))
        moments = self.to_latent(F.silu(x)).unflatten(0, (batch, windows)).transpose(1, 2)
        mean, logvar = moments.chunk(2, 1)
        return mean, logvar.clamp(-12, 4)

    def reconstruct(self, raw: Tensor) -> Tensor:
        """Raw latents (B, C, T', h, w) -> video (B, 3, T, H, W)."""
        batch, _, windows, _, _ = raw.shape
        x = raw.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = self.decoder_coarse(self.decoder_mix(self.from_latent(x), windows))
        x = self.decoder_fine(F.pixel_shuffle(self.up(F.silu(x)), 2))
        x = F.pixel_shuffle(self.leave(F.silu(x)), self.config.patch)
        x = x.unflatten(0, (batch, windows)).unflatten(2, (WINDOW, 3)).flatten(1, 2).transpose(1, 2)
        return x[:, :, WINDOW - 1 :]

    def encode(self, video: Tensor) -> Tensor:
        mean, _ = self.posterior(video)
        return (mean - self._as_latent(self.mean)) / self._as_latent(self.std)

    def decode(self, latents: Tensor) -> Tensor:
        return self.reconstruct(latents * self._as_latent(self.std) + self._as_latent(self.mean))

    @staticmethod
    def _as_latent(value: Tensor) -> Tensor:
        return value[None, :, None, None, None]


def to_video(frames: Tensor) -> Tensor:
    """uint8 (B, T, H, W, 3) -> float (B, 3, T, H, W) in -1..1."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_frames(video: Tensor) -> Tensor:
    """float (B, 3, T, H, W) in -1..1 -> uint8 (B, T, H, W, 3)."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 4, 1)
