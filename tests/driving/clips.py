"""Clips that the tests of this room make with ffmpeg, and masks that they draw."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

GREY = "geq=lum='16+4*N':cb=128:cr=128"  # frame N has the level 16 + 4 N of 16..235, so it can be told from its pixels


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", "-nostdin"]
    subprocess.run([*command, *map(str, arguments)], check=True, timeout=120)


def make(path: Path, *options: str, seconds=2.0, rate=10, size="64x48", picture=GREY) -> Path:
    """A clip whose frames can be counted by their grey level."""
    ffmpeg("-f", "lavfi", "-i", f"color=black:s={size}:r={rate}:d={seconds},{picture}", *options, path)
    return path


def numbers(frames: np.ndarray) -> list[int]:
    """Which frame of the file each one is, by its grey level."""
    return [round(float(frame.mean()) * 219 / 255 / 4) for frame in frames]


def wavy(size=(240, 320), centre=(160.0, 120.0), radius=60.0, seed=3) -> np.ndarray:
    """A shape without any symmetry, bool (H, W)."""
    random, angle = np.random.default_rng(seed), np.arange(256) / 256 * 2 * np.pi
    waves = sum(random.normal() * 0.25 / k * np.cos(k * angle + random.uniform(0, 6)) for k in range(2, 6))
    points = np.column_stack([np.cos(angle), np.sin(angle)]) * (radius * (1 + waves))[:, None] + centre
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask > 0
