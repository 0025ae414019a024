"""Watching how much the video and the subject's words attend to each other, block by block, while a model
runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn

from ..errors import UserError

# Weights held at a time, over all heads: 64 MiB as float32. At full size all of them would take a terabyte.
CHUNK = 2**24


class SubjectAttention:
    """Goes before a joint attention processor in a class's bases and leaves its output what it was, bit for
    bit.

    On the side it keeps `maps` (2, N): the softmax weights V2T (from each video token to the subject's words)
    and T2V (from the words to each video token), averaged over heads and words. With
    classifier-free guidance it is the prompt's: the first call's, or a batch's last element.
    """

    places: list[int]  # of the subject's words among the text tokens
    text_first: bool  # the order of the joint sequence: CogVideoX's; HunyuanVideo puts the video first
    maps: Tensor | None

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
    ) -> tuple[Tensor, Tensor]:
        if self.maps is None:
            self.maps = subject_weights(
                attn,
                hidden_states[-1:],
                encoder_hidden_states[-1:],
                None if attention_mask is None else attention_mask[-1:],
                image_rotary_emb,
                self.places,
                self.text_first,
            )
        return super().__call__(  # type: ignore[misc]
            attn, hidden_states, encoder_hidden_states, attention_mask, image_rotary_emb
        )


def subject_weights(
    attn: Attention,
    video: Tensor,
    text: Tensor,
    mask: Tensor | None,
    rotary: Any,
    places: Sequence[int],
    text_first: bool,
    chunk: int = CHUNK,
) -> Tensor:
    """The joint softmax's weights between video tokens (1, N, D) and text tokens (1, L, D) at `places`: (2,
    N), V2T, T2V.

    mask: which of the N + L keys count, bool or added to the logits, broadcast to (1, 1, 1, N + L). Queries
    are taken in turns of at most `chunk` weights over all heads; the least is one query.
    """
    dual = attn.add_q_proj is not None  # the text has projections of its own
    to_q, to_k = (attn.add_q_proj, attn.add_k_proj) if dual else (attn.to_q, attn.to_k)
    norm_q, norm_k = (attn.norm_added_q, attn.norm_added_k) if dual else (attn.norm_q, attn.norm_k)
    video_q, video_k = (
        _heads(attn, video, attn.to_q, attn.norm_q),
        _heads(attn, video, attn.to_k, attn.norm_k),
    )
    text_q, text_k = _heads(attn, text[:, list(places)], to_q, norm_q), _heads(attn, text, to_k, norm_k)
    if rotary is not None:
        video_q, video_k = (apply_rotary_emb(x, rotary, sequence_dim=1) for x in (video_q, video_k))
    keys = torch.cat([text_k, video_k] if text_first else [video_k, text_k], 1)[0]
    count, words = video.shape[1], text.shape[1]
    first_video, first_text = (words, 0) if text_first else (0, count)

    def weights(queries: Tensor, columns: Any) -> Iterator[Tensor]:
        """Parts of (queries, columns), averaged over heads."""
        for part in queries.split(max(1, chunk // (attn.heads * len(keys)))):
            logits = torch.einsum("qhd,khd->hqk", part, keys).float() * part.shape[-1] ** -0.5
            if mask is not None:
                logits = (
                    logits.masked_fill(~mask[0], -torch.inf) if mask.dtype == torch.bool else logits + mask[0]
                )
            yield logits.softmax(-1)[..., columns].mean(0)

    to_words = torch.cat([w.mean(1) for w in weights(video_q[0], [first_text + p for p in places])])
    to_video = torch.cat(list(weights(text_q[0], slice(first_video, first_video + count)))).mean(0)
    return torch.stack([to_words, to_video])


def _heads(attn: Attention, tokens: Tensor, project: nn.Module, norm: nn.Module | None) -> Tensor:
    """(1, n, D) -> queries or keys (1, n, heads, D / heads)."""
    split = project(tokens).unflatten(2, (attn.heads, -1))
    return split if norm is None else norm(split)


def joint_attention(block: nn.Module) -> Attention:
    """The attention of a block in which video and text attend to each other.

    Raises UserError for a block that has none, such as Wan's, whose text is reached by cross-attention.
    """
    found = getattr(block, "attn", None) or getattr(block, "attn1", None)
    if not isinstance(found, Attention) or getattr(block, "attn2", None) is not None:
        raise UserError(
            f"Blocks of type {type(block).__name__} have no joint attention of video and text, by which layers are "
            "scored; choose a model of the HunyuanVideo or CogVideoX family."
        )
    return found


@contextmanager
def watch_subject(
    blocks: Sequence[nn.Module], places: Sequence[int], text_first: bool = False
) -> Iterator[list[SubjectAttention]]:
    """For a while, every block keeps the attention between the video and the text tokens at `places`."""
    attentions = [joint_attention(block) for block in blocks]
    before = [attention.processor for attention in attentions]
    watchers = [_watcher(processor, places, text_first) for processor in before]
    for attention, watcher in zip(attentions, watchers, strict=True):
        attention.set_processor(watcher)
    try:
        yield watchers
    finally:
        for attention, processor in zip(attentions, before, strict=True):
            attention.set_processor(processor)


def _watcher(processor: Any, places: Sequence[int], text_first: bool) -> SubjectAttention:
    """A processor of a subclass of this one's, with its state: the attention backend chosen, for one."""
    kind: Any = type(f"Watched{type(processor).__name__}", (SubjectAttention, type(processor)), {})
    watcher = kind.__new__(kind)
    vars(watcher).update(vars(processor), places=list(places), text_first=text_first, maps=None)
    return watcher
