"""H.264 files in and out, through the ffmpeg that imageio-ffmpeg brings along."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from .errors import UserError
from .files import replacing

CRF = 14  # visually lossless at 128 px, where every pixel counts
MAX_BYTES = 512 * 2**20
MAX_DECODED_BYTES = 2**30

# Container by the first bytes -> ffmpeg's demuxer. Naming the demuxer keeps ffmpeg from following playlists.
_DEMUXERS = ((4, b"ftyp", "mov"), (0, b"\x1aE\xdf\xa3", "matroska"), (0, b"RIFF", "avi"), (0, b"GIF8", "gif"))


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
    demuxer = _demuxer(path)
    reader = imageio_ffmpeg.read_frames(
        str(path.resolve()), input_params=["-protocol_whitelist", "file", "-f", demuxer]
    )
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


def _demuxer(path: Path) -> str:
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
            return demuxer
    raise UserError(
        f"{path.name} is not a video that can be read; choose an mp4, mov, webm, mkv, avi or gif file."
    )


def _ffmpeg(arguments: list[str], data: np.ndarray) -> None:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *arguments]
    done = subprocess.run(command, input=data.data, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg failed: {done.stderr.decode(errors='replace').strip()[-400:]}")
