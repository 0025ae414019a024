"""Scenes made by hand: from the composer's value to a scene of the world, with limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ...errors import UserError
from ...world import ObjectSpec, SceneSpec, sample_scene
from ...world.scene import COLOURS, MAX_OBJECTS, SHAPES, project

SIZES = (0.3, 0.55)
START = (
    ObjectSpec("cube", "red", False, 0.45, 1.0, -0.5, 0.5),
    ObjectSpec("sphere", "cyan", True, 0.42, -0.5, -0.2),
    ObjectSpec("cylinder", "yellow", False, 0.42, -1.3, 0.9),
)


def read_scene(value: Any) -> SceneSpec:
    """The composer's value as a scene. Raises UserError when it is not one to five objects on the table in sight."""
    entries = value.get("objects") if isinstance(value, Mapping) else None
    if not isinstance(entries, Sequence) or not 1 <= len(entries) <= MAX_OBJECTS:
        raise UserError(f"The scene needs 1 to {MAX_OBJECTS} objects: please add or remove some.")
    return SceneSpec(tuple(_object(e) for e in entries))


def check_room(scene: SceneSpec) -> None:
    """Raises UserError when two objects stand in one another or one is out of sight."""
    for a, b in combinations(scene.objects, 2):
        if np.hypot(a.x - b.x, a.y - b.y) < a.size + b.size:
            raise UserError(f"The {a.name} and the {b.name} stand in one another: please move one of them.")
    for item in scene.objects:
        x, y, _ = project(scene.camera, np.array([item.x, item.y, item.size]), 1)
        if not (0.02 < x < 0.98 and 0.02 < y < 0.98):
            raise UserError(f"The {item.name} stands out of sight: please move it back onto the table.")


def shuffled(rng: np.random.Generator) -> dict[str, Any]:
    """The objects of some scene of the validation split, as the composer's value."""
    while True:
        scene = sample_scene("val", int(rng.integers(100_000)))
        made = SceneSpec(tuple(replace(o, drive=None) for o in scene.objects))
        try:
            check_room(made)
        except UserError:  # the scene was drawn for a camera that stands a little elsewhere
            continue
        if len(made.objects) > 1:
            return value_of(made)


def value_of(scene: SceneSpec) -> dict[str, Any]:
    """The other way."""
    names = ("shape", "colour", "shiny", "size", "x", "y", "yaw")
    return {"objects": [{n: getattr(o, n) for n in names} for o in scene.objects]}


def _object(entry: Any) -> ObjectSpec:
    if (
        not isinstance(entry, Mapping)
        or entry.get("shape") not in SHAPES
        or entry.get("colour") not in COLOURS
    ):
        raise UserError(
            "An object of the scene has an unknown shape or colour: please remove it and add another."
        )
    try:
        size, x, y, yaw = (float(entry[name]) for name in ("size", "x", "y", "yaw"))
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "An object of the scene has no place or size: please remove it and add another."
        ) from None
    if not (SIZES[0] <= size <= SIZES[1] and abs(x) < 10 and abs(y) < 10 and abs(yaw) < 10):
        raise UserError(
            "An object of the scene is too large, too small or off the table: please move it back."
        )
    return ObjectSpec(entry["shape"], entry["colour"], entry.get("shiny") is True, size, x, y, yaw)
