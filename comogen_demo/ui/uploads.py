"""Files that the browser has uploaded: where they may lie, and what they are by their content, not by their name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image

from ..errors import UserError
from ..images import FORMATS, open_image
from ..video import read_video

Kind = Literal["project", "picture", "video", "masks"]

MOST_FILES = 513
SPREAD = 12  # pixels of a video that are looked at: every 12th in both directions
DARK, BRIGHT, GREY = 64, 192, 40  # levels of 255 that black, white and grey pixels of a mask keep to
ALMOST_ALL = 0.97


def uploaded(entries: Any) -> list[Path]:
    """The files that a page names, each within the server's folder of uploads. Raises UserError for any other."""
    again = "please choose the file again."
    if not isinstance(entries, Iterable) or isinstance(entries, (str, bytes, Mapping)):
        raise UserError(f"No file has arrived: {again}")
    named = list(entries)
    if not 1 <= len(named) <= MOST_FILES:
        raise UserError(f"{len(named)} files were chosen: please choose 1 to {MOST_FILES}.")
    home = Path(get_upload_folder()).resolve()
    paths = []
    for entry in named:
        if not isinstance(entry, str) or "\0" in entry or len(entry) > 4096:
            raise UserError(f"No file has arrived: {again}")
        path = Path(entry).resolve()
        inside = path.parent.parent == home and re.fullmatch(r"[0-9a-f]{64}", path.parent.name)
        if not inside or not path.is_file():
            raise UserError(f"The file {Path(entry).name[:80]} is not here any more: {again}")
        paths.append(path)
    return paths


def kind_of(path: Path) -> Kind:
    """What a file is. Raises UserError for what the page can't read."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "masks"
    if head[4:8] == b"ftyp" and head[8:12] not in (b"avif", b"avis", b"heic", b"mif1"):
        return "video"
    if head[:4] == b"\x1aE\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    if head[:4] == b"GIF8":
        return "masks" if _moves(path) or _flat(path) else "picture"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return "project"
    try:
        open_image(path, FORMATS)
    except UserError:
        if path.suffix.lower() in (
            ".png",
            ".jpg",
            ".jpeg",
            ".webp",
            ".gif",
            ".bmp",
            ".tif",
            ".tiff",
            ".avif",
        ):
            raise
        raise UserError(
            f"{path.name} is nothing that can be opened here: choose a project, a video made here, masks or a picture."
        ) from None
    return "masks" if _flat(path) else "picture"


def looks_like_masks(path: Path) -> bool:
    """Whether a video is black and white alone, but for what compression does. Raises UserError as read_video."""
    frames, _ = read_video(path)
    seen = frames[:, ::SPREAD, ::SPREAD].astype(np.int16)
    top, low = seen.max(axis=3), seen.min(axis=3)
    flat = ((top < DARK) | (low > BRIGHT)) & (top - low < GREY)
    return float(flat.mean()) >= ALMOST_ALL


def _moves(path: Path) -> bool:
    image, _ = open_image(path, ("GIF",))
    return getattr(image, "n_frames", 1) > 1


def _flat(path: Path) -> bool:
    """Whether a picture has the few values of a mask: an index for every object, or black, white and a soft edge."""
    image, _ = open_image(path, FORMATS)
    if image.mode == "1":
        return True
    if image.mode == "P":
        return len(image.getcolors(256) or ()) <= 8
    grey: Image.Image = image.convert("RGB")
    pixels = np.asarray(grey)
    if (pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)).max() > 0:
        return False
    levels = np.bincount(pixels[:, :, 0].ravel(), minlength=256)
    clear = levels[:DARK].sum() + levels[BRIGHT:].sum()
    return bool(np.count_nonzero(levels) <= 2 or clear >= ALMOST_ALL * levels.sum())
