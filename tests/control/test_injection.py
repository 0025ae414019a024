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
