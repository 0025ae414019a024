"""`python -m comogen_demo track`: a subject in a clip -> its masks, and its motion as a project on a picture."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..driving import ClipInfo, Tracking, frame_count, probe, read_clip
from ..driving.reading import MAX_FRAMES
from ..errors import UserError
from ..files import check_writable, replacing
from ..masks import export_masks
from ..masks.pictures import decode_png
from ..masks.save import SUFFIXES
from ..masks.validate import resize_mask
from ..selection.interface import UNSURE, Box, Point
from .laying import laid, read_place, still

if TYPE_CHECKING:
    from ..selection.choice import Models

DEFAULT_FPS = 12.5
MIN_FRAMES = 5  # of a project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `track`."""
    parser.epilog = (
        "example: track run.mp4 --start 2 --end 4 --on 10 --click 120,80 --onto room.png --subject ball.png "
        "--out run.json, and then: generate --project run.json --prompt ... --out video.mp4"
    )
    parser.add_argument(
        "clip", metavar="CLIP", help="mp4, mov, webm, mkv, avi or gif, up to ten minutes long"
    )
    subject = parser.add_argument_group(
        "the subject",
        "Pixels are those of the clip as it is shown; frames are those that are read, from 0 on.",
    )
    subject.add_argument(
        "--on", type=int, default=0, metavar="FRAME", help="the frame that click, box, words mean (default 0)"
    )
    subject.add_argument(
        "--click",
        action="append",
        default=[],
        metavar="X,Y",
        help="a point on it; may be given several times",
    )
    subject.add_argument("--box", metavar="L,T,R,B", help="a box around it, perhaps with clicks in it")
    subject.add_argument("--words", metavar="TEXT", help='what it is, such as "the red cube"')
    subject.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="[FRAME=]PNG",
        help="its mask on a frame (default that of --on), instead of the others or to correct what is tracked; "
        "black where it is out of sight; may be given several times",
    )
    part = parser.add_argument_group("the part of the clip")
    part.add_argument("--start", type=float, default=0.0, metavar="S", help="seconds (default 0)")
    part.add_argument("--end", type=float, metavar="S", help=f"seconds (default: after {MAX_FRAMES} frames)")
    part.add_argument(
        "--fps", type=float, default=DEFAULT_FPS, metavar="R", help=f"frames a second (default {DEFAULT_FPS})"
    )
    onto = parser.add_argument_group("a project with the motion")
    onto.add_argument(
        "--onto",
        metavar="FILE",
        help="the picture or project it is laid onto (default: the clip's first frame)",
    )
    onto.add_argument(
        "--subject",
        metavar="PNG|NAME",
        help="what is to move in it: a mask, or the name of an object of the project; the motion is laid onto it",
    )
    parser.add_argument(
        "--out",
        action="append",
        required=True,
        metavar="FILE",
        help="a project (.json), or masks (.zip of PNG, .mp4, .npz); may be given several times",
    )
    parser.add_argument("--json", metavar="FILE", help="write the confidence of every frame as JSON")


def run(args: argparse.Namespace) -> int:
    """Track, and write what came of it: all of it, or nothing when it fails. Raises UserError for bad input."""
    _check_outputs(args)
    subject = _subject(args)
    info = probe(args.clip)
    end = _end(args, info)
    count = frame_count(info, args.start, end, args.fps)
    for frame in (subject.on, *subject.masks):
        if not 0 <= frame < count:
            raise UserError(f"Frame {frame} is not in this part, whose {count} frames count from 0.")
    if any(map(_is_project, args.out)) and count < MIN_FRAMES:
        raise UserError(
            f"The part has {count} frames; a project has at least {MIN_FRAMES}, so choose a longer one."
        )
    place = read_place(args.onto, args.subject, count) if args.onto else None
    frames = read_clip(args.clip, args.start, end, args.fps)
    tracking = _tracked(subject, frames, info)
    told = {}
    with ExitStack() as files:  # they take their places when all of them are complete
        for out in args.out:
            path = files.enter_context(replacing(out))
            if _is_project(out):
                project, track = laid(place or still(frames), tracking.array(), Path(args.clip).stem)
                path.write_text(project.to_json(), encoding="utf-8")
                keys = len(track.keyframes)
                told[out] = f"{project.frames} frames, {len(track.shapes)} shapes, {keys} keyframes"
            else:
                export_masks(path, tracking.array(), args.fps)
                told[out] = f"{count} masks of {frames.shape[2]} x {frames.shape[1]} px"
        if args.json:
            path = files.enter_context(replacing(args.json))
            path.write_text(_figures(args, info, tracking), encoding="utf-8")
    if doubtful := _doubtful(tracking.confidence):
        print(f"doubtful frames: {', '.join(map(str, doubtful))}; look at them, and correct some by --mask")
    for out, what in told.items():
        print(f"{out}  {what}")
    return 0


def load_models() -> Models:
    """The models for selecting and tracking, as far as they are on this machine."""
    from ..selection.choice import Models

    return Models()


def _is_project(out: str) -> bool:
    return Path(out).suffix.lower() == ".json"


def _check_outputs(args: argparse.Namespace) -> None:
    """Find out before the work, not after it, that its result could not be kept."""
    for out in args.out:
        if not _is_project(out) and Path(out).suffix.lower() not in SUFFIXES:
            raise UserError(
                f"The output {out} must end in .json for a project, or in {', '.join(SUFFIXES)} for masks."
            )
    if (args.onto or args.subject) and not any(map(_is_project, args.out)):
        raise UserError("With --onto a project is made; name it by an --out that ends in .json.")
    if args.subject and not args.onto:
        raise UserError("--subject tells what is to move in a picture; give that by --onto.")
    named = [*args.out, *filter(None, [args.json])]
    for out in named:
        check_writable(out)
    given = filter(None, [args.clip, args.onto, args.subject, *(_mask_option(text)[1] for text in args.mask)])
    written, read = [Path(out).resolve() for out in named], {Path(path).resolve() for path in given}
    if len(set(written)) < len(written) or read & set(written):
        raise UserError("A file that is written is also read, or written twice; choose another name for it.")


@dataclass(frozen=True)
class _Subject:
    """How it is told: on frame `on` by what the selector understands, or by masks bool (h, w) of some frames."""

    on: int
    points: tuple[Point, ...]
    box: Box | None
    words: str
    masks: dict[int, np.ndarray]


def _subject(args: argparse.Namespace) -> _Subject:
    points = [_numbers("--click", text, 2) for text in args.click]
    box = _numbers("--box", args.box, 4) if args.box is not None else None
    masks: dict[int, np.ndarray] = {}
    for frame, file in map(_mask_option, args.mask):
        frame = args.on if frame is None else frame
        if frame in masks:
            raise UserError(f"Two masks are given for frame {frame}; leave one out.")
        masks[frame] = decode_png(Path(file))
    if args.words is not None and not args.words.strip():
        raise UserError("The words are empty; tell what the subject is.")
    ways = [bool(points or box), args.words is not None, args.on in masks]
    if sum(ways) > 1:
        raise UserError(f"Tell the subject on frame {args.on} in one way: by click and box, words or a mask.")
    if not any(ways) and not masks:
        raise UserError("Tell the subject: by --click, --box, --words or --mask.")
    return _Subject(
        args.on,
        tuple((x, y, True) for x, y in points),
        (box[0], box[1], box[2], box[3]) if box else None,
        (args.words or "").strip(),
        masks,
    )


def _mask_option(text: str) -> tuple[int | None, str]:
    """FRAME=FILE or FILE."""
    found = re.fullmatch(r"(?a:(\d{1,9})=)?(.+)", text, re.DOTALL)
    if found is None:
        raise UserError("--mask is empty; write FRAME=MASK.png or MASK.png.")
    return int(found[1]) if found[1] else None, found[2]


def _numbers(option: str, text: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise UserError(f"{option} {text} is not understood; give {count} numbers with commas between them.")
    return numbers


def _end(args: argparse.Namespace, info: ClipInfo) -> float:
    """Where the part ends: as told, or at the clip's end, or after as many frames as are read."""
    if args.end is not None:
        return args.end
    limit = args.start + MAX_FRAMES / args.fps if args.fps > 0 else info.seconds
    if limit < info.seconds:
        print(f"only {MAX_FRAMES} frames are read, up to {limit:.1f} s; choose others by --start and --end")
    return min(info.seconds, limit)


def _tracked(subject: _Subject, frames: np.ndarray, info: ClipInfo) -> Tracking:
    """The subject in all frames uint8 (T, h, w, 3)."""
    models, tracking, size = load_models(), Tracking(frames), (frames.shape[1], frames.shape[2])
    print(models.note())
    masks = {frame: resize_mask(mask, size) for frame, mask in subject.masks.items()}
    if subject.points or subject.box or subject.words:
        masks[subject.on] = _selected(subject, frames[subject.on], info, models)
    for frame in sorted(
        masks, key=lambda frame: not masks[frame].any()
    ):  # first one in which it is to be seen
        tracking.give(frame, masks[frame])
    for tracked in tracking.follow(models.selector(), tracking.missing()):
        known = sum(mask is not None for mask in tracking.masks)
        print(
            f"frame {tracked.index}  confidence {tracked.confidence:.2f}  ({known}/{len(frames)})", flush=True
        )
    return tracking


def _selected(subject: _Subject, frame: np.ndarray, info: ClipInfo, models: Models) -> np.ndarray:
    """The subject's mask in its frame (h, w, 3), bool (h, w)."""
    across, down = frame.shape[1] / info.width, frame.shape[0] / info.height
    points = [(x * across, y * down, adds) for x, y, adds in subject.points]
    box = subject.box
    if box:
        box = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    if subject.words:
        found = models.finder().find(frame, subject.words)
        if not found:
            raise UserError(
                f"Nothing in frame {subject.on} answers to {subject.words!r}; use other words or --box."
            )
        box = found[0].box
        print(f"{len(found)} found, the first taken: {found[0].words}, confidence {found[0].confidence:.2f}")
    mask, confidence = models.selector().select(frame, points, box)
    if not mask.any():
        raise UserError("There is no subject at that place; choose another point or a box around it.")
    print(f"selected {np.count_nonzero(mask)} px in frame {subject.on}, confidence {confidence:.2f}")
    return mask


def _figures(args: argparse.Namespace, info: ClipInfo, tracking: Tracking) -> str:
    figures = {
        "out": [str(out) for out in args.out],
        "clip": asdict(info),
        "start": args.start,
        "fps": args.fps,
        "given": sorted(tracking.given),
        "confidence": [None if value is None else round(float(value), 4) for value in tracking.confidence],
        "doubtful": _doubtful(tracking.confidence),
    }
    return json.dumps(figures, indent=1) + "\n"


def _doubtful(confidence: Sequence[float | None]) -> list[int]:
    return [t for t, value in enumerate(confidence) if value is None or value < UNSURE]
