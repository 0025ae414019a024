"""What the MaskAdapter sees and gives."""

import pytest
import torch

from comogen_demo.control.adapter import AdapterConfig, MaskAdapter, occupancy


def test_windows_are_the_first_frame_then_fours_joined_by_or():
    masks = torch.zeros(1, 9, 8, 8, dtype=torch.bool)
    masks[0, 0, 0, 0] = masks[0, 2, 0, 0] = masks[0, 4, 7, 7] = True
    seen = occupancy(masks, (3, 2, 2), cells=1)
    assert seen.shape == (1, 3, 2, 2)
    assert seen[0, 0, 0, 0] == seen[0, 1, 0, 0] == seen[0, 1, 1, 1] == pytest.approx(1 / 16)
    assert seen.sum() == pytest.approx(3 / 16)


def test_a_wrong_frame_count_is_refused():
    with pytest.raises(ValueError, match="expected 9"):
        occupancy(torch.zeros(1, 8, 8, 8, dtype=torch.bool), (3, 2, 2), 1)


@pytest.mark.parametrize("cells", [1, 2, 4])
def test_residual_has_a_row_per_token_and_an_untrained_adapter_gives_zero(cells):
    adapter = MaskAdapter(AdapterConfig((3, 2, 4), token_width=10, cells=cells, width=6))
    covered = torch.rand(2, 3, 2 * cells, 4 * cells)
    assert adapter(covered).shape == (2, 24, 10)
    assert not adapter(covered).any()


def test_tokens_run_time_then_rows_then_columns():
    adapter = MaskAdapter(AdapterConfig((3, 2, 4), token_width=1, cells=1, width=1))
    for conv in (adapter.one, adapter.two):  # pass each cell on by itself
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
        conv.weight.data[0, 0, 1, 1, 1] = 1
    torch.nn.init.ones_(adapter.out.weight)
    for frame, row, column in ((0, 0, 1), (1, 1, 0), (2, 0, 3)):
        covered = torch.zeros(1, 3, 2, 4)
        covered[0, frame, row, column] = 1
        assert int(adapter(covered)[0, :, 0].argmax()) == frame * 8 + row * 4 + column


def test_only_powers_of_two_up_to_four_cells():
    with pytest.raises(ValueError, match="cells 3"):
        MaskAdapter(AdapterConfig((1, 2, 2), 4, cells=3))
