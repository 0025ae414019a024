"""Running methods on cases and gathering their tallies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .cases import Case
from .counterfactual import compare
from .intervals import Estimate, Tally, difference, estimate
from .methods import GENERATED, Sampling, produce
from .metrics import score
from .truth import Kind, Truth

GROUPS = ("all", "dynamic", "kinematic")
SEEDS_PER_SCENE = 1000  # room for the seeds of one scene, so that no two scenes share noise


@dataclass(frozen=True)
class SceneScore:
    """What one method made of one case: the tallies of its clips and of its pair, each with its drive."""

    kind: Kind
    clips: Tally
    pair_kind: Kind
    pair: Tally

    def of(self, group: str) -> Tally | None:
        """The part that belongs to a group, None if there is none; mixed scenes belong only to "all"."""
        parts = [t for k, t in ((self.kind, self.clips), (self.pair_kind, self.pair)) if group in ("all", k)]
        return sum(parts[1:], parts[0]) if parts else None


@dataclass
class Scores:
    """Methods' scores, scene by scene in the same order for all."""

    scenes: dict[str, list[SceneScore]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return min((len(s) for s in self.scenes.values()), default=0)

    def estimates(self, method: str, group: str) -> dict[str, Estimate]:
        return estimate(self._tallies(method, group))

    def differences(self, method: str, other: str, group: str) -> dict[str, Estimate]:
        """`method` minus `other`, paired by scene."""
        return difference(self._tallies(method, group), self._tallies(other, group))

    def _tallies(self, method: str, group: str) -> list[Tally]:
        parts = (scene.of(group) for scene in self.scenes[method][: self.count])
        return [tally for tally in parts if tally is not None]


@dataclass(frozen=True)
class Shown:
    """A clip for the contact sheet."""

    truth: Truth
    frames: np.ndarray


def run_trial(
    cases: Iterable[Case], methods: Sequence[str], sampling: Sampling, seeds: int, scores: Scores, show: str
) -> Iterator[Shown]:
    """Adds every case's score to `scores` for each method, and yields what the method `show` made of its
    first seed.

    A method that draws noise runs once for each seed on the scene; pairs run with the first seed only.
    """
    for case in cases:
        rows: dict[str, SceneScore] = {}
        for method in methods:
            clips = Tally()
            for k in range(seeds if method in GENERATED else 1):
                frames = produce(method, case.truth, sampling, SEEDS_PER_SCENE * case.index + k)
                clips += score(case.truth, frames)
                if method == show and k == 0:
                    shown = frames
            pair = _pair(method, case, sampling)
            rows[method] = SceneScore(case.truth.kind, clips, case.pair[0].kind, pair)
        for method, row in rows.items():  # all at once, so that a stop leaves no scene half measured
            scores.scenes.setdefault(method, []).append(row)
        yield Shown(case.truth, shown)


def _pair(method: str, case: Case, sampling: Sampling) -> Tally:
    first, second = case.pair
    seed = SEEDS_PER_SCENE * case.index
    frames = produce(method, first, sampling, seed)
    # without the masks the two halves are one and the same input
    other = frames if method in ("static", "base") else produce(method, second, sampling, seed)
    return compare(first, second, frames, other)
