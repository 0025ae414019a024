"""One video, made in the worker thread: from a request to files in a folder of its own."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import UserError
from ..images import fit_image, read_image
from ..jobs import Job
from ..masks import fit_mask, save_masks
from ..settings import Settings
from ..video import embed_project, write_mp4
from .engine import Engine, Form, Told
from .sessions import png_bytes

PREVIEW_SIDE = 160
NO_CUTOUT = "What has no mask in the first frame could not be cut out there, and was left out."
TINT = np.array([91, 140, 255], np.float32)


@dataclass(frozen=True)
class Request:
    """What a video is made of: frame uint8 (H, W, 3), the masks of its K subjects bool (K, T, H, W) or None, prompt,
    settings, project JSON.

    drawn: the number of frames that the project has, which the masks were made from.
    """

    frame: np.ndarray
    subjects: np.ndarray | None
    prompt: str
    settings: Settings
    project: str = ""
    drawn: int = 0


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a job is (share 0..1), and the video as it is by now, uint8 (T, H, W, 3) at `fps`, None if not known."""

    label: str
    share: float
    preview: np.ndarray | None = None
    fps: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """A finished video. The folder holds frame.png, masks.zip, mask.mp4, control.mp4, project.json, maybe
    cutout.mp4 and free.mp4.

    Its videos carry the project. model: the choice of the page that made it, and `form`, what that makes; report: the
    generate.ControlReport; unknown: words of the prompt that the model has never seen; drawn: frames of the project,
    where they are others than the video's (else 0); notes: sentences on what else was done.
    """

    folder: Path
    model: str
    form: Form
    prompt: str
    settings: Settings
    seconds: float
    report: Any
    unknown: tuple[str, ...]
    drawn: int = 0
    notes: tuple[str, ...] = ()
    free: bool = False

    def file(self, name: str) -> Path:
        return self.folder / name


def make_video(engine: Engine, request: Request, model: str, folder: Path) -> Callable[[Job], Outcome]:
    """The function of the job that makes a video with its mask and writes all its files into `folder`.

    model: the choice that `engine` is. A picture of another aspect than the model's is cropped to it, with its masks.
    """
    request, cropped = _fitted(request, engine.form)
    subjects = request.subjects
    assert subjects is not None

    def work(job: Job) -> Outcome:
        made = _denoise(engine, request, job, "Moving the object")
        result, notes = made.result, made.notes
        folder.mkdir(parents=True)
        height, width = result.frames.shape[1:3]
        masks = np.asarray(subjects.any(0))
        (folder / "frame.png").write_bytes(png_bytes(request.frame))
        (folder / "project.json").write_text(request.project, "utf-8")
        save_masks(folder / "masks.zip", masks)
        write_mp4(folder / "mask.mp4", mask_preview(request.frame, masks, (width, height)), result.fps)
        write_mp4(folder / "control.mp4", result.frames, result.fps)
        if made.cutout is not None:
            write_mp4(folder / "cutout.mp4", made.cutout, result.fps)
        if result.left_out:
            notes += [NO_CUTOUT]
        if request.project:
            embed_project(folder / "control.mp4", request.project)
        return Outcome(
            folder,
            model,
            engine.form,
            request.prompt,
            request.settings,
            result.seconds,
            result.report,
            result.unknown_words,
            request.drawn if request.drawn != len(result.frames) else 0,
            tuple(filter(None, (cropped, *notes))),
        )

    return work


def make_comparison(engine: Engine, before: Outcome, folder: Path) -> Callable[[Job], Outcome]:
    """The function of the job that makes the same video without a mask and puts it beside the first."""

    def work(job: Job) -> Outcome:
        if not before.folder.is_dir():
            raise UserError("The video to compare with is no longer kept: please generate it again.")
        request = Request(read_image(before.file("frame.png")), None, before.prompt, before.settings)
        result = _denoise(engine, request, job, "The same without a mask").result
        shutil.copytree(before.folder, folder)
        write_mp4(folder / "free.mp4", result.frames, result.fps)
        project = (folder / "project.json").read_text("utf-8")
        if project:
            embed_project(folder / "free.mp4", project)
        return replace(before, folder=folder, free=True)

    return work


def discard(job: Job) -> None:
    """Removes the files of a job that nobody can ask for any more."""
    if isinstance(job.result, Outcome):
        shutil.rmtree(job.result.folder, ignore_errors=True)


def _fitted(request: Request, form: Form) -> tuple[Request, str]:
    """The request with frame and masks in the form's aspect, and a sentence on what was cropped, "" for nothing.

    As much as the model itself puts up with is left as it is.
    """
    height, width = request.frame.shape[:2]
    if abs(width / height / form.aspect - 1) <= 0.02:
        return request, ""
    frame, fit = fit_image(request.frame, form.aspect, max(form.width, form.height, 512))
    subjects = request.subjects
    if subjects is not None:
        subjects = np.stack([[fit_mask(mask, (height, width), fit) for mask in masks] for masks in subjects])
    told = f"The middle {fit.width} x {fit.height} of your {width} x {height} pixels were used."
    return replace(request, frame=frame, subjects=subjects), told


@dataclass(frozen=True)
class Denoised:
    """A generate.Result with what else is to be told, and the cut-out that was followed, where one was."""

    result: Any
    notes: list[str]
    cutout: np.ndarray | None


def _denoise(engine: Engine, request: Request, job: Job, label: str) -> Denoised:
    """Runs the generator to its end, reporting each step."""
    notes: list[str] = []
    cutout: np.ndarray | None = None
    first: tuple[float, int] | None = None  # when which step was done
    if engine.state != "ready":
        job.report(Progress("Loading the model", 0.0))
    engine.load()
    job.report(Progress(label, 0.0))
    for event in engine.run(request.frame, request.subjects, request.prompt, request.settings):
        if hasattr(event, "frames"):  # the Result at the end; a Step has none
            job.check()
            return Denoised(event, notes, cutout)
        if isinstance(event, Told):
            notes += [event.note] if event.note else []
            job.report(Progress(" ".join((event.note, event.label)).strip(), 0.0))
            continue
        done = event.index + 1
        if not done:
            cutout = event.preview
        told = f"{label}: step {done} of {event.total}" if done else "The cut-out that is followed"
        if done and first is None:
            first = time.monotonic(), done
        elif first is not None:
            left = (time.monotonic() - first[0]) / (done - first[1]) * (event.total - done)
            told += f", about {left / 60:.0f} min left" if left > 60 else ""
        job.report(Progress(told, done / event.total, event.preview, engine.form.fps))
    raise RuntimeError("the generator ended without a result")


def film_strip(frames: np.ndarray, side: int = PREVIEW_SIDE) -> str:
    """Frames uint8 (T, H, W, 3), side by side and small -> a data URL of a JPEG."""
    height, width = frames.shape[1:3]
    size = (side, max(1, round(side * height / width)))
    strip = np.hstack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])
    _, data = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def mask_preview(frame: np.ndarray, masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The masks (T, H, W) over the dimmed first frame, with a white rim: uint8 (T, height, width, 3)."""
    base = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.float32) * 0.55
    shots = []
    for mask in masks:
        cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
        shot = base * (1 - 0.72 * cover) + TINT * 0.72 * cover
        rims, _ = cv2.findContours(
            (cover[..., 0] > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        shot = np.clip(shot, 0, 255).astype(np.uint8)
        shots.append(cv2.drawContours(shot, rims, -1, (255, 255, 255), 1, cv2.LINE_AA))
    return np.stack(shots)
