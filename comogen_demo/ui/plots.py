"""Two small plots as SVG: the weight of the mask over the steps, and how well the subject kept to its mask."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from ..control.schedule import SCHEDULES, weights

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 320, 92, 30, 16, 8


def schedule_plot(strength: float, steps: int, schedule: str) -> str:
    """Bars of strength * w at each of the steps; the axis always reaches to 2, so that the strength is seen, too."""
    name = schedule if schedule in SCHEDULES else "cosine"
    values = [max(0.0, float(strength)) * w for w in weights(max(1, int(steps)), name)]
    slot = (WIDTH - LEFT) / len(values)
    bars = "".join(
        f'<rect x="{LEFT + i * slot + slot * 0.15:.1f}" y="{_y(v, 2):.1f}" width="{slot * 0.7:.1f}" '
        f'height="{_y(0, 2) - _y(v, 2):.1f}" rx="1.5"><title>step {i + 1}: {v:.2f}</title></rect>'
        for i, v in enumerate(values)
    )
    label = f"Weight of the mask at each of {len(values)} steps, from {values[0]:.2f} to {values[-1]:.2f}"
    caption = f"step 1 to {len(values)}"
    return _svg("weights", label, _grid((0, 1, 2), 2) + bars, caption)


def overlap_plot(values: Sequence[float], mean: float) -> str:
    """The subject's IoU with its mask at each frame (0..1, NaN: neither is seen); its mean as a dashed line."""
    step = (WIDTH - LEFT - 4) / max(1, len(values) - 1)
    points = " ".join(
        f"{LEFT + 2 + i * step:.1f},{_y(v, 1):.1f}" for i, v in enumerate(values) if not isnan(v)
    )
    line = f'<line class="mean" x1="{LEFT}" x2="{WIDTH}" y1="{_y(mean, 1):.1f}" y2="{_y(mean, 1):.1f}"/>'
    label = f"Overlap of the subject with its mask at each of {len(values)} frames, {mean:.2f} in the mean"
    return _svg(
        "overlap",
        label,
        _grid((0, 0.5, 1), 1) + line + f'<polyline points="{points}"/>',
        f"frame 1 to {len(values)}",
    )


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(value, 0.0), top) / top)


def _grid(ticks: Sequence[float], top: float) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{_y(t, top):.1f}" y2="{_y(t, top):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{_y(t, top) + 3.5:.1f}" text-anchor="end">{t:g}</text>'
        for t in ticks
    )


def _svg(name: str, label: str, body: str, caption: str) -> str:
    return (
        f'<svg class="plot {name}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{body}'
        f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 2}" text-anchor="middle">{caption}</text></svg>'
    )
