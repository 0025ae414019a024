"""Masks as pictures: PNG files, and the grey levels of videos and animated GIF files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from ..errors import UserError
from ..images import MAX_PIXELS, open_image
from .validate import MAX_FRAMES

MAX_GIF_PIXELS = 2**29  # of all its frames
LEAST_CONTRAST = 32


def decode_png(source: Path | bytes) -> np.ndarray:
    """bool (H, W): every value (or palette index) but zero is the subject, unless it is transparent.

    Raises UserError for what is no PNG, is damaged, or is over 64 MB or 50 megapixels.
    """
    image, _ = open_image(source, ("PNG",))
    values = np.asarray(image)
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa"):
        values, opaque = values[:, :, :-1], values[:, :, -1] != 0
    elif image.mode in ("1", "L", "P", "RGB") and image.has_transparency_data:
        opaque = np.asarray(image.convert("RGBA"))[:, :, 3] != 0
    else:
        opaque = np.True_
    return (values if values.ndim == 2 else values.any(axis=2)).astype(bool) & opaque


def bright(levels: np.ndarray) -> np.ndarray:
    """The bright part of grey levels uint8 (T, H, W), as bool.

    Compression turns black and white into levels nearby, and some programs write other levels than 0 and 255. So the
    limit, our choice, is the middle between the two levels that are most frequent, one in the darker and one in the
    brighter half of the range that occurs; 128 where the sequence has hardly any contrast.
    """
    counts = np.sum([np.bincount(frame.reshape(-1), minlength=256) for frame in levels], axis=0)
    found = np.flatnonzero(counts)
    middle = (int(found[0]) + int(found[-1]) + 1) // 2
    dark = int(counts[:middle].argmax()) if middle else 0
    light = middle + int(counts[middle:].argmax())
    limit = (dark + light + 1) // 2 if light - dark >= LEAST_CONTRAST else 128
    return levels >= limit


def read_gif(path: Path) -> np.ndarray:
    """The frames of a GIF file as masks bool (T, H, W): bright is the subject, transparent is not.

    Raises UserError when it is damaged or too large.
    """
    try:
        with Image.open(path, formats=("GIF",)) as image:
            count, area = getattr(image, "n_frames", 1), image.width * image.height
            if count > MAX_FRAMES or area > MAX_PIXELS or count * area > MAX_GIF_PIXELS:
                raise UserError(
                    f"{path.name} has {count} frames of {image.width} x {image.height} px, which is too much; "
                    f"scale it down or cut it to at most {MAX_FRAMES} frames."
                )
            return bright(np.stack([_levels(frame) for frame in ImageSequence.Iterator(image)]))
    except UserError:
        raise
    except Exception:  # decoders raise nearly anything on broken bytes
        raise UserError(f"{path.name} is damaged or not a GIF; save or download it again.") from None


def _levels(frame: Image.Image) -> np.ndarray:
    """uint8 (H, W): the brightest channel, 0 where the frame is transparent."""
    values = np.asarray(frame.convert("RGBA"))
    return values[:, :, :3].max(axis=2) * (values[:, :, 3] >= 128)


def is_png(name: str) -> bool:
    """Whether a file of this name is taken for a mask."""
    return name.lower().endswith(".png") and not name.startswith(".")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which numbers count by value: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", name.lower())  # numbers stand at the odd places
    return [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts)]
