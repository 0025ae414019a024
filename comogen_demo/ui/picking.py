"""What a click or a box means in a frame of a driving video: it picks the subject, adds to it or takes away."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UserError
from ..selection.interface import Box, Selector

SURE = 0.12  # a click or box with less confidence has hit nothing
MODES = ("pick", "add", "take")
MOST_POINTS = 64


def picked(
    selector: Selector, picture: np.ndarray, data: dict[str, Any], present: np.ndarray | None
) -> np.ndarray:
    """What a pick selects in a frame uint8 (H, W, 3), with the mask that is there: bool (H, W), not empty.

    data: `mode`, one of MODES, with `points` [{x, y}] or a `box` [left, top, right, bottom], in px of the frame.
    Raises UserError when it is nothing.
    """
    mode = data.get("mode")
    if mode not in MODES:
        raise UserError("A click picks, adds or takes away: choose one of them.")
    held = present if mode != "pick" and present is not None and present.any() else None
    if mode == "take" and held is None:
        raise UserError("There is nothing to take away from in this frame yet: pick the subject first.")
    points, box = _places(data)
    if box is not None:
        mask = (
            _without(held, box)
            if mode == "take" and held is not None
            else _in_box(selector, picture, box, held)
        )
    else:
        mask = _at_points(selector, picture, points, mode != "take", held)
    if not mask.any():
        raise UserError("Nothing of the subject would be left: if it can't be seen here, press Out of sight.")
    return mask


def _in_box(selector: Selector, picture: np.ndarray, box: Box, held: np.ndarray | None) -> np.ndarray:
    mask, sure = selector.select(picture, box=box)
    if sure < SURE:
        raise UserError("There is nothing in this box: draw it around the whole subject.")
    return mask if held is None else mask | held


def _without(held: np.ndarray, box: Box) -> np.ndarray:
    left, top, right, bottom = (max(0, round(edge)) for edge in box)
    mask = held.copy()
    mask[top:bottom, left:right] = False
    return mask


def _at_points(
    selector: Selector,
    picture: np.ndarray,
    points: list[tuple[float, float]],
    positive: bool,
    held: np.ndarray | None,
) -> np.ndarray:
    mask, sure = selector.select(picture, [(x, y, positive) for x, y in points], mask=held)
    if sure < SURE and positive:
        raise UserError(
            "There is nothing that can be told apart here: click right on the subject, or draw a box around it."
        )
    if sure < SURE:
        raise UserError("There is nothing of the mask here: click on the part that should go.")
    return mask


def _places(data: dict[str, Any]) -> tuple[list[tuple[float, float]], Box | None]:
    """A pick's points, or its box. Raises UserError when it has neither."""
    try:
        points = [(float(p["x"]), float(p["y"])) for p in data.get("points") or []]
        edges = [float(edge) for edge in data.get("box") or []]
    except (KeyError, TypeError, ValueError):
        points, edges = [], []
    if not np.isfinite([*edges, *(x for point in points for x in point)]).all():
        points, edges = [], []
    if len(edges) == 4:
        return [], (edges[0], edges[1], edges[2], edges[3])
    if not 1 <= len(points) <= MOST_POINTS:
        raise UserError("The click has no place in the frame: please click again.")
    return points, None
