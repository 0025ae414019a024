"""The file of a layer analysis, as far as a model needs it: which blocks are Motion Layers, and what every
block scored."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError


@dataclass(frozen=True)
class LayerChoice:
    """motion_layers: indices of blocks, ascending; scores: of every block in the order of the forward
    pass."""

    motion_layers: tuple[int, ...]
    scores: tuple[float, ...]


def read_layers(path: str | Path, blocks: int) -> tuple[LayerChoice, dict[str, Any]]:
    """What `analyze layers --json` wrote for a model of so many blocks: the choice, and the whole document.

    Raises UserError if the file is missing, is no such document or belongs to a model with another number of
    blocks.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        layers, scores = document["motion_layers"], document["scores"]
        choice = LayerChoice(tuple(sorted(set(layers))), tuple(float(score) for score in scores))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): make it with `analyze layers --json`."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no layer analysis ({type(error).__name__}: {error}): make it with `analyze layers --json`."
        ) from error
    if len(choice.scores) != blocks:
        raise UserError(
            f"{path} scores {len(choice.scores)} blocks, but the model has {blocks}: analyse this model."
        )
    known = all(isinstance(layer, int) and 0 <= layer < blocks for layer in choice.motion_layers)
    if not choice.motion_layers or not known or not all(map(math.isfinite, choice.scores)):
        raise UserError(
            f"{path} names Motion Layers {layers}: expected some of the blocks 0 to {blocks - 1}, and finite scores."
        )
    return choice, document
