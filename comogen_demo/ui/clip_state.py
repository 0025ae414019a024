"""A driving video as the browser knows it: what the card shows of its file, its part, its track and its tracking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..driving.reading import MAX_FRAMES, MAX_SECONDS
from ..jobs import Job
from .clips import Clip, Cut
from .studio import Studio, file_url

MOST = {
    "frames": MAX_FRAMES,
    "minutes": round(MAX_SECONDS / 60),
    "megabytes": 64,
}  # told before a file is chosen


@dataclass(frozen=True)
class Following:
    """How far the tracking of a clip is: frames done of `total`, the last one being frame `at`."""

    done: int
    total: int
    at: int | None = None


def clip_state(clip: Clip, studio: Studio, fps: float) -> dict[str, Any]:
    """A clip for the browser; files are told by their urls. fps: that of the project, proposed for the part."""
    info, job = clip.info, clip.job
    rate = min(fps, max(1.0, round(info.fps, 2)))
    return {
        "id": clip.id,
        "serial": clip.serial,
        "name": clip.name,
        "note": studio.models.note(),
        "video": {
            "url": file_url(clip.file),
            "strip": file_url(clip.strip),
            "seconds": info.seconds,
            "fps": info.fps,
            "width": info.width,
            "height": info.height,
        },
        "part": {"start": 0.0, "end": min(info.seconds, MAX_FRAMES / rate), "fps": rate},
        "cut": cut_state(clip.cut) if clip.cut else None,
        "job": job_state(job, studio.jobs.ahead(job)) if job and not job.over else None,
    }


def cut_state(cut: Cut) -> dict[str, Any]:
    """A part for the browser; versions: as in Cut, a mask's picture is FRAME-VERSION.png in the folder `masks`."""
    track, (height, width) = cut.tracking, cut.frames.shape[1:3]
    return {
        "start": cut.start,
        "end": cut.end,
        "fps": cut.fps,
        "count": len(cut),
        "width": width,
        "height": height,
        "frames": file_url(cut.folder) + "/",
        "strip": file_url(cut.folder / "strip.jpg"),
        "masks": file_url(cut.folder / "masks") + "/",
        "versions": list(cut.versions),
        "kinds": cut.kinds(),
        "given": sorted(track.given),
        "missing": cut.missing(),
        "undo": len(cut.history),
        "tracked": sum(mask is not None for mask in track.masks) > len(track.given),
    }


def job_state(job: Job, ahead: int) -> dict[str, Any]:
    """text: what it does; at: the frame that came last; share: 0..1 of the frames."""
    now = job.progress
    if job.stopping:
        return {"state": "stopping", "text": "Stopping…", "at": None, "share": 0}
    if not isinstance(now, Following):
        text = f"Waiting: {ahead} ahead of yours" if ahead else "Starting…"
        return {"state": job.state, "text": text, "at": None, "share": 0}
    text = f"Tracking: {now.done} of {now.total} frames"
    return {"state": job.state, "text": text, "at": now.at, "share": now.done / max(1, now.total)}


def told_at_end(cut: Cut, stopped: bool) -> str:
    """What is told when a tracking is over."""
    kinds = cut.kinds()
    if stopped:
        known = len(cut) - kinds.count(".")
        return f"Stopped: {known} of {len(cut)} frames have a mask. Press Track to go on."
    doubtful = kinds.count("d")
    if not doubtful:
        return "Tracked. Play it, and correct any frame by clicking in it; then use the motion."
    some = "1 frame is" if doubtful == 1 else f"{doubtful} frames are"
    return f"Tracked; {some} doubtful. Go there, click what is missing or too much, and track on from it."
