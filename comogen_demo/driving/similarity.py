"""Similarities of the plane: moved, turned and scaled, as the editor's keyframes do it with a shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..masks import Keyframe, Shape, make_shape, rasterise


@dataclass(frozen=True)
class Similarity:
    """Scaled and turned about the pivot (px, py), then moved by (dx, dy). Pixels; degrees clockwise."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0
    px: float = 0.0
    py: float = 0.0

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Where the point (x, y) goes."""
        angle = math.radians(self.rotation)
        a, b = self.scale * math.cos(angle), self.scale * math.sin(angle)
        u, v = x - self.px, y - self.py
        return self.px + self.dx + a * u - b * v, self.py + self.dy + b * u + a * v

    def then(self, other: Similarity) -> Similarity:
        """This one first, then the other."""
        x, y = other(*self(self.px, self.py))
        rotation = (self.rotation + other.rotation + 180) % 360 - 180
        return Similarity(x - self.px, y - self.py, self.scale * other.scale, rotation, self.px, self.py)

    def about(self, x: float, y: float) -> Similarity:
        """The same similarity told about another pivot."""
        to = self(x, y)
        return Similarity(to[0] - x, to[1] - y, self.scale, self.rotation, x, y)

    def inverse(self) -> Similarity:
        """The way back."""
        x, y = self.px + self.dx, self.py + self.dy
        return Similarity(-self.dx, -self.dy, 1 / self.scale, -self.rotation, x, y)


def containing(size: tuple[int, int], frame: tuple[int, int]) -> Similarity:
    """What brings pictures of `size` (height, width) into `frame`, as large as all of them fits, and centred."""
    scale = min(frame[0] / size[0], frame[1] / size[1])
    return Similarity((frame[1] - scale * size[1]) / 2, (frame[0] - scale * size[0]) / 2, scale)


def keyframe(t: int, shape: Shape, number: int, way: Similarity) -> Keyframe:
    """The keyframe that shows the shape, the track's `number`th, at frame t where the similarity takes it."""
    way = way.about(*shape.centre)
    return Keyframe(t, way.dx, way.dy, way.rotation, way.scale, number)


def moved(mask: np.ndarray, way: Similarity, size: tuple[int, int]) -> np.ndarray:
    """A mask bool (h, w) where the similarity takes it, in a frame of `size` (height, width): bool (H, W)."""
    if not mask.any():
        return np.zeros(size, bool)
    shape = make_shape(mask)
    return rasterise([shape], [keyframe(0, shape, 0, way)], 1, size)[0]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two masks bool (H, W); 1 when both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0
