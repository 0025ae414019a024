"""Filling a network from a checkpoint: read without running anything that is in it, every tensor in its place."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserError


def fill(
    network: Any,
    path: Path,
    name: str,
    tidy: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state,
) -> None:
    """Puts the tensors of {"model": ...} in the file at `path` into a torch module.

    name: of the model, for the sentence; tidy: brings the file's names to the module's. Raises UserError when the file
    is damaged, holds anything but tensors, or lacks some of the module's tensors, or has more than those.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model"]
        network.load_state_dict(tidy(state))
    except (
        RuntimeError,
        pickle.UnpicklingError,
        OSError,
        EOFError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise UserError(
            f"The file {path} is damaged or holds no weights of {name}: delete it and download it again."
        ) from error
