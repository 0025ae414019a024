"""CogVideoX-5B-I2V in training: a diffusion model with v-prediction, v = sqrt(a) noise - sqrt(1 - a) clean
(Salimans and Ho, 2022), the first frame's latent beside the noisy ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ...backbones.cogvideox import CogVideoXBackbone
from ...backbones.mini.vae import to_video
from ..data.folder import Clip
from .trainable import Samples, drop_parts, mean_error, spread


class CogVideoXTrainable:
    def __init__(self, backbone: CogVideoXBackbone):
        self.backbone = backbone

    @torch.no_grad()
    def encode(self, clip: Clip) -> Samples:
        """Latents and the image's latent, which some releases scale the other way, both as the mean of their
        distribution (our choice: the pipeline draws the image's)."""
        backbone, pipe = self.backbone, self.backbone.pipe
        video = to_video(torch.from_numpy(clip.frames)[None]).to(backbone.device, pipe.vae.dtype)
        latents = pipe.vae.encode(video).latent_dist.mode()
        image = pipe.vae.encode(video[:, :, :1]).latent_dist.mode()
        scale = pipe.vae_scaling_factor_image
        return {
            "latents": latents[0].float() * scale,
            "image": image[0].float() * (1 / scale if pipe.vae.config.invert_scale_latents else scale),
            "embeds": backbone.encode_prompt(clip.caption, clip.frames[0]).embeds[0],
        }

    def loss(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        backbone, pipe = self.backbone, self.backbone.pipe
        transformer, clean = pipe.transformer, samples["latents"]
        alphas = pipe.scheduler.alphas_cumprod.to(clean.device)
        timestep = ((u * len(alphas)).ceil().long() - 1).clamp(min=0)  # u = 1 is the last, as in sampling
        alpha = spread(alphas[timestep].float(), clean)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        image = torch.cat([samples["image"], torch.zeros_like(clean[:, :, 1:])], 2)
        rotary = None
        if transformer.config.use_rotary_positional_embeddings:
            rotary = pipe._prepare_rotary_positional_embeddings(
                backbone.height, backbone.width, clean.shape[2], clean.device
            )
        output = transformer(
            hidden_states=torch.cat([noisy, image], 1).transpose(1, 2).to(transformer.dtype),
            encoder_hidden_states=samples["embeds"].to(transformer.dtype),
            timestep=timestep,
            image_rotary_emb=rotary,
            return_dict=False,
        )[0]
        return mean_error(output.transpose(1, 2), target)

    def forget_encoders(self) -> None:
        drop_parts(self.backbone.pipe, ("text_encoder",))


TRAINABLE = CogVideoXTrainable
