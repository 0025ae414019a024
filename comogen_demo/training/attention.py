"""Attention as two plain matrix products: on a CPU its backward is far faster than the fused kernel's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn


class PlainAttention:
    """Joint attention of HunyuanVideo's blocks for prompts without masked-out tokens (the embedded model's case)."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        video = hidden_states.shape[1]
        dual = attn.add_q_proj is not None
        source = hidden_states if dual else torch.cat([hidden_states, encoder_hidden_states], 1)
        query, key, value = (
            p(source).unflatten(2, (attn.heads, -1)) for p in (attn.to_q, attn.to_k, attn.to_v)
        )
        query, key = attn.norm_q(query), attn.norm_k(key)
        query, key = (
            torch.cat([apply_rotary_emb(x[:, :video], image_rotary_emb, sequence_dim=1), x[:, video:]], 1)
            for x in (query, key)
        )
        if dual:
            extra = (
                p(encoder_hidden_states).unflatten(2, (attn.heads, -1))
                for p in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
            )
            text_query, text_key, text_value = extra
            query = torch.cat([query, attn.norm_added_q(text_query)], 1)
            key = torch.cat([key, attn.norm_added_k(text_key)], 1)
            value = torch.cat([value, text_value], 1)
        query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        output = (scores.softmax(-1) @ value.to(scores.dtype)).transpose(1, 2).flatten(2)
        video_out, text_out = output[:, :video], output[:, video:]
        if dual:
            video_out = attn.to_out[1](attn.to_out[0](video_out))
            text_out = attn.to_add_out(text_out)
        return video_out, text_out


@contextmanager
def plain_attention(transformer: nn.Module) -> Iterator[None]:
    """Puts `PlainAttention` into every joint block of a HunyuanVideo transformer for a while."""
    blocks = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]  # type: ignore[operator, misc]
    before = [block.attn.processor for block in blocks]
    for block in blocks:
        block.attn.set_processor(PlainAttention())
    try:
        yield
    finally:
        for block, processor in zip(blocks, before, strict=True):
            block.attn.set_processor(processor)
