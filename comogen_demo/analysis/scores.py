"""Which blocks are Motion Layers: from attention maps to the score of each block and the cut (CoMoGen, Sec.
4.1, Eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WAYS = ("both", "v2t", "t2v")


def alignment(maps: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Share of the attention that falls on the subject.

    maps: (2, N) V2T and T2V; mask: (T', h', w') share of each token covered by the subject. Returns (3,):
    both directions averaged (the paper's A), V2T alone, T2V alone; each map is normalised to sum 1 over a
    frame's tokens, and frames without the subject are left out. The formula is derived from the paper's text.
    """
    grid = maps.reshape(2, len(mask), -1)
    covered = mask.reshape(len(mask), -1)
    both = np.concatenate([grid.mean(0, keepdims=True), grid])
    both = both / both.sum(-1, keepdims=True)
    present = covered.sum(-1) > 0
    return (both * covered).sum(-1)[:, present].mean(1)


def floor(mask: np.ndarray) -> float:
    """What a uniform map would score: the subject's share of the tokens in the frames that show it."""
    covered = mask.reshape(len(mask), -1)
    return float(covered[covered.sum(1) > 0].mean())


def otsu_cut(scores: Sequence[float]) -> list[int]:
    """Indices of the blocks above Otsu's threshold: the cut with the greatest variance between its two sides.

    Derived: the paper does not say how it cuts; on its figure's scores this gives exactly its 11 blocks.
    """
    order = np.argsort(scores)[::-1]
    ranked = np.asarray(scores, float)[order]
    between = [
        k * (len(ranked) - k) * (ranked[:k].mean() - ranked[k:].mean()) ** 2 for k in range(1, len(ranked))
    ]
    return sorted(int(i) for i in order[: int(np.argmax(between)) + 1])


def top_cut(scores: Sequence[float], count: int) -> list[int]:
    """Indices of the `count` blocks that score highest."""
    return sorted(int(i) for i in np.argsort(scores)[::-1][:count])


@dataclass(frozen=True)
class LayerScores:
    """values: (scenes, steps, blocks, 3), the alignment of both directions, V2T and T2V; floors: (scenes,),
    see `floor`; sigmas: noise level of each step."""

    values: np.ndarray
    floors: np.ndarray
    sigmas: tuple[float, ...]

    @property
    def by_scene(self) -> np.ndarray:
        """Mean over the steps, (scenes, blocks, 3)."""
        return self.values.mean(1)

    def summary(self, top: int | None = None) -> dict[str, Any]:
        """motion_layers (Otsu's cut, or the `top` blocks), scores, low, high (95 % of the mean over scenes),
        v2t, t2v (each direction alone), floor, scenes, cut."""
        scenes = self.by_scene
        mean = scenes.mean(0)
        margin = 1.96 * scenes[..., 0].std(0, ddof=1) / np.sqrt(len(scenes))
        scores = mean[:, 0].tolist()
        return {
            "motion_layers": otsu_cut(scores) if top is None else top_cut(scores, top),
            "scores": rounded(mean[:, 0]),
            "low": rounded(mean[:, 0] - margin),
            "high": rounded(mean[:, 0] + margin),
            "v2t": rounded(mean[:, 1]),
            "t2v": rounded(mean[:, 2]),
            "floor": rounded(self.floors.mean()),
            "scenes": len(scenes),
            "cut": "Otsu's threshold" if top is None else f"the top {top}",
        }

    def details(self) -> dict[str, Any]:
        """sigmas; by_step: (steps, blocks); by_scene: (scenes, blocks, 3) in the order of WAYS."""
        return {
            "sigmas": rounded(np.asarray(self.sigmas)),
            "by_step": rounded(self.values[..., 0].mean(0)),
            "by_scene": rounded(self.by_scene),
        }


def rounded(values: Any) -> Any:
    """An array as (nested) lists of numbers with four decimals; a scalar as a float."""
    return np.round(np.asarray(values, float), 4).tolist()
