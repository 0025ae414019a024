"""Rendered training clips on disk: shards of frames and packed masks, made once by all cores and resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..world import Clip, SceneSpec, Split, States, caption, render, sample_scene, simulate

SHARD = 100  # scenes a shard
REACTION = 0.25  # table units that an uncontrolled object moves by in a scene that reacts (our choice)


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
    folder: Path, split: Split, clips: int, size: int, workers: int, first: int = 0, reacting: bool = False
) -> Iterator[int]:
    """Renders `clips` scenes of a split, from number `first` on, into folder/split-size-NNNNN, or with `reacting` those
    of them in which something reacts; yields the number of scenes done so far."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = [
        (start, count)
        for start, count in _shards(first, clips)
        if not _path(folder, split, size, start, reacting).exists()
    ]
    yield clips - sum(count for _, count in todo)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [
            (_path(folder, split, size, start, reacting), split, start, count, size, reacting)
            for start, count in todo
        ]
        done = clips - sum(count for _, count in todo)
        for made in pool.map(_render_shard, jobs):
            done += made
            yield done


def open_shards(
    folder: Path, split: Split, clips: int, size: int, first: int = 0, reacting: bool = False
) -> Iterator[Shard]:
    """The shards that `render_shards` wrote, in order. Raises FileNotFoundError where one is missing."""
    for start, _ in _shards(first, clips):
        path = _path(folder, split, size, start, reacting)
        record = json.loads((path / "clips.json").read_text())
        if not record["captions"]:
            continue  # nothing reacts in any of its scenes
        frames, objects, visible, amodal = (
            np.load(path / f"{name}.npy", mmap_mode="r" if name == "frames" else None)
            for name in ("frames", "objects", "visible", "amodal")
        )
        yield Shard(frames, objects, visible, amodal, [tuple(c) for c in record["captions"]], record["kinds"])


def _shards(first: int, clips: int) -> list[tuple[int, int]]:
    """The start and the number of clips of each shard."""
    return [(s, min(SHARD, first + clips - s)) for s in range(first, first + clips, SHARD)]


def _path(folder: Path, split: str, size: int, start: int, reacting: bool) -> Path:
    return folder / f"{split}-{size}{'-reacting' if reacting else ''}-{start:06d}"


def reacts(scene: SceneSpec, states: States) -> bool:
    """Whether an object that nobody controls gets away from where it was, by the physics, before anything is rendered.

    Of encoded clips, whose states are not kept, `latents.reacting` tells it by their masks.
    """
    free = [i for i in range(len(scene.objects)) if i not in scene.controlled]
    away = np.linalg.norm(states.position[:, free] - states.position[:1, free], axis=-1)
    return bool((away > REACTION).any())


def _made(split: Split, numbers: range, size: int, reacting: bool) -> Iterator[Clip]:
    for number in numbers:
        scene = sample_scene(split, number)
        states = simulate(scene)
        if not reacting or reacts(scene, states):
            yield render(scene, states, size)


def _render_shard(job: tuple[Path, Split, int, int, int, bool]) -> int:
    path, split, start, count, size, reacting = job
    clips = list(_made(split, range(start, start + count), size, reacting))
    part = path.with_suffix(".part")
    part.mkdir(exist_ok=True)
    np.save(part / "frames.npy", np.array([c.frames for c in clips]))
    np.save(part / "objects.npy", np.array([np.packbits(c.visible.any(1), axis=-1) for c in clips]))
    np.save(part / "visible.npy", np.array([np.packbits(c.subject_masks(), axis=-1) for c in clips]))
    np.save(
        part / "amodal.npy", np.array([np.packbits(c.subject_masks(amodal=True), axis=-1) for c in clips])
    )
    record = {
        "captions": [(caption(c.scene), caption(c.scene, directions=False)) for c in clips],
        "kinds": [[o.drive.kind for o in c.scene.objects if o.drive] for c in clips],
    }
    (part / "clips.json").write_text(json.dumps(record))
    part.rename(path)
    return count
