"""Driving clips: what a video file holds, told without decoding it, and a part of it as frames at a chosen rate.

The header is read from ffmpeg's own words. MoviePy's `ffmpeg_parse_infos` reads the same words, but it cannot name
the demuxer (so that ffmpeg would follow a playlist in disguise), takes the cover of an audio file for a video, misses
the rotation as recent versions of ffmpeg write it, and fails on recordings whose header has no duration.
"""

from __future__ import annotations

import math
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..video import input_options

MAX_SECONDS = 600.0  # our choice: longer clips take too long to look through for a part of some seconds
MAX_PICTURES = 600 * 240  # as many as ten minutes of a slow motion camera have
MAX_PIXELS = 2**25  # of one picture; 8K has a little less
MAX_FPS = 120.0
MAX_SIDE, MAX_FRAMES = 640, 129

HEADER = 2**20  # bytes of ffmpeg's words that are read
PATIENCE = 300.0  # seconds for reading or decoding, after which it is given up
SHORT = 0.5  # seconds that may be missing at the end: headers and the last pictures of a file are not exact
ROUNDING = 0.001  # seconds by which a picture may come late and yet count: Matroska knows milliseconds only
KEY, DISCARD = 1, 4  # ffmpeg's flags of a picture; they are written when they are not KEY alone
NO_TIME = -(2**63)  # ffmpeg's sign for a picture without a time of its own

_STREAM = re.compile(r"^  Stream #0:\d+.*?: Video: (.*)$")
_SIZE = re.compile(r", (\d+)x(\d+)(?=[,\s]|$)")
_PIXEL_ASPECT = re.compile(r"SAR (\d+):(\d+)")
_ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+) degrees", re.IGNORECASE)
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class ClipInfo:
    """A clip as it is shown: rotated as its file says, with square pixels. `fps` is the mean over the whole clip."""

    seconds: float
    fps: float
    width: int
    height: int


def probe(path: str | Path) -> ClipInfo:
    """What a video file (mp4, mov, webm, mkv, avi, gif) holds; nothing of it is decoded.

    First the header is read, which tells a wrong or too long file in a moment; then the times of all its pictures,
    since headers do not always tell the truth, and some have no duration.

    Raises UserError when the file is damaged or no video, when it has no pictures (audio only) or a single one, is
    longer than ten minutes, over 512 MB, or larger than 8K.
    """
    return _inspect(Path(path))[0]


def read_clip(
    path: str | Path,
    start: float,
    end: float,
    fps: float,
    max_side: int = MAX_SIDE,
    max_frames: int = MAX_FRAMES,
) -> np.ndarray:
    """The part from `start` to `end` (seconds; beyond the clip's end: that) at `fps`: uint8 (T, H, W, 3).

    Frame k is what is on screen at start + k / fps: the last picture whose time is not later, whatever rate, or
    changing rate, the file has; before the first picture comes, that one. The clip is turned as its file says, and
    scaled down while it is decoded so that no side is longer than `max_side` px.

    Raises UserError as `probe` does, for a part that is empty, holds only one frame or more than `max_frames`, and
    when the file breaks off within it.
    """
    path = Path(path)
    info, pictures = _inspect(path)
    count = frame_count(info, start, end, fps)
    if count > max_frames:
        raise UserError(
            f"From {start:g} s to {min(end, info.seconds):g} s there are {count} frames at {fps:g} per second; "
            f"at most {max_frames} are read, so choose a shorter part or a lower rate."
        )
    scale = min(1.0, max_side / max(info.width, info.height))
    width, height = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    frames = np.empty((count, height, width, 3), np.uint8)
    filled = _decode(path, pictures, start, fps, frames)
    if filled == 0:
        raise UserError(f"{path.name} is damaged from {start:g} s on; choose another part of it.")
    if (count - filled) / fps > max(SHORT, 1.5 / fps):
        raise UserError(
            f"{path.name} breaks off at {start + filled / fps:.1f} s; choose a part before that, "
            "or take another copy of the file."
        )
    frames[filled:] = frames[filled - 1]
    return frames


def frame_count(info: ClipInfo, start: float, end: float, fps: float) -> int:
    """How many frames `read_clip` gives for this part, at least 2. UserError for a part or a rate out of range."""
    if not 0 < fps <= MAX_FPS:
        raise UserError(f"{fps:g} frames per second are out of range; choose up to {MAX_FPS:g}.")
    if not (math.isfinite(start) and 0 <= start < info.seconds):
        raise UserError(
            f"The part begins at {start:g} s; it must begin within the {info.seconds:.1f} s of the clip."
        )
    count = math.ceil((min(end, info.seconds) - start) * fps - 1e-6) if end > start else 0
    if count < 2:
        raise UserError(
            f"From {start:g} s to {end:g} s there are less than 2 frames at {fps:g} per second; choose a longer part."
        )
    return count


@dataclass(frozen=True)
class _Picture:
    """When a picture of the file is shown, in seconds; `decoded` is its place in the order of the file."""

    begin: float
    end: float
    decoded: float
    key: bool  # decoding can begin with it


def _inspect(path: Path) -> tuple[ClipInfo, list[_Picture]]:
    options = input_options(path)
    header = _header(path, options)
    width, height, declared = _parse(header, path.name)
    if declared > MAX_SECONDS + SHORT:
        raise _too_long(path.name, declared)
    pictures = _pictures(path, options)
    count, end = len(pictures), max(picture.end for picture in pictures)
    if count == 1:
        raise UserError(f"{path.name} holds a single picture; choose a video that moves.")
    if end > MAX_SECONDS + SHORT:
        raise _too_long(path.name, end)
    if count > MAX_PICTURES:
        raise UserError(f"{path.name} has more than {MAX_PICTURES} pictures; cut it, or lower its rate.")
    first = min(picture.begin for picture in pictures)
    return ClipInfo(end, count / max(end - first, 1e-3), width, height), pictures


def _too_long(name: str, seconds: float) -> UserError:
    return UserError(
        f"{name} lasts {seconds / 60:.0f} minutes; at most {MAX_SECONDS / 60:.0f} are read, so cut it first."
    )


def _too_slow(name: str) -> UserError:
    return UserError(f"{name} takes too long to read; cut it, or scale it down.")


def _damaged(name: str) -> UserError:
    return UserError(f"{name} is damaged or not a video; save or download it again.")


def _command(*arguments: str) -> list[str]:
    import imageio_ffmpeg

    return [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", *arguments]


def _header(path: Path, options: list[str]) -> str:
    """ffmpeg's words on the file, the first megabyte of them."""
    command = _command(*options, "-i", str(path.resolve()))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        words = process.stderr.read(HEADER)
        process.kill()
    return words.decode("utf-8", errors="replace")


def _parse(header: str, name: str) -> tuple[int, int, float]:
    """Width and height as shown and the declared duration (0: none) of the first stream that is a video."""
    if "\nInput #0" not in f"\n{header}":
        raise _damaged(name)
    seconds, stream, rotation = 0.0, "", 0.0
    for line in header.split("\n"):
        if duration := _DURATION.match(line):
            hours, minutes, rest = duration.groups()
            seconds = int(hours) * 3600 + int(minutes) * 60 + float(rest)
        elif line.startswith("  Stream #"):
            if stream:
                break
            found = _STREAM.match(line)
            stream = found[1] if found and "(attached pic)" not in found[1] else ""
        elif stream and (turned := _ROTATION.search(line)):
            rotation = float(turned[1])
    size = _SIZE.search(stream)
    if not stream:
        raise UserError(f"{name} has no pictures, only sound or nothing at all; choose a video.")
    if size is None or "0" in size.groups():
        raise _damaged(name)
    width, height = int(size[1]), int(size[2])
    if width * height > MAX_PIXELS:
        raise UserError(f"{name} measures {width} x {height} px; videos up to 8K are read, so scale it down.")
    aspects = [(int(a), int(b)) for a, b in _PIXEL_ASPECT.findall(stream) if int(a) and int(b)]
    if aspects:  # the container's, if it has one, comes last and wins
        width = max(1, min(round(width * aspects[-1][0] / aspects[-1][1]), MAX_PIXELS // height))
    if min(abs(rotation % 180 - 90), 90) < 1:
        width, height = height, width
    return width, height, seconds


def _pictures(path: Path, options: list[str]) -> list[_Picture]:
    """The pictures of the file, at least one, in its order."""
    what = ["-map", "0:V:0", "-c", "copy", "-frames:v", str(MAX_PICTURES + 1), "-f", "framecrc", "-"]
    command = _command("-loglevel", "quiet", *options, "-i", str(path.resolve()), *what)
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise _too_slow(path.name) from None
    unit, pictures = 0.0, []
    for line in done.stdout.decode("ascii", errors="replace").splitlines():
        if line.startswith("#tb 0:"):
            above, below = line[6:].split("/")
            unit = int(above) / int(below)
        elif not line.startswith("#"):
            columns = line.split(",")
            decoded, displayed, lasts = (int(value) for value in columns[1:4])
            begins = decoded if displayed == NO_TIME else displayed
            flags = int(columns[6][3:], 16) if columns[6:] and columns[6][:3] == " F=" else KEY
            if (
                not flags & DISCARD
            ):  # it lies before a cut (an edit list) and only serves the decoding of others
                pictures.append(
                    _Picture(begins * unit, (begins + lasts) * unit, decoded * unit, bool(flags & KEY))
                )
    if not pictures:
        raise UserError(f"{path.name} holds no picture; choose another video.")
    return pictures


def _decode(path: Path, pictures: list[_Picture], start: float, fps: float, frames: np.ndarray) -> int:
    """Fill frames (T, H, W, 3) with what is on screen from `start` on; returned is how many there were.

    ffmpeg's own seeking drops the picture that is on screen when the part begins, as that one came earlier, and takes
    the order of decoding for times. So we begin with the last key picture that is shown before the part, the times
    stay those of the file, and the filter `fps` gives at each time the last picture that has come. It would count in
    the units of the file, which may be as coarse as a picture (AVI), and lose the last picture when it does not begin
    at zero; hence the finer units and the shift before it.
    """
    height, width = frames.shape[1:3]
    options, begin = input_options(path), start + ROUNDING
    keys = [
        min(picture.begin, picture.decoded) for picture in pictures if picture.key and picture.begin <= begin
    ]
    seek, zero = ["-copyts", "-start_at_zero", "-noaccurate_seek", "-ss", f"{max([0.0, *keys]):.6f}"], ""
    if (
        "avi" in options
    ):  # its pictures have no times, only an order, which is lost unless one starts at the first
        seek, zero = [], "-STARTPTS"
    times = f"settb=AVTB,setpts=PTS{zero}-{round(begin * 1e6)},fps=fps={fps:.6f}:start_time=0:round=up"
    filters = f"{times},scale={width}:{height}:flags=area"
    command = _command(
        *["-loglevel", "quiet", "-threads", "2", "-max_pixels", str(MAX_PIXELS)],
        *[*seek, *options, "-i", str(path.resolve()), "-map", "0:V:0", "-vf", filters],
        *["-frames:v", str(len(frames)), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        try:
            filled = process.stdout.readinto(frames.reshape(-1).data)  # type: ignore[attr-defined]
        finally:
            over = not patience.is_alive()
            patience.cancel()
            process.kill()
    if over:
        raise _too_slow(path.name)
    return filled // frames[0].nbytes
