"""The evaluation's outcome as text, as JSON and as a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from .intervals import METRICS, Estimate
from .trial import GROUPS, Scores, Shown

SHEET_SCENES = 16
SHEET_FRAMES = (0, 4, 8, 12, 16, 20, 24)
_GAP, _LINE = 6, 14


def as_json(scores: Scores, settings: dict[str, Any]) -> dict[str, Any]:
    """{**settings, "methods": {method: {group: {metric: {"mean", "low", "high"}}}}}, and control minus base
    beside it.

    A metric that had nothing to measure in a group is null in all three places.
    """
    document = {
        **settings,
        "methods": {
            method: {group: _plain(scores.estimates(method, group)) for group in GROUPS}
            for method in scores.scenes
        },
    }
    if {"control", "base"} <= scores.scenes.keys():
        document["control_minus_base"] = {g: _plain(scores.differences("control", "base", g)) for g in GROUPS}
    return document


def as_text(scores: Scores) -> str:
    """One table a group: metrics down, methods across, each a mean and its 95 % interval."""
    blocks = []
    for group in GROUPS:
        columns = {method: scores.estimates(method, group) for method in scores.scenes}
        if {"control", "base"} <= columns.keys():
            columns["control - base"] = scores.differences("control", "base", group)
        scenes = sum(
            s.kind == group or group == "all" for s in next(iter(scores.scenes.values()))[: scores.count]
        )
        lines = [f"{group}: {scenes} scenes".ljust(26) + "".join(f"{name:<24}" for name in columns)]
        for metric in METRICS:
            cells = (_cell(estimates[metric]) for estimates in columns.values())
            lines.append(f"{metric:<26}" + "".join(f"{cell:<24}" for cell in cells))
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks)


def contact_sheet(shown: Sequence[Shown]) -> np.ndarray:
    """The scenes in two columns, uint8 (H, W, 3): the truth above what was generated, some frames each.

    The masks that were given are outlined in the truth only, so that nothing is drawn over what is to be
    judged.
    """
    tiles = [_tile(s) for s in shown[:SHEET_SCENES]]
    if len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.concatenate(tiles[i : i + 2], 1) for i in range(0, len(tiles), 2)]
    return np.concatenate(rows, 0)


def _tile(shown: Shown) -> np.ndarray:
    times = [t for t in SHEET_FRAMES if t < len(shown.frames)]
    masks = shown.truth.masks(amodal=False)
    truth = np.concatenate([_outlined(shown.truth.frames[t], masks[t]) for t in times], 1)
    made = np.concatenate([shown.frames[t] for t in times], 1)
    title = np.full((_LINE, truth.shape[1], 3), 255, np.uint8)
    words = f"{shown.truth.kind}: {shown.truth.caption}"
    cv2.putText(title, words, (2, _LINE - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    tile = np.concatenate([title, truth, made], 0)
    return cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _outlined(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(frame.copy(), contours, -1, (255, 255, 255), 1)


def _plain(estimates: dict[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {metric: asdict(value) for metric, value in estimates.items()}


def _cell(value: Estimate) -> str:
    if value.mean is None or value.low is None or value.high is None:
        return "-"
    digits = 1 if abs(value.mean) >= 10 else 3
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
