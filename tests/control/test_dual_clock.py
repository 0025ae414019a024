import pytest
import torch

from comogen_demo.control.dual_clock import Clocks, latent_mask

LEVELS = [1.0, 0.9, 0.7, 0.4]


@pytest.mark.parametrize(("weak", "first"), [(1.0, 0), (0.95, 1), (0.9, 1), (0.5, 3), (0.1, 3)])
def test_denoising_starts_at_the_first_level_that_is_low_enough(weak, first):
    assert Clocks(weak, 0.0).start(LEVELS) == first


def test_the_inside_is_held_down_to_the_strong_level():
    clocks = Clocks(0.9, 0.5)
    assert [clocks.holds(level) for level in (0.9, 0.7, 0.5, 0.4, 0.0)] == [True, True, False, False, False]


def test_strength_moves_the_end_of_the_hold():
    clocks = Clocks(0.9, 0.5)
    assert not any(clocks.holds(level, strength=0) for level in (1.0, 0.9, 0.7))
    assert [clocks.holds(0.65, strength) for strength in (0.5, 1.0)] == [False, True]
    assert clocks.holds(0.4, strength=1.5)


@pytest.mark.parametrize(("weak", "strong"), [(0.5, 0.6), (1.1, 0.5), (0.5, -0.1)])
def test_clocks_that_run_backwards_are_refused(weak, strong):
    with pytest.raises(ValueError, match="expected 0 <= strong <= weak <= 1"):
        Clocks(weak, strong)


def test_a_latent_pixel_counts_when_half_of_it_is_covered_in_any_frame_of_its_window():
    masks = torch.zeros(5, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = True  # the first latent pixel of frame 0, whole
    masks[2, :4, 4:6] = True  # half of the next one, in a frame of the second window
    masks[3, 4:, 4:5] = True  # a quarter: too little
    found = latent_mask(masks, (2, 2, 2))
    assert found.shape == (1, 1, 2, 2, 2)
    assert found[0, 0].tolist() == [[[1, 0], [0, 0]], [[0, 1], [0, 0]]]


def test_a_wrong_number_of_frames_is_named():
    with pytest.raises(ValueError, match="6 mask frames for 2 latent frames: expected 5"):
        latent_mask(torch.zeros(6, 8, 8, dtype=torch.bool), (2, 2, 2))
