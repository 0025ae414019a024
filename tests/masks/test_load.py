"""Masks from pictures, folders, archives, videos and arrays; and back into files."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from comogen_demo.errors import UserError
from comogen_demo.images import fit_image
from comogen_demo.masks import (
    export_masks,
    load_fitted_masks,
    load_masks,
    read_mask_sequence,
    save_masks,
    validate_masks,
)
from comogen_demo.masks.pictures import bright, natural_key
from comogen_demo.video import write_mp4

SIZE = (24, 36)


def moving(frames=5, size=SIZE) -> np.ndarray:
    masks = np.zeros((frames, *size), bool)
    for t in range(frames):
        masks[t, 6:16, 4 + 3 * t : 14 + 3 * t] = True
    return masks


def png(image: Image.Image | np.ndarray) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, "PNG")
    return buffer.getvalue()


def folder(path, pictures, name="{}.png"):
    path.mkdir()
    for t, picture in enumerate(pictures):
        (path / name.format(t)).write_bytes(png(picture))
    return path


def archive(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def palette(mask: np.ndarray) -> Image.Image:
    image = Image.frombytes("P", mask.shape[::-1], (mask.astype(np.uint8) * 2).tobytes())
    image.putpalette([255, 255, 255, 9, 9, 9, 0, 0, 0])  # index 2, the subject, is black
    return image


def see_through(mask: np.ndarray) -> Image.Image:
    """A palette picture around whose subject is a colour, not number 0, that is transparent."""
    image = Image.frombytes("P", mask.shape[::-1], (mask.astype(np.uint8) + 1).tobytes())
    image.putpalette([0, 0, 0, 9, 9, 9, 255, 255, 255])
    image.info["transparency"] = 1
    return image


def with_alpha(mask: np.ndarray) -> np.ndarray:
    picture = np.full((*mask.shape, 4), 180, np.uint8)
    picture[..., 3] = mask * 255
    return picture


@pytest.mark.parametrize(
    "stored",
    [
        lambda mask: mask.astype(np.uint8) * 255,
        lambda mask: mask.astype(np.uint8),
        lambda mask: mask,
        lambda mask: mask.astype(np.uint16) * 300,
        lambda mask: np.stack([mask * 0, mask * 90, mask * 0], axis=2).astype(np.uint8),
        palette,
        see_through,
        with_alpha,
        lambda mask: np.dstack([mask * 200, mask * 255]).astype(np.uint8),
    ],
    ids=["0/255", "0/1", "1 bit", "16 bit", "colour", "palette", "see-through", "alpha", "grey and alpha"],
)
def test_any_nonzero_value_is_the_subject(tmp_path, stored):
    masks = moving()
    loaded = load_masks(folder(tmp_path / "m", [stored(mask) for mask in masks]), 5, SIZE)
    assert loaded.dtype == bool
    assert np.array_equal(loaded, masks)
    assert np.array_equal(read_mask_sequence(tmp_path / "m"), masks)


def test_files_are_taken_in_natural_order(tmp_path):
    masks = moving(7)
    path = tmp_path / "m"
    path.mkdir()
    for number, mask in zip((1, 2, 9, 10, 11, 100, 101), masks, strict=True):
        (path / f"mask{number}.png").write_bytes(png(mask))
    (path / "notes.txt").write_text("ignored")
    (path / ".hidden.png").write_text("ignored")
    assert np.array_equal(load_masks(path, 7, SIZE), masks)
    assert sorted(["a10", "b1", "a9", "a"], key=natural_key) == ["a", "a9", "a10", "b1"]
    assert sorted(["a²", "a1"], key=natural_key) == ["a1", "a²"]


def test_an_archive_gives_what_was_saved(tmp_path):
    masks = moving(12)
    path = save_masks(tmp_path / "m.zip", masks)
    assert np.array_equal(load_masks(path, 12, SIZE), masks)


def test_archives_may_hold_a_folder_and_other_files(tmp_path):
    masks = moving(2)
    inner = archive(tmp_path / "inner.zip", {"0.png": b"x"}).read_bytes()
    members = {
        "m/0.png": png(masks[0]),
        "m/1.png": png(masks[1]),
        "m/notes.txt": b"hi",
        "m/nested.zip": inner,
    }
    members |= {"__MACOSX/m/0.png": b"junk", "m/._0.png": b"junk"}
    assert np.array_equal(load_masks(archive(tmp_path / "m.zip", members), 2, SIZE), masks)


def test_a_compressed_video_is_cut_at_mid_grey(tmp_path):
    masks = moving(9, (48, 64))
    grey = np.repeat(masks[..., None].astype(np.uint8) * 255, 3, axis=3)
    path = write_mp4(tmp_path / "m.mp4", grey, 12.5)
    loaded = load_masks(path, 9, (48, 64))
    assert (loaded & masks).sum() / (loaded | masks).sum() > 0.98


@pytest.mark.parametrize(("dark", "light"), [(0, 255), (16, 235), (0, 60), (180, 255), (40, 110)])
def test_whatever_the_levels_of_a_video_are_the_brighter_is_the_subject(tmp_path, dark, light):
    masks = moving(9, (48, 64))
    levels = np.where(masks, light, dark).astype(np.uint8)
    grey = np.repeat(levels[..., None], 3, axis=3)
    loaded = read_mask_sequence(write_mp4(tmp_path / "m.mp4", grey, 12.5))
    assert loaded.shape == masks.shape
    assert (loaded & masks).sum() / (loaded | masks).sum() > 0.97


def test_levels_without_contrast_are_cut_at_mid_grey():
    noise = np.random.default_rng(0).integers(0, 9, (3, 8, 8), np.uint8)
    assert not bright(noise).any()
    assert bright(noise + 200).all()


@pytest.mark.parametrize("see_through", [False, True])
def test_animated_gifs_are_masks(tmp_path, see_through):
    masks = moving(6)
    path = tmp_path / "m.gif"
    if see_through:
        pictures = [Image.fromarray(np.dstack([mask * 255] * 4).astype(np.uint8)) for mask in masks]
    else:
        pictures = [Image.fromarray(mask.astype(np.uint8) * 255) for mask in masks]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=80, disposal=2)
    assert np.array_equal(read_mask_sequence(path), masks)
    assert np.array_equal(load_masks(path, 6, SIZE), masks)


@pytest.mark.parametrize("kind", [bool, np.uint8])
@pytest.mark.parametrize("form", ["T, H, W", "H, W", "by columns", "compressed"])
def test_arrays_are_masks(tmp_path, kind, form):
    masks = moving(1 if form == "H, W" else 5)
    stored = masks.astype(kind) if kind is bool else masks.astype(kind) * 255
    path = tmp_path / "m.npz"
    if form == "compressed":
        np.savez_compressed(path, masks=stored)
    else:
        np.savez(path, {"H, W": stored[0], "by columns": np.asfortranarray(stored)}.get(form, stored))
    loaded = read_mask_sequence(path)
    assert loaded.dtype == bool
    assert np.array_equal(loaded, masks)
    assert np.array_equal(load_masks(path, len(masks), (48, 72))[:, ::2, ::2], masks)


def test_one_picture_is_a_sequence_of_one(tmp_path):
    (tmp_path / "m.PNG").write_bytes(png(moving(1)[0]))
    assert np.array_equal(read_mask_sequence(tmp_path / "m.PNG"), moving(1))
    with pytest.raises(UserError, match="1 masks where 5"):
        load_masks(tmp_path / "m.PNG", 5, SIZE)


def test_sequences_keep_their_count_and_size_and_may_begin_empty(tmp_path):
    masks = moving(7, (30, 44))
    masks[:3] = False
    assert np.array_equal(read_mask_sequence(folder(tmp_path / "m", masks)), masks)
    many = np.zeros((514, 2, 2), bool)
    many[0] = True
    with pytest.raises(UserError, match="514 masks; at most 513"):
        read_mask_sequence(save_masks(tmp_path / "many.zip", many))
    assert read_mask_sequence(save_masks(tmp_path / "most.zip", many[:513])).shape == (513, 2, 2)
    with pytest.raises(UserError, match="Mask 2 in m2 measures 10 x 24 px and the first 36 x 24 px"):
        read_mask_sequence(folder(tmp_path / "m2", [moving(1)[0], moving(1)[0][:, :10]]))
    with pytest.raises(UserError, match="empty in every frame"):
        read_mask_sequence(folder(tmp_path / "m3", np.zeros((2, *SIZE), bool)))


def test_other_resolutions_of_the_same_aspect_are_scaled(tmp_path):
    masks = moving(2)
    path = folder(tmp_path / "m", masks)
    doubled = load_masks(path, 2, (48, 72))
    assert np.array_equal(doubled, masks.repeat(2, axis=1).repeat(2, axis=2))
    assert np.array_equal(load_masks(folder(tmp_path / "n", doubled), 2, SIZE), masks)


def test_one_pixel_of_rounding_is_forgiven(tmp_path):
    masks = np.ones((1, 480, 853), bool)
    assert load_masks(folder(tmp_path / "m", masks), 1, (480, 854)).shape == (1, 480, 854)


def test_masks_of_the_source_picture_are_cropped_with_it(tmp_path):
    source = np.zeros((1, 40, 100), bool)
    source[0, 10:30, 36:56] = True
    picture = np.repeat(source[0][..., None], 3, axis=2).astype(np.uint8) * 255
    for side in (512, 20):
        fitted, fit = fit_image(picture, 1.0, max_side=side)
        path = folder(tmp_path / f"m{side}", source)
        loaded = load_fitted_masks(path, 1, (40, 100), fit)
        assert np.array_equal(loaded[0], fitted[..., 0] >= 128)
        half = folder(tmp_path / f"h{side}", source[:, ::2, ::2])
        assert np.array_equal(load_fitted_masks(half, 1, (40, 100), fit)[0], loaded[0])
        whole = folder(tmp_path / f"w{side}", loaded)
        assert np.array_equal(load_fitted_masks(whole, 1, (40, 100), fit), loaded)


def test_masks_of_neither_aspect_are_refused(tmp_path):
    _, fit = fit_image(np.zeros((40, 100, 3), np.uint8), 1.0)
    path = folder(tmp_path / "m", np.ones((1, 40, 60), bool))
    with pytest.raises(UserError, match="60 x 40 px and the picture 100 x 40 px"):
        load_fitted_masks(path, 1, (40, 100), fit)


def test_counts_sizes_and_emptiness_are_checked(tmp_path):
    path = folder(tmp_path / "m", moving(5))
    with pytest.raises(UserError, match="5 masks where 25 are needed"):
        load_masks(path, 25, SIZE)
    with pytest.raises(UserError, match="36 x 24 px where 24 x 24 px"):
        load_masks(path, 5, (24, 24))
    with pytest.raises(UserError, match="empty in every frame"):
        load_masks(folder(tmp_path / "e", np.zeros((3, *SIZE), bool)), 3, SIZE)


def npy(array: np.ndarray, claims: str | None = None) -> bytes:
    """The bytes of an array file; `claims` is a shape that its header states instead of its own."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype == object)
    data = buffer.getvalue()
    if claims is None:
        return data
    own = str(array.shape)
    return data.replace(own.encode(), claims.encode().ljust(len(own)), 1)


def arrays(tmp_path):
    """The same for npz files."""
    good = npy(moving(2))
    broken = bytearray(archive(tmp_path / "whole.npz", {"m.npy": good}).read_bytes())
    broken[70] ^= 255
    (tmp_path / "flipped.npz").write_bytes(broken)
    (tmp_path / "text.npz").write_text("masks")
    return {
        tmp_path / "flipped.npz": "damaged",
        tmp_path / "text.npz": "damaged or not an archive",
        archive(tmp_path / "two.npz", {"a.npy": good, "b.npy": good}): "2 arrays",
        archive(tmp_path / "float.npz", {"m.npy": npy(np.ones((2, 4, 4)))}): "type float64",
        archive(tmp_path / "pickle.npz", {"m.npy": npy(np.array([{}]))}): "type object",
        archive(tmp_path / "flat.npz", {"m.npy": npy(np.ones(9, bool))}): r"shape \(9,\)",
        archive(tmp_path / "none.npz", {"m.npy": npy(np.ones((0, 4, 4), bool))}): r"shape \(0, 4, 4\)",
        archive(
            tmp_path / "liar.npz", {"m.npy": npy(np.ones((20, 40, 40), bool), "(9, 9**9, 9)")}
        ): "damaged",
        archive(
            tmp_path / "more.npz", {"m.npy": npy(np.ones((20, 40, 40), bool), "(99, 99, 99)")}
        ): "damaged",
        archive(tmp_path / "junk.npz", {"m.npy": b"\x93NUMPY\x01\x00\xff\xff{"}): "damaged",
        archive(tmp_path / "new.npz", {"m.npy": good.replace(b"Y\x01", b"Y\x07", 1)}): "damaged",
        archive(tmp_path / "zeros.npz", {"m.npy": npy(np.zeros((2, *SIZE), bool))}): "empty in every frame",
    }


def refusals(tmp_path):
    """Path and what is said of it, for everything that cannot be read as masks."""
    mask = png(moving(1)[0])
    good = archive(tmp_path / "good.zip", {"0.png": mask, "1.png": mask}).read_bytes()
    flipped = bytearray(good)
    flipped[60] ^= 255
    (tmp_path / "flipped.zip").write_bytes(flipped)
    (tmp_path / "masks.txt").write_text("masks")
    (tmp_path / "fake.mp4").write_text("masks")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.png").write_bytes(mask[:60])
    (tmp_path / "jpeg").mkdir()
    Image.new("L", (36, 24), 255).save(tmp_path / "jpeg" / "0.png", "JPEG")
    (tmp_path / "none").mkdir()
    (tmp_path / "cut.zip").write_bytes(good[: len(good) // 2])
    (tmp_path / "single.png").write_bytes(mask[:60])
    (tmp_path / "text.png").write_text("masks")
    (tmp_path / "text.gif").write_text("masks")
    return arrays(tmp_path) | {
        tmp_path / "gone": "no mask folder or file",
        tmp_path / "none": "holds no PNG file",
        tmp_path / "masks.txt": "holds no masks",
        tmp_path / "fake.mp4": "not a video",
        tmp_path / "cut.zip": "damaged or not an archive",
        tmp_path / "single.png": "damaged|not a picture",
        tmp_path / "text.png": "not a picture",
        tmp_path / "text.gif": "not a GIF",
        tmp_path / "broken": "damaged|not a picture",
        tmp_path / "jpeg": "not a picture",
        tmp_path / "flipped.zip": "damaged",
        archive(tmp_path / "no.zip", {"a.txt": b"hi"}): "holds no PNG file",
        archive(tmp_path / "up.zip", {"../0.png": mask}): "outside of its own folder",
        archive(tmp_path / "root.zip", {"/etc/0.png": mask}): "outside of its own folder",
        archive(tmp_path / "dos.zip", {"..\\0.png": mask}): "outside of its own folder",
        archive(tmp_path / "bomb.zip", {"0.png": bytes(40 * 2**20)}): "over 32 MB",
        archive(tmp_path / "many.zip", {f"{n}.txt": b"" for n in range(2100)}): "2100 files",
    }


def test_what_holds_no_masks_is_refused_in_one_sentence(tmp_path):
    for path, says in refusals(tmp_path).items():
        with pytest.raises(UserError, match=says) as caught:
            load_masks(path, 1 if path.is_dir() or path.suffix == ".png" else 2, SIZE)
        assert re.fullmatch(r"[^\n]+\.", str(caught.value))
        with pytest.raises(UserError) as again:
            read_mask_sequence(path)
        assert str(again.value) == str(caught.value)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    path = save_masks(tmp_path / "m.zip", moving())
    monkeypatch.setattr("comogen_demo.masks.archives.MAX_UNPACKED_BYTES", 300)
    with pytest.raises(UserError, match="unpacks to over"):
        load_masks(path, 5, SIZE)
    arrays = export_masks(tmp_path / "m.npz", moving(), 1)
    with pytest.raises(UserError, match="unpacks to over"):
        load_masks(arrays, 5, SIZE)
    monkeypatch.setattr("comogen_demo.masks.archives.MAX_ARCHIVE_BYTES", 10)
    with pytest.raises(UserError, match="give smaller masks or a folder"):
        load_masks(path, 5, SIZE)


def test_validate_takes_numbers_and_gives_bool():
    masks = moving(3)
    checked = validate_masks(masks.astype(np.uint8) * 7, 3, SIZE)
    assert checked.dtype == bool
    assert np.array_equal(checked, masks)
    assert validate_masks(masks, 3, (48, 72)).shape == (3, 48, 72)
    for bad, says in (
        (masks[0], "stack of single-channel"),
        (masks[:2], "2 masks where 3"),
        (masks & False, "empty"),
        (masks[:, :, :10], "10 x 24 px"),
    ):
        with pytest.raises(UserError, match=says):
            validate_masks(bad, 3, SIZE)


def test_saving_keeps_an_old_archive_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "m.zip"
    path.write_bytes(b"precious")
    monkeypatch.setattr(Image.Image, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_masks(path, moving())
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_gifs_with_too_many_pixels_are_refused(tmp_path, monkeypatch):
    frames = [Image.fromarray(mask) for mask in moving(4)]
    frames[0].save(tmp_path / "m.gif", save_all=True, append_images=frames[1:])
    monkeypatch.setattr("comogen_demo.masks.pictures.MAX_GIF_PIXELS", 3 * SIZE[0] * SIZE[1])
    with pytest.raises(UserError, match="4 frames of 36 x 24 px, which is too much"):
        read_mask_sequence(tmp_path / "m.gif")


@pytest.mark.parametrize(("name", "agreement"), [("m.zip", 1), ("m.npz", 1), ("M.NPZ", 1), ("m.mp4", 0.97)])
def test_exported_masks_come_back(tmp_path, name, agreement):
    masks = moving(6, (47, 65))  # odd: a video is padded by its edge
    path = export_masks(tmp_path / name, masks, 12.5)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    loaded = read_mask_sequence(path)[:, :47, :65]
    assert (loaded & masks).sum() / (loaded | masks).sum() >= agreement
    assert load_masks(path, 6, (47, 65)).shape == masks.shape


def test_masks_are_exported_under_known_names_only(tmp_path):
    with pytest.raises(UserError, match=r"must end in \.zip, \.mp4 or \.npz"):
        export_masks(tmp_path / "m.tar", moving(), 8)
    assert list(tmp_path.iterdir()) == []


def test_slow_videos_of_masks_may_be_long(tmp_path):
    masks = moving(70)
    grey = np.repeat(masks[..., None].astype(np.uint8) * 255, 3, axis=3)
    assert len(read_mask_sequence(write_mp4(tmp_path / "m.mp4", grey, 1))) == 70
