"""Small clips made up for the tests: a bright square that goes to the right over a grey picture."""

from __future__ import annotations

import numpy as np


def square(frames: int = 9, height: int = 32, width: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Frames uint8 (T, H, W, 3) and masks bool (T, H, W) of a square of 8 px that goes 2 px a frame."""
    masks = np.zeros((frames, height, width), bool)
    for t in range(frames):
        masks[t, 12:20, 4 + 2 * t : 12 + 2 * t] = True
    pictures = np.full((frames, height, width, 3), 60, np.uint8)
    pictures[masks] = (230, 80, 40)
    return pictures, masks
