"""Scores the blocks of a backbone over example videos: the true video is noised as it would be at each step
of sampling, and the attention between the subject's words and the video is looked at in every block.

Looking at noised true videos rather than at generated ones is our choice: their masks are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..backbones.base import Backbone
from ..backbones.mini.backbone import MiniBackbone
from ..errors import UserError
from ..world import Split
from .attention import watch_subject
from .examples import Example, world_examples
from .scores import LayerScores, alignment, floor

STEPS = 10  # the generator's default


# the module of backbones/ -> whether its joint attention has the text's tokens first; without joint attention (Wan)
# there is no score
TEXT_FIRST = {"mini": False, "hunyuan": False, "cogvideox": True}


def text_first(backbone: Backbone) -> bool:
    """The order of text and video in attention. Raises UserError for a backbone whose layers cannot be scored."""
    name = type(backbone).__module__.removeprefix("comogen_demo.backbones.").split(".")[0]
    if name not in TEXT_FIRST:
        raise UserError(
            f"The layers of {backbone.name} cannot be scored: the score needs joint attention of video and text, "
            f"which {', '.join(TEXT_FIRST)} have."
        )
    return TEXT_FIRST[name]


def find_motion_layers(
    backbone: MiniBackbone, split: Split, clips: int, steps: int = STEPS
) -> dict[str, Any]:
    """`LayerScores.summary` of the embedded backbone over the first `clips` scenes of a split."""
    return score_layers(backbone, world_examples(backbone, split, clips), steps).summary()


def score_layers(backbone: Backbone, examples: Iterable[Example], steps: int = STEPS) -> LayerScores:
    """The scores of all blocks on all examples at each step of sampling."""
    values, floors = [], []
    levels: list[float] = []
    for example in examples:
        levels, of_example = [], []
        for level, maps in attention_maps(backbone, example, steps):
            levels.append(level)
            of_example.append([alignment(of_block, example.covered) for of_block in maps])
        values.append(of_example)
        floors.append(floor(example.covered))
    return LayerScores(np.array(values), np.array(floors), tuple(levels))


def attention_maps(backbone: Backbone, example: Example, steps: int) -> Iterator[tuple[float, np.ndarray]]:
    """At each step its noise level and every block's maps V2T and T2V, (blocks, 2, N)."""
    order = text_first(backbone)
    run = backbone.begin(example.frames[0], example.prompt, steps, example.seed)
    clean = example.latents.to(run.latents)
    for k, level in enumerate(run.levels[:steps]):
        run.latents = run.noised(clean, k)
        with watch_subject(backbone.blocks, example.places, order) as watchers:
            run.step(k)
        yield level, np.stack([w.maps.float().cpu().numpy() for w in watchers if w.maps is not None])
