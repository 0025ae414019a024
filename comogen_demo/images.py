"""Pictures from outside: read with limits, brought to 8-bit RGB, cropped to a model's aspect."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from .errors import UserError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")


@dataclass(frozen=True)
class Fit:
    """The part of a source picture that was kept, in source pixels, and how much it was scaled after that."""

    scale: float  # fitted pixels per source pixel, <= 1
    left: int
    top: int
    width: int
    height: int


def read_image(source: str | Path | bytes) -> np.ndarray:
    """Read the picture in a file (or in the file's bytes) as (H, W, 3) uint8 RGB.

    EXIF rotation is applied, transparency is laid on white, 16-bit and palette pictures become 8-bit RGB and
    of an animation the first frame is taken. Raises UserError for what is not a picture, is damaged, is over
    64 MB or 50 megapixels, or has a side under 16 px.
    """
    image, name = open_image(source, FORMATS)
    if min(image.size) < MIN_SIDE:
        raise UserError(
            f"{name} measures only {image.width} x {image.height} px; "
            f"choose a picture of at least {MIN_SIDE} x {MIN_SIDE} px."
        )
    with contextlib.suppress(Exception):  # a damaged EXIF block says nothing about the picture itself
        image = ImageOps.exif_transpose(image)
    return _to_rgb(image)


def open_image(source: str | Path | bytes, formats: tuple[str, ...]) -> tuple[Image.Image, str]:
    """Decode a picture with PIL within our limits; returns it as stored, and a name for messages.

    Only the named PIL formats are tried. Raises UserError as read_image does.
    """
    data, name = _bounded_bytes(source)
    Image.init()
    known = [kind for kind in formats if kind in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            image = Image.open(io.BytesIO(data), formats=known)
    except Image.DecompressionBombError:
        raise UserError(f"{name} has far more than 50 megapixels; scale it down first.") from None
    except Exception:
        kinds = ", ".join(known[:5])
        raise UserError(f"{name} is not a picture that can be read; choose a file such as {kinds}.") from None
    if image.width * image.height > MAX_PIXELS:
        megapixels = image.width * image.height / 1e6
        raise UserError(
            f"{name} has {megapixels:.0f} megapixels; at most 50 are read, so scale it down first."
        )
    try:
        image.load()
    except Exception:  # decoders raise nearly anything on broken bytes
        raise UserError(f"{name} is damaged or cut off; save or download it again.") from None
    return image, name


def fit_image(image: np.ndarray, aspect: float, max_side: int = 512) -> tuple[np.ndarray, Fit]:
    """Crop (H, W, 3) uint8 about its centre to `aspect` (width / height), then shrink it to `max_side`.

    Pictures that are smaller already keep their resolution. Returns the fitted picture and the Fit that made it.
    """
    if aspect <= 0 or max_side < 1:
        raise ValueError(f"aspect {aspect} and max_side {max_side} must be positive")
    height, width = image.shape[:2]
    if width > height * aspect:
        crop_width, crop_height = max(1, round(height * aspect)), height
    else:
        crop_width, crop_height = width, max(1, round(width / aspect))
    crop_width, crop_height = min(crop_width, width), min(crop_height, height)
    scale = min(1.0, max_side / max(crop_width, crop_height))
    fit = Fit(scale, (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height)
    cropped = image[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
    if scale < 1:
        size = max(1, round(crop_width * scale)), max(1, round(crop_height * scale))
        cropped = cv2.resize(cropped, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cropped), fit


def _bounded_bytes(source: str | Path | bytes) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        name, size = "The picture", len(source)
    else:
        path = Path(source)
        name = path.name or str(source)
        if not path.is_file():
            raise UserError(f"There is no picture file {source}; check the path.")
        try:
            size = path.stat().st_size
        except OSError:
            raise UserError(f"{name} cannot be read; check its permissions.") from None
    if size > MAX_BYTES:
        raise UserError(
            f"{name} is {size / 2**20:.0f} MB large; at most 64 MB are read, so scale it down first."
        )
    if isinstance(source, bytes):
        return source, name
    try:
        return path.read_bytes(), name
    except OSError:
        raise UserError(f"{name} cannot be read; check its permissions.") from None


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        grey = _to_eight_bits(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def _to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey of any range as uint8: floats up to 1 are stretched, anything over 255 counts as 16 bits."""
    numbers: np.ndarray = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    top = float(numbers.max(initial=0))
    if values.dtype.kind == "f" and top <= 1:
        numbers = numbers * 255
    elif values.dtype == np.uint16 or top > 255:
        numbers = numbers / 257
    return np.clip(np.round(numbers), 0, 255).astype(np.uint8)
