"""The options that choose a large backbone, its weights, its size and its control."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..backbones import planner
from ..backbones.attempts import Attempt, attempts
from ..backbones.planner import DoesNotFit
from ..backbones.registry import PRESETS, Preset, find_preset
from ..backbones.stored import source_of
from ..errors import UserError

Made = TypeVar("Made")


def add_arguments(
    parser: argparse.ArgumentParser,
    about: str = "without a --model trained for it masks cannot move it: --strength 0",
) -> argparse._ArgumentGroup:
    large = parser.add_argument_group("large backbones")
    large.add_argument("--backbone", choices=PRESETS, help=about)
    large.add_argument(
        "--weights",
        metavar="PLACE",
        help="folder as diffusers saves it, or hub id (default checkpoints/BACKBONE, else the backbone's own)",
    )
    large.add_argument("--frames", type=int, metavar="N", help="4n + 1 frames (default the backbone's)")
    large.add_argument("--size", metavar="WxH", help="in pixels (default the backbone's)")
    return large


def add_speed_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--denoiser",
        metavar="FILE.gguf",
        help="read the denoiser, quantised, from this file (not for CogVideoX)",
    )
    group.add_argument(
        "--attention",
        metavar="NAME",
        help="attention backend of diffusers, such as flash_varlen, sage, _native_cudnn (default native)",
    )
    group.add_argument(
        "--compile", action="store_true", help="compile the blocks: a slow first step, faster ones after it"
    )
    group.add_argument(
        "--cache",
        action="store_true",
        help="every other step in the middle takes the attention of the step before: faster, not the same video",
    )


def with_speed(preset: Preset, args: argparse.Namespace) -> Preset:
    """The preset as the options of `add_speed_arguments` have it."""
    return replace(
        preset,
        gguf=args.denoiser or "",
        attention=args.attention or "native",
        compile=args.compile,
        cache=args.cache,
    )


def chosen(args: argparse.Namespace) -> tuple[Preset | None, Path | None]:
    """The large backbone that is asked for, at the size that is asked for, and the file of its control; None where
    there is none. Raises UserError for options that do not go together."""
    control = None
    if args.model is not None:
        from ..checkpoint import control_file, is_embedded
        from ..controls import preset_of

        control = control_file(args.model)
        if control and is_embedded(control):
            control = None
    if control is None and args.backbone is None:
        if any(option is not None for option in (args.weights, args.frames, args.size)):
            raise UserError(
                "--weights, --frames and --size are for a large backbone: choose it with --backbone."
            )
        return None, None
    if control is None and args.model is not None:
        raise UserError(
            f"The model {args.model} is no control for {args.backbone}: give a .safetensors file."
        )
    preset = preset_of(control) if control else find_preset(args.backbone)
    if args.backbone not in (None, preset.name):
        raise UserError(f"{control} is a control for the backbone {preset.name}, not for {args.backbone}.")
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", args.size or f"{preset.width}x{preset.height}")
    if size is None:
        raise UserError(f"The size {args.size} is not understood: give it as in 640x368.")
    frames = preset.frames if args.frames is None else args.frames
    return replace(preset, width=int(size[1]), height=int(size[2]), frames=frames), control


def tell(preset: Preset, weights: str | None) -> None:
    """Prints what is about to be loaded, and under which licence."""
    print(
        f"{preset.title}: {preset.parameters:g} billion parameters, {preset.width} x {preset.height} pixels, "
        f"{preset.frames} frames; weights from {source_of(preset, weights)}; {preset.licence}"
    )


def whole_in_memory(preset: Preset, weights: str | None, work: str) -> None:
    """Prints, before anything is loaded, what `work` needs that holds all of a backbone on the GPU or, without one, in
    RAM. Raises UserError as `planner.plan_whole`."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from ..backbones.placement import measure

    cache = Path(HF_HUB_CACHE)
    sized = planner.with_sizes(preset, weights, cache)
    print(planner.plan_whole(sized, measure(cache), work).sentence, flush=True)


def in_memory(preset: Preset, weights: str | None, mode: str, work: Callable[[str], Made]) -> Made:
    """What `work` makes in the memory mode that is planned ("auto") or asked for; prints each attempt's plan.

    work: loads the backbone itself, in the mode that it is given. Raises UserError as `attempts`.
    """

    def once(held: str) -> Iterator[Made]:
        yield work(held)

    try:
        for event in attempts(preset, weights, mode, once):
            if not isinstance(event, Attempt):
                return event
            if event.failed:
                print(event.sentence, file=sys.stderr)
            print(event.plan.sentence, flush=True)
            for what, modes in planner.WITHOUT.items():
                if getattr(preset, what) and event.plan.mode in modes:
                    print(
                        f"--{what} does not work in the mode {event.plan.mode} and is left out",
                        file=sys.stderr,
                    )
    except DoesNotFit as error:
        all_the_same = f", or try it all the same with --memory {error.least}" if error.least else ""
        raise UserError(
            f"{error.what}; choose a smaller --size, fewer --frames or a smaller backbone{all_the_same}."
        ) from None
    raise RuntimeError("the work ended without a result")
