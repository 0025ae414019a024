"""HOTA of one object: its closed form against the paper's definition, and its two ends."""

import numpy as np
import pytest

from comogen_demo.evaluation.hota import hota


def tracks(seed):
    """A box that moves, and what a tracker might find of it: shifted, lost in some frames, seen where it is
    gone."""
    rng = np.random.default_rng(seed)
    truth, masks = np.zeros((2, 12, 16, 16), bool)
    for t in range(12):
        if rng.random() < 0.8:
            truth[t, 4:10, t // 2 : t // 2 + 6] = True
        if rng.random() < 0.8:
            left = t // 2 + int(rng.integers(0, 5))
            masks[t, 4:10, left : left + 6] = True
    return masks, truth


def by_definition(masks, truth):
    """Equations 5 to 7 of the paper with identities spelt out; the one true and the one found track have
    identity 0."""
    values = []
    for a in range(1, 20):
        matched, missed, extra = [], [], []
        for t in range(len(truth)):
            union = (masks[t] | truth[t]).sum()
            overlap = (masks[t] & truth[t]).sum() / union if union else 0
            if masks[t].any() and truth[t].any() and overlap >= a / 20 - 1e-9:
                matched.append(t)
                continue
            missed += [t] * bool(truth[t].any())
            extra += [t] * bool(masks[t].any())
        if not matched:
            values.append(0.0)
            continue
        detection = len(matched) / (len(matched) + len(missed) + len(extra))
        per_match = [len(matched) / (len(matched) + len(missed) + len(extra)) for _ in matched]
        values.append(np.sqrt(detection * np.mean(per_match)))
    return np.mean(values)


@pytest.mark.parametrize("seed", range(5))
def test_the_closed_form_is_the_definition(seed):
    masks, truth = tracks(seed)
    assert 0 < hota(masks, truth) < 1
    assert hota(masks, truth) == pytest.approx(by_definition(masks, truth))


def test_the_ends():
    _, truth = tracks(0)
    assert hota(truth, truth) == 1
    assert hota(np.zeros_like(truth), truth) == 0
    assert hota(np.zeros_like(truth), np.zeros_like(truth)) == 1


def test_a_known_value():
    """Half of the box at every frame: matched at the ten thresholds up to 0.5."""
    truth = np.zeros((3, 8, 8), bool)
    truth[:, 2:6, 2:6] = True
    masks = truth.copy()
    masks[:, 2:4] = False
    assert hota(masks, truth) == pytest.approx(10 / 19)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected two of the same"):
        hota(np.zeros((2, 4, 4), bool), np.zeros((3, 4, 4), bool))
