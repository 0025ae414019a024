"""Video files in and out, and the project inside of them."""

import itertools
import os
import struct
import subprocess
import zlib

import imageio_ffmpeg
import numpy as np
import pytest

from comogen_demo.errors import UserError
from comogen_demo.video import PROJECT_BOX, embed_project, read_project, read_video, write_mp4

RATES = (8, 12.5, 24, 30)


def clip(frames: int, height=32, width=32) -> np.ndarray:
    """Frame t has the grey level 8 t: order and number can be told from the pixels."""
    levels = np.arange(frames) * 8 % 256
    return np.broadcast_to(levels[:, None, None, None], (frames, height, width, 3)).astype(np.uint8)


def header(path) -> str:
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path], capture_output=True, text=True, check=False
    )
    return done.stderr


@pytest.mark.parametrize(("frames", "fps"), list(itertools.product((1, 7, 25, 33), RATES)))
def test_every_frame_arrives(tmp_path, frames, fps):
    given = clip(frames)
    read, rate = read_video(write_mp4(tmp_path / "a.mp4", given, fps))
    assert read.shape == given.shape
    assert rate == pytest.approx(fps)
    assert np.abs(read.astype(int) - given).max() <= 3


def test_the_file_plays_in_browsers(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", clip(25, 64, 96), 12.5)
    text = header(path)
    assert "h264" in text
    assert "yuv420p" in text
    assert "96x64" in text
    assert "12.50 fps" in text or "12.5 fps" in text
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "+faststart puts the index first"
    assert path.stat().st_mode & 0o444 == 0o444 & ~_umask()


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


@pytest.mark.parametrize(("height", "width"), [(31, 32), (32, 33), (35, 37)])
def test_odd_sizes_are_padded_by_their_edge(tmp_path, height, width):
    given = np.random.default_rng(0).integers(90, 110, (3, height, width, 3), dtype=np.uint8)
    given[:, -1:, :] = 200
    read, _ = read_video(write_mp4(tmp_path / "a.mp4", given, 10))
    assert read.shape == (3, height + height % 2, width + width % 2, 3)
    assert read[:, -1, : width // 2].mean() == pytest.approx(200, abs=6)


def test_small_pictures_stay_sharp(tmp_path):
    """Greyscale detail at the pixel scale survives: above 38 dB."""
    y, x = np.mgrid[:128, :128]
    picture = np.repeat((128 + 60 * np.sin(x / 1.3) * np.cos(y / 1.7))[..., None], 3, axis=2).astype(np.uint8)
    given = np.stack([np.roll(picture, 2 * t, axis=1) for t in range(12)])
    read, _ = read_video(write_mp4(tmp_path / "a.mp4", given, 12.5))
    error = ((read.astype(float) - given) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 38


def test_colours_come_back(tmp_path):
    colours = [(220, 30, 30), (30, 200, 60), (40, 60, 220), (240, 220, 40)]
    given = np.stack([np.full((32, 32, 3), colour, np.uint8) for colour in colours])
    read, _ = read_video(write_mp4(tmp_path / "a.mp4", given, 8))
    assert np.abs(read.astype(int) - given).max() <= 6


def test_a_short_small_clip_is_written_fast(tmp_path):
    given = clip(25, 128, 128)
    times = []
    for _ in range(3):
        start = _processor_seconds()
        write_mp4(tmp_path / "a.mp4", given, 12.5)
        times.append(_processor_seconds() - start)
    assert min(times) < 0.25


def _processor_seconds() -> float:
    """Spent by this process and the ones it ran; unlike the clock, a busy machine does not change it."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def test_a_failed_write_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"precious")
    monkeypatch.setattr("comogen_demo.video.CRF", "nonsense")
    with pytest.raises(RuntimeError, match="ffmpeg"):
        write_mp4(path, clip(3), 10)
    assert path.read_bytes() == b"precious"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_writing_to_nowhere_is_refused(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        write_mp4(tmp_path / "gone" / "a.mp4", clip(3), 10)
    with pytest.raises(UserError, match="is a folder"):
        write_mp4(tmp_path, clip(3), 10)


@pytest.mark.parametrize(
    "frames",
    [np.zeros((3, 8, 8), np.uint8), np.zeros((3, 8, 8, 3), np.float32), np.zeros((0, 8, 8, 3), np.uint8)],
)
def test_arrays_of_another_form_are_a_bug(tmp_path, frames):
    with pytest.raises(ValueError, match="frames must be"):
        write_mp4(tmp_path / "a.mp4", frames, 10)


def test_long_videos_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = write_mp4(tmp_path / "a.mp4", clip(40), 10)
    monkeypatch.setattr(np, "frombuffer", lambda *_: pytest.fail("a frame was decoded"))
    with pytest.raises(UserError, match="about 40 frames; at most 20"):
        read_video(path, max_frames=20)
    with pytest.raises(UserError, match="lasts 4 s; at most 2 s"):
        read_video(path, max_seconds=2)


def test_large_videos_are_refused(tmp_path, monkeypatch):
    path = write_mp4(tmp_path / "a.mp4", clip(10), 10)
    monkeypatch.setattr("comogen_demo.video.MAX_DECODED_BYTES", 5 * 32 * 32 * 3)
    with pytest.raises(UserError, match="too large at 32 x 32 px"):
        read_video(path)


def test_what_is_no_video_is_refused(tmp_path):
    good = write_mp4(tmp_path / "good.mp4", clip(20), 10).read_bytes()
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    files = {
        "text.mp4": (b"hello", "not a video that can be read"),
        "list.mp4": (
            f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n".encode(),
            "not a video that can be read",
        ),
        "empty.mp4": (b"", "not a video that can be read"),
        "cut.mp4": (good[: len(good) // 3], "damaged|no picture"),
        "junk.mp4": (good[:32] + bytes(3000), "damaged|no picture"),
    }
    for name, (data, says) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=says):
            read_video(tmp_path / name)
    with pytest.raises(UserError, match="no video file"):
        read_video(tmp_path / "gone.mp4")


TEXT = '{"version": 2, "prompt": "Würfel — 立方体"}'


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def project_box(text: str = TEXT) -> bytes:
    return box(b"uuid", PROJECT_BOX.bytes + zlib.compress(text.encode()))


def test_a_project_inside_changes_no_picture(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", clip(9, 48, 64), 12.5)
    plain, frames = path.read_bytes(), read_video(path)[0]
    assert read_project(path) is None
    embed_project(path, TEXT)
    assert path.read_bytes().startswith(plain)
    assert read_project(path) == TEXT
    again, fps = read_video(path)
    assert np.array_equal(again, frames)
    assert fps == pytest.approx(12.5)
    assert "rror" not in header(path).replace("At least one output file", "")
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_the_last_project_takes_the_place_of_the_one_before(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", clip(3), 12.5)
    embed_project(path, "x" * 500_000)
    plain = path.stat().st_size
    embed_project(path, TEXT)
    assert read_project(path) == TEXT
    assert path.read_bytes().count(PROJECT_BOX.bytes) == 1
    assert path.stat().st_size < plain
    assert read_video(path)[0].shape == clip(3).shape


def test_a_project_is_found_among_boxes_of_any_form(tmp_path):
    path = tmp_path / "a.mp4"
    other = box(b"uuid", bytes(16) + b"not ours")
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    wide = PROJECT_BOX.bytes + zlib.compress(TEXT.encode())
    ours = struct.pack(">I4sQ", 1, b"uuid", 16 + len(wide)) + wide
    open_end = struct.pack(">I4s", 0, b"uuid") + wide
    for last in (project_box(), ours, open_end, project_box() + b"rest"):
        path.write_bytes(box(b"ftyp", b"isom") + other + large + box(b"free", b"") + last)
        assert read_project(path) == TEXT


def test_files_without_a_project_have_none(tmp_path):
    start = box(b"ftyp", b"isom")
    long = struct.pack(">I4sQ", 1, b"mdat", 2**63) + b"short"
    files = [
        b"",
        b"hello",
        TEXT.encode(),
        project_box(),  # without the beginning of an MP4
        start[:6],
        start + struct.pack(">I4s", 4, b"mdat") + project_box(),  # a size that is none
        start + struct.pack(">I4s", 2**31, b"mdat") + project_box(),
        start + long + project_box(),
        start + box(b"mdat", project_box()),
        start + struct.pack(">I4s", 1, b"mdat"),
        start + struct.pack(">I4s", 24, b"uuid") + PROJECT_BOX.bytes[:9],
        start + box(b"free", b"") * 5000 + project_box(),
    ]
    for number, data in enumerate(files):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(data)
        assert read_project(path) is None, number
    with pytest.raises(UserError, match="no video file"):
        read_project(tmp_path / "gone.mp4")


def test_damaged_and_oversized_projects_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("comogen_demo.video.MAX_PROJECT", 2**20)
    start, whole = box(b"ftyp", b"isom"), project_box()
    bomb = zlib.compress(bytes(50 * 2**20), 9)
    files = {
        "cut": (whole[:-3], "damaged"),
        "flipped": (whole[:40] + bytes([whole[40] ^ 255]) + whole[41:], "damaged"),
        "text": (box(b"uuid", PROJECT_BOX.bytes + b"hello"), "damaged"),
        "nothing": (box(b"uuid", PROJECT_BOX.bytes), "damaged"),
        "latin": (box(b"uuid", PROJECT_BOX.bytes + zlib.compress(b"\xff\xfe")), "damaged"),
        "bomb": (box(b"uuid", PROJECT_BOX.bytes + bomb), "over 1 MB"),
        "huge": (struct.pack(">I4sQ", 1, b"uuid", 2**62) + PROJECT_BOX.bytes, "over 1 MB"),
    }
    for name, (data, says) in files.items():
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(start + data)
        with pytest.raises(UserError, match=says) as caught:
            read_project(path)
        assert str(caught.value).count(".") == 2 and str(caught.value).endswith("."), "one sentence"


def test_projects_go_into_whole_videos_only(tmp_path, monkeypatch):
    good = write_mp4(tmp_path / "good.mp4", clip(5), 10).read_bytes()
    files = {"cut": good[: len(good) // 2], "text": b"hello", "none": b"", "more": good + b"rest"}
    files["endless"] = box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"mdat") + b"frames"
    for name, data in files.items():
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(data)
        with pytest.raises(UserError, match="not a whole MP4"):
            embed_project(path, TEXT)
        assert path.read_bytes() == data
    with pytest.raises(UserError, match="no video file"):
        embed_project(tmp_path / "gone.mp4", TEXT)
    monkeypatch.setattr("comogen_demo.video.MAX_PROJECT", 10)
    with pytest.raises(UserError, match="The project is over"):
        embed_project(tmp_path / "good.mp4", TEXT)
    assert (tmp_path / "good.mp4").read_bytes() == good
    assert len(list(tmp_path.iterdir())) == 6
