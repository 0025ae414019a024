"""Reading a project document from outside: its entries within limits, and older versions brought to the present one."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

from .errors import UserError
from .video import MAX_PROJECT, read_project

VERSION = 2
MAX_JSON = MAX_PROJECT
MAX_NUMBER = 2**53
DATA_URL = "data:image/png;base64,"


def parse(text: str | bytes) -> Any:
    """A document of any version as one of the present version; its entries are yet to be checked.

    Raises UserError when it is oversized, no JSON, or of a version that we do not know.
    """
    if len(text) > MAX_JSON:
        raise UserError(f"The project is over {MAX_JSON >> 20} MB; use a smaller picture.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("The project is not valid JSON; export it again.") from None
    version = field(document, "version", int)
    if version > VERSION:
        raise UserError(
            f"The project is of version {version}, made by a newer CoMoGen Studio; update this one."
        )
    if version < 1:
        raise UserError(f"The project claims version {version}, which never existed; export it again.")
    return _from_first(document) if version == 1 else document


def _from_first(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1: a track had one `mask` for its shapes, and its path was straight."""
    tracks = [
        {**track, "shapes": [field(track, "mask", str)]} if isinstance(track, dict) else track
        for track in field(document, "tracks", list)
    ]
    return document | {"version": 2, "tracks": tracks}


def read_text(path: str | Path) -> str | bytes:
    """The document's text in a JSON file or inside of an MP4. Raises UserError when there is none."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no project file {path}; check the path.")
    try:
        with path.open("rb") as file:
            head = file.read(8)
            if head[4:] != b"ftyp":
                return head + file.read(MAX_JSON + 1 - len(head))
    except OSError:
        raise UserError(f"The project file {path} cannot be read; check its permissions.") from None
    text = read_project(path)
    if text is None:
        raise UserError(
            f"There is no project in {path.name}; only videos exported by CoMoGen Studio hold one."
        )
    return text


def field(entry: Any, name: str, kind: Any, default: Any = None) -> Any:
    """entry[name] of the given kind; the default, if there is one, stands in for a missing entry."""
    return of_kind(entry.get(name, default) if isinstance(entry, dict) else None, name, kind)


def of_kind(value: Any, name: str, kind: Any) -> Any:
    """The value, found in the entry `name`, if it is of the given kind; else UserError."""
    too_large = isinstance(value, int) and abs(value) > MAX_NUMBER
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or too_large:
        raise UserError(
            f"The project is damaged: its entry {name!r} is missing or of a wrong kind; export it again."
        )
    return value


def number(entry: Any, name: str, default: float) -> float:
    """entry[name] as a float."""
    return float(field(entry, name, (int, float), default))


def text(entry: Any, name: str, default: str, most: int) -> str:
    """entry[name] as a text of at most so many characters."""
    value: str = field(entry, name, str, default)
    if len(value) > most:
        raise UserError(f"The project's {name} is {len(value)} characters long; at most {most} are allowed.")
    return value


def png(value: str, most: int) -> bytes:
    """The bytes, at most so many, of a PNG in base64 or as a data URL; whether they are one is not looked at."""
    data = value.removeprefix(DATA_URL)
    if len(data) > most * 4 // 3 + 4:
        raise UserError(f"A picture in the project is over {most >> 20} MB; use a smaller one.")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise UserError("A picture in the project is damaged; export it again.") from None


def data_url(png: bytes) -> str:
    """A PNG's bytes as a data URL."""
    return DATA_URL + base64.b64encode(png).decode("ascii")
