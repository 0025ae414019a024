"""The embedded model's transformer: diffusers' HunyuanVideo, small, with learned word embeddings.

It departs from the large model in three ways, all our choice: the first frame's latent is concatenated to every noisy
latent frame; the network predicts how the clean latents differ from the first frame's (a still background is then a
prediction of zero); and every text slot is attended to, padding being a learned embedding.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from diffusers import HunyuanVideoTransformer3DModel
from torch import Tensor, nn

from .words import PAD


@dataclass(frozen=True)
class DenoiserConfig:
    latent_channels: int = 16
    num_attention_heads: int = 3
    attention_head_dim: int = 64
    num_layers: int = 3  # dual-stream blocks
    num_single_layers: int = 6
    num_refiner_layers: int = 1
    mlp_ratio: float = 3.0
    text_embed_dim: int = 128
    rope_axes_dim: tuple[int, int, int] = (16, 24, 24)
    vocabulary_size: int = 25

    @property
    def width(self) -> int:
        return self.num_attention_heads * self.attention_head_dim


class MiniDenoiser(nn.Module):
    def __init__(self, config: DenoiserConfig):
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary_size, config.text_embed_dim)
        shape = asdict(config)
        channels, _ = shape.pop("latent_channels"), shape.pop("vocabulary_size")
        self.transformer = HunyuanVideoTransformer3DModel(
            in_channels=2 * channels,
            out_channels=channels,
            patch_size=2,
            patch_size_t=1,
            guidance_embeds=False,
            pooled_projection_dim=config.text_embed_dim,
            image_condition_type="token_replace",
            **shape,
        )

    @property
    def blocks(self) -> list[nn.Module]:
        return [*self.transformer.transformer_blocks, *self.transformer.single_transformer_blocks]

    def embed(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids (B, L) -> embeds (B, L, D), pooled (B, D) over the words, mask (B, L) of ones."""
        embeds = self.words(tokens)
        spoken = (tokens != PAD).unsqueeze(-1).to(embeds.dtype)
        pooled = (embeds * spoken).sum(1) / spoken.sum(1).clamp(min=1)
        return embeds, pooled, torch.ones_like(tokens)

    def forward(
        self, latents: Tensor, sigma: Tensor, image: Tensor, embeds: Tensor, pooled: Tensor, mask: Tensor
    ) -> Tensor:
        """Noisy latents (B, C, T', h, w) at sigma (B,), first latent frame (B, C, 1, h, w) -> clean latents."""
        still = image.expand_as(latents)
        change = self.transformer(
            hidden_states=torch.cat([latents, still], 1),
            timestep=sigma * 1000,
            encoder_hidden_states=embeds,
            encoder_attention_mask=mask,
            pooled_projections=pooled,
            return_dict=False,
        )[0]
        return still + change


def initialise(denoiser: MiniDenoiser, gate: float = 0.3) -> None:
    """Fresh weights: modulations start at zero but for the gates, which start at `gate`; the output at zero change."""
    transformer = denoiser.transformer
    nn.init.normal_(denoiser.words.weight, std=0.5)
    for block in denoiser.blocks:
        single = hasattr(block, "norm")
        norms = [block.norm] if single else [block.norm1, block.norm1_context]
        for norm in norms:
            width = norm.linear.in_features
            nn.init.zeros_(norm.linear.weight)
            bias = torch.zeros_like(norm.linear.bias)
            for chunk in (
                (2,) if single else (2, 5)
            ):  # shift, scale, gate of attention; shift, scale, gate of the MLP
                bias[chunk * width : (chunk + 1) * width] = gate
            norm.linear.bias.data.copy_(bias)
    nn.init.zeros_(transformer.norm_out.linear.weight)
    nn.init.zeros_(transformer.norm_out.linear.bias)
    nn.init.zeros_(transformer.proj_out.weight)
    nn.init.zeros_(transformer.proj_out.bias)
