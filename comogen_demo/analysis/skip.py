"""The layer-skipping experiment (CoMoGen, Sec. 4.1): how far does the subject's motion change when blocks are
left out?

On each scene the model makes a video from the first frame, the caption and some noise, and makes it again
with blocks skipped. The subject is found by its colours in both, and its masks are compared. Without masks
the videos are the base model's, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..control.layers import LayerChoice
from ..evaluation.hota import hota
from ..evaluation.methods import Sampling, produce
from ..evaluation.regions import contour_accuracy, region_similarity
from ..evaluation.segment import segment
from ..evaluation.truth import Truth, truth_of
from ..model import Model
from ..settings import Settings
from ..world import Split, make_clip
from .attention import joint_attention
from .sets import draw, draw_matched, kind

MEASURES = ("J", "F", "J&F", "HOTA")
SEEDS_PER_SCENE = 1000  # as in the evaluation: no two scenes share noise


@contextmanager
def skipped(blocks: Sequence[nn.Module], layers: Sequence[int]) -> Iterator[None]:
    """For a while, blocks[l], l in `layers`, return their input. What hooks add to a block's input stays in
    it."""
    targets = [blocks[layer] for layer in layers]
    for block in targets:
        joint_attention(block)  # such blocks return both streams
    before = [vars(block).get("forward") for block in targets]  # offloading puts one there
    for block in targets:
        block.forward = _unchanged
    try:
        yield
    finally:
        for block, forward in zip(targets, before, strict=True):
            del block.forward
            if forward is not None:
                block.forward = forward


def _unchanged(
    hidden_states: Tensor, encoder_hidden_states: Tensor, *_: Any, **__: Any
) -> tuple[Tensor, Tensor]:
    return hidden_states, encoder_hidden_states


def compare(masks: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(4,): J, F, J&F and HOTA of bool (T, H, W) against the reference, each 0..1.

    J and F are means over all frames but the first, which is given; HOTA leaves it out, too.
    """
    pairs = list(zip(masks[1:], reference[1:], strict=True))
    j = float(np.mean([region_similarity(*pair) for pair in pairs]))
    f = float(np.mean([contour_accuracy(*pair) for pair in pairs]))
    return np.array([j, f, (j + f) / 2, hota(masks[1:], reference[1:])])


@dataclass(frozen=True)
class Skips:
    """What skipping did on one scene, each row the measures against the unskipped video, in the order of
    MEASURES.

    alone: (blocks, 4). sets: {"paper" | "matched": (draws, 2, 4)}, Motion Layers first. drawn: the same sets
    as tuples of blocks.
    """

    alone: np.ndarray
    sets: dict[str, np.ndarray]
    drawn: dict[str, list[tuple[tuple[int, ...], tuple[int, ...]]]]


def skip_blocks(
    model: Model,
    choice: LayerChoice,
    split: Split,
    scenes: int,
    settings: Settings = Settings(),
    size: int = 3,
    draws: int = 1,
    control: bool = False,
) -> Iterator[Skips]:
    """Yields the outcome on each of the first `scenes` scenes; the draws differ from scene to scene.

    control: the model follows the subject's masks, instead of the caption alone.
    """
    blocks = model.backbone.blocks
    kinds = [kind(block) for block in blocks]
    sampling = Sampling(model, settings)
    for index in range(scenes):
        truth = truth_of(make_clip(split, index, model.height))
        rng = np.random.default_rng((settings.seed, index))
        drawn = {
            "paper": [draw(choice.motion_layers, choice.scores, size, rng) for _ in range(draws)],
            "matched": [
                draw_matched(choice.motion_layers, choice.scores, kinds, size, rng) for _ in range(draws)
            ],
        }
        run = _Runs(model, truth, sampling, SEEDS_PER_SCENE * index + settings.seed, control)
        yield Skips(
            np.stack([run.without((layer,)) for layer in range(len(blocks))]),
            {
                name: np.array([[run.without(layers) for layers in pair] for pair in pairs])
                for name, pairs in drawn.items()
            },
            drawn,
        )


class _Runs:
    """The videos of one scene, each set of blocks skipped once."""

    def __init__(self, model: Model, truth: Truth, sampling: Sampling, seed: int, control: bool):
        self.model, self.truth, self.sampling, self.seed = model, truth, sampling, seed
        self.method = "control" if control else "base"
        self.reference = self._subject()
        self.known: dict[tuple[int, ...], np.ndarray] = {}

    def without(self, layers: tuple[int, ...]) -> np.ndarray:
        if layers not in self.known:
            with skipped(self.model.backbone.blocks, layers):
                self.known[layers] = compare(self._subject(), self.reference)
        return self.known[layers]

    def _subject(self) -> np.ndarray:
        """The masks of the subject that the caption names first, bool (T, H, W)."""
        frames = produce(self.method, self.truth, self.sampling, self.seed)
        leader = self.truth.controlled[0]
        return segment(frames, self.truth.colours)[:, leader]
