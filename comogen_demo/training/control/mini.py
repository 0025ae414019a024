"""The embedded model in training: a flow whose network predicts the clean latents, the first of them given."""

from __future__ import annotations

import torch
from torch import Tensor

from ...backbones.mini.backbone import MiniBackbone, autocast
from ...backbones.mini.vae import to_video
from ..data.folder import Clip
from .trainable import Samples, flow_level, mean_error, spread

SIGMA_FLOOR = 0.2  # of the velocity's error, error / max(sigma, floor), as in the training of the base


class MiniTrainable:
    def __init__(self, backbone: MiniBackbone):
        self.backbone = backbone

    @torch.no_grad()
    def encode(self, clip: Clip) -> Samples:
        backbone = self.backbone
        with autocast(backbone.device, backbone.dtype):
            latents = backbone.vae.encode(to_video(torch.from_numpy(clip.frames)[None]).to(backbone.device))
        tokens, _, _ = backbone.words.tokens(clip.caption)
        return {"latents": latents[0].float(), "tokens": torch.tensor(tokens)}

    def loss(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        denoiser, clean = self.backbone.denoiser, samples["latents"]
        sigma = flow_level(u, self.backbone.shift)
        level = spread(sigma, clean)
        noisy = (1 - level) * clean + level * noise
        image = clean[:, :, :1]
        noisy = torch.cat([image, noisy[:, :, 1:]], 2)
        with autocast(self.backbone.device, self.backbone.dtype):
            estimate = denoiser(noisy, sigma, image, *denoiser.embed(samples["tokens"]))
        return mean_error(estimate[:, :, 1:], clean[:, :, 1:], level.clamp(min=SIGMA_FLOOR) ** -2)

    def forget_encoders(self) -> None:
        """The words are part of the network."""


TRAINABLE = MiniTrainable
