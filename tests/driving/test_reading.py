"""Clips as people have them: every container, rates that change, turned, large, long, damaged, without pictures."""

import math
import time

import numpy as np
import pytest

from comogen_demo.driving import probe, read_clip
from comogen_demo.driving import reading as module
from comogen_demo.errors import UserError

from .clips import GREY, ffmpeg, make, numbers

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def test_a_clip_is_told_without_decoding(tmp_path):
    info = probe(make(tmp_path / "a.mp4", *H264, "-bf", "2"))
    assert (info.width, info.height) == (64, 48)
    assert info.seconds == pytest.approx(2.0, abs=0.01)
    assert info.fps == pytest.approx(10, abs=0.05)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", H264),
        ("a.mov", H264),
        ("a.mkv", H264),
        ("a.webm", ("-c:v", "libvpx", "-b:v", "2M")),
        ("a.avi", ("-c:v", "mpeg4", "-q:v", "2", "-bf", "2")),
        ("a.gif", ("-pix_fmt", "gray")),
    ],
)
def test_every_container_gives_the_same_part(tmp_path, name, codec):
    """Frame N is shown from N / 10 s on, until the next one comes; the units of AVI and GIF are as coarse as that."""
    path = make(tmp_path / name, *codec, "-g", "6") if name != "a.gif" else make(tmp_path / name, *codec)
    assert probe(path).seconds == pytest.approx(2.0, abs=0.11)
    for start, first in ((0.0, 0), (0.25, 2), (0.5, 5), (0.55, 5), (0.99, 9), (1.21, 12)):
        assert numbers(read_clip(path, start, start + 0.5, 10)) == list(range(first, first + 5)), start
    assert numbers(read_clip(path, 1.75, 9, 10)) == [17, 18, 19], "up to the last picture"
    assert numbers(read_clip(path, 1.5, 1.96, 5)) == [15, 17, 19]


def test_the_files_own_rate_neither_repeats_nor_skips(tmp_path):
    """Matroska rounds times to milliseconds: 33, 67, 100, of which 67 comes after 2 / 30."""
    path = make(tmp_path / "a.webm", "-c:v", "libvpx", "-b:v", "2M", rate=30, seconds=1)
    assert numbers(read_clip(path, 0, 1, 30)) == list(range(30))
    assert numbers(read_clip(path, 0.5, 1, 30)) == list(range(15, 30))


@pytest.mark.parametrize("start", [0.0, 0.3, 0.75])
def test_what_an_edit_list_cuts_off_is_not_shown(tmp_path, start):
    """A cut without encoding anew keeps what the pictures before it are decoded from, and says that it is not shown."""
    whole, path = make(tmp_path / "whole.mp4", *H264, "-g", "6"), tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.8", "-i", whole, "-c", "copy", path)
    frames = [8 + math.floor((start + k / 10) * 10 + 1e-6) for k in range(4)]
    assert numbers(read_clip(path, start, start + 0.4, 10)) == frames
    info = probe(path)
    assert (info.seconds, info.fps) == (pytest.approx(1.2, abs=0.01), pytest.approx(10, abs=0.1))


def test_pictures_that_begin_after_the_sound(tmp_path):
    """Until the first comes it is shown; from then on the times are those of the file."""
    plain, path = make(tmp_path / "a.mp4", *H264), tmp_path / "late.mp4"
    late = ("-itsoffset", "0.45", "-i", plain, "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", *late, path)
    assert numbers(read_clip(path, 0.25, 1.0, 10)) == [0, 0, 0, 1, 2, 3, 4, 5]
    assert numbers(read_clip(path, 0.75, 1.2, 10)) == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a b'c\"d.mp4", "%03d:[x].mp4", "film,größe 🎬\n.mp4", "file:x|y;z&.mp4"]
)
def test_any_name_of_a_file(tmp_path, monkeypatch, name):
    make(tmp_path / "a.mp4", *H264).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert numbers(read_clip(name, 1.0, 1.5, 10)) == [10, 11, 12, 13, 14]


def test_a_recording_whose_header_has_no_duration(tmp_path):
    whole = make(tmp_path / "a.webm", "-c:v", "libvpx", "-b:v", "2M")
    live = tmp_path / "live.webm"
    ffmpeg(
        "-i", whole, "-c", "copy", "-live", "1", live
    )  # as browsers write, who never go back to the header
    assert "N/A" in module._header(live, ["-f", "matroska"])
    assert probe(live).seconds == pytest.approx(2.0, abs=0.01)
    assert numbers(read_clip(live, 1.0, 2.0, 5)) == [10, 12, 14, 16, 18]


def varying(path):
    """Ten frames a second for a second, then one every .7 seconds: frame N at N / 10, and at 1 + .7 (N - 10)."""
    times = "if(lt(N,10),N*0.1,1+(N-10)*0.7)"
    return make(
        path, "-fps_mode", "vfr", "-g", "6", *H264, picture=f"settb=1/1000,{GREY},setpts='{times}/TB'"
    )


@pytest.mark.parametrize("start", [0.0, 0.55, 2.0, 3.05, 6.2])
def test_a_changing_rate_is_resampled_by_time(tmp_path, start):
    """Frame k is what is on screen at start + k / fps, also the first one, which came before the start."""
    path = varying(tmp_path / "a.mp4")
    starts = [n / 10 if n < 10 else 1 + (n - 10) * 0.7 for n in range(20)]
    times = [start + k / 8 for k in range(12) if start + k / 8 < starts[-1] + 0.05]
    expected = [max(n for n in range(20) if starts[n] <= t + 1e-6) for t in times]
    assert numbers(read_clip(path, start, start + 1.5, 8))[: len(times)] == expected


def test_the_mean_rate_of_a_changing_one(tmp_path):
    info = probe(varying(tmp_path / "a.mp4"))
    assert info.fps == pytest.approx(20 / info.seconds)
    assert 7.3 <= info.seconds <= 8.1


def test_a_faster_rate_repeats_frames(tmp_path):
    path = make(tmp_path / "a.mp4", *H264)
    assert numbers(read_clip(path, 0.0, 0.5, 20)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(("turn", "corner"), [(90, (0, 0)), (180, (1, 1)), (270, (1, 1))])
def test_the_rotation_flag_is_obeyed(tmp_path, turn, corner):
    """The plain file is white in its right top quarter; what is shown is turned counterclockwise by the flag."""
    plain = make(tmp_path / "a.mp4", *H264, picture="drawbox=x=32:y=0:w=32:h=24:color=white:t=fill")
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(turn), "-i", plain, "-c", "copy", path)
    upright, turned = read_clip(plain, 0, 1, 5), read_clip(path, 0, 1, 5)
    info = probe(path)
    assert (info.height, info.width) == ((64, 48) if turn % 180 else (48, 64)) == turned.shape[1:3]
    assert np.abs(turned.astype(int) - np.rot90(upright, turn // 90, axes=(1, 2))).mean() < 3


def test_pixels_that_are_not_square_are_shown_square(tmp_path):
    path = make(tmp_path / "a.mp4", *H264, size="72x58", picture="setsar=16/11")
    assert (probe(path).width, probe(path).height) == (105, 58)
    assert read_clip(path, 0, 1, 5).shape == (5, 58, 105, 3)


def test_4k_is_scaled_down_while_it_is_decoded(tmp_path):
    path = make(
        tmp_path / "a.mp4", *H264, "-preset", "ultrafast", size="3840x2160", seconds=0.4, picture="null"
    )
    assert (probe(path).width, probe(path).height) == (3840, 2160)
    assert read_clip(path, 0, 0.4, 10).shape == (4, 360, 640, 3)
    assert read_clip(path, 0, 0.4, 10, max_side=100).shape == (4, 56, 100, 3)


def test_too_large_pictures_are_refused(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264)
    monkeypatch.setattr(module, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(UserError, match="64 x 48 px; videos up to 8K"):
        probe(path)


def test_two_hours_are_refused_at_once(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264, seconds=0.5, picture="setpts=N*1800/TB")
    monkeypatch.setattr(module, "_pictures", lambda *_: pytest.fail("the pictures were looked at"))
    begin = time.perf_counter()
    with pytest.raises(UserError, match=r"lasts 1[25]\d minutes; at most 10 are read"):
        probe(path)
    assert time.perf_counter() - begin < 5.0  # it is some .2 s; a busy machine may take longer


def test_a_header_that_hides_the_length_does_not_help(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264, seconds=0.5, picture="setpts=N*1800/TB")
    monkeypatch.setattr(module, "_parse", lambda *_: (64, 48, 3.0))
    with pytest.raises(UserError, match="minutes; at most 10 are read"):
        probe(path)


def test_a_header_that_lies_about_the_size_gives_no_larger_frames(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264, size="320x240")
    monkeypatch.setattr(module, "_parse", lambda *_: (32, 24, 2.0))
    assert read_clip(path, 0, 2, 10).shape == (20, 24, 32, 3)


def test_sound_alone_is_no_clip(tmp_path):
    sound, cover = tmp_path / "a.m4a", tmp_path / "b.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", sound)
    picture = make(tmp_path / "c.png", "-frames:v", "1")
    ffmpeg(
        "-i",
        sound,
        "-i",
        picture,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:0",
        "attached_pic",
        cover,
    )
    for path in (sound, cover):
        with pytest.raises(UserError, match="no pictures, only sound"):
            probe(path)


def test_sound_beside_pictures_does_no_harm(tmp_path):
    path = make(tmp_path / "a.mp4", *H264)
    both = tmp_path / "b.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=d=5", "-i", path, "-c:v", "copy", "-c:a", "aac", both)
    assert probe(both).seconds == pytest.approx(2.0, abs=0.1), "the pictures' length, not the sound's"
    assert numbers(read_clip(both, 1.0, 9.0, 5)) == [10, 12, 14, 16, 18]


def test_no_frames_and_a_single_one(tmp_path):
    with pytest.raises(UserError, match="no picture"):
        probe(make(tmp_path / "zero.mp4", "-t", "0", *H264))
    with pytest.raises(UserError, match="a single picture; choose a video that moves"):
        probe(make(tmp_path / "one.mp4", "-frames:v", "1", *H264))


def test_damaged_files_are_told(tmp_path):
    whole = make(
        tmp_path / "whole.mp4", *H264, "-movflags", "+faststart", "-g", "5", size="320x240", seconds=4
    )
    data = whole.read_bytes()
    (tmp_path / "text.mp4").write_bytes(b"hello")
    (tmp_path / "head.mp4").write_bytes(data[:200])
    (tmp_path / "junk.webm").write_bytes(b"\x1aE\xdf\xa3" + bytes(5000))
    for name, says in {
        "text.mp4": "not a video that can be read",
        "head.mp4": "damaged|no pictures",
        "junk.webm": "damaged",
    }.items():
        with pytest.raises(UserError, match=says):
            probe(tmp_path / name)
    with pytest.raises(UserError, match="no video file"):
        probe(tmp_path / "gone.mp4")


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path):
    whole = make(
        tmp_path / "whole.mp4", *H264, "-movflags", "+faststart", "-g", "5", size="320x240", seconds=4
    )
    data, cut = whole.read_bytes(), tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 3 // 4])
    info = probe(cut)
    assert 0.5 < info.seconds < 3.9
    count = len(read_clip(cut, 0, info.seconds, 10))
    assert count == math.ceil(info.seconds * 10 - 1e-6), (
        "pictures that cannot be decoded at the end leave the last"
    )


def test_what_cannot_be_decoded_is_told(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264)
    _, pictures = module._inspect(path)
    monkeypatch.setattr(module, "_inspect", lambda path: (module.ClipInfo(6.0, 10.0, 64, 48), pictures))
    with pytest.raises(UserError, match=r"breaks off at 2.0 s; choose a part before that"):
        read_clip(path, 0, 6, 10)
    monkeypatch.setattr(module, "_decode", lambda *_: 0)
    with pytest.raises(UserError, match=r"damaged from 1 s on"):
        read_clip(path, 1, 2, 10)


def test_what_takes_too_long_is_given_up(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", *H264)
    _, pictures = module._inspect(path)
    monkeypatch.setattr(module, "_inspect", lambda path: (module.ClipInfo(2.0, 10.0, 64, 48), pictures))
    monkeypatch.setattr(module, "PATIENCE", 0.001)
    with pytest.raises(UserError, match="takes too long to read"):
        read_clip(path, 0, 2, 10)


def test_over_512_megabytes_are_refused(tmp_path):
    path = tmp_path / "a.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        file.truncate(513 * 2**20)
    with pytest.raises(UserError, match="513 MB large; at most 512 MB"):
        probe(path)


@pytest.mark.parametrize(
    ("start", "end", "fps", "says"),
    [
        (0, 2, 0, "0 frames per second are out of range"),
        (0, 2, float("nan"), "out of range"),
        (-1, 2, 10, "must begin within the 2.0 s"),
        (3, 4, 10, "must begin within the 2.0 s"),
        (float("nan"), 4, 10, "must begin within"),
        (1, 1, 10, "less than 2 frames"),
        (1, 0, 10, "less than 2 frames"),
        (1, float("nan"), 10, "less than 2 frames"),
        (0, 0.05, 10, "less than 2 frames"),
        (0, 2, 100, "there are 200 frames at 100 per second; at most 129"),
    ],
)
def test_parts_that_cannot_be(tmp_path, start, end, fps, says):
    path = make(tmp_path / "a.mp4", *H264)
    with pytest.raises(UserError, match=says):
        read_clip(path, start, end, fps)


def test_a_playlist_in_disguise_is_not_followed(tmp_path):
    """The words by which ffmpeg, left to guess, takes a file for a list of addresses."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom\n<MPD profiles='urn:mpeg:dash:profile:isoff-on-demand:2011'></MPD>")
    with pytest.raises(UserError, match="damaged"):
        probe(path)


def test_a_quicktime_file_without_its_kind(tmp_path):
    """As older cameras write them: it begins with another kind of box."""
    path = make(tmp_path / "a.mov", *H264)
    path.write_bytes(path.read_bytes().replace(b"ftyp", b"free", 1))
    assert numbers(read_clip(path, 1.0, 1.5, 10)) == [10, 11, 12, 13, 14]
