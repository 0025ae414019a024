"""Watching attention: it changes nothing, is undone, sees the true weights in any token order, and fits at
full size."""

import numpy as np
import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from diffusers.models.attention_processor import Attention
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from comogen_demo.analysis.attention import joint_attention, subject_weights, watch_subject
from comogen_demo.errors import UserError
from tests.tiny import tiny_model

PROMPT = "the red cube slides"


def test_watching_leaves_the_output_bit_for_bit_and_is_undone():
    backbone = tiny_model().backbone
    latents, prompt = backbone.noise(0), backbone.encode_prompt(PROMPT)
    plain = backbone.velocity(latents, 0.7, latents[:, :, :1], prompt)
    before = [b.attn.processor for b in backbone.blocks]
    with watch_subject(backbone.blocks, [1, 2]) as watchers:
        watched = backbone.velocity(latents, 0.7, latents[:, :, :1], prompt)
    assert torch.equal(plain, watched)
    assert [b.attn.processor for b in backbone.blocks] == before
    tokens = int(np.prod(backbone.token_grid))
    assert all(w.maps.shape == (2, tokens) and (w.maps > 0).all() for w in watchers)


def test_it_is_undone_after_an_error():
    blocks = tiny_model().backbone.blocks
    before = [b.attn.processor for b in blocks]
    with pytest.raises(RuntimeError), watch_subject(blocks, [0]):
        raise RuntimeError
    assert [b.attn.processor for b in blocks] == before


def test_the_processor_keeps_its_state():
    """diffusers stores the chosen attention backend in the processor."""
    block = tiny_model().backbone.blocks[0]
    block.attn.processor._attention_backend = "native"
    with watch_subject([block], [0]) as (watcher,):
        assert watcher._attention_backend == "native"


class Marker(nn.Module):
    """Instead of the projection to values: 1 at one token, 0 at all others, so that the output is the weight
    it got."""

    def __init__(self, place, width):
        super().__init__()
        self.place, self.width = place, width

    def forward(self, tokens):
        values = torch.zeros(*tokens.shape[:2], self.width)
        if self.place is not None:
            values[:, self.place] = 1
        return values


@pytest.mark.parametrize("block", [0, 2], ids=["dual", "single"])
def test_the_weights_are_those_of_the_attention_itself(block):
    """V2T and T2V of HunyuanVideo's blocks, with a padded text whose last tokens are masked out."""
    block = tiny_model().backbone.blocks[block]
    attn, dual = block.attn, block.attn.add_q_proj is not None
    torch.manual_seed(0)
    video, text = torch.randn(1, 6, 32), torch.randn(1, 5, 32)
    angles = torch.rand(6, 16)
    mask = torch.tensor([True] * 9 + [False] * 2)[None, None, None]
    kw = {
        "hidden_states": video,
        "encoder_hidden_states": text,
        "attention_mask": mask,
        "image_rotary_emb": (angles.cos(), angles.sin()),
    }
    with torch.no_grad(), watch_subject([block], [1]) as (watcher,):
        attn(**kw)
    if dual:
        attn.to_out, attn.to_add_out = nn.ModuleList([nn.Identity(), nn.Identity()]), nn.Identity()
        attn.to_v, attn.add_v_proj = Marker(None, 32), Marker(1, 32)
    else:
        attn.to_v = Marker(6 + 1, 32)
    with torch.no_grad():
        seen, _ = attn(**kw)
    assert torch.allclose(seen.mean(-1)[0], watcher.maps[0], atol=1e-6)
    for place in range(6):
        attn.to_v = Marker(place, 32)
        if dual:
            attn.add_v_proj = Marker(None, 32)
        with torch.no_grad():
            _, words = attn(**kw)
        assert words.mean(-1)[0, 1] == pytest.approx(float(watcher.maps[1, place]), abs=1e-6)


def test_text_first_as_in_cogvideox():
    torch.manual_seed(0)
    model = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=16,
        num_layers=2,
        sample_width=8,
        sample_height=8,
        sample_frames=5,
        max_text_seq_length=5,
        use_rotary_positional_embeddings=True,
    ).eval()
    given = {
        "hidden_states": torch.randn(2, 2, 4, 8, 8),
        "encoder_hidden_states": torch.randn(2, 5, 16),
        "timestep": torch.tensor([500, 500]),
        "image_rotary_emb": (torch.rand(32, 12), torch.rand(32, 12)),
    }
    blocks = list(model.transformer_blocks)
    with torch.no_grad():
        plain = model(**given).sample
        with watch_subject(blocks, [3], text_first=True) as watchers:
            watched = model(**given).sample
        assert torch.equal(plain, watched)
        attn = blocks[0].attn1
        caught = {}
        hook = attn.register_forward_hook(lambda m, a, kw, out: caught.update(kw), with_kwargs=True)
        model(**given)
        hook.remove()
        attn.to_out, attn.to_v = nn.ModuleList([nn.Identity(), nn.Identity()]), Marker(3, 24)
        seen, _ = attn(**caught)
        assert torch.allclose(seen.mean(-1)[-1], watchers[0].maps[0], atol=1e-6), (
            "the prompt's half of the batch"
        )
        attn.to_v = Marker(5 + 7, 24)
        _, words = attn(**caught)
    assert words.mean(-1)[-1, 3] == pytest.approx(float(watchers[0].maps[1, 7]), abs=1e-6)


def test_a_mask_is_laid_out_in_the_joint_order():
    attn = Attention(query_dim=8, heads=2, dim_head=4, added_kv_proj_dim=None)
    torch.manual_seed(0)
    video, text = torch.randn(1, 4, 8), torch.randn(1, 3, 8)
    shut = torch.ones(1, 1, 1, 7, dtype=torch.bool)
    shut[..., 6] = False  # video first: the last word; text first: the last video token
    video_first = subject_weights(attn, video, text, shut, None, [2], False)
    text_first = subject_weights(attn, video, text, shut, None, [2], True)
    assert (video_first[0] == 0).all() and (text_first[0] > 0).all()
    assert text_first[1, 3] == 0 and (video_first[1] > 0).all()
    added = torch.zeros(1, 1, 1, 7).masked_fill(~shut, -torch.inf)
    assert torch.equal(video_first, subject_weights(attn, video, text, added, None, [2], False))


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that any operation returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.elements = max(self.elements, out.numel())
        return out


def test_the_weights_are_never_held_as_a_whole():
    heads, tokens, words, chunk = 2, 3000, 8, 2**17
    attn = Attention(query_dim=16, heads=heads, dim_head=8, added_kv_proj_dim=None)
    torch.manual_seed(0)
    video, text = torch.randn(1, tokens, 16), torch.randn(1, words, 16)
    with torch.no_grad():
        with Largest() as largest:
            parts = subject_weights(attn, video, text, None, None, [1, 4], False, chunk)
        whole = subject_weights(
            attn, video, text, None, None, [1, 4], False, heads * tokens * (tokens + words)
        )
    assert largest.elements <= chunk < heads * tokens * (tokens + words) / 100
    assert torch.allclose(parts, whole, atol=1e-7)


def test_cross_attention_is_refused():
    from diffusers.models.transformers.transformer_wan import WanTransformerBlock

    block = WanTransformerBlock(24, 48, 2)
    with pytest.raises(UserError, match="WanTransformerBlock"):
        joint_attention(block)
