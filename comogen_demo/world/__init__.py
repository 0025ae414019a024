"""The simulated world of colliding objects: physics by MuJoCo, pictures and exact masks by ray casting."""

from __future__ import annotations

import numpy as np

from .captions import caption
from .physics import States, rest, simulate
from .render import Clip, render
from .sampling import counterfactual_pair, sample_scene
from .scene import ObjectSpec, SceneSpec, Split

__all__ = [
    "Clip",
    "ObjectSpec",
    "SceneSpec",
    "Split",
    "States",
    "caption",
    "counterfactual_pair",
    "first_frame",
    "make_clip",
    "render",
    "sample_scene",
    "simulate",
]


def make_clip(split: Split, index: int, size: int = 128) -> Clip:
    """Scene number `index` of a split: sampled, simulated and rendered at size x size pixels."""
    scene = sample_scene(split, index)
    return render(scene, simulate(scene), size)


def first_frame(scene: SceneSpec, size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """The scene at rest: frame uint8 (H, W, 3) and visible masks bool (N, H, W)."""
    clip = render(scene, rest(scene), size)
    return clip.frames[0], clip.visible[0]
