"""Pictures of a driving video for the browser: a part's frames, its filmstrip, and masks to be laid on frames."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..driving import ClipInfo, read_clip

THUMBS, THUMB_SIDE = 10, 72  # of a filmstrip; px
ONE_PASS = 30.0  # seconds of video that are decoded whole for its filmstrip; a longer one is looked into here and there
FILL, RIM, SHADE = (255, 140, 91, 110), (255, 255, 255, 255), (28, 16, 12, 150)  # of a mask's picture, BGRA


def overlay(mask: np.ndarray) -> bytes:
    """A mask bool (H, W) as a PNG to be laid on its frame: tinted, with a white rim and a dark one around it."""
    inside, cross = mask.astype(np.uint8), np.ones((3, 3), np.uint8)
    wide = max(1, round(max(mask.shape) / 320))
    picture = np.zeros((*mask.shape, 4), np.uint8)
    grown = cv2.dilate(inside, cross, iterations=wide) > 0
    core = cv2.erode(inside, cross, iterations=wide, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    picture[grown & ~mask] = SHADE
    picture[mask] = FILL
    picture[mask & ~core] = RIM
    return _encoded(".png", picture)


def filmstrip(pixels: np.ndarray) -> bytes:
    """Some pictures of uint8 (T, H, W, 3), spread over all, side by side as a JPEG: the middle square of each."""
    height, width = pixels.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    chosen = np.linspace(0, len(pixels) - 1, THUMBS).round().astype(int)
    squares = pixels[chosen, top : top + side, left : left + side]
    size = (THUMB_SIDE, THUMB_SIDE)
    return jpeg(np.hstack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in squares]))


def looks(path: Path, info: ClipInfo) -> np.ndarray:
    """Small pictures spread over a whole video: uint8 (T, h, w, 3). Raises UserError as `read_clip`."""
    side = 3 * THUMB_SIDE
    if info.seconds <= ONE_PASS:
        return read_clip(path, 0.0, info.seconds, (THUMBS - 0.5) / info.seconds, side)
    rate = max(info.fps, 1.0)
    starts = np.linspace(0, info.seconds - 4 / rate, THUMBS)
    return np.stack([read_clip(path, float(at), float(at) + 2 / rate, rate, side)[0] for at in starts])


def jpeg(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) -> JPEG."""
    return _encoded(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 86])


def _encoded(kind: str, picture: np.ndarray, options: list[int] | None = None) -> bytes:
    done, data = cv2.imencode(kind, picture, options or [])
    if not done:
        raise RuntimeError("the picture could not be encoded")
    return data.tobytes()
