"""Counterfactual pairs: the same first frame, caption and noise under two different masks.

The caption names no direction and both subjects are forced along their paths, so that nothing but the masks'
course tells the two apart. Whatever the generations then do differently, they do because of the masks; the
question is whether the objects that nobody controls differ as the simulator says.
"""

from __future__ import annotations

import numpy as np

from .intervals import Tally
from .metrics import MOVED, UNHIDDEN_SHARE
from .tracks import seen_tracks, true_tracks
from .truth import Truth


def compare(first: Truth, second: Truth, frames: np.ndarray, other_frames: np.ndarray) -> Tally:
    """The tally of a pair: `frames` were generated with the masks of `first`, `other_frames` with those of
    `second`.

    Each uncontrolled object is taken at the last frame that shows at least 60 % of it in both truths. If its
    places there differ by more than 3 px between the two simulations, it counts: it agrees if the difference
    of the generations points the same way (a positive projection; no difference at all is no agreement), and
    the differences in x and y enter the correlation.
    """
    tracks = [true_tracks(truth) for truth in (first, second)]
    seen = [
        seen_tracks(f, t, k) for f, t, k in zip((frames, other_frames), (first, second), tracks, strict=True)
    ]
    clear = np.logical_and.reduce([k.counts & (k.share >= UNHIDDEN_SHARE) for k in tracks])
    total = Tally()
    for n in first.uncontrolled:
        moments = np.flatnonzero(clear[:, n])
        if len(moments) == 0:
            continue
        t = moments[-1]
        x = tracks[0].place[t, n] - tracks[1].place[t, n]
        y = seen[0].place[t, n] - seen[1].place[t, n]
        if np.linalg.norm(x) <= MOVED:
            continue
        total += Tally(
            pairs=1,
            agreeing=float(x @ y > 0),
            n=2,
            sum_x=float(x.sum()),
            sum_y=float(y.sum()),
            sum_xx=float(x @ x),
            sum_yy=float(y @ y),
            sum_xy=float(x @ y),
        )
    return total
