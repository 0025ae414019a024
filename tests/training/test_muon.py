"""Muon against torch's, whose Newton-Schulz iterations always run in bfloat16."""

import pytest
import torch

from comogen_demo.training import muon
from comogen_demo.training.muon import Muon, orthogonalised


def stepped(kind, steps: int = 3, **options) -> list[torch.Tensor]:
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in ((12, 40), (40, 12), (16, 16))]
    optimizer = kind(parameters, lr=0.02, weight_decay=0.1, **options)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


@pytest.mark.parametrize("dtype", (torch.float32, torch.bfloat16))
def test_steps_are_torchs(monkeypatch, dtype):
    monkeypatch.setattr(muon, "fast_dtype", lambda device: dtype)
    theirs = stepped(torch.optim.Muon, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for ours, expected in zip(stepped(Muon), theirs, strict=True):
        tolerance = 0.0 if dtype == torch.bfloat16 else 5e-3  # bfloat16's own error
        torch.testing.assert_close(ours, expected, atol=tolerance, rtol=0.0)


def test_its_state_goes_on_in_torchs():
    parameter = torch.nn.Parameter(torch.eye(4))
    parameter.grad = torch.randn(4, 4)
    ours, theirs = Muon([parameter], lr=0.1), torch.optim.Muon([parameter], lr=0.1)
    ours.step()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(theirs.state[parameter]["momentum_buffer"], ours.state[parameter]["momentum_buffer"])
    assert theirs.param_groups[0]["adjust_lr_fn"] == "match_rms_adamw"


def test_singular_values_move_near_one():
    torch.manual_seed(0)
    made = orthogonalised(torch.randn(30, 20) * 100, (3.4445, -4.7750, 2.0315), 5, 1e-7)
    values = torch.linalg.svdvals(made.float())
    assert made.shape == (30, 20)
    assert values.min() > 0.5 and values.max() < 1.3
