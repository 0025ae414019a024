"""From a checkpoint to a network: read without running anything that is in it, every tensor in its place."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserError

FAULTS = (  # what torch raises for files that are not as they should be
    RuntimeError,
    pickle.UnpicklingError,
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)


def load(
    build: Callable[[], Any],
    path: Path,
    name: str,
    tidy: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state,
) -> Any:
    """The torch module that `build` makes, on the CPU, with the tensors of {"model": ...} in the file at `path`.

    name: of the model, for the sentence; tidy: brings the file's names to the module's. Raises UserError when the file
    is damaged, holds anything but tensors, or lacks some of the module's tensors, or has more than those.
    """
    import torch

    refusal = UserError(
        f"The file {path} is damaged or holds no weights of {name}: delete it and download it again."
    )
    try:
        state = tidy(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except FAULTS as error:
        raise refusal from error
    network = build()
    try:
        network.load_state_dict(state)
    except FAULTS as error:
        raise refusal from error
    return network
