"""First frames: from an example, the composer, an upload or the browser's own store, to a page's session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import UserError
from ..images import Fit, fit_image, read_image
from ..world import SceneSpec, first_frame
from .composer import read_scene
from .gallery import FRAME, example, jpeg_url
from .sessions import Frame, Session, frame_id
from .studio import file_url

SMALL_SIDE = 256  # a smaller upload is enlarged to this, so that its masks have smooth edges


def from_example(session: Session, index: int) -> Frame:
    """An example's first frame. Raises UserError for an example that does not exist."""
    try:
        scene, pixels, masks = example(index)
    except IndexError:
        raise UserError(f"There is no example {index}: please choose one of those shown.") from None
    return session.add(pixels, scene, masks)


def from_scene(session: Session, scene: SceneSpec) -> Frame:
    """The first frame of a composed scene."""
    pixels, masks = first_frame(scene, FRAME)
    return session.add(pixels, scene, masks)


def from_upload(session: Session, path: Path, aspect: float) -> tuple[Frame, np.ndarray, Fit]:
    """An uploaded picture, cropped to `aspect`; and the source with the crop that was taken. Raises UserError."""
    source = read_image(path)
    pixels, fit = fit_image(source, aspect)
    longest = max(pixels.shape[:2])
    if longest < SMALL_SIDE:
        zoom = SMALL_SIDE / longest
        pixels = cv2.resize(pixels, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    return session.add(pixels), source, fit


def from_browser(session: Session, pixels: np.ndarray, source: Any) -> Frame:
    """A frame that the browser has kept; if its source still gives the same pixels, with its scene."""
    kind = source.get("kind") if isinstance(source, Mapping) else None
    try:
        if kind == "example":
            scene, made, masks = example(int(source["index"]))
        elif kind == "scene":
            scene = read_scene(source)
            made, masks = first_frame(scene, FRAME)
        else:
            return session.add(pixels)
    except (UserError, IndexError, KeyError, TypeError, ValueError):
        return session.add(pixels)
    same = frame_id(made) == frame_id(pixels)
    return session.add(pixels, scene, masks) if same else session.add(pixels)


def shown(frame: Frame, source: dict[str, Any]) -> dict[str, Any]:
    """The editor's `frame` property: what the script needs to show it and to name it in the document."""
    return {"id": frame.id, "url": file_url(frame.path), "source": source}


def upload_source(source: np.ndarray, fit: Fit) -> dict[str, Any]:
    """What a document tells of a frame that was uploaded: its crop as left, top, width, height, of width, of height."""
    crop = [fit.left, fit.top, fit.width, fit.height, source.shape[1], source.shape[0]]
    return {"kind": "upload", "crop": crop}


def crop_picture(source: np.ndarray, fit: Fit, side: int = 420) -> str:
    """The uploaded picture with what was cut off dimmed, as HTML."""
    height, width = source.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    url = jpeg_url(cv2.resize(source, size, interpolation=cv2.INTER_AREA))
    left, top = 100 * fit.left / width, 100 * fit.top / height
    wide, high = 100 * fit.width / width, 100 * fit.height / height
    box = f"left:{left:.2f}%;top:{top:.2f}%;width:{wide:.2f}%;height:{high:.2f}%"
    part = f"the middle {fit.width} x {fit.height} of {width} x {height} pixels"
    kept = "the whole picture" if wide > 99.5 and high > 99.5 else part
    return (
        f'<div class="crop"><div class="crop-picture"><img src="{url}" alt="Your picture"><i style="{box}"></i></div>'
        f"<p>Using {kept}.</p></div>"
    )
