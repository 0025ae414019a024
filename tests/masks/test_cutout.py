import numpy as np
import pytest

from comogen_demo.evaluation.metrics import score
from comogen_demo.masks.cutout import cut_and_paste, fit_affine

from ..evaluation.discs import draw, line, rest, truth


def square(x, y, half=8, turn=0.0):
    rows, columns = np.mgrid[:128, :128] + 0.5
    u = np.cos(turn) * (columns - x) + np.sin(turn) * (rows - y)
    v = -np.sin(turn) * (columns - x) + np.cos(turn) * (rows - y)
    return (abs(u) < half) & (abs(v) < half)


def test_a_shift_a_growth_and_a_turn_are_found():
    masks = np.stack(
        [square(40, 40), square(52, 45), square(60, 50, half=12), square(60, 50, half=12, turn=0.2)]
    )
    first, shift, growth, turn = fit_affine(masks)
    assert np.allclose(first, [[1, 0, 0], [0, 1, 0]], atol=1e-6)
    assert np.allclose(shift, [[1, 0, 12], [0, 1, 5]], atol=0.05)
    assert np.allclose(growth[:, :2], 1.5 * np.eye(2), atol=0.05)
    angle = np.arctan2(turn[1, 0], turn[0, 0])
    assert angle == pytest.approx(0.2, abs=0.1)


def test_a_disc_does_not_spin():
    _, _, amodal = draw([line((30, 30), (90, 60))])
    for fit in fit_affine(amodal[:, 0]):
        assert abs(np.arctan2(fit[1, 0], fit[0, 0])) < 0.15


def test_an_empty_mask_shows_no_subject():
    frames, visible, amodal = draw([line((30, 30), (90, 60))])
    amodal[4] = False
    made = cut_and_paste(frames[0], visible[0], amodal)
    assert np.abs(made[4].astype(int) - 150).max() < 15
    assert fit_affine(np.zeros((3, 8, 8), bool)) == [None, None, None]


def test_the_subject_follows_its_masks_and_nothing_else_moves():
    scene = [line((20, 30), (60, 30)), line((80, 40), (80, 64)), rest((40, 100))]
    known = truth(scene)
    made = cut_and_paste(known.frames[0], known.visible[0, :1], known.amodal[:, :1])
    assert np.array_equal(made[0], known.frames[0])
    tally = score(known, made)
    assert tally.iou > 0.93 and tally.error < 0.2
    assert 1 - tally.reaction_error / tally.reaction_still == pytest.approx(0, abs=0.02)
    assert tally.false_motion == tally.vanished == 0
