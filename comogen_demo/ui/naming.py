"""What the selected object is called: known for scenes of the world, guessed by its hue elsewhere."""

from __future__ import annotations

import numpy as np

from .prompts import name_of
from .sessions import Frame


def subject_name(frame: Frame, mask: np.ndarray) -> str:
    """ "the red cube" if the mask bool (H, W) is one of the scene's objects, else a name by its colour."""
    if frame.scene is not None and frame.masks is not None:
        shared = (frame.masks & mask).sum((1, 2))
        united = (frame.masks | mask).sum((1, 2))
        overlap = shared / np.maximum(united, 1)
        if overlap.max() > 0.5:
            return f"the {frame.scene.objects[int(overlap.argmax())].name}"
    return name_of(frame.pixels, mask)
