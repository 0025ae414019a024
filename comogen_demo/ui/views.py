"""What the page shows of a job, as HTML."""

from __future__ import annotations

import math
import time
from html import escape
from typing import Any

import numpy as np

from ..errors import UserError
from ..jobs import Job
from ..settings import Control
from .making import Outcome, Progress, film_strip
from .plots import overlap_plot
from .shelf import Shelf

STOPPED = '<div class="panel idle">Stopped. Nothing is lost: press Generate to start again.</div>'
CONTROLS: dict[Control, str] = {"adapter": "Trained adapter", "dual-clock": "Cut-out, no training"}
HELD = (
    '<p class="small">Nothing fades here: the cut-out is held to its way in the first steps, the longer the higher '
    "the strength, and then the model draws freely.</p>"
)
IDLE = '<div class="panel idle">Your video will appear here.</div>'


def notice(text: str) -> str:
    """A sentence that something went wrong, announced to screen readers."""
    return f'<div class="panel notice" role="alert">{escape(text)}</div>'


def progress_panel(job: Job, ahead: int) -> str:
    """A job that is not over: its place in the queue, or its bar with the preview."""
    now = job.progress
    if job.state == "waiting":
        return _bar(f"Waiting: {ahead} ahead of yours" if ahead else "Starting", None)
    if not isinstance(now, Progress):
        return _bar("Starting", None)
    bar = _bar("Stopping" if job.stopping else now.label, now.share)
    return bar if now.preview is None else bar + _film(now.preview, len(now.preview) / now.fps)


def ended_panel(job: Job) -> str:
    """What is left to say of a job that is over: nothing if it is done."""
    if job.state == "failed":
        return notice(job.error or "")
    return STOPPED if job.state == "stopped" else ""


def report_panel(outcome: Outcome) -> str:
    """How well the subject kept to its mask, and what the video was made with."""
    made, frames = outcome.settings, outcome.form.frames
    strength = f"strength {made.strength:g}" + (f" ({made.schedule})" if made.control == "adapter" else "")
    facts = [CONTROLS[made.control], f"{made.steps} steps", strength, f"seed {made.seed}"]
    facts.append(f"{outcome.seconds:.1f} s")
    lines = [f'<p class="facts">“{escape(outcome.prompt)}” · {" · ".join(facts)}</p>']
    if outcome.drawn:
        lines.append(
            f'<p class="facts">Your {outcome.drawn} frames were played into the {frames} that the model makes.</p>'
        )
    lines += [f'<p class="facts">{escape(note)}</p>' for note in outcome.notes]
    if outcome.unknown:
        words = ", ".join(f"“{escape(w)}”" for w in outcome.unknown)
        lines.append(f'<p class="facts">The model has never seen {words} and read past it.</p>')
    report = outcome.report
    if report is not None and not math.isnan(report.mean):
        meaning = "<span>mean overlap (IoU) of the object with your mask</span>"
        head = f'<div class="score"><b>{report.mean:.2f}</b>{meaning}</div>'
        lines.insert(0, head + overlap_plot(report.iou, report.mean))
    return f'<div class="panel report">{"".join(lines)}</div>'


def sign_of(shelf: Shelf, model: Any) -> str:
    """The sign of a chosen model; why one is not available, the chooser says."""
    try:
        engine = shelf.engine(model)
    except UserError:
        return model_sign(shelf.name(model), "missing", "")
    return model_sign(engine.name, engine.state, engine.note)


def model_sign(name: str, state: str, note: str) -> str:
    """The model's state in the page's head; a note is told in full below it."""
    words = {
        "loading": "loading",
        "ready": "ready",
        "missing": "not available",
        "resting": "loaded when used",
    }
    sign = f'<span class="sign {state}"><i></i>model {escape(name)}: {words[state]}</span>'
    return sign + (f'<p class="sign-note" role="alert">{escape(note)}</p>' if note else "")


def _bar(label: str, share: float | None) -> str:
    value = "" if share is None else f' aria-valuenow="{100 * share:.0f}"'
    width = f"{100 * (share or 0):.1f}"
    return (
        f'<div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100"{value} '
        f'aria-label="{escape(label)}"><div class="progress-label">{escape(label)}</div>'
        f'<div class="progress-rail"><i style="width:{width}%"></i></div></div>'
    )


def _film(preview: np.ndarray, seconds: float) -> str:
    """The preview's frames played by CSS; the delay keeps its place in time when the next step's film comes."""
    frames, height, width = preview.shape[:3]
    style = (
        f"aspect-ratio:{width}/{height};background-image:url({film_strip(preview)});"
        f"animation-duration:{seconds:.2f}s;"
        f"animation-timing-function:steps({frames}, jump-none);"
        f"animation-delay:-{time.monotonic() % seconds:.2f}s;--film-width:{frames * 100}%"
    )
    label = "Preview of the video being made"
    return f'<div class="film"><div style="{style}" role="img" aria-label="{label}"></div></div>'
