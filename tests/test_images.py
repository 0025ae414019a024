"""Reading and fitting pictures."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.images import fit_image, read_image


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height=40, width=60) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_rgb_png_is_read_exactly_from_bytes_and_from_a_path(tmp_path):
    picture = noise()
    data = encoded(Image.fromarray(picture))
    (tmp_path / "a.png").write_bytes(data)
    for source in (data, tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(read_image(source), picture)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_common_formats_are_read(kind):
    colour = np.full((32, 48, 3), (200, 60, 30), np.uint8)
    read = read_image(encoded(Image.fromarray(colour), kind))
    assert read.shape == (32, 48, 3)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - colour).max() <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:10, :15] = 255
    turned = {2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180]}
    turned |= {4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE]}
    turned |= {
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = Image.fromarray(picture)
    for step in turned.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_image(encoded(stored, exif=exif)), picture)


def test_transparency_is_laid_on_white():
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[..., 0] = 200
    picture[:10, :, 3] = 255
    picture[10:15, :, 3] = 128
    read = read_image(encoded(Image.fromarray(picture)))
    assert read[0, 0].tolist() == [200, 0, 0]
    assert read[19, 0].tolist() == [255, 255, 255]
    assert np.abs(read[12, 0].astype(int) - (227, 127, 127)).max() <= 2


def test_palette_transparency_is_laid_on_white():
    image = Image.new("P", (20, 20), 1)
    image.putpalette([10, 20, 30, 90, 80, 70])
    image.paste(0, (0, 0, 10, 20))
    read = read_image(encoded(image, transparency=0))
    assert read[5, 5].tolist() == [255, 255, 255]
    assert read[5, 15].tolist() == [90, 80, 70]


def test_grey_one_bit_and_cmyk_become_rgb():
    assert read_image(encoded(Image.new("L", (20, 20), 77)))[3, 3].tolist() == [77, 77, 77]
    assert read_image(encoded(Image.new("1", (20, 20), 1)))[3, 3].tolist() == [255, 255, 255]
    assert read_image(encoded(Image.new("CMYK", (20, 20), (0, 0, 0, 0)), "JPEG"))[3, 3].tolist() == [
        255,
        255,
        255,
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 100, 65535], np.int32), [0, 0, 255]),
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([0.0, 128.0, np.nan], np.float32), [0, 128, 0]),
    ],
)
def test_deep_grey_is_brought_to_eight_bits(values, expected):
    image = Image.fromarray(np.tile(values.repeat(8), (20, 1)))
    kind = "PNG" if values.dtype == np.uint16 else "TIFF"
    assert read_image(encoded(image, kind))[4, ::8, 1].tolist() == expected


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    read = read_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert read[5, 5].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a picture"),
        (b"hello, this is text", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n", "not a picture"),
        (encoded(Image.fromarray(noise()))[:2000], "damaged"),
        (encoded(Image.fromarray(noise()), "JPEG")[:900], "damaged"),
        (png_header(8000, 8000), "64 megapixels"),
        (png_header(40000, 40000), "megapixels"),
        (encoded(Image.new("RGB", (200, 15))), "200 x 15 px"),
    ],
    ids=["empty", "text", "eps", "cut png", "cut jpeg", "64 MP", "bomb", "tiny"],
)
def test_bad_pictures_are_refused_in_one_sentence(data, says):
    with pytest.raises(UserError, match=says) as caught:
        read_image(data)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))


def test_oversized_files_missing_files_and_folders_are_refused(tmp_path):
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(UserError, match="65 MB"):
        read_image(large)
    with pytest.raises(UserError, match=r"no picture file .*gone\.png"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(UserError, match="no picture file"):
        read_image(tmp_path)


def test_the_sentence_names_the_file(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(UserError, match=r"notes\.png is not a picture"):
        read_image(tmp_path / "notes.png")


@pytest.mark.parametrize(
    ("height", "width", "aspect", "left", "top", "crop"),
    [
        (100, 200, 1.0, 50, 0, (100, 100)),
        (200, 100, 1.0, 0, 50, (100, 100)),
        (100, 100, 2.0, 0, 25, (100, 50)),
        (100, 100, 0.5, 25, 0, (50, 100)),
        (101, 101, 1.0, 0, 0, (101, 101)),
    ],
)
def test_the_crop_is_centred_and_of_the_aspect(height, width, aspect, left, top, crop):
    picture = noise(height, width)
    fitted, fit = fit_image(picture, aspect)
    assert (fit.left, fit.top, fit.width, fit.height, fit.scale) == (left, top, *crop, 1.0)
    assert np.array_equal(fitted, picture[top : top + crop[1], left : left + crop[0]])


def test_large_pictures_shrink_by_area():
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, ::2] = 200
    fitted, fit = fit_image(picture, 1.0, max_side=32)
    assert fit.scale == 0.5
    assert fitted.shape == (32, 32, 3)
    assert np.unique(fitted).tolist() == [100]
    assert fitted.flags["C_CONTIGUOUS"]


def test_wild_aspects_keep_at_least_one_pixel():
    assert fit_image(noise(16, 16), 100.0)[0].shape == (1, 16, 3)
    with pytest.raises(ValueError, match="aspect"):
        fit_image(noise(), 0)
