"""Growing a region of one tint: robust to shading and to white highlights, which leave the hue alone.

The region is found in a small picture of the frame, and drawn anew from the frame's own pixels in the region's box.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .regions import (
    border_share,
    bounds,
    component_at,
    fill_holes,
    overlapping_component,
    ring_around,
    shrink,
)

SIDE = 256  # px of the small picture
MARGIN = 6  # px around the region's box in the small picture
PATCH = 0.012  # radius of the sample around the click, as a share of the longer side
HIGHLIGHT_REACH = 0.05  # how far from a click on a highlight the object's own colour is looked for
MIN_TINT = 0.12  # below it the click hit something grey
FLOOR = 6.0  # of 255; added to the brightness, since hue is noise in the dark
MAX_TURN = 0.42  # hue deviation against saturation: tan of some 23 degrees
MAX_SHARE = 0.6  # of the picture; anything larger is ground, not an object


@dataclass(frozen=True)
class Tint:
    """Pixels along `seed` (opponent colour, (2,)) by at least `least` and turned by at most MAX_TURN belong."""

    seed: np.ndarray
    least: float = 0.5

    def split(self, tints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """tints (H, W, 2) along the seed (1 = as saturated, 0 = grey) and across it, each float32 (H, W)."""
        strength = float(self.seed @ self.seed)
        a, b = float(self.seed[0]) / strength, float(self.seed[1]) / strength
        red, yellow = tints[:, :, 0], tints[:, :, 1]
        return a * red + b * yellow, a * yellow - b * red

    def region(self, tints: np.ndarray, found: np.ndarray) -> np.ndarray:
        """The part of tints (H, W, 2) that belongs and hangs together where bool (H, W) `found` says, holes filled."""
        along, across = self.split(tints)
        member = self.member(along, across)
        return self.closed(overlapping_component(member, found), tints, along, across)

    def member(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        return (along > self.least) & (np.abs(across) < MAX_TURN * along)

    def closed(
        self, region: np.ndarray, tints: np.ndarray, along: np.ndarray, across: np.ndarray
    ) -> np.ndarray:
        """Highlights are holes to fill; an object of another tint that stands in front is not."""
        tinted = tints[:, :, 0] ** 2 + tints[:, :, 1] ** 2 > (2 * MIN_TINT) ** 2
        foreign = tinted & (np.abs(across) > MAX_TURN * along)
        return fill_holes(region) & (region | ~foreign)


def grow_by_colour(frame: np.ndarray, row: int, column: int) -> tuple[np.ndarray, float]:
    """The connected region of the tint under (row, column) in (H, W, 3) uint8: bool (H, W), confidence 0..1.

    Confidence is how far the tint of the region stands out of its surroundings; 0 when the click hit grey.
    """
    nothing = np.zeros(frame.shape[:2], bool)
    small, scale = shrink(frame, SIDE)
    row, column = min(int(row * scale), small.shape[0] - 1), min(int(column * scale), small.shape[1] - 1)
    side = max(small.shape[:2])
    tints, brightness = _tints(small)
    seed = _seed(tints, brightness, row, column, side)
    if float(np.hypot(*seed)) < MIN_TINT:
        return nothing, 0.0
    tint = Tint(seed)
    along, across = tint.split(tints)
    ground = float(np.median(along[::2, ::2]))
    tint = Tint(seed, float(np.clip((1 + ground) / 2, 0.35, 0.75)))
    region = component_at(tint.member(along, across), row, column, reach=round(HIGHLIGHT_REACH * side))
    if not region.any():
        return nothing, 0.0
    region = tint.closed(region, tints, along, across)
    if not region[row, column]:  # the click was white, but no highlight of the colour beside it
        return nothing, 0.0
    confidence = _confidence(region, along)
    return (region if scale == 1 else _redrawn(frame, region, tint, scale)), confidence


def _redrawn(frame: np.ndarray, region: np.ndarray, tint: Tint, scale: float) -> np.ndarray:
    """The region bool (h, w) of the small picture from the frame's own pixels, bool (H, W)."""
    height, width = frame.shape[:2]
    top, bottom, left, right = bounds(region, MARGIN)
    rows = slice(int(top / scale), min(height, round(bottom / scale)))
    columns = slice(int(left / scale), min(width, round(right / scale)))
    part = frame[rows, columns]
    found = cv2.resize(
        region[top:bottom, left:right].astype(np.uint8),
        part.shape[1::-1],
        interpolation=cv2.INTER_NEAREST,
    )
    drawn = np.zeros((height, width), bool)
    drawn[rows, columns] = tint.region(_tints(part)[0], found != 0)
    return drawn


def _tints(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opponent colour over brightness (H, W, 2), which shading leaves alone, and brightness (H, W)."""
    red, green, blue = cv2.split(frame.astype(np.float32))
    brightness = cv2.max(cv2.max(red, green), blue)
    over = 1 / (brightness + FLOOR)
    tints = np.empty((*frame.shape[:2], 2), np.float32)
    tints[:, :, 0] = (red - (green + blue) * 0.5) * over
    tints[:, :, 1] = (green - blue) * (over * 0.866)
    return tints, brightness


def _seed(tint: np.ndarray, brightness: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    """The object's tint: the median about the click, or where that is white the most saturated nearby."""
    sample = _patch(tint, row, column, max(1, round(PATCH * side))).reshape(-1, 2)
    seed = np.median(sample, axis=0)
    if np.hypot(*seed) >= 2 * MIN_TINT or brightness[row, column] < 200:
        return seed
    wide = _patch(tint, row, column, round(HIGHLIGHT_REACH * side)).reshape(-1, 2)
    strength = np.hypot(wide[:, 0], wide[:, 1])
    return np.median(wide[strength >= np.quantile(strength, 0.7)], axis=0)


def _patch(values: np.ndarray, row: int, column: int, radius: int) -> np.ndarray:
    return values[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1]


def _confidence(region: np.ndarray, along: np.ndarray) -> float:
    if float(region.mean()) > MAX_SHARE:
        return 0.0
    ring = ring_around(region, width=3)
    outside = float(np.median(along[ring])) if ring.any() else 1.0
    inside = float(np.median(along[region]))
    contrast = np.clip((inside - outside) / max(inside, 1e-6), 0, 1)
    return float(contrast * (1 - border_share(region)))
