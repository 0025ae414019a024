"""Rendered training clips on disk: shards of frames and packed masks, made once by all cores and resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..world import Split, caption, make_clip

SHARD = 100  # clips a shard


@dataclass(frozen=True)
class Shard:
    """Some consecutive clips of a split.

    frames: uint8 (M, T, H, W, 3), a memory map; objects, visible, amodal: uint8 (M, T, H, W / 8), bits packed along W:
    any object, and the controlled objects as seen and as they would be seen alone; captions: (full, without
    directions); kinds: the drives of the controlled objects.
    """

    frames: np.ndarray
    objects: np.ndarray
    visible: np.ndarray
    amodal: np.ndarray
    captions: list[tuple[str, str]]
    kinds: list[list[str]]


def render_shards(
    folder: Path, split: Split, clips: int, size: int, workers: int, first: int = 0
) -> Iterator[int]:
    """Renders `clips` clips of a split, from number `first` on, into folder/split-size-NNNNN; yields the number of
    clips there so far."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = [
        (start, count)
        for start, count in _shards(first, clips)
        if not _path(folder, split, size, start).exists()
    ]
    yield clips - sum(count for _, count in todo)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [(folder, split, start, count, size) for start, count in todo]
        done = clips - sum(j[3] for j in jobs)
        for made in pool.map(_render_shard, jobs):
            done += made
            yield done


def open_shards(folder: Path, split: Split, clips: int, size: int, first: int = 0) -> Iterator[Shard]:
    """The shards that `render_shards` wrote, in order. Raises FileNotFoundError where one is missing."""
    for start, _ in _shards(first, clips):
        path = _path(folder, split, size, start)
        record = json.loads((path / "clips.json").read_text())
        frames, objects, visible, amodal = (
            np.load(path / f"{name}.npy", mmap_mode="r" if name == "frames" else None)
            for name in ("frames", "objects", "visible", "amodal")
        )
        yield Shard(frames, objects, visible, amodal, [tuple(c) for c in record["captions"]], record["kinds"])


def _shards(first: int, clips: int) -> list[tuple[int, int]]:
    """The start and the number of clips of each shard."""
    return [(s, min(SHARD, first + clips - s)) for s in range(first, first + clips, SHARD)]


def _path(folder: Path, split: str, size: int, start: int) -> Path:
    return folder / f"{split}-{size}-{start:06d}"


def _render_shard(job: tuple[Path, Split, int, int, int]) -> int:
    folder, split, start, count, size = job
    clips = [make_clip(split, i, size) for i in range(start, start + count)]
    path = _path(folder, split, size, start)
    part = path.with_suffix(".part")
    part.mkdir(exist_ok=True)
    np.save(part / "frames.npy", np.stack([c.frames for c in clips]))
    np.save(part / "objects.npy", np.stack([np.packbits(c.visible.any(1), axis=-1) for c in clips]))
    np.save(part / "visible.npy", np.stack([np.packbits(c.subject_masks(), axis=-1) for c in clips]))
    np.save(
        part / "amodal.npy", np.stack([np.packbits(c.subject_masks(amodal=True), axis=-1) for c in clips])
    )
    record = {
        "captions": [(caption(c.scene), caption(c.scene, directions=False)) for c in clips],
        "kinds": [[o.drive.kind for o in c.scene.objects if o.drive] for c in clips],
    }
    (part / "clips.json").write_text(json.dumps(record))
    part.rename(path)
    return count
