"""Which blocks are Motion Layers: the attention score of each block (CoMoGen, Sec. 4.1, Eq. 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_hunyuan_video import HunyuanVideoAttnProcessor2_0
from torch import Tensor, nn


class SubjectAttention(HunyuanVideoAttnProcessor2_0):
    """The stock processor, whose output stays what it was; on the side it keeps the softmax weights between the video
    and some text tokens. `maps`: (2, N), V2T and T2V, averaged over heads and subject tokens."""

    def __init__(self, places: Sequence[int]):
        super().__init__()
        self.places = list(places)
        self.maps: Tensor | None = None

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
    ) -> tuple[Tensor, Tensor]:
        assert encoder_hidden_states is not None
        self.maps = self._weights(attn, hidden_states, encoder_hidden_states, image_rotary_emb)
        return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb)

    def _weights(self, attn: Attention, video: Tensor, text: Tensor, rotary: Any) -> Tensor:
        """Joint softmax over all tokens; rows of the video at the subject's columns, and the other way round."""
        dual = attn.add_q_proj is not None
        to_q, to_k = (attn.add_q_proj, attn.add_k_proj) if dual else (attn.to_q, attn.to_k)
        norm_q, norm_k = (attn.norm_added_q, attn.norm_added_k) if dual else (attn.norm_q, attn.norm_k)
        split = lambda x: x.unflatten(2, (attn.heads, -1))  # noqa: E731
        q = apply_rotary_emb(attn.norm_q(split(attn.to_q(video))), rotary, sequence_dim=1)
        k = apply_rotary_emb(attn.norm_k(split(attn.to_k(video))), rotary, sequence_dim=1)
        q = torch.cat([q, norm_q(split(to_q(text)))], 1).transpose(1, 2)
        k = torch.cat([k, norm_k(split(to_k(text)))], 1).transpose(1, 2)
        weights = ((q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5).float().softmax(-1).mean(1)[0]
        count = video.shape[1]
        columns = [count + p for p in self.places]
        return torch.stack([weights[:count, columns].mean(1), weights[columns, :count].mean(0)])


@contextmanager
def watch_subject(blocks: Sequence[nn.Module], places: Sequence[int]) -> Iterator[list[SubjectAttention]]:
    """Watches every block's attention to the text tokens at `places` for a while."""
    before = [block.attn.processor for block in blocks]  # type: ignore[union-attr]
    watchers = [SubjectAttention(places) for _ in blocks]
    for block, watcher in zip(blocks, watchers, strict=True):
        block.attn.set_processor(watcher)  # type: ignore[union-attr, operator]
    try:
        yield watchers
    finally:
        for block, processor in zip(blocks, before, strict=True):
            block.attn.set_processor(processor)  # type: ignore[union-attr, operator]


def alignment(maps: Tensor, mask: np.ndarray) -> np.ndarray:
    """Share of the attention that falls on the subject.

    maps: (2, N) V2T and T2V; mask: (T', h', w') share of each token covered by the subject.
    Returns (3,): both directions averaged (the paper's A), V2T alone, T2V alone; each map is normalised to sum 1 over a
    frame's tokens, and frames without the subject are left out. The formula is derived from the paper's text.
    """
    grid = maps.reshape(2, len(mask), -1).cpu().numpy()
    covered = mask.reshape(len(mask), -1)
    both = np.concatenate([grid.mean(0, keepdims=True), grid])
    both = both / both.sum(-1, keepdims=True)
    present = covered.sum(-1) > 0
    return (both * covered).sum(-1)[:, present].mean(1)


def otsu_cut(scores: Sequence[float]) -> list[int]:
    """Indices of the blocks above Otsu's threshold: the cut with the greatest variance between the two classes."""
    order = np.argsort(scores)[::-1]
    ranked = np.asarray(scores, float)[order]
    between = [
        k * (len(ranked) - k) * (ranked[:k].mean() - ranked[k:].mean()) ** 2 for k in range(1, len(ranked))
    ]
    return sorted(int(i) for i in order[: int(np.argmax(between)) + 1])
