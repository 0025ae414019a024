"""Growing a region of one tint: robust to shading and to white highlights, which leave the hue alone."""

from __future__ import annotations

import cv2
import numpy as np

from .regions import border_share, component_at, fill_holes, ring_around

PATCH = 0.012  # radius of the sample around the click, as a share of the longer side
HIGHLIGHT_REACH = 0.05  # how far from a click on a highlight the object's own colour is looked for
MIN_TINT = 0.12  # below it the click hit something grey
FLOOR = 6.0  # of 255; added to the brightness, since hue is noise in the dark
MAX_TURN = 0.42  # hue deviation against saturation: tan of some 23 degrees
MAX_SHARE = 0.6  # of the picture; anything larger is ground, not an object


def grow_by_colour(frame: np.ndarray, row: int, column: int) -> tuple[np.ndarray, float]:
    """The connected region of the tint under (row, column) in (H, W, 3) uint8: bool (H, W), confidence 0..1.

    Confidence is how far the tint of the region stands out of its surroundings; 0 when the click hit grey.
    """
    side = max(frame.shape[:2])
    tint, brightness = _tints(frame)
    seed = _seed(tint, brightness, row, column, side)
    strength = float(np.hypot(*seed))
    if strength < MIN_TINT:
        return np.zeros(frame.shape[:2], bool), 0.0
    along = (tint @ seed) / strength**2  # 1 = as saturated as the seed, 0 = grey
    across = (tint @ np.array([-seed[1], seed[0]], np.float32)) / strength**2
    ground = float(np.median(along))
    least = np.clip((1 + ground) / 2, 0.35, 0.75)
    member = (along > least) & (np.abs(across) < MAX_TURN * along)
    region = component_at(member, row, column, reach=round(HIGHLIGHT_REACH * side))
    if not region.any():
        return region, 0.0
    foreign = (np.hypot(tint[:, :, 0], tint[:, :, 1]) > 2 * MIN_TINT) & (np.abs(across) > MAX_TURN * along)
    region = fill_holes(region) & (
        region | ~foreign
    )  # highlights are holes; so is an object that stands in front
    if not region[row, column]:  # the click was white, but no highlight of the colour beside it
        return np.zeros_like(region), 0.0
    return region, _confidence(region, along)


def _tints(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opponent colour over brightness (H, W, 2), which shading leaves alone, and brightness (H, W)."""
    red, green, blue = (frame[:, :, i].astype(np.float32) for i in range(3))
    brightness = cv2.max(cv2.max(red, green), blue)
    opponent = np.stack([red - (green + blue) / 2, (green - blue) * 0.866], axis=2)
    return opponent / (brightness + FLOOR)[:, :, None], brightness


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
    share = float(region.mean())
    if share > MAX_SHARE:
        return 0.0
    ring = ring_around(region, width=4)
    outside = float(np.median(along[ring])) if ring.any() else 1.0
    inside = float(np.median(along[region]))
    contrast = np.clip((inside - outside) / max(inside, 1e-6), 0, 1)
    return float(contrast * (1 - border_share(region)))
