"""HunyuanVideo-I2V in training: a rectified flow, velocity = noise - clean, in either way of giving the first frame."""

from __future__ import annotations

import torch
from torch import Tensor

from ...backbones.base import with_lead
from ...backbones.hunyuan import HunyuanBackbone
from ...backbones.mini.vae import to_video
from ..data.folder import Clip
from .trainable import Samples, drop_parts, flow_level, mean_error, spread


class HunyuanTrainable:
    def __init__(self, backbone: HunyuanBackbone):
        self.backbone = backbone

    @torch.no_grad()
    def encode(self, clip: Clip) -> Samples:
        """The image's latent is the video's first: the VAE is causal."""
        backbone, vae = self.backbone, self.backbone.pipe.vae
        video = to_video(torch.from_numpy(with_lead(clip.frames, backbone.lead))[None])
        latents = vae.encode(video.to(backbone.device, vae.dtype)).latent_dist.mode()
        prompt = backbone.encode_prompt(clip.caption, clip.frames[0])
        assert prompt.pooled is not None and prompt.mask is not None
        return {
            "latents": latents[0].float() * backbone.pipe.vae_scaling_factor,
            "embeds": prompt.embeds[0],
            "pooled": prompt.pooled[0],
            "mask": prompt.mask[0],
        }

    def loss(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        pipe, preset = self.backbone.pipe, self.backbone.preset
        transformer, clean = pipe.transformer, samples["latents"]
        sigma = flow_level(u, pipe.scheduler.config.shift)
        level = spread(sigma, clean)
        noisy = (1 - level) * clean + level * noise
        image = clean[:, :, :1]
        if self.backbone.condition == "latent_concat":
            rest = torch.zeros_like(clean[:, :, 1:])
            known = torch.cat([torch.ones_like(image[:, :1]), rest[:, :1]], 2)
            given, pinned = torch.cat([noisy, torch.cat([image, rest], 2), known], 1), 0
        else:
            given, pinned = torch.cat([image, noisy[:, :, 1:]], 2), 1
        guidance = None
        if transformer.config.guidance_embeds:
            guidance = torch.full((len(clean),), preset.guidance * 1000.0).to(clean.device, transformer.dtype)
        velocity = transformer(
            hidden_states=given.to(transformer.dtype),
            timestep=sigma * 1000,
            encoder_hidden_states=samples["embeds"].to(transformer.dtype),
            encoder_attention_mask=samples["mask"].to(transformer.dtype),
            pooled_projections=samples["pooled"].to(transformer.dtype),
            guidance=guidance,
            return_dict=False,
        )[0]
        return mean_error(velocity[:, :, pinned:], (noise - clean)[:, :, pinned:])

    def forget_encoders(self) -> None:
        drop_parts(self.backbone.pipe, ("text_encoder", "text_encoder_2", "image_processor"))


TRAINABLE = HunyuanTrainable
