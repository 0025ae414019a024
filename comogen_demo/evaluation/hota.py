"""HOTA, higher order tracking accuracy, of one object whose track is a sequence of masks.

Luiten et al., "HOTA: a higher order metric for evaluating multi-object tracking", IJCV 2021: at each
threshold a of the IoU, HOTA_a = sqrt(DetA * AssA), and HOTA is the mean over a = 0.05, 0.10, ..., 0.95. With
one true and one found track every match has the same two identities, so that both accuracies are TP / (frames
of either track - TP), and so is HOTA_a.
"""

from __future__ import annotations

import numpy as np

THRESHOLDS = np.arange(1, 20) / 20


def hota(masks: np.ndarray, truth: np.ndarray) -> float:
    """HOTA of one object's masks bool (T, H, W) against the true ones: 0..1, and 1 where neither ever shows
    anything."""
    if masks.shape != truth.shape or masks.ndim != 3:
        raise ValueError(f"masks {masks.shape} and {truth.shape}: expected two of the same (T, H, W)")
    found, real = masks.any((1, 2)), truth.any((1, 2))
    overlap = (masks & truth).sum((1, 2)) / np.maximum((masks | truth).sum((1, 2)), 1)
    matches = (overlap[:, None] >= THRESHOLDS - 1e-9).sum(0)
    shown = int(found.sum() + real.sum())
    return float((matches / (shown - matches)).mean()) if shown else 1.0
