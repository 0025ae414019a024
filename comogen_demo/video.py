"""H.264 files in and out, through the ffmpeg that imageio-ffmpeg brings along; and the project that an MP4 carries."""

from __future__ import annotations

import os
import struct
import subprocess
import uuid
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from .errors import UserError
from .files import replacing

CRF = 14  # visually lossless at 128 px, where every pixel counts
MAX_BYTES = 512 * 2**20
MAX_DECODED_BYTES = 2**30

# The box of an MP4 that holds a project: players skip boxes of a kind they do not know. Its content is the project's
# JSON in UTF-8, packed by zlib.
PROJECT_BOX = uuid.UUID("7d3c8f0e-52b4-4f6a-9a1c-c0306e9d1701")
MAX_PROJECT = 48 * 2**20  # bytes of JSON
MAX_BOXES = 4096

# Container by the first bytes -> ffmpeg's demuxer. Naming the demuxer keeps ffmpeg from following playlists.
# QuickTime files of older cameras have no ftyp; they begin with one of the other kinds of box.
_DEMUXERS = (
    *((4, kind, "mov") for kind in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (0, b"RIFF", "avi"),
    (0, b"GIF8", "gif"),
)


def write_mp4(path: str | Path, frames: np.ndarray, fps: float) -> Path:
    """Write frames (T, H, W, 3) uint8 as H.264, yuv420p, +faststart: exactly T frames at `fps`.

    Odd sizes are padded by one pixel of the edge. The file appears whole or not at all: an existing one is
    replaced only when the new one is complete. Returns the path; raises UserError when its folder is missing
    or cannot be written.
    """
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
        raise ValueError(f"frames must be (T, H, W, 3) uint8, not {frames.shape} {frames.dtype}")
    if not 0 < fps <= 1000:
        raise ValueError(f"fps must be in (0, 1000], not {fps}")
    path = Path(path)
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    height, width = frames.shape[1:3]
    rate = str(Fraction(fps).limit_denominator(1001))
    with replacing(path) as temporary:
        _ffmpeg(
            ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
            + ["-c:v", "libx264", "-preset", "fast", "-crf", str(CRF), "-pix_fmt", "yuv420p", "-an"]
            + ["-colorspace", "smpte170m", "-color_primaries", "bt709", "-color_trc", "bt709"]
            + ["-threads", "2", "-movflags", "+faststart", "-f", "mp4", "-y", str(temporary)],
            np.ascontiguousarray(frames),
        )
    return path


def read_video(path: str | Path, max_frames: int = 513, max_seconds: float = 60) -> tuple[np.ndarray, float]:
    """Decode a video file (mp4, mov, webm, mkv, avi, gif) to frames (T, H, W, 3) uint8 and its fps.

    Raises UserError, before any decoding where the file's header tells, when it is not a video, is damaged, is
    longer than `max_frames` or `max_seconds`, or would not fit into 1 GB.
    """
    import imageio_ffmpeg

    path = Path(path)
    reader = imageio_ffmpeg.read_frames(str(path.resolve()), input_params=input_options(path))
    frames: list[np.ndarray] = []
    try:
        meta = next(reader)
        width, height = meta["size"]
        fps, seconds = float(meta["fps"]), float(meta["duration"])
        if seconds > max_seconds + 0.5:
            raise UserError(
                f"{path.name} lasts {seconds:.0f} s; at most {max_seconds:g} s are read, so cut it."
            )
        if fps * seconds > max_frames + 1.5:
            raise UserError(
                f"{path.name} has about {fps * seconds:.0f} frames; at most {max_frames} are read, so cut it."
            )
        limit = max(1, MAX_DECODED_BYTES // max(1, width * height * 3))
        for data in reader:
            frames.append(np.frombuffer(data, np.uint8).reshape(height, width, 3))
            if len(frames) > max_frames:
                raise UserError(
                    f"{path.name} has more than {max_frames} frames; cut it to at most that many."
                )
            if len(frames) > limit:
                raise UserError(
                    f"{path.name} is too large at {width} x {height} px; scale it down or cut it."
                )
    except UserError:
        raise
    except Exception:  # ffmpeg's own words, or a header without a size
        raise UserError(f"{path.name} is damaged or not a video; save or download it again.") from None
    finally:
        reader.close()
    if not frames:
        raise UserError(f"{path.name} holds no picture; choose another video.")
    return np.stack(frames), fps


def embed_project(path: str | Path, text: str) -> Path:
    """Put a project's JSON into an MP4 file, in the place of one that is there already. Pictures stay as they are.

    The file is replaced whole or not at all. Returns the path; raises UserError when the project is over 48 MB, and
    when the file is no whole MP4 or cannot be written.
    """
    path = Path(path)
    data = text.encode("utf-8")
    if len(data) > MAX_PROJECT:
        raise UserError(f"The project is over {MAX_PROJECT >> 20} MB; use a smaller picture.")
    content = PROJECT_BOX.bytes + zlib.compress(data, 6)
    if not path.is_file():
        raise UserError(f"There is no video file {path}; check the path.")
    with path.open("rb") as source, replacing(path) as temporary, temporary.open("wb") as target:
        end = 0
        for box in _boxes(source):
            if box.endless and box.kind != PROJECT_BOX.bytes:
                break  # what is put behind it would become a part of it
            end = box.start + box.size
            if box.kind != PROJECT_BOX.bytes:
                source.seek(box.start)
                _copy(source, target, box.size)
        if not end or end != path.stat().st_size:
            raise UserError(
                f"{path.name} is not a whole MP4, so no project can be put into it; make it again."
            )
        target.write(struct.pack(">I4s", 8 + len(content), b"uuid") + content)
    return path


def read_project(path: str | Path) -> str | None:
    """The project's JSON that an MP4 file carries, or None when it carries none or is no MP4.

    Raises UserError when the file cannot be read, or when the project in it is damaged, cut off or over 48 MB.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no video file {path}; check the path.")
    try:
        with path.open("rb") as file:
            for box in _boxes(file):
                if box.kind == PROJECT_BOX.bytes:
                    return _unpack(file, box.content, box.start + box.size - box.content, path.name)
    except OSError:
        raise UserError(f"{path.name} cannot be read; check its permissions.") from None
    return None


class _Box(NamedTuple):
    """A box of an MP4: where it and its content start, its size; `kind` is the UUID of a uuid box."""

    start: int
    size: int
    kind: bytes
    content: int
    endless: bool  # it reaches to the end of the file


def _boxes(file: BinaryIO) -> Iterator[_Box]:
    """The outermost boxes of a file that begins as an MP4.

    It ends at the first thing that is no box, and after MAX_BOXES. A last box may claim to be longer than the file.
    """
    whole, start = os.fstat(file.fileno()).st_size, 0
    for _ in range(MAX_BOXES):
        if start + 8 > whole:
            return
        file.seek(start)
        head = file.read(32)
        size, kind = struct.unpack_from(">I4s", head)
        header, endless = 8, size == 0
        if start == 0 and kind != b"ftyp":
            return
        if size == 1 and len(head) >= 16:  # the size stands behind the kind, in 64 bits
            size, header = struct.unpack_from(">Q", head, 8)[0], 16
        elif endless:
            size = whole - start
        if kind == b"uuid":
            kind, header = head[header : header + 16], header + 16
        if size < header:
            return
        yield _Box(start, size, kind, start + header, endless)
        start += size


def _unpack(file: BinaryIO, start: int, size: int, name: str) -> str:
    again = "take another copy of it."
    if size > 2 * MAX_PROJECT:
        raise UserError(f"The project in {name} is over {MAX_PROJECT >> 20} MB; {again}")
    file.seek(start)
    packed = file.read(size)
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, MAX_PROJECT + 1)
        if len(data) > MAX_PROJECT:
            raise UserError(f"The project in {name} is over {MAX_PROJECT >> 20} MB; {again}")
        if len(packed) == size and unpacking.eof:
            return data.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        pass
    raise UserError(f"The project in {name} is damaged; {again}")


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size > 0 and (data := source.read(min(size, 2**20))):
        target.write(data)
        size -= len(data)


def input_options(path: Path) -> list[str]:
    """What ffmpeg must be told before it opens a video that came from outside: its demuxer, and local files only.

    Raises UserError when there is no such file, when it is over 512 MB, and when its first bytes are no video's.
    """
    if not path.is_file():
        raise UserError(f"There is no video file {path}; check the path.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        raise UserError(f"{path.name} cannot be read; check its permissions.") from None
    if size > MAX_BYTES:
        raise UserError(f"{path.name} is {size / 2**20:.0f} MB large; at most 512 MB are read, so cut it.")
    for offset, magic, demuxer in _DEMUXERS:
        if head[offset : offset + len(magic)] == magic:
            return ["-protocol_whitelist", "file", "-f", demuxer]
    raise UserError(
        f"{path.name} is not a video that can be read; choose an mp4, mov, webm, mkv, avi or gif file."
    )


def _ffmpeg(arguments: list[str], data: np.ndarray) -> None:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *arguments]
    done = subprocess.run(command, input=data.data, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()[-400:]}")
