"""Scenes drawn at random, each determined by its (split, index) alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np

from .scene import (
    COLOURS,
    DURATION,
    MAX_OBJECTS,
    SHAPES,
    SPLITS,
    Camera,
    Drive,
    ObjectSpec,
    SceneSpec,
    Split,
    clashing,
    held_out,
    unproject,
)

Point = tuple[float, float]


def sample_scene(split: Split, index: int) -> SceneSpec:
    """The scene number `index` of a split. The same arguments give the same scene on every machine.

    Train and validation draw again until no driven object is of a held-out combination (`scene.held_out`).
    """
    if split not in SPLITS or index < 0:
        raise ValueError(f"no scene {split!r} {index}: split is one of {SPLITS}, index >= 0")
    for attempt in count():
        rng = np.random.default_rng([SPLITS.index(split), index, attempt])
        scene = _draw(rng)
        if scene and (split == "test" or not any(map(held_out, scene.objects))):
            return replace(scene, split=split, index=index)
    raise AssertionError("unreachable")


def counterfactual_pair(split: Split, index: int) -> tuple[SceneSpec, SceneSpec]:
    """Two scenes alike in all but the way their one subject is forced: towards one neighbour, and elsewhere.

    Both drives are kinematic, so that the masks do not give the answer away by a deflection.
    """
    for attempt in count():
        rng = np.random.default_rng([SPLITS.index(split), index, attempt, 7])
        scene = _draw(rng, at_least=2)
        if scene is None:
            continue
        bare = tuple(replace(o, drive=None) for o in scene.objects)
        ends = [_end_towards(rng, bare, 0, t) for t in rng.permutation(np.arange(1, len(bare)))[:2]]
        if len(ends) < 2:
            ends.append(_random_end(rng, scene.camera))
        angle = _angle(bare[0], ends[0], ends[1])
        if angle < np.radians(35):
            continue
        drives = [
            Drive("kinematic", path=_bezier(rng, (bare[0].x, bare[0].y), end, bend=0.0)) for end in ends
        ]
        pair = [
            replace(scene, objects=(replace(bare[0], drive=d), *bare[1:]), split=split, index=index)
            for d in drives
        ]
        return pair[0], pair[1]
    raise AssertionError("unreachable")


def _draw(rng: np.random.Generator, at_least: int = 1) -> SceneSpec | None:
    """One try at a scene; None if the objects found no room."""
    eye = np.array([0.0, -6.6, 5.0]) + rng.uniform(-0.35, 0.35, 3)
    target = np.array([0.0, 0.1, 0.0]) + np.append(rng.uniform(-0.15, 0.15, 2), 0)
    camera = Camera(_triple(eye), _triple(target))
    light = (float(rng.uniform(-4.5, 4.5)), float(rng.uniform(-4.5, 2.0)), float(rng.uniform(7.0, 9.5)))
    tint = rng.uniform(0.5, 0.74) * (1 + rng.uniform(-0.06, 0.06, 3))
    number = max(at_least, int(rng.choice(np.arange(1, MAX_OBJECTS + 1), p=[0.05, 0.25, 0.3, 0.25, 0.15])))

    colours = list(rng.choice(list(COLOURS), number, replace=False))
    if clashing(colours):
        return None
    objects: list[ObjectSpec] = []
    for colour in colours:
        place = _place(rng, camera, objects)
        if place is None:
            return None
        objects.append(
            ObjectSpec(
                shape=SHAPES[rng.integers(3)],
                colour=str(colour),
                shiny=bool(rng.random() < 0.4),
                size=float(rng.uniform(0.36, 0.48)),
                x=place[0],
                y=place[1],
                yaw=float(rng.uniform(0, np.pi / 2)),
            )
        )
    driven = 2 if number >= 3 and rng.random() < 0.2 else 1
    for i in range(driven):
        objects[i] = replace(objects[i], drive=_drive(rng, camera, objects, i))
    if driven == 2 and _paths_meet(objects[0], objects[1]):
        return None
    return SceneSpec(tuple(objects), camera, light, _triple(tint))


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _place(rng: np.random.Generator, camera: Camera, others: list[ObjectSpec]) -> Point | None:
    """A free place on the table, well inside the frame."""
    for _ in range(30):
        px, py = rng.uniform(0.14, 0.86), rng.uniform(0.2, 0.84)
        x, y = unproject(camera, px, py, 1)
        if all(np.hypot(x - o.x, y - o.y) > 1.25 for o in others):
            return x, y
    return None


def _drive(rng: np.random.Generator, camera: Camera, objects: list[ObjectSpec], index: int) -> Drive:
    """Four of five drives aim at another object (head on, glancing or just past it); the rest go anywhere in sight."""
    me = objects[index]
    others = [i for i in range(len(objects)) if i != index and objects[i].drive is None]
    if others and rng.random() < 0.8:
        end = _end_towards(rng, tuple(objects), index, int(rng.choice(others)))
    else:
        end = _random_end(rng, camera)
    dx, dy = end[0] - me.x, end[1] - me.y
    if rng.random() < 0.5:
        distance = max(float(np.hypot(dx, dy)), 1e-6)
        speed = rng.uniform(1.2, 2.9) * (0.75 if me.shape == "sphere" else 1.0)
        return Drive("dynamic", velocity=(float(dx / distance * speed), float(dy / distance * speed)))
    ease = ("linear", "smooth", "stop")[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]
    bend = 0.0 if rng.random() < 0.5 else float(rng.uniform(-0.35, 0.35))
    spin = float(rng.uniform(-1.6, 1.6)) if rng.random() < 0.3 else 0.0
    return Drive("kinematic", path=_bezier(rng, (me.x, me.y), end, bend), ease=ease, spin=spin)  # type: ignore[arg-type]


def _end_towards(rng: np.random.Generator, objects: tuple[ObjectSpec, ...], index: int, target: int) -> Point:
    """A point beyond `target` seen from `index`, aside by up to 1.3 times what touches; 0.9 to 3.2 units off."""
    me, it = objects[index], objects[target]
    dx, dy = it.x - me.x, it.y - me.y
    distance = float(np.hypot(dx, dy))
    aside = float(np.clip(rng.normal(0, 0.45), -1.3, 1.3)) * (me.size + it.size)
    ux, uy = dx / distance, dy / distance
    reach = float(np.clip(distance + rng.uniform(-0.3, 1.2), 0.9, 3.2))
    x, y = (
        me.x + reach * ux - aside * uy * reach / distance,
        me.y + reach * uy + aside * ux * reach / distance,
    )
    return float(x), float(y)


def _random_end(rng: np.random.Generator, camera: Camera) -> Point:
    return unproject(camera, rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.88), 1)


def _bezier(rng: np.random.Generator, start: Point, end: Point, bend: float) -> tuple[Point, ...]:
    """Control points of a curve from start to end whose middle leaves the chord by `bend` times its length."""
    (x0, y0), (x1, y1) = start, end
    nx, ny = -(y1 - y0) * bend, (x1 - x0) * bend
    return (
        start,
        (x0 + (x1 - x0) / 3 + nx, y0 + (y1 - y0) / 3 + ny),
        (x0 + (x1 - x0) * 2 / 3 + nx, y0 + (y1 - y0) * 2 / 3 + ny),
        end,
    )


def _angle(item: ObjectSpec, a: Point, b: Point) -> float:
    turn = np.arctan2(a[1] - item.y, a[0] - item.x) - np.arctan2(b[1] - item.y, b[0] - item.x)
    return float(abs((turn + np.pi) % (2 * np.pi) - np.pi))


def _paths_meet(a: ObjectSpec, b: ObjectSpec) -> bool:
    """Whether two driven objects would come near each other (their meeting would be a collision of two commands)."""
    assert a.drive and b.drive
    times = np.linspace(0, 1, 24)[:, None]
    one = np.array([a.x, a.y]) + times * np.array(a.drive.direction) * (
        1 if a.drive.kind == "kinematic" else DURATION
    )
    two = np.array([b.x, b.y]) + times * np.array(b.drive.direction) * (
        1 if b.drive.kind == "kinematic" else DURATION
    )
    return float(np.linalg.norm(one - two, axis=1).min()) < 1.5
