"""`python -m comogen_demo generate`: picture, masks and prompt, or a project -> video and control report."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backbones.planner import MODES
from ..errors import UserError
from ..files import check_writable, replacing
from ..images import Fit, fit_image, read_image
from ..masks import fit_mask, load_fitted_masks
from ..project import Project, picture_png
from ..settings import CONTROLS, SCHEDULES, Settings
from ..video import embed_project, write_mp4
from . import large

if TYPE_CHECKING:
    from ..generate import Model, Result

MAX_PROMPT = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `generate`; what is given here wins over a project's."""
    given = parser.add_argument_group("what to make it from")
    given.add_argument("--image", metavar="FILE", help="the first frame; cropped about its centre if need be")
    given.add_argument(
        "--masks", metavar="PATH", help="the subject's masks: PNG, folder or ZIP of PNG, video, GIF or npz"
    )
    given.add_argument(
        "--project",
        metavar="FILE",
        help="a project (JSON, or an exported MP4 with it inside), instead of picture, masks and prompt; "
        "the video carries it on",
    )
    given.add_argument("--prompt", metavar="TEXT", help='such as "the red cube slides to the left"')
    how = parser.add_argument_group("how")
    how.add_argument("--strength", type=float, metavar="S", help="pull of the masks, 0..2 (default 1)")
    how.add_argument(
        "--layers",
        metavar="FILE",
        help="pull at the Motion Layers of an `analyze layers` file (default: those the model was trained with)",
    )
    how.add_argument("--steps", type=int, metavar="N", help="denoising steps, 1..100 (default 10)")
    how.add_argument("--seed", type=int, metavar="K", help="0..4294967295 (default 0)")
    how.add_argument(
        "--schedule", choices=SCHEDULES, help="how the pull fades over the steps (default cosine)"
    )
    how.add_argument(
        "--control",
        choices=CONTROLS,
        help="adapter: trained to follow masks (default); dual-clock: no training, denoising starts from a cut-out",
    )
    how.add_argument(
        "--model", metavar="NAME", help="checkpoint, or file of a control for a large backbone (default mini)"
    )
    group = large.add_arguments(parser)
    large.add_speed_arguments(group)
    group.add_argument(
        "--memory",
        choices=("auto", *MODES),
        help="how it is held in memory (default auto: the fastest way that is estimated to fit)",
    )
    parser.add_argument("--out", required=True, metavar="FILE.mp4", help="the video; replaced when it exists")
    parser.add_argument("--json", metavar="FILE", help="write settings, crop and control report as JSON")


def run(args: argparse.Namespace) -> int:
    """Make the video; an existing file is replaced only by a finished one. Raises UserError for bad input."""
    project = _project(args)
    preset, control = large.chosen(args)
    settings = _settings(args, project, preset.steps if preset else Settings().steps)
    for name in ("memory", "denoiser", "attention", "compile", "cache"):
        if preset is None and getattr(args, name):
            raise UserError(f"--{name} is for a large backbone: choose it with --backbone.")
    if preset and control is None and settings.strength > 0 and settings.control == "adapter":
        raise UserError(
            f"{preset.title} alone cannot follow masks: give --model with a control for it, --control dual-clock, "
            "or --strength 0."
        )
    prompt = project.prompt if args.prompt is None and project else args.prompt or ""
    if len(prompt) > MAX_PROMPT:
        raise UserError(f"The prompt is {len(prompt)} characters long; at most {MAX_PROMPT} are read.")
    _check_outputs(args)
    picture = _picture(args, project)

    from ..controls import load_large
    from ..generate import load_model

    def with_model(model: Model) -> tuple[str, Fit, Result]:
        return model.name, *_make(args, project, model, picture, prompt, settings)

    if preset:
        preset = large.with_speed(preset, args)
        large.tell(preset, args.weights)
        name, fit, result = large.in_memory(
            replace(preset, steps=settings.steps),
            args.weights,
            args.memory or "auto",
            lambda mode: with_model(load_large(preset, args.weights, control, mode=mode)),
        )
    else:
        name, fit, result = with_model(load_model(args.model or "mini"))
    with replacing(args.out) as path:
        write_mp4(path, result.frames, result.fps)
        if project:
            _embed(path, project, picture, prompt, settings)
    _report(result, args.out)
    if args.json:
        figures = _figures(args, name, settings, prompt, fit, result)
        with replacing(args.json) as path:
            path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def _make(
    args: argparse.Namespace,
    project: Project | None,
    model: Model,
    picture: np.ndarray,
    prompt: str,
    settings: Settings,
) -> tuple[Fit, Result]:
    """The video, and the crop of the picture that it was made from; prints each step."""
    from ..generate import Result, generate

    frame, fit = fit_image(picture, model.width / model.height, max(model.width, model.height, 512))
    _tell_crop(picture, fit)
    masks = _masks(args, project, model, picture.shape[:2], fit)
    if args.layers:
        model = _with_layers(model, args.layers)
    result: Result | None = None
    for update in generate(model, frame, masks, prompt, settings, previews=False):
        if isinstance(update, Result):
            result = update
        elif update.index < 0:
            print("cut the subject out and pasted it along its masks")
        elif settings.control == "dual-clock":
            print(f"step {update.index + 1}/{update.total}")
        else:
            print(
                f"step {update.index + 1}/{update.total}  mask weight {settings.strength * update.weight:.3f}"
            )
    assert result is not None, "the generator ended without a result"
    return fit, result


def _project(args: argparse.Namespace) -> Project | None:
    if args.project is None:
        if args.image is None or (args.masks is None and args.strength != 0):
            raise UserError("Give --image and --masks, or --project with a project document.")
        return None
    if args.masks is not None:
        raise UserError("Give either --masks or --project; the project has masks of its own.")
    return Project.read(args.project)


def _settings(args: argparse.Namespace, project: Project | None, steps: int) -> Settings:
    chosen = {name: getattr(args, name) for name in ("steps", "strength", "seed", "schedule", "control")}
    base = project.settings if project else Settings(steps=steps)
    settings = replace(base, **{name: value for name, value in chosen.items() if value is not None})
    settings.validate()
    return settings


def _check_outputs(args: argparse.Namespace) -> None:
    """Find out before the work, not after it, that its result could not be kept."""
    if Path(args.out).suffix.lower() != ".mp4":
        raise UserError(f"The video {args.out} must end in .mp4; choose such a name.")
    check_writable(args.out)
    if args.json:
        check_writable(args.json)
        if Path(args.json).resolve() == Path(args.out).resolve():
            raise UserError("--json and --out name the same file; choose two names.")


def _picture(args: argparse.Namespace, project: Project | None) -> np.ndarray:
    if args.image is not None:
        return read_image(args.image)
    assert project is not None
    return project.picture(Path(args.project).parent)


def _masks(
    args: argparse.Namespace, project: Project | None, model: Model, source: tuple[int, int], fit: Fit
) -> np.ndarray | None:
    """bool (T, H, W) of files, (K, T, H, W) of a project's tracks, or None where nothing was given."""
    if project is None and args.masks is None:
        return None
    if project is None:
        return load_fitted_masks(args.masks, model.frames, source, fit)
    if project.frames != model.frames:
        print(f"the project's {project.frames} frames are played in the model's {model.frames}")
    subjects = project.subjects(project.sample_times(model.frames))
    return np.stack([[fit_mask(mask, source, fit) for mask in masks] for masks in subjects])


def _with_layers(model: Model, path: str) -> Model:
    """The model with the Motion Layers of a layer analysis; its adapter and LoRA stay as they were trained."""
    from ..control.layers import read_layers

    choice, _ = read_layers(path, len(model.backbone.blocks))
    control = replace(model.control, motion_layers=choice.motion_layers, scores=choice.scores)
    return replace(model, control=control)


def _embed(path: Path, project: Project, picture: np.ndarray, prompt: str, settings: Settings) -> None:
    """Put the project as it was used into the video, with its picture, so that the file alone brings all back."""
    image = project.image if isinstance(project.image, bytes) else None
    if image is None or not np.array_equal(read_image(image), picture):
        image = picture_png(picture)
    text = replace(project, image=image, prompt=prompt, settings=settings).to_json()
    try:
        Project.from_json(text)  # whether it can be read again
        embed_project(path, text)
    except UserError as error:  # too large; the video is worth having all the same
        print(f"the project is not in the video: {error}", file=sys.stderr)


def _tell_crop(picture: np.ndarray, fit: Fit) -> None:
    height, width = picture.shape[:2]
    if (fit.width, fit.height) != (width, height):
        print(
            f"cropped the {width} x {height} picture to {fit.width} x {fit.height} px "
            f"from x {fit.left}, y {fit.top}; the rest is not in the video"
        )


def _report(result: Result, out: str) -> None:
    if result.unknown_words:
        print(f"the model does not know: {', '.join(result.unknown_words)}", file=sys.stderr)
    for subject in result.left_out:
        print(
            f"subject {subject + 1} has no mask in the first frame, where the dual-clock control cuts subjects out: "
            "it is left out",
            file=sys.stderr,
        )
    if result.report is not None and math.isfinite(result.report.mean):
        print(
            f"subject against its mask: mean IoU {result.report.mean:.3f} over {len(result.frames) - 1} frames"
        )
    print(f"{out}  {len(result.frames)} frames at {result.fps:g} fps in {result.seconds:.2f} s")


def _figures(
    args: argparse.Namespace, model: str, settings: Settings, prompt: str, fit: Fit, result: Result
) -> dict[str, Any]:
    """What was asked for and what came of it; a value that could not be measured is null."""
    report = None
    if result.report is not None:
        report = {
            "mean_iou": _number(result.report.mean),
            "iou": [_number(value) for value in result.report.iou],
        }
    return {
        "out": str(args.out),
        "model": model,
        "prompt": prompt,
        "settings": asdict(settings),
        "crop": asdict(fit),
        "frames": len(result.frames),
        "fps": result.fps,
        "seconds": result.seconds,
        "report": report,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
