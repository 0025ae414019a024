"""Where objects are, frame by frame. Lengths are in pixels of a 128-pixel frame, whatever the size measured."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .segment import REFERENCE, segment
from .truth import Truth

COUNTED_AREA = 25.0  # px^2 of an object that the truth must show for a frame to count
COUNTED_SHARE = 0.3  # of its whole outline, likewise
PRESENT_SHARE = 0.25  # of the truth's visible area: less than this in the generation is no object any more
PRESENT_AREA = 4.0  # px^2, likewise
HIDING_SHARE = 0.1  # of an object's first outline: so much counts as hidden, as moved out or as lost


def areas(masks: np.ndarray) -> np.ndarray:
    """Areas (T, N) of masks bool (T, N, H, W)."""
    return masks.sum((2, 3)) * (REFERENCE / masks.shape[2]) ** 2


def centroids(masks: np.ndarray) -> np.ndarray:
    """Centroids (T, N, 2) as x, y of masks bool (T, N, H, W); NaN for an empty mask."""
    height, width = masks.shape[2:]
    counts = masks.sum((2, 3))
    with np.errstate(invalid="ignore"):
        x = masks.sum(2) @ (np.arange(width) + 0.5) / counts
        y = masks.sum(3) @ (np.arange(height) + 0.5) / counts
    return np.stack([x, y], -1) * (REFERENCE / height)


def places(masks: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Places (T, N, 2) of masks bool (T, N, H, W): centroids, but not fooled by what passes in front of a
    resting object.

    Something in front hides one side and so shifts the centroid of the rest, away from itself, just as a push
    would: without this, cutting and pasting the subject over its neighbours passes for physics. So an object
    keeps the centroid of its first outline, bool (N, H, W), in frames in which other objects cover some of
    that outline, nothing else of it is missing, and no part of the object shows outside of it. The same rule
    is applied to the truth and to what is measured against it.
    """
    result, starts = centroids(masks), centroids(outlines[None])[0]
    everything = np.any(masks, axis=1)
    for n, outline in enumerate(outlines):
        limit, room = HIDING_SHARE * outline.sum(), grown(outline)
        for t in np.flatnonzero(((everything & ~masks[:, n]) & outline).sum((1, 2)) > limit):
            mask = masks[t, n]
            others = grown(everything[t] & ~mask)
            if (mask & ~room).sum() <= limit and (outline & ~mask & ~others).sum() <= limit:
                result[t, n] = starts[n]
    return result


def grown(mask: np.ndarray) -> np.ndarray:
    """A mask bool (H, W), wider by one pixel of a 128-pixel frame on all sides."""
    side = 2 * max(1, round(mask.shape[0] / REFERENCE)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


@dataclass(frozen=True)
class TrueTracks:
    """place (T, N, 2): see `places`, NaN if unseen. counts bool (T, N): frames that may be measured.

    area (T, N): visible. share (T, N): visible of amodal, 0 where nothing is in the frame. displacement (T,
    N): of the amodal centroid from frame 0; NaN out of the frame. start (N, 2): the place in frame 0, the
    outline's if hidden there.
    """

    place: np.ndarray
    counts: np.ndarray
    area: np.ndarray
    share: np.ndarray
    displacement: np.ndarray
    start: np.ndarray


def true_tracks(truth: Truth) -> TrueTracks:
    """The simulator's tracks. A frame counts for an object that shows 25 px^2 and 30 % of its outline."""
    place, outline = places(truth.visible, truth.amodal[0]), centroids(truth.amodal)
    area, whole = areas(truth.visible), areas(truth.amodal)
    share = area / np.maximum(whole, 1e-6)
    return TrueTracks(
        place=place,
        counts=(area >= COUNTED_AREA) & (share >= COUNTED_SHARE),
        area=area,
        share=share,
        displacement=np.linalg.norm(outline - outline[0], axis=-1),
        start=np.where(np.isfinite(place[0]), place[0], outline[0]),
    )


@dataclass(frozen=True)
class SeenTracks:
    """masks bool (T, N, H, W) as segmented; place (T, N, 2): see `places`, or where last seen; present bool
    (T, N)."""

    masks: np.ndarray
    place: np.ndarray
    present: np.ndarray


def seen_tracks(frames: np.ndarray, truth: Truth, true: TrueTracks) -> SeenTracks:
    """Follows the truth's objects through generated frames (T, H, W, 3).

    An object that is gone stays where it was last seen, at first where it stood in the first frame, which was
    given: a vanished object is a failure and must never become a missing value.
    """
    masks = segment(frames, truth.colours)
    area, place = areas(masks), places(masks, truth.amodal[0])
    present = area >= np.maximum(PRESENT_AREA, PRESENT_SHARE * true.area)
    last = true.start
    for t in range(len(place)):
        last = np.where(present[t, :, None], place[t], last)
        place[t] = last
    return SeenTracks(masks, place, present)
