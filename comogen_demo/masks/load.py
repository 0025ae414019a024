"""Mask sequences from a folder of PNG files, a ZIP archive of such, or an MP4; and back into a ZIP archive."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from ..errors import UserError
from ..files import replacing
from ..images import Fit, open_image
from ..video import read_video
from .fit import fit_mask, fitted_size
from .validate import MAX_FRAMES, check_count, check_not_empty, resize_mask

MAX_ARCHIVE_BYTES = 256 * 2**20
MAX_MEMBERS = 4 * MAX_FRAMES
MAX_UNPACKED_BYTES = 512 * 2**20
MAX_MEMBER_BYTES = 32 * 2**20
VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")

Mask = np.ndarray
Source = Callable[[], Mask]


def load_masks(path: str | Path, frames: int, size: tuple[int, int]) -> np.ndarray:
    """Read masks from a folder of PNG files, a ZIP archive of PNG files or a video: bool (frames, *size).

    `size` is (height, width). In PNG files every non-zero value (or palette index) is the subject, transparent
    pixels are not; in videos everything from mid-grey up. Files are taken in natural order of their names.
    Raises UserError for another count or aspect, for damaged or oversized files, and for masks that are empty
    in every frame.
    """
    sources = _open(Path(path), frames)
    masks = np.empty((frames, *size), dtype=bool)
    for t, source in enumerate(sources):
        masks[t] = resize_mask(source(), size)
    check_not_empty(masks)
    return masks


def load_fitted_masks(path: str | Path, frames: int, source_size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Read masks that belong to a picture of `source_size` (height, width), of which `fit` was kept.

    Masks that have the source picture's aspect are cropped as the picture was; masks that have the fitted
    picture's are taken whole. Returns bool (frames, h, w) of the fitted picture's size; raises as load_masks.
    """
    sources = _open(Path(path), frames)
    masks = np.empty((frames, *fitted_size(fit)), dtype=bool)
    for t, source in enumerate(sources):
        masks[t] = fit_mask(source(), source_size, fit)
    check_not_empty(masks)
    return masks


def save_masks(path: str | Path, masks: np.ndarray) -> Path:
    """Write masks bool (T, H, W) as a ZIP archive of black-and-white PNG files 0000.png, 0001.png, ..."""
    if masks.ndim != 3 or masks.dtype != bool or not len(masks):
        raise ValueError(f"masks must be bool (T, H, W), not {masks.shape} {masks.dtype}")
    path = Path(path)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for t, mask in enumerate(masks):
            png = io.BytesIO()
            Image.fromarray(mask).save(png, "PNG")
            archive.writestr(f"{t:04d}.png", png.getvalue())
    return path


def _open(path: Path, frames: int) -> list[Source]:
    """One reader a frame, in order; each decodes when it is called, so that one full mask is held at a time."""
    if path.is_dir():
        sources = _folder(path)
    elif not path.exists():
        raise UserError(f"There is no mask folder or file {path}; check the path.")
    elif zipfile.is_zipfile(path):
        sources = _archive(path)
    elif path.suffix.lower() in VIDEO_SUFFIXES:
        sources = _video(path)
    else:
        raise UserError(
            f"{path.name} holds no masks; give a folder of PNG files, a ZIP archive of them or an MP4."
        )
    check_count(len(sources), frames)
    return sources


def _folder(path: Path) -> list[Source]:
    try:
        files = [file for file in path.iterdir() if _is_png(file.name)]
    except OSError:
        raise UserError(f"The folder {path} cannot be read; check its permissions.") from None
    if not files:
        raise UserError(f"The folder {path} holds no PNG file; give one PNG for every frame.")
    files.sort(key=lambda file: natural_key(file.name))
    return [lambda file=file: _decode(file) for file in files]  # type: ignore[misc]


def _archive(path: Path) -> list[Source]:
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise UserError(f"{path.name} is over {MAX_ARCHIVE_BYTES >> 20} MB; give smaller masks or a folder.")
    try:
        with zipfile.ZipFile(path) as archive:
            return _members(archive, path.name)
    except UserError:
        raise
    except Exception:  # zipfile raises many kinds on damaged or encrypted archives
        raise UserError(f"{path.name} is damaged or encrypted; pack the PNG files again.") from None


def _members(archive: zipfile.ZipFile, name: str) -> list[Source]:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise UserError(
            f"{name} holds {len(entries)} files; at most {MAX_MEMBERS} are read, so give only the masks."
        )
    pictures = []
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")):
            raise UserError(f"{name} holds a file outside of its own folder; pack the PNG files again.")
        if not entry.is_dir() and "__MACOSX" not in parts and _is_png(parts[-1]):
            pictures.append(entry)
    if not pictures:
        raise UserError(f"{name} holds no PNG file; pack one PNG for every frame.")
    if max(entry.file_size for entry in pictures) > MAX_MEMBER_BYTES:
        raise UserError(f"{name} holds a mask over {MAX_MEMBER_BYTES >> 20} MB; give smaller pictures.")
    if sum(entry.file_size for entry in pictures) > MAX_UNPACKED_BYTES:
        raise UserError(f"{name} unpacks to over {MAX_UNPACKED_BYTES >> 20} MB; give smaller masks.")
    pictures.sort(key=lambda entry: natural_key(entry.filename))
    # zipfile never unpacks more than the stated file_size, and checks it and the CRC at the end.
    files = [archive.read(entry) for entry in pictures]
    return [lambda data=data: _decode(data) for data in files]  # type: ignore[misc]


def _video(path: Path) -> list[Source]:
    frames, _ = read_video(path, max_frames=MAX_FRAMES)
    return [lambda frame=frame: frame.max(axis=2) >= 128 for frame in frames]  # type: ignore[misc]


def _decode(source: Path | bytes) -> Mask:
    image, _ = open_image(source, ("PNG",))
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa"):
        values = np.asarray(image)
        return (values[:, :, :-1] != 0).any(axis=2) & (values[:, :, -1] != 0)
    values = np.asarray(image)
    return values != 0 if values.ndim == 2 else (values != 0).any(axis=2)


def _is_png(name: str) -> bool:
    return name.lower().endswith(".png") and not name.startswith(".")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which numbers count by value: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", name.lower())  # numbers stand at the odd places
    return [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts)]
