"""Attention scores: watching changes nothing, and the arithmetic is right."""

import numpy as np
import pytest
import torch

from comogen_demo.analysis.scores import alignment, otsu_cut, watch_subject
from tests.tiny import tiny_model


def test_watching_leaves_the_output_bit_for_bit_and_is_undone():
    backbone = tiny_model().backbone
    latents, prompt = backbone.noise(0), backbone.encode_prompt("the red cube slides")
    plain = backbone.velocity(latents, 0.7, latents[:, :, :1], prompt)
    before = [b.attn.processor for b in backbone.blocks]
    with watch_subject(backbone.blocks, [1, 2]) as watchers:
        watched = backbone.velocity(latents, 0.7, latents[:, :, :1], prompt)
    assert torch.equal(plain, watched)
    assert [b.attn.processor for b in backbone.blocks] == before
    tokens = int(np.prod(backbone.token_grid))
    assert all(w.maps.shape == (2, tokens) and (w.maps > 0).all() for w in watchers)


def test_the_weights_are_those_of_the_attention_itself():
    """With values that mark one text token, the attention's own output shows the weight it got."""
    torch.manual_seed(0)
    model = tiny_model()
    block = model.backbone.blocks[2]
    attn = block.attn
    width = attn.to_v.out_features
    captured = {}
    hook = attn.register_forward_hook(lambda m, a, kw, out: captured.update(kw=kw), with_kwargs=True)
    latents, prompt = model.backbone.noise(0), model.backbone.encode_prompt("the red cube")
    model.backbone.velocity(latents, 0.7, latents[:, :, :1], prompt)
    hook.remove()
    kw = captured["kw"]
    video, text = kw["hidden_states"], kw["encoder_hidden_states"]

    class Marker(torch.nn.Module):
        def forward(self, x):
            out = torch.zeros(*x.shape[:2], width)
            out[:, video.shape[1] + 1] = 1  # the second word
            return out

    with watch_subject([block], [1]) as (watcher,):
        attn(**kw)
    values, attn.to_v = attn.to_v, Marker()
    seen, _ = attn(**kw)
    attn.to_v = values
    assert torch.allclose(seen.mean(-1)[0], watcher.maps[0], atol=1e-5)
    assert text.shape[1] == 16


def test_a_uniform_map_scores_the_area_and_a_perfect_one_scores_one():
    mask = np.zeros((2, 4, 4), np.float32)
    mask[:, 1:3, 1:3] = 1
    uniform = torch.ones(2, 32)
    assert alignment(uniform, mask) == pytest.approx([0.25] * 3)
    perfect = torch.from_numpy(np.stack([mask.ravel()] * 2))
    assert alignment(perfect, mask) == pytest.approx([1.0] * 3)


def test_frames_without_the_subject_do_not_count():
    mask = np.zeros((2, 2, 2), np.float32)
    mask[0, 0, 0] = 1
    assert alignment(torch.ones(2, 8), mask) == pytest.approx([0.25] * 3)


def test_otsu_separates_two_groups():
    assert otsu_cut([0.05, 0.4, 0.07, 0.35, 0.1, 0.38]) == [1, 3, 5]
