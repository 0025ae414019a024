"""The project document: the one truth about a piece of work, as JSON that page, command line and people exchange."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .errors import UserError
from .images import open_image, read_image
from .masks import Keyframe, rasterise
from .masks.keyframes import check_keyframes
from .masks.validate import MAX_FRAMES
from .settings import Settings

VERSION = 1
MAX_JSON = 48 * 2**20
MAX_IMAGE, MAX_MASK = 24 * 2**20, 2 * 2**20  # bytes of PNG
MAX_TRACKS, MAX_KEYFRAMES = 16, 256
MAX_PROMPT, MAX_NAME = 2000, 100
MAX_NUMBER = 2**53
DATA_URL = "data:image/png;base64,"
ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.png)?")


@dataclass(frozen=True)
class Track:
    """One object and its way: `mask` is a PNG in which every non-zero pixel is the object; colour is "#rrggbb"."""

    id: str
    name: str
    colour: str
    mask: bytes
    keyframes: tuple[Keyframe, ...] = ()

    def array(self) -> np.ndarray:
        """The mask as drawn, bool (H, W). Raises UserError when its PNG is damaged."""
        image, _ = open_image(self.mask, ("PNG",))
        return np.asarray(image.convert("L")) != 0


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
        tracks = [asdict(track) | {"mask": _data_url(track.mask)} for track in self.tracks]
        image = _data_url(self.image) if isinstance(self.image, bytes) else self.image or ""
        document = asdict(self) | {"image": image, "tracks": tracks}
        return json.dumps(document, indent=1, ensure_ascii=False)

    @staticmethod
    def from_json(text: str | bytes) -> Project:
        """Read a document. Raises UserError when it is damaged, oversized, or of a newer version than we know."""
        if len(text) > MAX_JSON:
            raise UserError(f"The project is over {MAX_JSON >> 20} MB; use a smaller picture.")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise UserError("The project is not valid JSON; export it again.") from None
        return _read(document)

    @staticmethod
    def read(path: str | Path) -> Project:
        """The project in a file; UserError as from_json, or when there is no such file."""
        path = Path(path)
        if not path.is_file():
            raise UserError(f"There is no project file {path}; check the path.")
        try:
            with path.open("rb") as file:
                return Project.from_json(file.read(MAX_JSON + 1))
        except OSError:
            raise UserError(f"The project file {path} cannot be read; check its permissions.") from None

    def masks(self) -> np.ndarray:
        """All tracks rasterised and united: bool (frames, H, W).

        Raises UserError without tracks, for masks of different sizes, and as masks.rasterise does.
        """
        if not self.tracks:
            raise UserError("The project has no object; select one and move it first.")
        drawn = [track.array() for track in self.tracks]
        if len({mask.shape for mask in drawn}) > 1:
            raise UserError("The project's masks differ in size; select the objects again.")
        union = np.zeros((self.frames, *drawn[0].shape), bool)
        for track, mask in zip(self.tracks, drawn, strict=True):
            union |= rasterise(mask, track.keyframes, self.frames)
        return union

    def picture(self, folder: str | Path) -> np.ndarray:
        """The first frame (H, W, 3) uint8, looked for in `folder` if the project only names it; else UserError."""
        if not self.image:
            raise UserError("The project has no picture; give one as well.")
        if isinstance(self.image, bytes):
            return read_image(self.image)
        return read_image(Path(folder) / f"{self.image.removesuffix('.png')}.png")


def mask_png(mask: np.ndarray) -> bytes:
    """A bool (H, W) mask as the PNG that tracks hold."""
    png = io.BytesIO()
    Image.fromarray(mask).save(png, "PNG")
    return png.getvalue()


def _read(document: Any) -> Project:
    version = _field(document, "version", int)
    if version > VERSION:
        raise UserError(
            f"The project is of version {version}, made by a newer CoMoGen Studio; update this one."
        )
    if version < 1:
        raise UserError(f"The project claims version {version}, which never existed; export it again.")
    frames = _field(document, "frames", int)
    if not 1 <= frames <= MAX_FRAMES:
        raise UserError(f"The project has {frames} frames; it must have 1 to {MAX_FRAMES}.")
    entries = _field(document, "tracks", list)
    if len(entries) > MAX_TRACKS:
        raise UserError(f"The project has {len(entries)} objects; at most {MAX_TRACKS} are read.")
    return Project(
        frames=frames,
        image=_image(_field(document, "image", str, "")),
        tracks=tuple(_track(entry, number, frames) for number, entry in enumerate(entries)),
        prompt=_text(document, "prompt", "", MAX_PROMPT),
        settings=_settings(_field(document, "settings", dict, {})),
    )


def _track(entry: Any, number: int, frames: int) -> Track:
    keyframes = _field(entry, "keyframes", list, [])
    if len(keyframes) > MAX_KEYFRAMES:
        raise UserError(f"An object has {len(keyframes)} keyframes; at most {MAX_KEYFRAMES} are read.")
    colour = _text(entry, "colour", "#ff3b30", 7)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UserError(f"The project has the colour {colour!r}; it must look like #ff8800.")
    return Track(
        id=_text(entry, "id", str(number), MAX_NAME),
        name=_text(entry, "name", "", MAX_NAME),
        colour=colour,
        mask=_png(_field(entry, "mask", str), MAX_MASK),
        keyframes=tuple(check_keyframes([_keyframe(key) for key in keyframes], frames)),
    )


def _keyframe(entry: Any) -> Keyframe:
    number = (int, float)
    return Keyframe(
        _field(entry, "t", int),
        float(_field(entry, "x", number, 0)),
        float(_field(entry, "y", number, 0)),
        float(_field(entry, "rotation", number, 0)),
        float(_field(entry, "scale", number, 1)),
    )


def _settings(entry: dict[str, Any]) -> Settings:
    kinds: dict[str, Any] = {"steps": int, "strength": (int, float), "schedule": str, "seed": int}
    known = {field.name: field.default for field in fields(Settings)}
    settings = Settings(
        **{name: _field(entry, name, kinds[name], default) for name, default in known.items()}
    )
    settings.validate()
    return settings


def _field(entry: Any, name: str, kind: Any, default: Any = None) -> Any:
    """entry[name] of the given kind; the default, if there is one, stands in for a missing entry."""
    value = entry.get(name, default) if isinstance(entry, dict) else None
    too_large = isinstance(value, int) and abs(value) > MAX_NUMBER
    if not isinstance(value, kind) or isinstance(value, bool) or too_large:
        raise UserError(
            f"The project is damaged: its entry {name!r} is missing or of a wrong kind; export it again."
        )
    return value


def _text(entry: Any, name: str, default: str, most: int) -> str:
    value: str = _field(entry, name, str, default)
    if len(value) > most:
        raise UserError(f"The project's {name} is {len(value)} characters long; at most {most} are allowed.")
    return value


def _image(value: str) -> bytes | str | None:
    if value.startswith("data:"):
        return _png(value, MAX_IMAGE)
    if value and not ASSET.fullmatch(value):
        raise UserError(
            "The project's picture is neither a PNG in base64 nor a plain file name; export it again."
        )
    return value or None


def _png(value: str, most: int) -> bytes:
    text = value.removeprefix(DATA_URL)
    if len(text) > most * 4 // 3 + 4:
        raise UserError(f"A picture in the project is over {most >> 20} MB; use a smaller one.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("A picture in the project is damaged; export it again.") from None


def _data_url(png: bytes) -> str:
    return DATA_URL + base64.b64encode(png).decode("ascii")
