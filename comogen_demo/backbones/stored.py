"""Where the weights of a large backbone lie on this machine. Free of torch; no host is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import weights

if TYPE_CHECKING:
    from .registry import Preset


def source_of(preset: Preset, given: str | Path | None) -> str:
    """Where the weights are loaded from: the place that is given, checkpoints/NAME if it has them all, or the hub."""
    own = weights.FOLDER / preset.name
    return str(given or (own if _is_whole(own) else preset.hub))


def find_stored(preset: Preset) -> Path | None:
    """The folder with all the weights, in diffusers' layout; None if there is none.

    It is checkpoints/NAME, or the newest whole snapshot in the cache of huggingface_hub.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    snapshots = (Path(HF_HUB_CACHE) / f"models--{preset.hub.replace('/', '--')}" / "snapshots").glob("*")
    newest = sorted(snapshots, key=lambda folder: folder.stat().st_mtime, reverse=True)
    return next((folder for folder in (weights.FOLDER / preset.name, *newest) if _is_whole(folder)), None)


def parts_of(folder: Path) -> list[str]:
    """The folders that model_index.json names; none where there is no such file."""
    parts = _read(folder / "model_index.json")
    return [name for name, kind in parts.items() if isinstance(kind, list) and kind[:1] not in ([None], [])]


def _is_whole(folder: Path) -> bool:
    """Whether each of its parts is there; what is in the files is seen on loading."""
    names = parts_of(folder)
    return bool(names) and all(_has_part(folder / name) for name in names)


def _has_part(folder: Path) -> bool:
    """A network has config.json, and all the files of its index or the only one; of a tokenizer any file will do."""
    files = (file for file in folder.glob("*") if file.is_file())  # a link to nowhere is none
    there = {file.name for file in files if file.suffix != ".part"}
    networks = {name for name in there if name.endswith(".safetensors")}
    if not networks and "config.json" not in there:
        return bool(there)
    whole = any("-of-" not in name for name in networks)
    for index in folder.glob("*.safetensors.index.json"):
        named = _read(index).get("weight_map")
        whole = isinstance(named, dict) and set(named.values()) <= networks
    return whole and "config.json" in there


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
