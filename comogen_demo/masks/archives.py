"""Masks packed into one file: ZIP archives of PNG files, and NumPy's npz, which are ZIP archives of arrays."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import UserError
from .pictures import is_png, natural_key

MAX_ARCHIVE_BYTES = 256 * 2**20
MAX_MEMBERS = 2052
MAX_UNPACKED_BYTES = 512 * 2**20
MAX_MEMBER_BYTES = 32 * 2**20  # of a PNG


def holds_arrays(path: Path) -> bool:
    """Whether a ZIP archive is an npz file; UserError when it is damaged or oversized."""
    with _opened(path) as (_, entries):
        names = [entry.filename.lower() for entry in entries]
        return any(name.endswith(".npy") for name in names) and not any(is_png(name) for name in names)


def read_pictures(path: Path) -> list[bytes]:
    """The PNG files of a ZIP archive in natural order of their names. Raises UserError as the module's limits say."""
    with _opened(path) as (archive, entries):
        return _pictures(archive, entries, path.name)


def read_array(path: Path) -> np.ndarray:
    """The one array of an npz file as bool (T, H, W): anything but zero is the subject.

    Raises UserError unless the file holds exactly one array, of bool or uint8, (T, H, W) or (H, W), within limits.
    """
    with _opened(path) as (archive, entries):
        members = [entry for entry in entries if entry.filename.lower().endswith(".npy")]
        if len(members) != 1:
            raise UserError(f"{path.name} holds {len(members)} arrays; save only the masks, as one array.")
        return _array(archive, members[0], path.name)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise UserError(f"{path.name} is over {MAX_ARCHIVE_BYTES >> 20} MB; give smaller masks or a folder.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_MEMBERS:
                raise UserError(
                    f"{path.name} holds {len(entries)} files; at most {MAX_MEMBERS} are read, "
                    "so give only the masks."
                )
            yield archive, entries
    except UserError:
        raise
    except Exception:  # zipfile raises many kinds on damaged or encrypted archives
        raise UserError(f"{path.name} is damaged or encrypted; pack the masks again.") from None


def _pictures(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], name: str) -> list[bytes]:
    pictures = []
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")):
            raise UserError(f"{name} holds a file outside of its own folder; pack the PNG files again.")
        if not entry.is_dir() and "__MACOSX" not in parts and is_png(parts[-1]):
            pictures.append(entry)
    if not pictures:
        raise UserError(f"{name} holds no PNG file; pack one PNG for every frame.")
    if max(entry.file_size for entry in pictures) > MAX_MEMBER_BYTES:
        raise UserError(f"{name} holds a mask over {MAX_MEMBER_BYTES >> 20} MB; give smaller pictures.")
    _check_unpacked(sum(entry.file_size for entry in pictures), name)
    pictures.sort(key=lambda entry: natural_key(entry.filename))
    # zipfile never unpacks more than the stated file_size, and checks it and the CRC at the end.
    return [archive.read(entry) for entry in pictures]


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> np.ndarray:
    """The array in an npy member. Its header is checked against the bytes there are before anything is allocated."""
    _check_unpacked(entry.file_size, name)
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        headers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, by_columns, kind = headers[version](file)
        if kind not in (np.dtype(bool), np.dtype(np.uint8)):
            raise UserError(f"The array in {name} is of the type {kind}; save the masks as bool or uint8.")
        if len(shape) not in (2, 3) or 0 in shape:
            raise UserError(f"The array in {name} has the shape {shape}; save the masks as (T, H, W).")
        data = file.read()
    if len(data) != math.prod(shape):
        raise UserError(f"{name} is damaged or encrypted; pack the masks again.")
    stack = np.frombuffer(data, np.uint8).reshape(shape, order="F" if by_columns else "C")
    return stack.reshape(-1, *shape[-2:]) != 0


def _check_unpacked(size: int, name: str) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise UserError(f"{name} unpacks to over {MAX_UNPACKED_BYTES >> 20} MB; give smaller masks.")
