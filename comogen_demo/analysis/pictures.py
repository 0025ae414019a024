"""Pictures of a layer analysis: the scores' box plot, and each block's attention over the frames of a
video."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Colour = tuple[int, int, int]

INK, GREY, LIGHT = (30, 30, 30), (120, 120, 120), (225, 225, 225)
BLUE, ORANGE = (70, 110, 190), (215, 100, 20)
HEIGHT, LEFT, TOP, BOTTOM = 420, 70, 44, 56
MOST_WIDTH, LEAST_SLOT = 1600, 22
MAPS_FRAMES, MAPS_SIDE, MAPS_TITLE = 7, 96, 84


def box_plot(by_scene: np.ndarray, motion_layers: Sequence[int], floor: float) -> np.ndarray:
    """Each block's scores over scenes, uint8 (H, W, 3) RGB.

    by_scene: (scenes, blocks). Boxes span the quartiles with the median as a line; whiskers reach the
    farthest score within 1.5 times the box's height of it, scores beyond are dots. Motion Layers are orange;
    the dashed line is the floor.
    """
    blocks = by_scene.shape[1]
    slot = int(np.clip((MOST_WIDTH - LEFT) / blocks, LEAST_SLOT, 64))
    width = LEFT + slot * blocks + 20
    picture = np.full((HEIGHT, width, 3), 255, np.uint8)
    top = max(float(by_scene.max()), floor) * 1.05

    def y(value: float) -> int:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top))

    step = _tick(top)
    for k in range(int(top / step) + 1):
        cv2.line(picture, (LEFT, y(k * step)), (width - 20, y(k * step)), LIGHT, 1)
        _text(picture, f"{k * step:.2f}", (LEFT - 8, y(k * step) + 4), right=True)
    for x in range(LEFT, width - 20, 12):
        cv2.line(picture, (x, y(floor)), (min(x + 6, width - 20), y(floor)), GREY, 1)
    for i in range(blocks):
        _box(picture, [y(v) for v in _five(by_scene[:, i])], LEFT + slot * i, slot, i in motion_layers)
        for value in _outside(by_scene[:, i]):
            cv2.circle(picture, (LEFT + slot * i + slot // 2, y(value)), 2, GREY, -1, cv2.LINE_AA)
        _text(picture, str(i), (LEFT + slot * i + slot // 2, HEIGHT - BOTTOM + 18), centre=True)
    _text(picture, f"attention score of each block over {len(by_scene)} scenes", (LEFT, 18))
    _text(picture, "orange: Motion Layers; dashed: a uniform map", (LEFT, 36), GREY)
    _text(picture, "block", (LEFT + slot * blocks // 2, HEIGHT - 14), centre=True)
    return picture


def attention_sheet(
    frames: np.ndarray, maps: np.ndarray, grid: tuple[int, int, int], motion_layers: Sequence[int]
) -> np.ndarray:
    """Each block's map over some frames of a video, a row a block, uint8 (H, W, 3) RGB.

    frames: uint8 (T, H, W, 3); maps: (blocks, N) attention on the token grid (T', h', w'). A latent frame
    stands over the last of the frames that it spans; its colours run from its least to its greatest weight.
    """
    chosen = np.unique(np.linspace(0, grid[0] - 1, min(MAPS_FRAMES, grid[0])).round().astype(int))
    height = round(MAPS_SIDE * frames.shape[1] / frames.shape[2])
    under = [cv2.resize(frames[4 * t], (MAPS_SIDE, height), interpolation=cv2.INTER_AREA) for t in chosen]
    rows = [_titled("", under, INK)]
    for i, map_ in enumerate(maps.reshape(len(maps), *grid)):
        tiles = [overlay(frame, map_[t]) for frame, t in zip(under, chosen, strict=True)]
        rows.append(_titled(f"block {i}", tiles, ORANGE if i in motion_layers else INK))
    return np.concatenate(rows, 0)


def overlay(frame: np.ndarray, map_: np.ndarray) -> np.ndarray:
    """A map (h', w') in colours over a frame uint8 (H, W, 3) in grey, both to equal parts."""
    spread = float(map_.max() - map_.min())
    level = (255 * (map_ - map_.min()) / spread if spread else np.zeros_like(map_)).astype(np.uint8)
    large = cv2.resize(level, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)[..., ::-1]
    grey = np.repeat(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None], 3, -1)
    return cv2.addWeighted(np.ascontiguousarray(heat), 0.5, grey, 0.5, 0)


def png(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) RGB as a PNG file."""
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def _five(values: np.ndarray) -> list[float]:
    """Lower whisker, quartiles, upper whisker."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    return [float(v) for v in (inside.min(), low, middle, high, inside.max())]


def _outside(values: np.ndarray) -> list[float]:
    first, *_, last = _five(values)
    return [float(v) for v in values if not first <= v <= last]


def _box(picture: np.ndarray, heights: Sequence[int], left: int, slot: int, motion: bool) -> None:
    lower, quarter, median, three, upper = heights
    colour = ORANGE if motion else BLUE
    a, b, middle = left + slot // 5, left + slot - slot // 5, left + slot // 2
    cv2.line(picture, (middle, lower), (middle, upper), colour, 1)
    for y in (lower, upper):
        cv2.line(picture, (middle - slot // 8, y), (middle + slot // 8, y), colour, 1)
    pale = tuple(int(255 - 0.45 * (255 - c)) for c in colour)
    cv2.rectangle(picture, (a, three), (b, quarter), pale, -1)
    cv2.rectangle(picture, (a, three), (b, quarter), colour, 1)
    cv2.line(picture, (a, median), (b, median), INK, 2)


def _titled(title: str, tiles: Sequence[np.ndarray], colour: Colour) -> np.ndarray:
    margin = np.full((tiles[0].shape[0], MAPS_TITLE, 3), 255, np.uint8)
    _text(margin, title, (8, margin.shape[0] // 2 + 4), colour)
    row = np.concatenate([margin, *tiles], 1)
    return cv2.copyMakeBorder(row, 0, 2, 0, 0, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _tick(top: float) -> float:
    """A round step that divides 0..top into four to ten parts."""
    return next(step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if top / step <= 10)


def _text(
    picture: np.ndarray,
    text: str,
    at: tuple[int, int],
    colour: Colour = INK,
    centre: bool = False,
    right: bool = False,
) -> None:
    """Writes with the base line's start, middle or end at x, y."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    wide = cv2.getTextSize(text, font, scale, 1)[0][0]
    x = at[0] - (wide // 2 if centre else wide if right else 0)
    cv2.putText(picture, text, (x, at[1]), font, scale, colour, 1, cv2.LINE_AA)
