"""What the server keeps for an open page: the first frames it has shown, bounded, freed when the page closes."""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..world import SceneSpec


@dataclass(frozen=True)
class Frame:
    """A first frame on the page.

    id: a digest of the pixels, so that a browser that hands the same picture over again means the same frame;
    pixels uint8 (H, W, 3); path: its PNG file; scene and masks bool (N, H, W): known for frames of the world only.
    """

    id: str
    pixels: np.ndarray
    path: Path
    scene: SceneSpec | None = None
    masks: np.ndarray | None = None


class Session:
    """The frames of one page, the youngest `keep` of them."""

    def __init__(self, folder: Path, keep: int = 8):
        self.folder, self._keep = folder, keep
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._lock = threading.Lock()
        folder.mkdir(parents=True)

    def add(
        self, pixels: np.ndarray, scene: SceneSpec | None = None, masks: np.ndarray | None = None
    ) -> Frame:
        """Keeps a first frame and writes its PNG file."""
        id = frame_id(pixels)
        with self._lock:
            known = self._frames.pop(id, None)
            frame = (
                known if known and (known.scene or scene is None) else self._write(id, pixels, scene, masks)
            )
            self._frames[id] = frame
            while len(self._frames) > self._keep:
                self._frames.popitem(last=False)[1].path.unlink(missing_ok=True)
        return frame

    def get(self, id: str) -> Frame | None:
        with self._lock:
            if id in self._frames:
                self._frames.move_to_end(id)
            return self._frames.get(id)

    def _write(self, id: str, pixels: np.ndarray, scene: SceneSpec | None, masks: np.ndarray | None) -> Frame:
        path = self.folder / f"{id}.png"
        path.write_bytes(png_bytes(pixels))
        return Frame(id, pixels, path, scene, masks)


class Sessions:
    """Sessions by the page's hash; the least recently used go first when there are more than `keep`."""

    def __init__(self, folder: Path, keep: int = 64):
        self._folder, self._keep = folder, keep
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, page: str) -> Session:
        """The session of a page, made if it is new. The folder's name cannot be guessed from the page's hash."""
        with self._lock:
            if page not in self._sessions:
                self._sessions[page] = Session(self._folder / uuid.uuid4().hex)
            self._sessions.move_to_end(page)
            surplus = [self._sessions.popitem(last=False)[1] for _ in range(len(self._sessions) - self._keep)]
            session = self._sessions[page]
        for old in surplus:
            shutil.rmtree(old.folder, ignore_errors=True)
        return session

    def drop(self, page: str) -> None:
        """Frees all that was kept for a page."""
        with self._lock:
            session = self._sessions.pop(page, None)
        if session:
            shutil.rmtree(session.folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._sessions)


def frame_id(pixels: np.ndarray) -> str:
    """A digest of a picture's size and pixels, 32 hex digits."""
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()[
        :32
    ]


def png_bytes(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) RGB or bool (H, W) -> PNG."""
    drawn = (
        picture.astype(np.uint8) * 255 if picture.dtype == bool else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    )
    done, data = cv2.imencode(".png", drawn)
    if not done:
        raise RuntimeError("the picture could not be encoded")
    return data.tobytes()
