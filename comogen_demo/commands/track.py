"""`python -m comogen_demo track`: a subject in a clip -> its masks, or its motion laid onto a picture as a project."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..driving import ClipInfo, Tracking, align, frame_count, probe, read_clip, retarget
from ..driving.reading import MAX_FRAMES
from ..errors import UserError
from ..files import check_writable, replacing
from ..images import read_image
from ..masks import export_masks
from ..masks.pictures import decode_png
from ..masks.save import SUFFIXES
from ..masks.validate import resize_mask
from ..project import Project, Track, mask_png, picture_png
from ..selection.interface import UNSURE

if TYPE_CHECKING:
    from ..selection.choice import Models

DEFAULT_FPS = 12.5
MIN_FRAMES = 5  # of a project
COLOUR = "#ff3b30"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `track`."""
    parser.add_argument(
        "--video", required=True, metavar="FILE", help="the clip: mp4, mov, webm, mkv, avi or gif"
    )
    subject = parser.add_argument_group("which subject (one of these; pixels are those of the clip)")
    subject.add_argument(
        "--point", action="append", metavar="X,Y[,FRAME]", help="a point on it; may be given several times"
    )
    subject.add_argument("--box", metavar="L,T,R,B[,FRAME]", help="a box around it")
    subject.add_argument("--mask", metavar="FILE", help="its mask on the first frame (PNG)")
    subject.add_argument(
        "--words", metavar="TEXT", help='what it is, such as "the red cube", on the first frame'
    )
    subject.add_argument(
        "--correct",
        action="append",
        default=[],
        metavar="FRAME=FILE",
        help="its mask on another frame; black where it is out of sight there",
    )
    part = parser.add_argument_group("which part of the clip")
    part.add_argument("--start", type=float, default=0.0, metavar="S", help="seconds (default 0)")
    part.add_argument(
        "--end", type=float, metavar="S", help=f"seconds (default: the end, or {MAX_FRAMES} frames)"
    )
    part.add_argument(
        "--fps",
        type=float,
        default=DEFAULT_FPS,
        metavar="R",
        help=f"frames per second (default {DEFAULT_FPS})",
    )
    onto = parser.add_argument_group("onto a picture")
    onto.add_argument("--image", metavar="FILE", help="the picture that the motion is laid onto")
    onto.add_argument("--subject", metavar="FILE", help="the mask (PNG) of what is to move in it")
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="masks: .zip, .mp4 or .npz; a project, with --image: .json",
    )
    parser.add_argument("--json", metavar="FILE", help="write the confidence of every frame as JSON")


def run(args: argparse.Namespace) -> int:
    """Track, and write what came of it; nothing is written before all of it is. Raises UserError for bad input."""
    _check_outputs(args)
    choice = _chosen(args)
    info = probe(args.video)
    end = _end(args, info)
    count = frame_count(info, args.start, end, args.fps)
    corrections = [_correction(text, count) for text in args.correct]
    picture, subject = _picture(args, count)
    frames = read_clip(args.video, args.start, end, args.fps)
    if choice.frame >= len(frames):
        raise UserError(f"Frame {choice.frame} is not in this part; its {len(frames)} frames count from 0.")
    models = load_models()
    print(models.note())
    tracking = Tracking(frames)
    tracking.give(choice.frame, _selected(choice, frames, info, models))
    for index, mask in corrections:
        tracking.give(index, resize_mask(mask, (frames.shape[1], frames.shape[2])))
    for tracked in tracking.follow(models.selector(), tracking.missing()):
        known = sum(mask is not None for mask in tracking.masks)
        print(
            f"frame {tracked.index}  confidence {tracked.confidence:.2f}  ({known}/{len(frames)})", flush=True
        )
    if picture is None or subject is None:
        export_masks(args.out, tracking.array(), args.fps)
        print(f"{args.out}  {len(frames)} masks of {frames.shape[2]} x {frames.shape[1]} px")
    else:
        project = _project(tracking, picture, subject)
        with replacing(args.out) as path:
            path.write_text(project.to_json(), encoding="utf-8")
        track = project.tracks[0]
        print(
            f"{args.out}  {project.frames} frames, {len(track.shapes)} shapes, {len(track.keyframes)} keyframes"
        )
    _report(args, tracking)
    return 0


@dataclass(frozen=True)
class _Choice:
    """How the subject is told, at which frame."""

    frame: int = 0
    points: tuple[tuple[float, float], ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = None
    words: str = ""


def load_models() -> Models:
    """The models for selecting and tracking, as far as they are on this machine."""
    from ..selection.choice import Models

    return Models()


def _check_outputs(args: argparse.Namespace) -> None:
    """Find out before the work, not after it, that its result could not be kept."""
    onto = args.image is not None
    if onto != (args.subject is not None):
        raise UserError(
            "Give --image and --subject together: the picture, and the mask of what is to move in it."
        )
    suffix = Path(args.out).suffix.lower()
    if suffix not in ((".json",) if onto else SUFFIXES):
        endings = ".json, as it is a project" if onto else f"{', '.join(SUFFIXES)}, or be given an --image"
        raise UserError(f"The output {args.out} must end in {endings}.")
    check_writable(args.out)
    if args.json:
        check_writable(args.json)
        if Path(args.json).resolve() == Path(args.out).resolve():
            raise UserError("--json and --out name the same file; choose two names.")


def _chosen(args: argparse.Namespace) -> _Choice:
    given = [args.point, args.box, args.mask, args.words]
    if sum(value is not None for value in given) != 1:
        raise UserError("Tell the subject in one way: --point, --box, --mask or --words.")
    if args.point:
        points = [_numbers("--point", text, 2) for text in args.point]
        if len({frame for _, frame in points}) > 1:
            raise UserError(
                "The points are on different frames; give them on one, and correct others by --correct."
            )
        return _Choice(points[0][1], tuple((x, y) for (x, y), _ in points))
    if args.box:
        (left, top, right, bottom), frame = _numbers("--box", args.box, 4)
        return _Choice(frame, box=(left, top, right, bottom))
    if args.mask:
        return _Choice(mask=decode_png(Path(args.mask)))
    if not args.words.strip():
        raise UserError("The words are empty; tell what the subject is.")
    return _Choice(words=args.words.strip())


def _numbers(option: str, text: str, count: int) -> tuple[list[float], int]:
    """So many numbers, and the frame if it is told, else 0."""
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) not in (count, count + 1) or not all(map(math.isfinite, numbers)):
            raise ValueError
        frame = numbers[count] if len(numbers) > count else 0.0
        if frame < 0 or frame != int(frame):
            raise ValueError
    except ValueError:
        raise UserError(
            f"{option} {text} is not understood; give {count} numbers, and a frame from 0 on if need be, "
            "with commas between them."
        ) from None
    return numbers[:count], int(frame)


def _correction(text: str, frames: int) -> tuple[int, np.ndarray]:
    frame, equals, file = text.partition("=")
    if not equals or not frame.isdecimal():
        raise UserError(f"--correct {text} is not understood; write FRAME=MASK.png.")
    if int(frame) >= frames:
        raise UserError(f"Frame {frame} is not in this part; its {frames} frames count from 0.")
    return int(frame), decode_png(Path(file))


def _end(args: argparse.Namespace, info: ClipInfo) -> float:
    """Where the part ends: as told, or at the clip's end, or after as many frames as are read."""
    if args.end is not None:
        return args.end
    limit = args.start + MAX_FRAMES / args.fps if args.fps > 0 else info.seconds
    if limit < info.seconds:
        print(
            f"only {MAX_FRAMES} frames are read, up to {limit:.1f} s; choose another part by --start and --end"
        )
    return min(info.seconds, limit)


def _picture(args: argparse.Namespace, count: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    if args.image is None:
        return None, None
    if count < MIN_FRAMES:
        raise UserError(
            f"The part has {count} frames; a project has at least {MIN_FRAMES}, so choose a longer one."
        )
    picture = read_image(args.image)
    return picture, resize_mask(decode_png(Path(args.subject)), (picture.shape[0], picture.shape[1]))


def _selected(choice: _Choice, frames: np.ndarray, info: ClipInfo, models: Models) -> np.ndarray:
    """The subject's mask in its frame, bool (h, w)."""
    frame, height, width = frames[choice.frame], *frames.shape[1:3]
    if choice.mask is not None:
        return resize_mask(choice.mask, (height, width))
    across, down = width / info.width, height / info.height
    points = [(x * across, y * down, True) for x, y in choice.points]
    box = None
    if choice.box:
        left, top, right, bottom = choice.box
        box = (left * across, top * down, right * across, bottom * down)
    if choice.words:
        found = models.finder().find(frame, choice.words)
        if not found:
            raise UserError(
                f"Nothing in the first frame answers to {choice.words!r}; use other words or --box."
            )
        box = found[0].box
    mask, confidence = models.selector().select(frame, points, box)
    if not mask.any():
        raise UserError("There is no subject at that place; choose another point or a box around it.")
    print(f"selected {np.count_nonzero(mask)} px in frame {choice.frame}, confidence {confidence:.2f}")
    return mask


def _project(tracking: Tracking, picture: np.ndarray, subject: np.ndarray) -> Project:
    """The picture, and the clip's motion laid onto its subject, which is where the clip's is when it is first seen."""
    masks = tracking.array()
    seen = int(masks.any(axis=(1, 2)).argmax())
    shapes, keyframes = retarget(
        masks, (picture.shape[0], picture.shape[1]), align(masks[seen], subject), len(masks)
    )
    pngs = tuple(mask_png(shape) for shape in shapes)
    track = Track("subject", "subject", COLOUR, pngs, tuple(keyframes))
    project = Project(frames=len(masks), image=picture_png(picture), tracks=(track,))
    Project.from_json(project.to_json())  # whether it can be read again
    return project


def _report(args: argparse.Namespace, tracking: Tracking) -> None:
    doubtful = _doubtful(tracking.confidence)
    if doubtful:
        print(
            f"doubtful frames: {', '.join(map(str, doubtful))}; look at them, and correct some by --correct"
        )
    if args.json:
        figures = {
            "out": str(args.out),
            "video": asdict(probe(args.video)),
            "fps": args.fps,
            "start": args.start,
            "given": sorted(tracking.given),
            "confidence": [
                None if value is None else round(float(value), 4) for value in tracking.confidence
            ],
            "doubtful": doubtful,
        }
        with replacing(args.json) as path:
            path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _doubtful(confidence: Sequence[float | None]) -> list[int]:
    return [t for t, value in enumerate(confidence) if value is None or value < UNSURE]
