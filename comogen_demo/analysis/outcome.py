"""What the layer-skipping experiment came to: figures with intervals over scenes, as JSON and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .scores import WAYS, rounded
from .sets import Kind
from .skip import MEASURES, Skips
from .statistics import correlate, mean_over_scenes

JF = MEASURES.index("J&F")
LEAST_BLOCKS = 4  # of a kind, for a correlation of its own


def outcome(skips: Sequence[Skips], scores: np.ndarray, kinds: Sequence[Kind]) -> dict[str, Any]:
    """Figures of all scenes.

    scores: (other scenes, blocks, 3), see `LayerScores.by_scene`. Returns alone: {measure: [estimate of each
    block]}; sets: {"paper" | "matched": {"motion", "lowest", "difference" (lowest minus motion, paired by
    scene): {measure: estimate}, "size": [smallest, greatest]}}, a way of drawing left out if it found no
    sets; correlation: {blocks: {way of the score: Spearman's with damage 1 - J&F of each block alone}};
    by_scene: J&F (scenes, blocks) of each block alone; drawn: the sets of each scene.
    """
    alone = np.stack([skip.alone for skip in skips])  # (scenes, blocks, 4)
    damage = 1 - alone[..., JF]
    groups = {"all": list(range(len(kinds)))}
    for one in dict.fromkeys(kinds):
        members = [i for i, other in enumerate(kinds) if other == one]
        if LEAST_BLOCKS <= len(members) < len(kinds):
            groups[one[0]] = members
    return {
        "alone": {name: mean_over_scenes(alone[..., m]) for m, name in enumerate(MEASURES)},
        "sets": {name: _compared(skips, name) for name in skips[0].sets if skips[0].drawn[name][0][0]},
        "correlation": {
            name: {way: correlate(scores[:, members, w], damage[:, members]) for w, way in enumerate(WAYS)}
            for name, members in groups.items()
        },
        "by_scene": rounded(alone[..., JF]),
        "drawn": [skip.drawn for skip in skips],
    }


def _compared(skips: Sequence[Skips], name: str) -> dict[str, Any]:
    values = np.stack([skip.sets[name].mean(0) for skip in skips])  # (scenes, 2, 4)
    sides = {"motion": values[:, 0], "lowest": values[:, 1], "difference": values[:, 1] - values[:, 0]}
    sizes = [len(layers) for skip in skips for pair in skip.drawn[name] for layers in pair]
    figures = {side: dict(zip(MEASURES, mean_over_scenes(part), strict=True)) for side, part in sides.items()}
    return {**figures, "size": [min(sizes), max(sizes)]}


def as_text(document: dict[str, Any]) -> str:
    """The figures for a terminal: per cent of the unskipped video's subject that is left."""
    lines = ["skipped" + " " * 25 + "".join(f"{name:<22}" for name in MEASURES)]
    for block, mark in enumerate(_marks(document)):
        row = {name: document["alone"][name][block] for name in MEASURES}
        lines.append(_row(f"block {block} {mark}", row))
    for name, sets in document["sets"].items():
        size = "-".join(str(n) for n in dict.fromkeys(sets["size"]))
        for side in ("motion", "lowest", "difference"):
            lines.append(_row(f"{name}, {size} blocks: {side}", sets[side]))
    for group, ways in document["correlation"].items():
        for way, figure in ways.items():
            lines.append(
                f"Spearman's correlation of score ({way}) and damage, {group} {figure['blocks']} blocks: "
                f"{figure['mean']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}], p = {figure['p']:.3f}"
            )
    return "\n".join(line.rstrip() for line in lines)


def _marks(document: dict[str, Any]) -> list[str]:
    motion = document["motion_layers"]
    return ["Motion Layer" if i in motion else "" for i in range(len(document["kinds"]))]


def _row(title: str, figures: dict[str, dict[str, float]]) -> str:
    cells = (f"{100 * f['mean']:.1f} [{100 * f['low']:.1f}, {100 * f['high']:.1f}]" for f in figures.values())
    return f"{title:<32}" + "".join(f"{cell:<22}" for cell in cells)
