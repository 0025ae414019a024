"""Fetching the weights of a large backbone from Hugging Face into checkpoints/NAME. Free of torch.

Not by huggingface_hub: it begins a file anew that was broken off, and these have gigabytes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

from .. import weights
from ..errors import UserError
from ..weights import Weights, download
from .registry import Preset
from .stored import parts_of

INDEX = "model_index.json"
NEEDED = re.compile(r"[\w-]+/[\w.-]+\.(json|safetensors|txt|model)")  # of a part; no weights in other forms


def begun(preset: Preset) -> int:
    """Bytes of a download that lie in checkpoints/NAME."""
    folder = weights.FOLDER / preset.name
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def fetch(preset: Preset, report: Callable[[int, int], None]) -> None:
    """Fetches all files that are not there yet; one that broke off is gone on with.

    report(bytes done, bytes in all) is called as it goes on; what it raises stops it. Raises UserError as
    `weights.download`, and when there is no room for all of them.
    """
    report(0, 1)
    files = {one.file: one for one in _files(preset)}
    if INDEX not in files:
        raise UserError(f"There is no {INDEX} in {preset.hub}: it is no model that diffusers has saved.")
    index = download(files[INDEX], lambda done, total: None)
    parts = set(parts_of(index.parent))
    wanted = [one for name, one in files.items() if NEEDED.fullmatch(name) and name.split("/")[0] in parts]
    total = sum(one.bytes for one in wanted)
    missing = total - sum(_there(one) for one in wanted)
    free = shutil.disk_usage(weights.FOLDER).free
    if missing > free:
        raise UserError(
            f"The weights of {preset.title} need {missing / 1e9:.1f} GB more in {weights.FOLDER}, but "
            f"{free / 1e9:.1f} GB are free: make room and try again."
        )
    before = 0
    for one in wanted:
        report(before, total)
        if _there(one) < one.bytes:
            download(one, _after(before, total, report))
        before += one.bytes
    report(total, total)


def _after(before: int, total: int, report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """The report of one file, to which `before` bytes of others are added."""
    return lambda done, _: report(before + done, total)


def _there(one: Weights) -> int:
    """How many bytes of it lie here; all of them only if it is whole."""
    part = one.place.with_name(one.place.name + ".part")
    found = one.place if one.place.is_file() else part
    return min(found.stat().st_size, one.bytes) if found.is_file() else 0


def _files(preset: Preset) -> list[Weights]:
    """What lies in the backbone's repository, with sizes and checksums. Raises UserError if it can't be asked."""
    import httpx
    from huggingface_hub import is_offline_mode

    def failed(why: str) -> UserError:
        by_hand = f"get them with `hf download {preset.hub} --local-dir {weights.FOLDER / preset.name}`"
        return UserError(f"The files of {preset.hub} can't be listed ({why}): try again, or {by_hand}.")

    if is_offline_mode():
        raise failed("HF_HUB_OFFLINE is set")
    url = f"{weights.endpoint()}/api/models/{preset.hub}/tree/main"
    try:
        answer = httpx.get(url, params={"recursive": "true"}, follow_redirects=True, timeout=weights.SILENCE)
        if answer.status_code != 200:
            raise failed(f"the server answers {answer.status_code}")
        return [_file(preset, entry) for entry in answer.json() if entry["type"] == "file"]
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise failed(str(error) or type(error).__name__) from error
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise failed("what the server answers is no list of files") from error


def _file(preset: Preset, entry: dict[str, Any]) -> Weights:
    large = entry.get("lfs") or {}
    return Weights(
        preset.title,
        str(entry["path"]),
        preset.hub,
        int(entry["size"]),
        str(large.get("oid", "")),
        preset.licence,
        "making videos",
        git="" if large else str(entry["oid"]),
        folder=preset.name,
    )
