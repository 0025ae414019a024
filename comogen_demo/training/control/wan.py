"""Wan2.2-TI2V-5B in training: a rectified flow with a time for every token, those of the first frame at 0."""

from __future__ import annotations

import torch
from torch import Tensor

from ...backbones.mini.vae import to_video
from ...backbones.wan import WanBackbone
from ..data.folder import Clip
from .trainable import Samples, drop_parts, flow_level, mean_error, spread


class WanTrainable:
    def __init__(self, backbone: WanBackbone):
        self.backbone = backbone

    @torch.no_grad()
    def encode(self, clip: Clip) -> Samples:
        """The image's latent is the video's first: the VAE is causal."""
        backbone, vae = self.backbone, self.backbone.pipe.vae
        video = to_video(torch.from_numpy(clip.frames)[None])
        latents = vae.encode(video.to(backbone.device, vae.dtype)).latent_dist.mode()[0].float()
        mean, std = (
            torch.tensor(values, device=latents.device).view(-1, 1, 1, 1)
            for values in (vae.config.latents_mean, vae.config.latents_std)
        )
        return {
            "latents": (latents - mean) / std,
            "embeds": backbone.encode_prompt(clip.caption, clip.frames[0]).embeds[0],
        }

    def loss(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        transformer, clean = self.backbone.pipe.transformer, samples["latents"]
        sigma = flow_level(u, self.backbone.pipe.scheduler.config.flow_shift)
        level = spread(sigma, clean)
        noisy = torch.cat([clean[:, :, :1], ((1 - level) * clean + level * noise)[:, :, 1:]], 2)
        windows, rows, columns = self.backbone.token_grid
        # whole numbers, as the sampler's are
        times = (sigma * 1000).floor()[:, None].repeat(1, windows * rows * columns)
        times[:, : rows * columns] = 0
        velocity = transformer(
            hidden_states=noisy.to(transformer.dtype),
            timestep=times,
            encoder_hidden_states=samples["embeds"].to(transformer.dtype),
            return_dict=False,
        )[0]
        return mean_error(velocity[:, :, 1:], (noise - clean)[:, :, 1:])

    def forget_encoders(self) -> None:
        drop_parts(self.backbone.pipe, ("text_encoder",))


TRAINABLE = WanTrainable
