"""The project document: the one truth about a piece of work, as JSON that page, command line and people exchange."""

from __future__ import annotations

import io
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from .errors import UserError
from .images import read_image
from .masks import Keyframe, Shape, check_keyframes, make_shape
from .masks.pictures import decode_png
from .masks.rasterise import blank, check_bytes, draw
from .masks.validate import MAX_FRAMES
from .project_reading import (
    DATA_URL,
    MAX_JSON,
    VERSION,
    data_url,
    field,
    number,
    of_kind,
    parse,
    png,
    read_text,
    text,
)
from .settings import Settings

__all__ = ["DATA_URL", "MAX_JSON", "VERSION", "Project", "Track", "mask_png", "picture_png"]

MAX_IMAGE, MAX_MASK = (
    24 * 2**20,
    2 * 2**20,
)  # bytes of one PNG; of all together the document's 48 MB are the limit
MAX_TRACKS, MAX_KEYFRAMES, MAX_SHAPES = 16, MAX_FRAMES, MAX_FRAMES  # the last two of one track
MAX_PROMPT, MAX_NAME = 2000, 100
MAX_DRAWN = 2**32  # pixels of all shapes together
HELD_SHAPES = 4  # as many as one moment of a smooth path can ask for
ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.png)?")


@dataclass(frozen=True)
class Track:
    """One object and its way. Every shape is a PNG of the frame's size, in which what is not zero is the object."""

    id: str
    name: str
    colour: str  # "#rrggbb"
    shapes: tuple[bytes, ...]
    keyframes: tuple[Keyframe, ...] = ()
    on: bool = True  # it is part of the control
    visible: bool = True  # it is drawn in the editor
    locked: bool = False  # the pointer cannot change it
    smooth: float = 0.0  # 0..1: how round its path is

    def array(self, shape: int = 0) -> np.ndarray:
        """One of the masks as drawn, bool (H, W). Raises UserError when its PNG is damaged."""
        return decode_png(self.shapes[shape])


@dataclass(frozen=True)
class Project:
    """`image` is the first frame: PNG bytes, the name of a PNG file kept beside the document, or None."""

    frames: int = 25
    image: bytes | str | None = None
    tracks: tuple[Track, ...] = ()
    prompt: str = ""
    settings: Settings = Settings()
    version: int = VERSION

    def to_json(self) -> str:
        """The document as JSON text; `from_json` gives an equal project."""
        tracks = [
            asdict(track) | {"shapes": [data_url(shape) for shape in track.shapes]} for track in self.tracks
        ]
        image = data_url(self.image) if isinstance(self.image, bytes) else self.image or ""
        document = asdict(self) | {"image": image, "tracks": tracks}
        return json.dumps(document, indent=1, ensure_ascii=False)

    @staticmethod
    def from_json(text: str | bytes) -> Project:
        """Read a document of this version or an older one.

        Raises UserError when it is damaged, oversized, or of a newer version than we know.
        """
        return _read(parse(text))

    @staticmethod
    def read(path: str | Path) -> Project:
        """The project in a JSON file, or inside of an MP4; UserError as from_json, or when there is none."""
        return Project.from_json(read_text(path))

    def size(self) -> tuple[int, int]:
        """(height, width) of the masks of the control. Raises UserError when no track is part of it."""
        return _size(self._control()[0].shapes[0])

    def masks(self, times: Sequence[float] | None = None) -> np.ndarray:
        """The control: all tracks that are on, rasterised and united at the given times (default: every frame).

        Returns bool (T, H, W). Raises UserError when no track is on, for masks that are damaged or of different
        sizes, and for too many or too large frames.
        """
        return self._rasterised(self._control(), times, self.size())

    def subjects(self, times: Sequence[float] | None = None) -> np.ndarray:
        """As `masks`, but each track that is on by itself: bool (K, T, H, W)."""
        tracks, size = self._control(), self.size()
        _check_amount(tracks)
        check_bytes(len(tracks) * (self.frames if times is None else len(times)), size)
        return np.stack([self._rasterised([track], times, size) for track in tracks])

    def track_masks(self, track: Track, times: Sequence[float] | None = None) -> np.ndarray:
        """One track on its own, whether it is on or not; as `masks` else."""
        return self._rasterised([track], times, _size(track.shapes[0]))

    def sample_times(self, frames: int) -> list[float]:
        """The times at which this project is seen when it is played in so many frames."""
        return np.linspace(0, self.frames - 1, frames).tolist()

    def picture(self, folder: str | Path) -> np.ndarray:
        """The first frame (H, W, 3) uint8, looked for in `folder` if the project only names it; else UserError."""
        if not self.image:
            raise UserError("The project has no picture; give one as well.")
        if isinstance(self.image, bytes):
            return read_image(self.image)
        return read_image(Path(folder) / f"{self.image.removesuffix('.png')}.png")

    def _control(self) -> list[Track]:
        if not self.tracks:
            raise UserError("The project has no object; select one and move it first.")
        control = [track for track in self.tracks if track.on]
        if not control:
            raise UserError("All objects of the project are turned off; turn on at least one.")
        return control

    def _rasterised(
        self, tracks: Sequence[Track], times: Sequence[float] | None, size: tuple[int, int]
    ) -> np.ndarray:
        times = range(self.frames) if times is None else times
        union = blank(len(times), size)
        _check_amount(tracks)
        for track in tracks:
            draw(union, _Shapes(track, size), track.keyframes, self.frames, track.smooth, times)
        return union


def _check_amount(tracks: Sequence[Track]) -> None:
    height, width = _size(tracks[0].shapes[0])
    shapes = sum(len(track.shapes) for track in tracks)
    if shapes * height * width > MAX_DRAWN:
        raise UserError(
            f"The project has {shapes} shapes of {width} x {height} px, which is too much; "
            "remove some or scale its picture down."
        )


class _Shapes(Sequence[Shape]):
    """A track's shapes, made when they are asked for; only the last few are held, as their distances are large."""

    def __init__(self, track: Track, size: tuple[int, int]):
        self._track, self._size = track, size
        self._held: OrderedDict[int, Shape] = OrderedDict()

    def __len__(self) -> int:
        return len(self._track.shapes)

    @overload
    def __getitem__(self, index: int) -> Shape: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Shape]: ...
    def __getitem__(self, index: int | slice) -> Shape | Sequence[Shape]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index not in self._held:
            mask = self._track.array(index)
            if mask.shape != self._size:
                raise UserError("The project's masks differ in size; select the objects again.")
            while len(self._held) >= HELD_SHAPES:
                self._held.popitem(last=False)
            self._held[index] = make_shape(mask)
        self._held.move_to_end(index)
        return self._held[index]


def mask_png(mask: np.ndarray) -> bytes:
    """A bool (H, W) mask as the PNG that tracks hold."""
    return _png(mask)


def picture_png(picture: np.ndarray) -> bytes:
    """A picture (H, W, 3) uint8 as the PNG that projects hold."""
    return _png(picture)


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _size(shape: bytes) -> tuple[int, int]:
    height, width = decode_png(shape).shape
    return height, width


def _read(document: Any) -> Project:
    frames = field(document, "frames", int)
    if not 1 <= frames <= MAX_FRAMES:
        raise UserError(f"The project has {frames} frames; it must have 1 to {MAX_FRAMES}.")
    entries = field(document, "tracks", list)
    if len(entries) > MAX_TRACKS:
        raise UserError(f"The project has {len(entries)} objects; at most {MAX_TRACKS} are read.")
    return Project(
        frames=frames,
        image=_image(field(document, "image", str, "")),
        tracks=tuple(_track(entry, place, frames) for place, entry in enumerate(entries)),
        prompt=text(document, "prompt", "", MAX_PROMPT),
        settings=_settings(field(document, "settings", dict, {})),
    )


def _track(entry: Any, place: int, frames: int) -> Track:
    keyframes = field(entry, "keyframes", list, [])
    if len(keyframes) > MAX_KEYFRAMES:
        raise UserError(f"An object has {len(keyframes)} keyframes; at most {MAX_KEYFRAMES} are read.")
    shapes = field(entry, "shapes", list)
    if not 1 <= len(shapes) <= MAX_SHAPES:
        raise UserError(f"An object has {len(shapes)} shapes; it must have 1 to {MAX_SHAPES}.")
    colour = text(entry, "colour", "#ff3b30", 7)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UserError(f"The project has the colour {colour!r}; it must look like #ff8800.")
    smooth = number(entry, "smooth", 0)
    if not 0 <= smooth <= 1:
        raise UserError(f"An object's path has the smoothness {smooth:g}; it must be within 0..1.")
    return Track(
        id=text(entry, "id", str(place), MAX_NAME),
        name=text(entry, "name", "", MAX_NAME),
        colour=colour,
        shapes=tuple(png(of_kind(shape, "shapes", str), MAX_MASK) for shape in shapes),
        keyframes=tuple(check_keyframes([_keyframe(key) for key in keyframes], frames, len(shapes))),
        on=field(entry, "on", bool, True),
        visible=field(entry, "visible", bool, True),
        locked=field(entry, "locked", bool, False),
        smooth=smooth,
    )


def _keyframe(entry: Any) -> Keyframe:
    ease = field(entry, "ease", list, [0, 0, 1, 1])
    if len(ease) != 4:
        raise UserError(f"An easing in the project has {len(ease)} numbers; it must have 4.")
    x1, y1, x2, y2 = (float(of_kind(value, "ease", (int, float))) for value in ease)
    return Keyframe(
        t=field(entry, "t", int),
        x=number(entry, "x", 0),
        y=number(entry, "y", 0),
        rotation=number(entry, "rotation", 0),
        scale=number(entry, "scale", 1),
        shape=field(entry, "shape", int, 0),
        ease=(x1, y1, x2, y2),
        hold=field(entry, "hold", bool, False),
        hidden=field(entry, "hidden", bool, False),
    )


def _settings(entry: dict[str, Any]) -> Settings:
    kinds: dict[str, Any] = {
        "steps": int,
        "strength": (int, float),
        "schedule": str,
        "seed": int,
        "control": str,
    }
    known = {each.name: each.default for each in fields(Settings)}
    settings = Settings(**{name: field(entry, name, kinds[name], default) for name, default in known.items()})
    settings.validate()
    return settings


def _image(value: str) -> bytes | str | None:
    if value.startswith("data:"):
        return png(value, MAX_IMAGE)
    if value and not ASSET.fullmatch(value):
        raise UserError(
            "The project's picture is neither a PNG in base64 nor a plain file name; export it again."
        )
    return value or None
