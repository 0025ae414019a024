"""The result: videos side by side in step, and their files to download."""

from __future__ import annotations

from typing import Any

from ..making import Outcome
from ..parts import Part, sources
from ..studio import file_url


class Player(Part):
    """value: None, or what `showing` returns."""

    SOURCES = sources("player", "player")


def showing(outcome: Outcome) -> dict[str, Any]:
    """The player's value for a finished video."""
    videos = [("The mask you drew", "mask.mp4"), ("What the model made of it", "control.mp4")]
    if outcome.free:
        videos.append(("Without the mask, same seed", "free.mp4"))
    files = [
        ("Download video", "control.mp4"),
        ("Masks (zip)", "masks.zip"),
        ("Project (json)", "project.json"),
    ]
    if outcome.file("cutout.mp4").exists():
        files.append(("Cut-out (mp4)", "cutout.mp4"))
    return {
        "frames": outcome.form.frames,
        "fps": outcome.form.fps,
        "aspect": outcome.form.aspect,
        "videos": [{"label": label, "url": file_url(outcome.file(name))} for label, name in videos],
        "links": [
            {"label": label, "url": file_url(outcome.file(name)), "name": f"comogen-{name}"}
            for label, name in files
        ],
    }
