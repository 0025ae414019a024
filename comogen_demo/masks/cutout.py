"""Cut and paste: the subject is moved onto its masks over a filled-in background, and nothing else happens.

The crude reference of the training-free control (control/dual_clock.py), and, as the method "warp", the yardstick
without physics: it reaches nearly the IoU of the masks themselves and moves no other object.
"""

from __future__ import annotations

import cv2
import numpy as np

TURNS = np.deg2rad(np.arange(-15, 16, 2.5))  # rotations tried at each frame, from the last frame's on
SAME_IOU = 0.02
MIN_SHARE = 0.4  # of the first mask's area: below it, cut by the frame's edge, only the place is followed
GROW = 2  # px around the subject that are filled in, as its antialiased edge is not background


def cut_and_paste(frame: np.ndarray, visible: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Cuts subjects out of `frame` (H, W, 3) by `visible` bool (K, H, W) and pastes them onto masks bool (T,
    K, H, W).

    Each is moved and deformed affinely, as its first mask is to become each of its masks. Where the subjects
    stood, the frame is inpainted. Returns uint8 (T, H, W, 3); frame 0 is `frame`.
    """
    hole = cv2.dilate(np.any(visible, axis=0).astype(np.uint8), np.ones((2 * GROW + 1,) * 2, np.uint8))
    background = cv2.inpaint(np.ascontiguousarray(frame), hole, 3, cv2.INPAINT_TELEA)
    video = np.repeat(background[None], len(masks), 0).astype(np.float32)
    video[0] = frame
    for k, cut in enumerate(visible):
        fits = fit_affine(masks[:, k])
        for t in range(1, len(masks)):
            if (fit := fits[t]) is not None:
                _paste(video[t], frame, cut, fit)
    return np.clip(video + 0.5, 0, 255).astype(np.uint8)


def _paste(canvas: np.ndarray, frame: np.ndarray, cut: np.ndarray, fit: np.ndarray) -> None:
    size = frame.shape[1::-1]
    alpha = cv2.warpAffine(cut.astype(np.float32), fit, size, flags=cv2.INTER_LINEAR)[..., None]
    moved = cv2.warpAffine(frame, fit, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    canvas += alpha * (moved - canvas)


def fit_affine(masks: np.ndarray) -> list[np.ndarray | None]:
    """Affine maps (2, 3) from the first of masks bool (T, H, W) to each; None for an empty one.

    Place, size and stretch follow from the masks' first and second moments. The moments leave a rotation open, which
    is tried out near the last frame's. The best IoU wins, and among all but equals (those of a disc) the smallest
    turn, so that nothing spins for no reason.
    """
    fits: list[np.ndarray | None] = []
    if not masks[0].any():
        return [None] * len(masks)
    centre, spread = _moments(masks[0])
    unstretch = np.linalg.inv(_root(spread))
    linear, angle, first = np.eye(2), 0.0, masks[0].astype(np.uint8)
    for mask in masks:
        if not mask.any():
            fits.append(None)
            continue
        place, target = _moments(mask)
        if mask.sum() >= MIN_SHARE * masks[0].sum():
            stretch = _root(target)
            options = sorted(angle + TURNS, key=abs)
            maps = [_about(stretch @ _turn(a) @ unstretch, centre, place) for a in options]
            scores = np.array([_iou(cv2.warpAffine(first, m, mask.shape[::-1]) > 0, mask) for m in maps])
            best = int(np.flatnonzero(scores >= scores.max() - SAME_IOU)[0])
            angle, linear = float(options[best]), maps[best][:, :2]
        fits.append(_about(linear, centre, place))
    return fits


def _moments(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid (2,) and covariance (2, 2) of a mask's pixels, as x, y."""
    points = np.argwhere(mask)[:, ::-1].astype(float)
    centred = points - points.mean(0)
    return points.mean(0), centred.T @ centred / len(points) + np.eye(2) / 12  # 1/12: a pixel's own extent


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values) @ vectors.T


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _about(linear: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.column_stack([linear, target - linear @ source])


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))
