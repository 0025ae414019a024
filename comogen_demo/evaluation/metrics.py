"""The figures of one generated clip against the simulator's.

A mask of the subject can be obeyed with no physics at all, by cutting and pasting, so the subject's IoU
proves nothing alone: what counts is where the objects go that nobody controlled (reaction skill), that the
others stay (false motion) and that none gets lost (vanished). All lengths are in pixels of a 128-pixel frame.
"""

from __future__ import annotations

import numpy as np

from .fidelity import psnr, ssim
from .intervals import Tally
from .tracks import SeenTracks, TrueTracks, grown, seen_tracks, true_tracks
from .truth import Truth

MOVED = 3.0  # px: what moves more has moved
STILL = 0.5  # px: what moves less in the simulator is untouched
ONSET = 1.0  # px: from the frame at which an object has moved this far on, its reaction is measured
UNHIDDEN_SHARE = 0.6  # of its outline must show for an untouched object to be judged in a frame
OUTSIDE_SHARE = 0.1  # of its area must lie outside of its first outline for an object to have moved
SHOWN_AREA = 40.0  # px^2 in the truth's last frame: an object that can vanish
VANISHED_SHARE = 0.25  # of that area: less in the generation is vanished


def score(truth: Truth, frames: np.ndarray) -> Tally:
    """The tally of one clip, uint8 (T, H, W, 3) of the truth's size; frame 0, which was given, is not
    measured."""
    if frames.shape != truth.frames.shape:
        raise ValueError(f"frames {frames.shape} against a truth of {truth.frames.shape}")
    true = true_tracks(truth)
    seen = seen_tracks(frames, truth, true)
    objects = psnr(frames[1:], truth.frames[1:], np.any(truth.visible[1:], axis=1))
    total = Tally(
        clips=1, psnr=psnr(frames[1:], truth.frames[1:]) or 0.0, ssim=ssim(frames[1:], truth.frames[1:])
    )
    if objects is not None:
        total += Tally(psnr_objects=objects, object_clips=1)
    return total + _subject(truth, true, seen) + _reaction(truth, true, seen) + _others(truth, true, seen)


def _subject(truth: Truth, true: TrueTracks, seen: SeenTracks) -> Tally:
    """IoU of the controlled objects with their visible masks, and the distance of the centroids.

    Means over the objects and the frames that count. A vanished subject's distance is taken from where it was
    last seen.
    """
    chosen = list(truth.controlled)
    counts = true.counts[1:, chosen]
    if not counts.any():
        return Tally()
    found, masks = seen.masks[1:, chosen], truth.visible[1:, chosen]
    iou = (found & masks).sum((2, 3)) / np.maximum((found | masks).sum((2, 3)), 1)
    error = np.linalg.norm(seen.place - true.place, axis=-1)[1:, chosen]
    return Tally(iou=float(iou[counts].mean()), error=float(error[counts].mean()), subject_clips=1)


def _reaction(truth: Truth, true: TrueTracks, seen: SeenTracks) -> Tally:
    """Centroid errors of the uncontrolled objects that the simulator moves by more than 3 px, from their
    onset on.

    Beside each error goes that of standing still, so that skill = 1 - sum of errors / sum of still errors is
    a ratio of sums: a mean of single ratios would be ruled by objects that hardly move. A vanished object
    gets the larger of its distance from where it was last seen and the error of standing still, so that
    vanishing never pays.
    """
    total = Tally()
    for n in truth.uncontrolled:
        moved = np.nan_to_num(true.displacement[:, n])
        if moved.max() <= MOVED:
            continue
        onset = int(np.argmax(moved > ONSET))
        frames = np.flatnonzero(true.counts[:, n])
        frames = frames[frames >= max(onset, 1)]
        if len(frames) == 0:
            continue
        target = true.place[frames, n]
        still = np.linalg.norm(target - true.start[n], axis=-1)
        error = np.linalg.norm(target - seen.place[frames, n], axis=-1)
        error = np.where(seen.present[frames, n], error, np.maximum(error, still))
        total += Tally(reacting=1, reaction_error=float(error.mean()), reaction_still=float(still.mean()))
    return total


def _others(truth: Truth, true: TrueTracks, seen: SeenTracks) -> Tally:
    """False motion of untouched objects, and objects of any kind that are lost by the last frame."""
    total = Tally()
    for n in truth.uncontrolled:
        if np.nanmax(true.displacement[:, n]) <= STILL:
            total += Tally(untouched=1, false_motion=float(_moves(truth, true, seen, n)))
    shown = true.area[-1] >= SHOWN_AREA
    gone = seen.masks[-1].sum((1, 2)) < VANISHED_SHARE * truth.visible[-1].sum((1, 2))
    return total + Tally(shown=float(shown.sum()), vanished=float((shown & gone).sum()))


def _moves(truth: Truth, true: TrueTracks, seen: SeenTracks, n: int) -> bool:
    """Whether an object that should rest moves: its centroid is off by more than 3 px in some frame, and not
    by hiding.

    What passes in front of an object, or fades at its edge, only takes pixels away, whereas a motion brings
    some where the object was not: a tenth of its area must lie outside of its first outline (grown by a
    pixel). Frames in which the truth shows less than 60 % of the object are left out.
    """
    outline = truth.amodal[0, n]
    outside = (seen.masks[:, n] & ~grown(outline)).sum((1, 2)) > OUTSIDE_SHARE * outline.sum()
    away = np.linalg.norm(seen.place[:, n] - true.place[:, n], axis=-1) > MOVED
    judged = true.counts[:, n] & (true.share[:, n] >= UNHIDDEN_SHARE) & seen.present[:, n]
    return bool((outside & away & judged)[1:].any())
