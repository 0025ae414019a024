"""Finding things in a page's first frame, by clicks, boxes and words: one method an event.

The built-in selection answers a click at once. Where a model does, the work waits its turn among all heavy work, and
the page is told so. What the user can mend comes back as a sentence; nothing made so far is touched.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np

from ..errors import UserError
from ..jobs import Job
from ..project import MAX_TRACKS
from ..selection.interface import UNSURE, Box, Finder, Found, Point, Selector
from . import document
from .naming import subject_name
from .sessions import Frame
from .studio import Studio

POLL, BEAT = 0.05, 5.0  # seconds between two looks at a job, and between two signs of life to the page
SURE = 0.12  # a click or box with less confidence has hit nothing
MOST_POINTS = 64  # of one pick
MOST_PHRASES, LONGEST_PHRASE = 6, 60  # of one search; characters
MOST_FOUND = 8  # candidates of one phrase
SAME = 0.7  # IoU of two boxes from which on they are of one thing

Answer = dict[str, Any]


class Selecting:
    """The events that ask what is in a page's frame. Each answer goes to the editor, with the turn of its question."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self._asked: dict[tuple[str, str], Job] = {}  # by page and turn

    def pick(self, event: gr.EventData, value: Any, request: gr.Request) -> Any:
        """Points or a box in the picture -> editor with the mask of what is there, joined to that of a given track.

        Where a model must be asked the answer is `slow`: then the page asks again by `pick_slowly`.
        """
        data = event._data or {}
        frame = self._frame(data, request)
        if frame is None:
            return gr.update(missing=uuid.uuid4().hex)
        head = _head(data)
        if self.studio.models.uses_weights():
            return gr.update(picked={**head, "slow": True})
        try:
            return gr.update(picked={**head, **self._mask(frame, data, value)})
        except UserError as error:
            return gr.update(picked={**head, "error": str(error)})

    async def pick_slowly(self, event: gr.EventData, value: Any, request: gr.Request) -> AsyncIterator[Any]:
        """As `pick`, by a model -> editor, first with what it waits for."""
        async for update in self._answer(
            "picked", event, request, lambda frame, data: self._mask(frame, data, value)
        ):
            yield update

    async def find(self, event: gr.EventData, request: gr.Request) -> AsyncIterator[Any]:
        """Words -> editor with the boxes of what they may mean."""

        def work(frame: Frame, data: dict[str, Any]) -> Answer:
            asked = phrases(str(data.get("words") or ""))
            return candidates(self.studio.models.finder(), frame.pixels, asked)

        async for update in self._answer("found", event, request, work):
            yield update

    async def add_found(self, event: gr.EventData, value: Any, request: gr.Request) -> AsyncIterator[Any]:
        """Boxes that were chosen of those found -> editor with a mask for each."""

        def work(frame: Frame, data: dict[str, Any]) -> Answer:
            chosen = _chosen(data.get("boxes"))
            free = MAX_TRACKS - len(value.get("tracks") or [])
            if len(chosen) > free:
                raise UserError(
                    f"{len(chosen)} are chosen, but there is room for {max(0, free)} more of {MAX_TRACKS} tracks: "
                    "choose fewer, or delete a track."
                )
            return outlined(self.studio.models.selector(), frame.pixels, chosen)

        async for update in self._answer("added", event, request, work):
            yield update

    def leave(self, event: gr.EventData, request: gr.Request) -> None:
        """The page waits no longer for the answers of some turns."""
        turns = (event._data or {}).get("turns")
        for turn in turns[:MOST_POINTS] if isinstance(turns, list) else []:
            job = self._asked.get((request.session_hash or "", str(turn)))
            if job is not None:
                self.studio.jobs.cancel(job.id)

    def _frame(self, data: dict[str, Any], request: gr.Request) -> Frame | None:
        return self.studio.sessions.get(request.session_hash or "").get(str(data.get("image", "")))

    def _mask(self, frame: Frame, data: dict[str, Any], value: Any) -> Answer:
        present = _present(value, str(data.get("track") or ""), frame.pixels.shape[:2])
        mask = selected(self.studio.models.selector(), frame.pixels, data, present)
        return {"mask": document.mask_url(mask), "name": subject_name(frame, mask)}

    async def _answer(
        self,
        prop: str,
        event: gr.EventData,
        request: gr.Request,
        work: Callable[[Frame, dict[str, Any]], Answer],
    ) -> AsyncIterator[Any]:
        """What `work` makes of the event's frame and data, or its sentence, in the editor's property `prop`."""
        data = event._data or {}
        frame, head = self._frame(data, request), _head(data)
        if frame is None:
            yield gr.update(missing=uuid.uuid4().hex)
            return
        try:
            if not self.studio.models.uses_weights():
                yield gr.update(**{prop: {**head, **await asyncio.to_thread(work, frame, data)}})
                return
            job = self.studio.jobs.submit(lambda job: work(frame, data), keep=False)
            async for wait in self._watch(job, (request.session_hash or "", head["turn"])):
                yield gr.update(**{prop: {**head, **wait}})
            if job.state != "done":
                raise UserError(job.error or "It was stopped: please try again.")
            yield gr.update(**{prop: {**head, **job.result}})
        except UserError as error:
            yield gr.update(**{prop: {**head, "error": str(error)}})

    async def _watch(self, job: Job, place: tuple[str, str]) -> AsyncIterator[Answer]:
        """Tells what a job waits for until it is over; who stops watching needs it no more."""
        self._asked[place] = job
        told, when, beat = "", 0.0, 0
        try:
            while not job.over:
                ahead = self.studio.jobs.ahead(job)
                text = _waiting(ahead) if ahead else "Looking closely…"
                if text != told or time.monotonic() - when > BEAT:
                    told, when, beat = text, time.monotonic(), beat + 1
                    yield {"wait": text, "beat": beat}
                await asyncio.sleep(POLL)
        finally:
            del self._asked[place]
            if not job.over:
                self.studio.jobs.cancel(job.id)


# What is selected and found, without a page


def selected(
    selector: Selector, pixels: np.ndarray, data: dict[str, Any], present: np.ndarray | None
) -> np.ndarray:
    """What a pick's box and points select, with the present mask: bool (H, W). Raises UserError when it is nothing."""
    points, box = _points(data.get("points")), _box(data.get("box"))
    if len(points) > MOST_POINTS or not (points or box):
        raise UserError(f"Choose 1 to {MOST_POINTS} points at a time, or draw a box.")
    mask, sure = selector.select(pixels, points, box, present)
    if sure < SURE and box:
        raise UserError("There is no object in this box: draw it around a whole one.")
    if sure < SURE and all(positive for _, _, positive in points):
        raise UserError("There is no object here: click right on one.")
    if sure < SURE:
        raise UserError("There is nothing of the selection here: click on the part that should go.")
    if not mask.any():
        raise UserError("Nothing of the object would be left: remove its track instead.")
    return mask


def phrases(words: str) -> list[str]:
    """The names in a text with commas, each once. Raises UserError when there is none, or too much."""
    found = list(dict.fromkeys(" ".join(part.split()) for part in words.replace(";", ",").split(",")))
    found = [part for part in found if part]
    if not found:
        raise UserError('Say what to find, such as "red cube, yellow cylinder".')
    if len(found) > MOST_PHRASES or max(map(len, found)) > LONGEST_PHRASE:
        raise UserError(
            f"At most {MOST_PHRASES} names of {LONGEST_PHRASE} letters are looked for at a time: please shorten them."
        )
    return found


def candidates(finder: Finder, pixels: np.ndarray, asked: Sequence[str]) -> Answer:
    """The `candidates` for some phrases, and a `note` on phrases without one.

    Chosen beforehand are the best of each phrase and those above UNSURE, but each place once (our choice).
    Raises UserError, with the reason, when nothing is found at all.
    """
    height, width = pixels.shape[:2]
    listed: list[Answer] = []
    notes: list[str] = []
    for phrase in asked:
        try:
            found = finder.find(pixels, phrase)[:MOST_FOUND]
        except UserError as error:
            notes.append(str(error))
            continue
        if not found:
            notes.append(f'Nothing called "{phrase}" was found: try other words, or click on it.')
        for number, one in enumerate(found):
            taken = [other["box"] for other in listed if other["chosen"]]
            box = _clipped(one.box, width, height)
            good = number == 0 or one.confidence >= UNSURE
            chosen = good and all(_overlap(box, other) < SAME for other in taken)
            listed.append(
                {"box": box, "confidence": float(one.confidence), "words": phrase, "chosen": chosen}
            )
    note = " ".join(dict.fromkeys(notes))
    if not listed:
        raise UserError(note)
    return {"candidates": listed, "note": note}


def outlined(selector: Selector, pixels: np.ndarray, chosen: Sequence[Found]) -> Answer:
    """The `tracks` of chosen boxes, each a name and a mask, and a `note` on boxes that hold nothing.

    Raises UserError when none of them holds anything.
    """
    tracks: list[Answer] = []
    missed: list[str] = []
    for one in chosen:
        mask, sure = selector.select(pixels, box=one.box)
        if sure < SURE or not mask.any():
            missed.append(one.words)
        else:
            tracks.append({"name": one.words, "mask": document.mask_url(mask)})
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(missed))
    note = f"No outline was found for {names}: click on it instead." if missed else ""
    if not tracks:
        raise UserError(note)
    return {"tracks": tracks, "note": note}


# Reading what a page sends


def _head(data: dict[str, Any]) -> Answer:
    """What every answer says of its question."""
    turn = str(data.get("turn") or uuid.uuid4().hex)[:64]
    return {"image": str(data.get("image", "")), "turn": turn, "track": str(data.get("track") or "")}


def _points(given: Any) -> list[Point]:
    try:
        return [(float(p["x"]), float(p["y"]), p.get("positive", True) is not False) for p in given or []]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError("The click has no place in the picture: please click again.") from None


def _box(given: Any) -> Box | None:
    """Four numbers, or None without a box. Whether they lie in the picture is the selector's to say."""
    if not given:
        return None
    try:
        left, top, right, bottom = (float(edge) for edge in given)
    except (TypeError, ValueError):
        raise UserError("The box has no place in the picture: please draw it again.") from None
    if not all(math.isfinite(edge) for edge in (left, top, right, bottom)):
        raise UserError("The box has no place in the picture: please draw it again.")
    return left, top, right, bottom


def _chosen(given: Any) -> list[Found]:
    try:
        wanted = [(_box(one["box"]), " ".join(str(one["words"]).split())) for one in given]
    except (KeyError, TypeError):
        raise UserError("What was chosen has no box: please find it again.") from None
    found = [Found(box, 1.0, words[:LONGEST_PHRASE] or "object") for box, words in wanted if box]
    if not 1 <= len(found) <= MAX_TRACKS:
        raise UserError(f"Choose 1 to {MAX_TRACKS} of what was found.")
    return found


def _present(value: Any, track: str, size: tuple[int, ...]) -> np.ndarray | None:
    """The first shape of a track of the document, bool of `size`; None without such a track. Raises UserError."""
    if not track:
        return None
    found = next((t for t in document.read(value).tracks if t.id == track), None)
    if found is None:
        return None
    mask = found.array()
    if mask.shape != tuple(size):
        raise UserError("The mask belongs to a picture of another size: click the object again.")
    return mask


def _waiting(ahead: int) -> str:
    if ahead == 1:
        return "Waiting for the work that is running, such as a video."
    return f"Waiting: {ahead} are before you."


def _clipped(box: Box, width: int, height: int) -> list[float]:
    left, top, right, bottom = (round(float(edge), 1) for edge in box)
    return [max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)]


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """IoU of two boxes."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, across) * max(0.0, down)
    sizes = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / max(sizes - shared, 1e-9)
