"""A part of the frame that goes along with an object: what tracking works in, at most SIDE px wide or high."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

SIDE = 224  # px of the longer side of a window's pictures


@dataclass(frozen=True)
class Window:
    """A rectangle of the frame in whole px, which may reach beyond it, and the size (h, w) of its pictures."""

    left: int
    top: int
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Picture px to a frame px, at most 1."""
        return min(1.0, SIDE / max(self.width, self.height))

    @property
    def shape(self) -> tuple[int, int]:
        return max(1, round(self.height * self.scale)), max(1, round(self.width * self.scale))

    @property
    def whole(self) -> bool:
        """Whether its pictures are the frame's own pixels."""
        return self.shape == (self.height, self.width)

    def shifted(self, x: float, y: float) -> Window:
        return replace(self, left=self.left + round(x), top=self.top + round(y))

    def cut(self, frame: np.ndarray) -> np.ndarray:
        """The part of (H, W, C) or (H, W) uint8 in it: (h, w, C) or (h, w); outside of the frame its edge goes on."""
        part = self.full(frame)
        h, w = self.shape
        return part if self.whole else cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA)

    def full(self, frame: np.ndarray) -> np.ndarray:
        """The same in the frame's own pixels, (height, width, C) or (height, width)."""
        height, width = frame.shape[:2]
        right, bottom = self.left + self.width, self.top + self.height
        if self.left >= 0 and self.top >= 0 and right <= width and bottom <= height:
            return frame[self.top : bottom, self.left : right]
        rows = np.clip(np.arange(self.top, bottom), 0, height - 1)
        columns = np.clip(np.arange(self.left, right), 0, width - 1)
        return frame[rows[:, None], columns]

    def inside(self, size: tuple[int, int]) -> np.ndarray:
        """Which of its pixels lie in a frame of size (H, W): bool (h, w)."""
        h, w = self.shape
        y = self.top + (np.arange(h) + 0.5) * self.height / h
        x = self.left + (np.arange(w) + 0.5) * self.width / w
        return np.asarray(((y > 0) & (y < size[0]))[:, None] & ((x > 0) & (x < size[1])))

    def take(self, picture: np.ndarray, other: Window) -> np.ndarray:
        """A picture float (h', w') of another window as seen in this one, 0 where that one sees nothing: (h, w)."""
        h, w = self.shape
        if other == self:
            return picture
        sx, sy = other.shape[1] / other.width, other.shape[0] / other.height
        kx, ky = self.width / w, self.height / h
        matrix = np.array(
            [
                [sx * kx, 0, sx * (0.5 * kx + self.left - other.left) - 0.5],
                [0, sy * ky, sy * (0.5 * ky + self.top - other.top) - 0.5],
            ]
        )
        return cv2.warpAffine(picture, matrix, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def paste(self, part: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A part bool (height, width) in its place in a frame of size (H, W), bool."""
        frame = np.zeros(size, bool)
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(size[0], self.top + self.height), min(size[1], self.left + self.width)
        if bottom > top and right > left:
            frame[top:bottom, left:right] = part[
                top - self.top : bottom - self.top, left - self.left : right - self.left
            ]
        return frame
