"""Truths whose answers are known: coloured discs on a grey table."""

import cv2
import numpy as np

from comogen_demo.evaluation.segment import scene_colours
from comogen_demo.evaluation.truth import Truth

COLOURS = ((210, 40, 40), (40, 80, 220), (40, 170, 60))
RADIUS, FRAMES, SIZE = 9, 9, 128
TABLE = (150, 150, 146)


def line(start, end, frames=FRAMES):
    """Places (T, 2) from start to end at constant speed."""
    return np.linspace(start, end, frames)


def rest(place, frames=FRAMES):
    return line(place, place, frames)


def draw(tracks, size=SIZE, shown=None):
    """Frames (T, H, W, 3), visible and amodal (T, N, H, W) of discs at tracks (N, T, 2), x and y at 128 px.

    Later objects lie in front. shown: bool (T, N), objects left out where False.
    """
    scale = size / 128
    count, frames = len(tracks), len(tracks[0])
    shown = np.ones((frames, count), bool) if shown is None else shown
    rows, columns = np.mgrid[:size, :size] + 0.5
    video = np.empty((frames, size, size, 3), np.uint8)
    video[:] = TABLE
    visible, amodal = np.zeros((2, frames, count, size, size), bool)
    for t in range(frames):
        for n in range(count):
            x, y = np.asarray(tracks[n][t]) * scale
            disc = (columns - x) ** 2 + (rows - y) ** 2 < (RADIUS * scale) ** 2
            amodal[t, n] = disc
            if shown[t, n]:
                visible[t, :n] &= ~disc
                visible[t, n] = disc
                video[t][disc] = COLOURS[n]
    return video, visible, amodal


def truth(tracks, controlled=(0,), kind="kinematic", size=SIZE):
    video, visible, amodal = draw(tracks, size)
    return Truth(
        video, visible, amodal, controlled, "the red sphere moves", kind, scene_colours(video, visible)
    )


def smeared(frames):
    """As a decoder would blur it."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames])
