"""What the server keeps of driving videos: the file, the part that is cut out of it, the subject's track, and all of it
as pictures for the browser. A clip is reached by its unguessable id and its owner's key, so nobody meets another's.
"""

from __future__ import annotations

import hmac
import shutil
import threading
import time
import uuid
import zlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..driving import ClipInfo, Tracking, probe, read_clip
from ..errors import UserError
from ..jobs import Job
from ..selection.interface import UNSURE, Selector, Tracked
from .clip_pictures import filmstrip, jpeg, looks, overlay

if TYPE_CHECKING:
    from .laying import Laid

SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")  # what the browser is told that a file is
STEPS = 16  # changes that can be undone


@dataclass(frozen=True)
class State:
    """A tracking as it was before a change. masks: packed, None where there was none."""

    given: dict[int, np.ndarray]
    masks: list[bytes | None]
    confidence: list[float | None]


@dataclass(eq=False)
class Cut:
    """A part of a clip: `frames` uint8 (T, H, W, 3) mapped from a file, their pictures, and the track in them.

    versions: by frame, a number that changes with the mask (0: no mask); its picture is masks/FRAME-VERSION.png.
    outdated: pictures of earlier versions, the last few of which are still there.
    """

    folder: Path
    start: float  # seconds
    end: float
    fps: float
    frames: np.ndarray
    tracking: Tracking
    versions: list[int]
    history: deque[State] = field(default_factory=lambda: deque(maxlen=STEPS))
    drawn: int = 0
    outdated: deque[Path] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.frames)

    def give(self, index: int, mask: np.ndarray) -> None:
        """The user's own mask bool (H, W) for a frame; those that depend on it go. UserError as `Tracking.give`."""
        before = self._state()
        self.tracking.give(index, mask)
        self.history.append(before)
        self._show_all(before)

    def forget(self, index: int) -> None:
        """Takes the mask that was given for a frame back. Raises UserError if none was."""
        if index not in self.tracking.given:
            raise UserError(f"No mask was given for frame {index + 1}: go to a frame with a diamond.")
        before = self._state()
        self.tracking.forget(index)
        self.history.append(before)
        self._show_all(before)

    def undo(self) -> None:
        """Back to before the last change of the user's masks. Raises UserError when there is none."""
        if not self.history:
            raise UserError("There is nothing to take back.")
        track, now, before = self.tracking, self._state(), self.history.pop()
        track.given.clear()
        track.given.update(before.given)
        track.confidence[:] = before.confidence
        track.masks[:] = [_unpack(mask, self.frames.shape[1:3]) for mask in before.masks]
        self._show_all(now)

    def follow(self, selector: Selector) -> Iterator[Tracked]:
        """Tracks what is missing, one frame a yield; what was tracked is kept if it ends early."""
        for tracked in self.tracking.follow(selector, self.tracking.missing()):
            self._show(tracked.index)
            yield tracked

    def missing(self) -> int:
        """How many frames are to be tracked."""
        return sum(abs(stop - start) - 1 for start, stop in self.tracking.missing())

    def kinds(self) -> str:
        """A letter for each frame: t tracked, d doubtful, h out of sight, . without a mask."""
        return "".join(map(_kind, self.tracking.masks, self.tracking.confidence))

    def known(self) -> tuple[int, int]:
        """The first and the last frame of the longest time in which every frame has a mask; (0, -1) without any."""
        has = [i for i, mask in enumerate(self.tracking.masks) if mask is not None]
        return max(_runs(has), key=lambda run: run[1] - run[0], default=(0, -1))

    def _show_all(self, before: State) -> None:
        for i, mask in enumerate(before.masks):
            if _pack(self.tracking.masks[i]) != mask:
                self._show(i)

    def _show(self, index: int) -> None:
        """Draws the picture of a frame's mask anew."""
        place, mask = self.folder / "masks", self.tracking.masks[index]
        old = place / f"{index}-{self.versions[index]}.png"
        self.drawn += 1
        if mask is not None:
            (place / f"{index}-{self.drawn}.png").write_bytes(overlay(mask))
        self.versions[index] = self.drawn if mask is not None else 0
        self.outdated.append(old)  # a browser may be about to ask for it
        while len(self.outdated) > 2 * len(self):
            self.outdated.popleft().unlink(missing_ok=True)

    def _state(self) -> State:
        track = self.tracking
        return State(dict(track.given), [_pack(mask) for mask in track.masks], list(track.confidence))


class Clip:
    """A driving video of one user, whose browser knows the key `owner`.

    job: the tracking that runs or has run. serial: it grows with every change. laid: the tracks that were made of it,
    by their ids.
    """

    def __init__(self, folder: Path, path: Path, owner: str):
        """Takes a copy of the file. Raises UserError when it is no video that can be read."""
        self.info: ClipInfo = probe(path)
        self.id, self.folder, self.name, self.owner = folder.name, folder, path.name, owner
        self.laid: dict[str, Laid] = {}
        self.cut: Cut | None = None
        self.job: Job | None = None
        self.serial, self.used = 0, time.monotonic()
        self.lock = threading.RLock()
        folder.mkdir(parents=True)
        suffix = path.suffix.lower()
        self.file = folder / f"video{suffix if suffix in SUFFIXES else '.mp4'}"
        shutil.copyfile(path, self.file)
        self.strip = folder / "strip.jpg"
        self.strip.write_bytes(filmstrip(looks(path, self.info)))

    @property
    def title(self) -> str:
        """Its file's name as a track is called: "my_clip-03.mp4" -> "my clip 03"."""
        words = " ".join(Path(self.name).stem.replace("_", " ").replace("-", " ").split())
        return words[:40].strip() or "driving video"

    @property
    def busy(self) -> bool:
        return self.job is not None and not self.job.over

    def check_free(self) -> None:
        """Raises UserError while the subject is being tracked."""
        if self.busy:
            raise UserError("The subject is being tracked: wait for it, or press Stop first.")

    def part(self) -> Cut:
        """What is cut out. Raises UserError when nothing is yet."""
        if self.cut is None:
            raise UserError("No part of the video is cut out yet: choose one first.")
        return self.cut

    def cut_out(self, start: float, end: float, fps: float) -> int:
        """Cuts a part out, in the place of an earlier one; masks given there stay if the same pictures are in both.

        Returns how many masks were lost. Raises UserError as `read_clip`, and changes nothing then.
        """
        pixels = read_clip(self.file, start, end, fps)
        place = self.folder / uuid.uuid4().hex
        (place / "masks").mkdir(parents=True)
        np.save(place / "frames.npy", pixels)
        for i, picture in enumerate(pixels):
            (place / f"{i}.jpg").write_bytes(jpeg(picture))
        (place / "strip.jpg").write_bytes(filmstrip(pixels))
        frames = np.load(place / "frames.npy", mmap_mode="r")
        cut = Cut(place, start, min(end, self.info.seconds), fps, frames, Tracking(frames), [0] * len(frames))
        with self.lock:
            self.check_free()
            old, lost = self.cut, 0
            for index, mask in old.tracking.given.items() if old else ():
                seconds = old.start + index / old.fps if old else 0.0
                here = round((seconds - start) * fps)
                same = abs(start + here / fps - seconds) < 0.5 / self.info.fps
                if same and 0 <= here < len(frames):
                    cut.give(here, mask)
                else:
                    lost += 1
            cut.history.clear()
            self.cut = cut
            self.serial += 1
        if old:
            shutil.rmtree(old.folder, ignore_errors=True)
        return lost

    def bytes(self) -> int:
        """What it takes on the disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


class Clips:
    """Clips by their ids: the least recently used go when there are more than `keep`, or when they take more than
    `most` bytes together; all go that were not used for `idle` seconds. One that is being tracked stays.
    """

    def __init__(self, folder: Path, keep: int = 12, most: int = 2 * 2**30, idle: float = 3 * 3600.0):
        self._folder, self._keep, self._most, self._idle = folder, keep, most, idle
        self._clips: OrderedDict[str, Clip] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, path: Path, owner: str) -> Clip:
        """Takes a file in for whoever has the key `owner`. Raises UserError when it is no video that can be read."""
        folder = self._folder / uuid.uuid4().hex
        try:
            clip = Clip(folder, path, owner)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._clips[clip.id] = clip
        self.tidy()
        return clip

    def get(self, id: str, owner: str) -> Clip:
        """Raises Gone when it is not kept (any more), or is another's."""
        with self._lock:
            clip = self._clips.get(id)
            if clip is None or not hmac.compare_digest(clip.owner.encode(), owner.encode()):
                raise Gone
            self._clips.move_to_end(id)
            clip.used = time.monotonic()
            return clip

    def drop(self, id: str) -> None:
        with self._lock:
            clip = self._clips.pop(id, None)
        if clip:
            shutil.rmtree(clip.folder, ignore_errors=True)

    def tidy(self) -> None:
        """Lets go of what is too much or too old; never of the one used last."""
        with self._lock:
            old = [clip for clip in self._clips.values() if not clip.busy]
            sizes = {clip.id: clip.bytes() for clip in self._clips.values()}
            count, total, now = len(sizes), sum(sizes.values()), time.monotonic()
            going = []
            for clip in old:
                last = next(reversed(self._clips)) == clip.id
                if last or not (count > self._keep or total > self._most or now - clip.used > self._idle):
                    continue
                going.append(self._clips.pop(clip.id))
                count, total = count - 1, total - sizes[clip.id]
        for clip in going:
            shutil.rmtree(clip.folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._clips)


class Gone(UserError):
    """The clip that a page asks for is not kept."""

    def __init__(self) -> None:
        super().__init__(
            "The video is not kept here any more: please choose it again. What you put on the picture stays."
        )


def _kind(mask: np.ndarray | None, confidence: float | None) -> str:
    if mask is None:
        return "."
    if confidence is not None and confidence < UNSURE:
        return "d"
    return "t" if mask.any() else "h"


def _pack(mask: np.ndarray | None) -> bytes | None:
    return None if mask is None else zlib.compress(np.packbits(mask).tobytes(), 1)


def _unpack(packed: bytes | None, size: tuple[int, ...]) -> np.ndarray | None:
    if packed is None:
        return None
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=size[0] * size[1])
    return bits.reshape(size[0], size[1]).astype(bool)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as (first, last) of each run without a gap."""
    begin = 0
    for i in range(len(numbers)):
        if i + 1 == len(numbers) or numbers[i + 1] != numbers[i] + 1:
            yield numbers[begin], numbers[i]
            begin = i + 1
