"""The gallery of example scenes: the first scenes of the test split, none of them chosen by hand."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ...world import SceneSpec, first_frame, sample_scene
from ..parts import Part, sources

COUNT = 16
THUMBNAIL = 128  # px
FRAME = 512  # px, the side of a first frame of the world on the page


class Gallery(Part):
    """value: the list that `thumbnails` returns; its event `choose` carries the index of a scene."""

    SOURCES = sources("gallery", "gallery")


def thumbnails() -> list[dict[str, Any]]:
    """index, title and picture of every example scene."""
    entries = []
    for index in range(COUNT):
        scene = sample_scene("test", index)
        picture, _ = first_frame(scene, THUMBNAIL)
        entries.append({"index": index, "title": title(scene), "url": jpeg_url(picture)})
    return entries


def title(scene: SceneSpec) -> str:
    """ "red cube, cyan sphere"."""
    return ", ".join(item.name for item in scene.objects)


@lru_cache(maxsize=32)
def example(index: int) -> tuple[SceneSpec, np.ndarray, np.ndarray]:
    """Scene, first frame (512, 512, 3) and masks (N, 512, 512) of an example; IndexError for one not shown."""
    if not 0 <= index < COUNT:
        raise IndexError(index)
    scene = sample_scene("test", index)
    return scene, *first_frame(scene, FRAME)


def jpeg_url(picture: np.ndarray, quality: int = 88) -> str:
    """uint8 (H, W, 3) -> a data URL."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
