"""Injection adds exactly the residual, exactly at the chosen blocks, and leaves no trace."""

import torch
from torch import nn

from comogen_demo.control.injection import Injection


class Block(nn.Module):
    def forward(self, video, text):
        return video * 2, text


def run(blocks):
    video, text = torch.ones(1, 4, 3), torch.ones(1, 2, 3)
    for block in blocks:
        video, text = block(video, text)
    return video, text


def test_only_the_chosen_blocks_get_the_residual():
    blocks = nn.ModuleList([Block(), Block(), Block()])
    with Injection(blocks, [1]) as injection:
        injection.residual = torch.full((1, 4, 3), 10.0)
        video, text = run(blocks)
    assert torch.equal(video, torch.full((1, 4, 3), (1 * 2 + 10.0) * 2 * 2))
    assert torch.equal(text, torch.ones(1, 2, 3))


def test_hooks_are_gone_afterwards_also_after_an_error():
    blocks = nn.ModuleList([Block()])
    try:
        with Injection(blocks, [0]) as injection:
            injection.residual = torch.ones(1, 4, 3)
            raise RuntimeError
    except RuntimeError:
        pass
    assert not blocks[0]._forward_pre_hooks
    assert torch.equal(run(blocks)[0], torch.full((1, 4, 3), 2.0))


def test_without_a_residual_nothing_is_added():
    blocks = nn.ModuleList([Block()])
    with Injection(blocks, [0]):
        assert torch.equal(run(blocks)[0], torch.full((1, 4, 3), 2.0))


class Named(nn.Module):
    """Called as CogVideoX's blocks are."""

    def forward(self, hidden_states, encoder_hidden_states):
        return hidden_states * 2, encoder_hidden_states


def test_a_block_called_with_keywords_gets_it_too_for_every_member_of_the_batch():
    blocks = nn.ModuleList([Named()])
    video, text = torch.ones(2, 4, 3), torch.ones(2, 2, 3)
    with Injection(blocks, [0]) as injection:
        injection.residual = torch.full((1, 4, 3), 10.0)
        video, text = blocks[0](encoder_hidden_states=text, hidden_states=video)
    assert torch.equal(video, torch.full((2, 4, 3), 22.0)) and torch.equal(text, torch.ones(2, 2, 3))


def test_tokens_keep_their_type_unless_autocast_widens_them():
    blocks = nn.ModuleList([Block()])
    video, text = torch.ones(1, 4, 3, dtype=torch.bfloat16), torch.ones(1, 2, 3)
    with Injection(blocks, [0]) as injection:
        injection.residual = torch.ones(1, 4, 3)
        assert blocks[0](video, text)[0].dtype == torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16):
            assert blocks[0](video, text)[0].dtype == torch.float32
