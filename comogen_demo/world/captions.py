"""Captions: the subject's words and where it is sent, never what comes of it."""

from __future__ import annotations

import numpy as np

from .scene import COLOURS, SHAPES, ObjectSpec, SceneSpec, project, speed_band

VERBS = {"sphere": "rolls", "cube": "slides", "cylinder": "slides"}
ADVERBS = {"slow": "slowly", "medium": "", "fast": "quickly"}
VOCABULARY: tuple[str, ...] = (
    *("the", "and", "to", "left", "right", "away", "closer", "moves", "rolls", "slides", "slowly", "quickly"),
    *COLOURS,
    *SHAPES,
)


def caption(scene: SceneSpec, directions: bool = True) -> str:
    """ "the red cube slides quickly to the left"; with two subjects joined by "and" and without adverbs.

    directions: False leaves out where and how fast: "the red cube moves".
    """
    subjects = [scene.objects[i] for i in scene.controlled]
    return " and ".join(_clause(scene, o, directions, brief=len(subjects) > 1) for o in subjects)


def _clause(scene: SceneSpec, item: ObjectSpec, directions: bool, brief: bool) -> str:
    if not directions or item.drive is None:
        return f"the {item.name} moves"
    start = project(scene.camera, np.array([item.x, item.y, item.size]), 1)
    dx, dy = item.drive.direction
    # a short step, so that an end behind the camera cannot turn the direction round
    end = project(scene.camera, np.array([item.x + 0.2 * dx, item.y + 0.2 * dy, item.size]), 1)
    where = direction_words(float(end[0] - start[0]), float(end[1] - start[1]), brief)
    adverb = "" if brief else ADVERBS[speed_band(item.drive)]
    return " ".join(w for w in ("the", item.name, VERBS[item.shape], adverb, where) if w)


def direction_words(dx: float, dy: float, brief: bool = False) -> str:
    """A motion in the picture (y down) -> "to the left", "away", "closer to the right", ...; brief: four directions."""
    angle = np.degrees(np.arctan2(-dy, dx)) % 360
    if brief:
        return ("to the right", "away", "to the left", "closer")[int((angle + 45) // 90) % 4]
    names = (
        *("to the right", "away to the right", "away", "away to the left"),
        *("to the left", "closer to the left", "closer", "closer to the right"),
    )
    return names[int((angle + 22.5) // 45) % 8]
