"""CLEVRER (Yi et al., 2020): videos of 128 frames, annotations of the simulation, and masks as published proposals.

Expected below one folder, in whatever sub-folders: video_NNNNN.mp4, annotation_NNNNN.json (object_property,
motion_trajectory, collision) and sim_NNNNN.json or proposal_NNNNN.json (for each frame the objects found, each with
colour, material, shape and a run-length encoded mask).

The controlled subject is our choice: of the two objects of the first collision the one that is faster right before it,
or, where nothing collides, the one with the longest way. The caption names it and not what comes of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError
from ...video import read_video
from .convert import Footage, Source, existing

LOOK = ("color", "material", "shape")  # no two objects of a video share all three


def clevrer(source: Path) -> Iterator[Source]:
    """Every video below `source`, in the order of their numbers. UserError if there is none."""
    existing(source, "CLEVRER's videos, annotations and proposals")
    videos = _numbered(source, "video", ".mp4")
    annotations = _numbered(source, "annotation", ".json")
    proposals = _numbered(source, "sim|proposal", ".json")
    if not videos:
        raise UserError(f"{source} holds no video_NNNNN.mp4: give the folder of CLEVRER's videos.")
    for number in sorted(videos):

        def read(number: int = number) -> Footage:
            for kind, found in (("annotation", annotations), ("sim", proposals)):
                if number not in found:
                    raise UserError(f"There is no {kind}_{number:05d}.json: get it from CLEVRER's page.")
            return _read(videos[number], _load(annotations[number]), _load(proposals[number]))

        yield Source(f"clevrer-{number:05d}", read)


def _read(video: Path, annotation: dict[str, Any], proposals: dict[str, Any]) -> Footage:
    frames, fps = read_video(video)
    try:
        subject = moving_object(annotation)
        look = next(p for p in annotation["object_property"] if p["object_id"] == subject)
        masks = np.zeros(frames.shape[:3], bool)
        found = {int(f["frame_index"]): f["objects"] for f in proposals["frames"]}
        missing = set(range(len(frames))) - found.keys()
        if missing:
            raise UserError(
                f"The proposals lack {len(missing)} of {len(frames)} frames: get the complete file."
            )
        for t in range(len(frames)):
            for candidate in found[t]:
                if all(candidate[k] == look[k] for k in LOOK):
                    masks[t] |= decode_rle(candidate["mask"])
    except (KeyError, TypeError, IndexError, StopIteration) as error:
        raise UserError(f"The annotation or proposals of {video.name} are incomplete ({error!r}).") from None
    return Footage(frames, masks, f"The {look['color']} {look['material']} {look['shape']} moves.", fps)


def moving_object(annotation: dict[str, Any]) -> int:
    """The object_id of the controlled subject of an annotation, as the module says."""
    trajectory = annotation["motion_trajectory"]
    if annotation.get("collision"):
        first = min(annotation["collision"], key=lambda c: c["frame_id"])
        before = trajectory[max(0, int(first["frame_id"]) - 1)]["objects"]
        speeds = {
            o["object_id"]: float(np.linalg.norm(o["velocity"]))
            for o in before
            if o["object_id"] in first["object_ids"]
        }
    else:
        places = [{o["object_id"]: np.array(o["location"]) for o in f["objects"]} for f in trajectory]
        speeds = {
            i: sum(float(np.linalg.norm(b[i] - a[i])) for a, b in pairwise(places) if i in a and i in b)
            for i in places[0]
        }
    return max(speeds, key=lambda i: speeds[i])


def decode_rle(mask: dict[str, Any]) -> np.ndarray:
    """A run-length encoded mask of COCO's compressed form, {"size": [H, W], "counts": text} -> bool (H, W).

    Runs of 0 and 1 alternate down the columns. A run is a number of 5-bit groups, lowest first, in characters from
    "0" on; bit 6 says that another group follows, bit 5 of the last is the sign. From the fourth run on it is the
    difference to the run before the last one. Raises UserError if the runs do not fill the mask.
    """
    height, width = mask["size"]
    runs: list[int] = []
    value, shift = 0, 0
    for character in mask["counts"]:
        group = ord(character) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise UserError(f"A mask of {width} x {height} pixels is damaged: get the proposals again.")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _numbered(source: Path, prefix: str, suffix: str) -> dict[int, Path]:
    pattern = re.compile(rf"(?:{prefix})_(\d+){re.escape(suffix)}")
    return {
        int(match[1]): path
        for path in source.rglob(f"*{suffix}")
        if (match := pattern.fullmatch(path.name)) is not None
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        raise UserError(f"{path.name} is damaged: get it from CLEVRER's page again.") from None
