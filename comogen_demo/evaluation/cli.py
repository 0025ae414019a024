"""`python -m comogen_demo evaluate`: the methods on the first scenes of a split, with 95 % intervals."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .methods import GENERATED, METHODS, NEED_MODEL, Sampling, produce

if TYPE_CHECKING:
    from .trial import Shown

MAX_SCENES, MAX_SEEDS = 10_000, 100
SIZE_WITHOUT_MODEL = 128
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `evaluate`."""
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument(
        "--scenes", type=int, default=200, metavar="N", help="the first N scenes (default 200)"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="K", help="seeds for each scene (default 3)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the generator's)")
    parser.add_argument(
        "--strength", type=float, default=1.0, metavar="S", help="control strength (default 1)"
    )
    parser.add_argument("--schedule", choices=("cosine", "constant"), default="cosine")
    parser.add_argument(
        "--model", default="mini", metavar="NAME", help="checkpoint to evaluate (default mini)"
    )
    parser.add_argument(
        "--methods", default=",".join(METHODS), metavar="A,B", help=f"of {', '.join(METHODS)} (default: all)"
    )
    parser.add_argument(
        "--masks",
        choices=("amodal", "visible"),
        default="amodal",
        help="masks given to control and warp: whole outlines (default), or only what is seen",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="write a contact sheet of the first 16 scenes"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluates and prints; returns the exit code. Ctrl-C ends early, with the figures so far (130)."""
    from .cases import make_cases
    from .report import SHEET_SCENES, as_json, as_text
    from .trial import Scores, run_trial

    methods = _methods(args.methods)
    _check(args)
    sampling, size = Sampling(amodal=args.masks == "amodal"), SIZE_WITHOUT_MODEL
    if any(method in NEED_MODEL for method in methods):
        sampling, size = _load(args)
    _announce(args, methods, sampling, size)

    shown: list[Shown] = []
    scores, start, code = Scores(), time.perf_counter(), 0
    cases = make_cases(args.split, args.scenes, size)
    try:
        for made in run_trial(cases, methods, sampling, args.seeds, scores, show=methods[-1]):
            if len(shown) < SHEET_SCENES:
                shown.append(made)
            _progress(scores.count, args.scenes, time.perf_counter() - start)
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(f"\nStopped after {scores.count} of {args.scenes} scenes.", file=sys.stderr)
        if not shown:
            return code
    finally:
        cases.close()

    settings = {
        "split": args.split,
        "scenes": scores.count,
        "seeds": args.seeds,
        "steps": sampling.settings.steps if sampling.settings else None,
        "strength": args.strength,
        "schedule": args.schedule,
        "model": args.model if sampling.model else None,
        "size": size,
        "masks": args.masks,
        "seconds": round(time.perf_counter() - start, 1),
    }
    if args.json:
        _write(args.json, json.dumps(as_json(scores, settings), indent=1).encode())
    if args.sheet:
        _write(args.sheet, _png(shown))
    print(as_text(scores))
    return code


def _methods(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        raise UserError(
            f"There is no method {', '.join(unknown) or text!r}; "
            f"give some of {', '.join(METHODS)}, joined by commas."
        )
    return [name for name in METHODS if name in names]


def _check(args: argparse.Namespace) -> None:
    for name, value, most in (("--scenes", args.scenes, MAX_SCENES), ("--seeds", args.seeds, MAX_SEEDS)):
        if not 1 <= value <= most:
            raise UserError(f"{name} {value} is out of range; give a whole number from 1 to {most}.")
    for path in (args.json, args.sheet):
        if path and not path.absolute().parent.is_dir():
            raise UserError(f"{path} cannot be written, since its folder does not exist; create it first.")
    if args.sheet and args.sheet.suffix.lower() != ".png":
        raise UserError(f"{args.sheet} is no PNG file name; give the contact sheet a name that ends in .png.")


def _load(args: argparse.Namespace) -> tuple[Sampling, int]:
    """The sampling and the frame size of the model that was asked for."""
    from ..settings import Settings

    steps = {} if args.steps is None else {"steps": args.steps}
    settings = Settings(strength=args.strength, schedule=args.schedule, **steps)
    settings.validate()

    from ..generate import load_model  # seconds: not before the rest is found in order
    from ..world.scene import FRAMES

    model = load_model(args.model)
    if model.height != model.width or model.frames != FRAMES:
        raise UserError(
            f"The model {args.model} makes {model.frames} frames of {model.width} x {model.height} pixels, but "
            f"the world's clips are square and have {FRAMES}; choose a model made for the world."
        )
    return Sampling(model, settings, args.masks == "amodal"), model.height


def _announce(args: argparse.Namespace, methods: Sequence[str], sampling: Sampling, size: int) -> None:
    """Says what will run and, from one generation, about how long it takes."""
    from .cases import make_case

    began = time.perf_counter()
    case = make_case(args.split, 0, size)
    cost = (time.perf_counter() - began) / 2  # two processes render
    text = f"{args.scenes} scenes of {args.split} at {size}x{size}: {', '.join(methods)}"
    drawing = [m for m in methods if m in GENERATED]
    if drawing:
        for _ in range(2):  # the first one warms up
            began = time.perf_counter()
            produce(drawing[-1], case.truth, sampling, seed=0)
        each = time.perf_counter() - began
        clips = len(drawing) * args.seeds + sum(1 if m == "base" else 2 for m in drawing)
        cost += clips * each
        text += f"; {args.scenes * clips} clips at {each:.2f} s"
    print(f"{text}; about {_clock(cost * args.scenes)}", file=sys.stderr, flush=True)


def _progress(done: int, scenes: int, gone: float) -> None:
    end = "\r" if sys.stderr.isatty() and done < scenes else "\n"
    if end == "\n" and done % 10 and done < scenes:
        return
    left = gone / done * (scenes - done)
    print(
        f"scene {done}/{scenes}, {_clock(gone)} gone, {_clock(left)} left ",
        end=end,
        file=sys.stderr,
        flush=True,
    )


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def _png(shown: Sequence[Shown]) -> bytes:
    import cv2

    from .report import contact_sheet

    return cv2.imencode(".png", contact_sheet(shown)[..., ::-1])[1].tobytes()


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: a failure leaves what was there."""
    from ..files import replacing

    with replacing(path) as temporary:
        temporary.write_bytes(data)
    print(f"wrote {path}", file=sys.stderr)
