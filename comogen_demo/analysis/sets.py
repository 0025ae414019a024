"""Which blocks are skipped together: some Motion Layers against as many of the lowest-scoring blocks.

The paper draws both sets at random, whatever the blocks' types. Its Motion Layers are mostly dual-stream and
its lowest blocks mostly single-stream, and those have fewer parameters; so sets matched block by block in
type and parameters are drawn, too, which is our choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from torch import nn

Kind = tuple[str, int]
Pair = tuple[tuple[int, ...], tuple[int, ...]]


def kind(block: nn.Module) -> Kind:
    """A block's class and number of parameters, without LoRA."""
    own = sum(p.numel() for name, p in block.named_parameters() if ".lora_" not in name)
    return type(block).__name__, own


def draw(motion: Sequence[int], scores: Sequence[float], size: int, rng: np.random.Generator) -> Pair:
    """The paper's draw: `size` Motion Layers, and `size` of the lowest-scoring other blocks.

    "The lowest" are as many blocks as there are Motion Layers. A smaller set results if there are too few.
    """
    lowest = _lowest(motion, scores, range(len(scores)))[: len(motion)]
    size = min(size, len(lowest), len(motion))
    return _some(motion, size, rng), _some(lowest, size, rng)


def draw_matched(
    motion: Sequence[int], scores: Sequence[float], kinds: Sequence[Kind], size: int, rng: np.random.Generator
) -> Pair:
    """The same with as many blocks of each kind on both sides; of a kind, the lowest are as many as its
    Motion Layers.

    The sets are smaller than `size` where a kind has too few other blocks, and empty where it has none.
    """
    among = Counter(kinds[layer] for layer in motion)
    lowest = {
        k: _lowest(motion, scores, [i for i, own in enumerate(kinds) if own == k])[:number]
        for k, number in among.items()
    }
    left = {k: len(blocks) for k, blocks in lowest.items()}
    chosen: list[int] = []
    for layer in rng.permutation(list(motion)):
        if len(chosen) < size and left[kinds[layer]]:
            left[kinds[layer]] -= 1
            chosen.append(int(layer))
    wanted = Counter(kinds[layer] for layer in chosen)
    counterpart = [i for k, number in wanted.items() for i in _some(lowest[k], number, rng)]
    return tuple(sorted(chosen)), tuple(sorted(counterpart))


def _lowest(motion: Sequence[int], scores: Sequence[float], blocks: Sequence[int]) -> list[int]:
    """Those of `blocks` that are no Motion Layers, lowest score first."""
    return sorted((i for i in blocks if i not in motion), key=lambda i: scores[i])


def _some(blocks: Sequence[int], size: int, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in rng.choice(list(blocks), size, replace=False))) if size else ()
