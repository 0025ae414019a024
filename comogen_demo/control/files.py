"""A trained control in one safetensors file: adapter and LoRA, with everything about them in its metadata."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import UserError
from ..files import replacing

FORMAT = 1
KEY = "comogen"  # of the metadata, as JSON


def write_control(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Writes the tensors as they are, in their own types, with a digest of all; replaces an earlier file at once."""
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    about = {"format": FORMAT, **about}
    with replacing(path) as part:
        save_file(tensors, part, {KEY: json.dumps(about | {"digest": _digest(about, tensors)})})


def read_about(path: Path) -> dict[str, Any]:
    """What is written about a control, without its tensors. Raises UserError if it is no such file or damaged."""
    if not path.is_file():
        raise UserError(f"There is no control file {path}: check the name.")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
        if text is None:
            raise UserError(f"{path} is no control file of this program: its metadata has no entry {KEY!r}.")
        about = json.loads(text)
        if about["format"] != FORMAT:
            raise UserError(
                f"{path} is of format {about['format']}, but this version reads format {FORMAT}: "
                "update the program or the file."
            )
        return about
    except UserError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, str(error)) from error


def read_control(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What is written about a control, and its tensors. Raises UserError as `read_about`, and if anything of it is not
    what was saved."""
    about = read_about(path)
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    if about.pop("digest", None) != _digest(about, tensors):
        raise damaged(path, "its contents are not those that were saved")
    return about, tensors


def damaged(path: Path, why: str) -> UserError:
    return UserError(f"The control file {path} is damaged ({why}): get it again or train it anew.")


def _digest(about: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """SHA-256 of what is written about them and of all names, types, shapes and bytes."""
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()
