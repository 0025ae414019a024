"""The driving video's events: from a file to a track of the document, one method an event.

A page reaches only the clip whose unguessable id it brings. Tracking is a job of the one worker, and so is a click
where a model answers it. What the user can mend comes back as a sentence; every mask made so far stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from ..driving import Similarity, align, retarget
from ..driving.reading import MAX_FRAMES, MAX_SECONDS
from ..errors import UserError
from ..jobs import Job
from ..project import MAX_TRACKS, Project, Track, mask_png
from ..selection.interface import UNSURE, Selector
from . import document, frames
from .clips import Clip, Cut, Gone
from .studio import Studio, file_url
from .uploads import uploaded

POLL = 0.1  # seconds between two looks at a job
SURE = 0.12  # a click or box with less confidence has hit nothing
MOST = {
    "frames": MAX_FRAMES,
    "minutes": round(MAX_SECONDS / 60),
    "megabytes": 64,
}  # what the card tells beforehand
MODES = ("pick", "add", "take")
SKIP = gr.skip()


@dataclass(frozen=True)
class Following:
    """How far the tracking of a clip is: frames done of `total`, the last one being frame `at`."""

    done: int
    total: int
    at: int | None = None


class Driver:
    """The events of the driving video, for a page whose project plays at `fps`."""

    def __init__(self, studio: Studio, fps: float):
        self.studio, self.fps = studio, fps

    # The clip

    async def bring(self, event: gr.EventData) -> Any:
        """A video was uploaded -> driving. The clip that it replaces is let go."""

        def take(data: dict[str, Any]) -> Clip:
            clip = self.studio.clips.add(uploaded([data.get("file")])[0])
            self._drop(str(data.get("clip") or ""))
            return clip

        data = event._data or {}
        try:
            clip = await asyncio.to_thread(take, data)
        except UserError as error:
            return gr.update(answer=_answer(data, str(error), "error"))
        return self._update(clip, data)

    async def cut(self, event: gr.EventData) -> Any:
        """A part and a rate were chosen -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            lost = clip.cut_out(*(_number(data.get(name), name) for name in ("start", "end", "fps")))
            self.studio.clips.tidy()
            if not lost:
                return ""
            those = "The mask that you gave is" if lost == 1 else f"{lost} of the masks that you gave are"
            return f"{those} of a picture that is not in this part."

        return await self._change(event, work)

    async def leave(self, event: gr.EventData) -> Any:
        """The video is to be removed -> driving."""
        data = event._data or {}
        await asyncio.to_thread(self._drop, str(data.get("clip") or ""))
        return gr.update(clip={}, answer=_answer(data))

    async def reopen(self, event: gr.EventData) -> AsyncIterator[Any]:
        """A page was opened again -> driving, for as long as its subject is being tracked."""
        data = event._data or {}
        try:
            clip = self._clip(data)
        except UserError as error:
            yield gr.update(clip={}, answer=_answer(data, str(error), "error"))
            return
        if not clip.busy:
            yield self._update(clip, data)
            return
        async for update in self._watch(clip, data):
            yield update

    # The subject

    async def pick(self, event: gr.EventData) -> Any:
        """A click or a box in a frame -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            clip.check_free()
            cut = clip.part()
            index = _frame(data, cut)
            picture = np.asarray(cut.frames[index])

            def select() -> np.ndarray:
                return _selected(self.studio.models.selector(), picture, data, cut.tracking.masks[index])

            mask = self._in_worker(select) if self.studio.models.uses_weights() else select()
            with clip.lock:
                clip.check_free()
                cut.give(index, mask)
            return ""

        return await self._change(event, work)

    async def forget(self, event: gr.EventData) -> Any:
        """The mask that was given for a frame is to go -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                clip.part().forget(_frame(data, clip.part()))
            return ""

        return await self._change(event, work)

    async def hide(self, event: gr.EventData) -> Any:
        """The subject is out of sight from a frame on, until the next given mask -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                cut = clip.part()
                cut.give(_frame(data, cut), np.zeros(cut.frames.shape[1:3], bool))
            return ""

        return await self._change(event, work)

    async def undo(self, event: gr.EventData) -> Any:
        """The last change of the given masks is taken back -> driving."""

        def work(clip: Clip, data: dict[str, Any]) -> str:
            with clip.lock:
                clip.check_free()
                clip.part().undo()
            return ""

        return await self._change(event, work)

    async def track(self, event: gr.EventData) -> AsyncIterator[Any]:
        """The subject is to be tracked through the part -> driving, frame by frame."""
        data = event._data or {}
        try:
            clip = self._clip(data)
            with clip.lock:
                clip.check_free()
                cut = clip.part()
                if not cut.tracking.given:
                    raise UserError("Nothing is picked yet: click the subject in any frame first.")
                if not cut.missing():
                    raise UserError("Every frame has its mask already: correct one to track on from it.")
                clip.job = self.studio.jobs.submit(self._tracking(clip, cut))
                clip.serial += 1
        except UserError as error:
            yield gr.update(answer=_answer(data, str(error), "error"))
            return
        async for update in self._watch(clip, data):
            yield update

    def halt(self, event: gr.EventData) -> None:
        """Stop was pressed."""
        with contextlib.suppress(Gone):
            clip = self._clip(event._data or {})
            if clip.job is not None:
                self.studio.jobs.cancel(clip.job.id)

    def _tracking(self, clip: Clip, cut: Cut) -> Callable[[Job], None]:
        def work(job: Job) -> None:
            total = cut.missing()
            job.report(Following(0, total))
            for done, tracked in enumerate(cut.follow(self.studio.models.selector()), 1):
                clip.serial += 1
                job.report(Following(done, total, tracked.index))

        return work

    async def _watch(self, clip: Clip, data: dict[str, Any]) -> AsyncIterator[Any]:
        job, seen = clip.job, None
        assert job is not None
        while not job.over:
            now = (job.state, job.progress, job.stopping, self.studio.jobs.ahead(job))
            if now != seen:
                yield gr.update(clip=self._state(clip))
            seen = now
            await asyncio.sleep(POLL)
        clip.serial += 1
        if job.state == "failed":
            yield self._update(clip, data, job.error or "", "error")
        else:
            yield self._update(clip, data, _ended(clip.part(), job.state == "stopped"))

    def _in_worker(self, function: Callable[[], np.ndarray]) -> np.ndarray:
        """Runs it in its turn among all heavy work. Raises UserError when it fails."""
        job = self.studio.jobs.submit(lambda job: function())
        job.wait()
        if job.state != "done":
            raise UserError(job.error or "It was stopped: please click again.")
        return job.result

    # The track

    async def put(self, event: gr.EventData, value: Any, request: gr.Request) -> tuple[Any, Any]:
        """The track is to lie on the picture -> driving, editor.

        It takes the place of the selected track if that one has no motion of its own; else it is a new track.
        """
        data = event._data or {}
        session = self.studio.sessions.get(request.session_hash or "")
        try:
            clip = self._clip(data)
            clip.check_free()
            project, image = document.read(value), str(value.get("image") or "")
            frame = session.get(image)
            if not image:
                raise UserError("There is no picture yet to put the motion on: choose one first.")
            if frame is None:
                again = _answer(data, "The connection was renewed: please do that once more.")
                return gr.update(answer=again), gr.update(missing=uuid.uuid4().hex)
            size = (frame.pixels.shape[0], frame.pixels.shape[1])
            selected = next((track for track in project.tracks if track.id == data.get("track")), None)
            track, told = await asyncio.to_thread(_laid, clip, project, selected, size, data)
        except UserError as error:
            return self._error(error, data), SKIP
        if selected is not None and track.id == selected.id:
            tracks = tuple(track if one.id == track.id else one for one in project.tracks)
            doc = {**document.to_browser(replace(project, tracks=tracks)), "image": image}
            doc["source"] = value.get("source")
            opened = {"turn": _turn(data), "doc": doc, "frame": frames.shown(frame, value.get("source"))}
            return self._update(clip, data, told), gr.update(opened=opened)
        entry = {"name": track.name, "note": told, **_entry(track)}
        imported = {"turn": _turn(data), "image": image, "track": entry}
        return self._update(clip, data, told), gr.update(imported=imported)

    # What all of them need

    def _clip(self, data: dict[str, Any]) -> Clip:
        return self.studio.clips.get(str(data.get("clip") or ""))

    def _drop(self, id: str) -> None:
        """Lets a clip go, its tracking first."""
        try:
            clip = self.studio.clips.get(id)
        except UserError:
            return
        if clip.job is not None and not clip.job.over:
            self.studio.jobs.cancel(clip.job.id)
            clip.job.wait(60)
        self.studio.clips.drop(id)

    async def _change(self, event: gr.EventData, work: Callable[[Clip, dict[str, Any]], str]) -> Any:
        """Does a work that changes a clip, beside the page's other events -> driving."""
        data = event._data or {}
        try:
            clip = self._clip(data)
            told = await asyncio.to_thread(work, clip, data)
            clip.serial += 1
        except UserError as error:
            return self._error(error, data)
        return self._update(clip, data, told)

    def _error(self, error: UserError, data: dict[str, Any]) -> Any:
        gone: dict[str, Any] = {"clip": {}} if isinstance(error, Gone) else {}
        return gr.update(answer=_answer(data, str(error), "error"), **gone)

    def _update(self, clip: Clip, data: dict[str, Any], text: str = "", kind: str = "info") -> Any:
        return gr.update(clip=self._state(clip), answer=_answer(data, text, kind))

    def _state(self, clip: Clip) -> dict[str, Any]:
        """A clip as the browser knows it; files are told by their urls."""
        info, cut, job = clip.info, clip.cut, clip.job
        rate = min(self.fps, max(1.0, round(info.fps, 2)))
        video: dict[str, Any] = {"url": file_url(clip.file), "strip": file_url(clip.strip)}
        video |= {"seconds": info.seconds, "fps": info.fps, "width": info.width, "height": info.height}
        state: dict[str, Any] = {
            "id": clip.id,
            "serial": clip.serial,
            "name": clip.name,
            "video": video,
            "cut": None,
            "job": None,
        }
        state["part"] = {"start": 0.0, "end": min(info.seconds, MAX_FRAMES / rate), "fps": rate}
        state["note"] = self.studio.models.note()
        if cut is not None:
            state["cut"] = _cut_state(cut)
        if job is not None and not job.over:
            state["job"] = _job_state(job, self.studio.jobs.ahead(job))
        return state


def _cut_state(cut: Cut) -> dict[str, Any]:
    """kinds: a letter for each frame: t tracked, d doubtful, h out of sight, . without a mask."""
    track, (height, width) = cut.tracking, cut.frames.shape[1:3]
    kinds = "".join(map(_kind, track.masks, track.confidence))
    return {
        **{
            "start": cut.start,
            "end": cut.end,
            "fps": cut.fps,
            "count": len(cut),
            "width": width,
            "height": height,
        },
        **{"frames": file_url(cut.folder) + "/", "strip": file_url(cut.folder / "strip.jpg")},
        **{"masks": file_url(cut.folder / "masks") + "/", "versions": list(cut.versions), "kinds": kinds},
        **{"given": sorted(track.given), "missing": cut.missing(), "undo": len(cut.history)},
        "tracked": sum(mask is not None for mask in track.masks) > len(track.given),
    }


def _kind(mask: np.ndarray | None, confidence: float | None) -> str:
    if mask is None:
        return "."
    if confidence is not None and confidence < UNSURE:
        return "d"
    return "t" if mask.any() else "h"


def _job_state(job: Job, ahead: int) -> dict[str, Any]:
    now = job.progress
    if job.stopping:
        return {"state": "stopping", "text": "Stopping…", "at": None, "share": 0}
    if not isinstance(now, Following):
        text = f"Waiting: {ahead} ahead of yours" if ahead else "Starting…"
        return {"state": job.state, "text": text, "at": None, "share": 0}
    text = f"Tracking: {now.done} of {now.total} frames"
    return {"state": job.state, "text": text, "at": now.at, "share": now.done / max(1, now.total)}


def _ended(cut: Cut, stopped: bool) -> str:
    """What is told when a tracking is over."""
    kinds = _cut_state(cut)["kinds"]
    if stopped:
        known = len(cut) - kinds.count(".")
        return f"Stopped: {known} of {len(cut)} frames have a mask. Press Track to go on."
    doubtful = kinds.count("d")
    if not doubtful:
        return "Tracked. Play it, and correct any frame by clicking in it; then put it on the picture."
    some = "1 frame is" if doubtful == 1 else f"{doubtful} frames are"
    return f"Tracked; {some} doubtful. Go there, click what is missing or too much, and track on from it."


def _selected(
    selector: Selector, picture: np.ndarray, data: dict[str, Any], present: np.ndarray | None
) -> np.ndarray:
    """What a pick selects in a frame uint8 (H, W, 3), with the mask that is there: bool (H, W), not empty.

    Raises UserError when it is nothing.
    """
    mode = data.get("mode")
    if mode not in MODES:
        raise UserError("A click picks, adds or takes away: choose one of them.")
    held = present if mode != "pick" and present is not None and present.any() else None
    if mode == "take" and held is None:
        raise UserError("There is nothing to take away from in this frame yet: pick the subject first.")
    points, box = _places(data)
    height, width = picture.shape[:2]
    if box is not None and mode == "take":
        left, top, right, bottom = (round(edge) for edge in box)
        mask, sure = np.array(held), 1.0
        mask[max(0, top) : min(height, bottom), max(0, left) : min(width, right)] = False
    elif box is not None:
        mask, sure = selector.select(picture, box=box)
        mask = mask if held is None else mask | held
    else:
        mask, sure = selector.select(picture, [(x, y, mode != "take") for x, y in points], mask=held)
    if sure < SURE:
        raise UserError(
            "There is nothing of the mask here: click on the part that should go."
            if mode == "take"
            else "There is nothing in this box: draw it around the whole subject."
            if box is not None
            else "There is nothing that can be told apart here: click right on the subject, or draw a box around it."
        )
    if not mask.any():
        raise UserError("Nothing of the subject would be left: if it can't be seen here, press Out of sight.")
    return mask


def _places(
    data: dict[str, Any],
) -> tuple[list[tuple[float, float]], tuple[float, float, float, float] | None]:
    """A pick's points and box. Raises UserError when it has neither."""
    try:
        points = [(float(p["x"]), float(p["y"])) for p in data.get("points") or []]
        edges = [float(edge) for edge in data.get("box") or []]
    except (KeyError, TypeError, ValueError):
        points, edges = [], []
    if not np.isfinite([*edges, *(x for point in points for x in point)]).all():
        points, edges = [], []
    if len(edges) == 4:
        return [], (edges[0], edges[1], edges[2], edges[3])
    if not 1 <= len(points) <= 64:
        raise UserError("The click has no place in the frame: please click again.")
    return points, None


def _laid(
    clip: Clip, project: Project, selected: Track | None, size: tuple[int, int], data: dict[str, Any]
) -> tuple[Track, str]:
    """The clip's track as one of a project of pictures of `size` (H, W), and what is told of it.

    It has the id of the selected track if it takes its place. Raises UserError.
    """
    cut = clip.part()
    first, last = cut.known()
    if last <= first:
        raise UserError("Only the frames that you picked have a mask yet: press Track first.")
    masks = cut.tracking.array()[first : last + 1]
    seen = next((i for i, mask in enumerate(masks) if mask.any()), None)
    if seen is None:
        raise UserError("The subject is in sight in none of the tracked frames: pick it anew.")
    start, stretch = _time(data, len(masks), project.frames)
    fit = Similarity()
    if selected is not None:
        target = project.track_masks(selected, [0])[0]
        if target.shape != size:
            raise UserError(
                "The selected mask belongs to a picture of another size: select the object again."
            )
        if not target.any():
            raise UserError(f"“{selected.name}” is hidden in the first frame: select another track, or none.")
        fit = align(masks[seen], target)
    shapes, keyframes = retarget(masks, size, fit, project.frames, start=start, stretch=stretch)
    still = selected is not None and not _moves(selected) and not selected.locked
    if not still and len(project.tracks) >= MAX_TRACKS:
        raise UserError(f"The project has {MAX_TRACKS} tracks already: delete one first.")
    part = (
        "" if len(masks) == len(cut) else f" Only frames {first + 1} to {last + 1} of the video are tracked."
    )
    pictures, keys = tuple(mask_png(shape) for shape in shapes), tuple(keyframes)
    if selected is not None and still:
        told = (
            f"“{selected.name}” now moves as in the video: play it in the editor. Undo there takes it back."
        )
        return replace(selected, shapes=pictures, keyframes=keys, smooth=0.0), told + part
    told = "The motion is a new track in the editor, where the video shows it."
    if selected is not None:
        kept = "is locked, so it" if selected.locked else "has a motion of its own, so it"
        told = f"The motion is a new track. “{selected.name}” {kept} stays: switch it off if the new one replaces it."
    return Track(uuid.uuid4().hex, clip.title, "#ff3b30", pictures, keys), told + part


def _moves(track: Track) -> bool:
    """Whether a track shows anything but one shape at rest."""
    return len(track.keyframes) > 1 or len(track.shapes) > 1 or any(key.hidden for key in track.keyframes)


def _time(data: dict[str, Any], count: int, frames: int) -> tuple[int, float]:
    """Where so many masks begin in a project of `frames`, and by what their time is stretched."""
    begin = data.get("begin")
    start = (int(begin) if isinstance(begin, (int, float)) and np.isfinite(begin) else 1) - 1
    if not 0 <= start < frames - 1:
        raise UserError(f"The motion begins at frame {start + 1}: choose 1 to {frames - 1}.")
    wanted = data.get("lasts")
    lasts = (
        int(wanted) if isinstance(wanted, (int, float)) and np.isfinite(wanted) and wanted else frames - start
    )
    if not 2 <= lasts <= 100 * frames:
        raise UserError(f"The motion lasts {lasts} frames: choose 2 to {frames - start}, or none for all.")
    return start, (lasts - 1) / (count - 1)


def _entry(track: Track) -> dict[str, Any]:
    """Shapes and keyframes as the editor takes them."""
    whole = json.loads(Project(frames=max(key.t for key in track.keyframes) + 1, tracks=(track,)).to_json())
    return {name: whole["tracks"][0][name] for name in ("shapes", "keyframes")}


def _frame(data: dict[str, Any], cut: Cut) -> int:
    index = data.get("frame")
    if not isinstance(index, int) or not 0 <= index < len(cut):
        raise UserError(f"The part has frames 1 to {len(cut)}: choose one of them.")
    return index


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise UserError(f"The {name} of the part is no number: please enter it again.")
    return float(value)


def _turn(data: dict[str, Any]) -> str:
    return str(data.get("turn") or "")[:64]


def _answer(data: dict[str, Any], text: str = "", kind: str = "info") -> dict[str, Any]:
    return {"turn": _turn(data), "text": text, "kind": kind}
