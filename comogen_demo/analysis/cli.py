"""`python -m comogen_demo analyze`: layers scored for motion, layers skipped, parameters counted."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UserError
from ..files import check_writable, replacing
from ..world.scene import FRAMES, SPLITS

if TYPE_CHECKING:
    from ..checkpoint import Model

T = TypeVar("T")
MAX_SCENES, MAX_BLOCKS, MAX_DRAWS = 10_000, 60, 100
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares `layers`, `skip` and `parameters`."""
    commands = parser.add_subparsers(dest="analyze_command", required=True, metavar="WHAT")
    for name, summary, options in (
        ("layers", "the attention score of each block, which chooses the Motion Layers", _layers_options),
        ("skip", "what becomes of the subject's motion when blocks are skipped", _skip_options),
        ("parameters", "what adapter, LoRA and ControlNet copies add to HunyuanVideo-I2V", _count_options),
    ):
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        options(command)
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")


def _layers_options(parser: argparse.ArgumentParser) -> None:
    _scene_options(parser, "val", 50)
    _cut_option(parser, "Otsu's cut")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the scores over scenes as a box plot")
    parser.add_argument(
        "--maps", type=Path, metavar="PNG", help="draw each block's attention over frames of the first scene"
    )


def _skip_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layers",
        required=True,
        metavar="FILE",
        help="what `analyze layers --json` wrote, from other scenes than these",
    )
    _cut_option(parser, "those of the file")
    _scene_options(parser, "test", 40)
    parser.add_argument("--size", type=int, default=3, metavar="N", help="blocks of a set (default 3)")
    parser.add_argument("--draws", type=int, default=1, metavar="N", help="pairs of sets a scene (default 1)")
    parser.add_argument(
        "--control",
        action="store_true",
        help="let the model follow the subject's masks (default: the caption alone, as in the paper)",
    )


def _scene_options(parser: argparse.ArgumentParser, split: str, scenes: int) -> None:
    parser.add_argument("--model", default="mini", metavar="NAME", help="checkpoint (default mini)")
    parser.add_argument("--split", choices=SPLITS, default=split, help=f"(default {split})")
    parser.add_argument(
        "--scenes", type=int, default=scenes, metavar="N", help=f"the first N of it (default {scenes})"
    )
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="denoising steps (default 10)")


def _cut_option(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--top", type=int, metavar="K", help=f"the K highest blocks are Motion Layers (default: {default})"
    )


def _count_options(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Nothing is loaded: the modules are built without their weights, and counted."


def run(args: argparse.Namespace) -> int:
    for name in ("json", "plot", "maps"):
        if path := getattr(args, name, None):
            check_writable(path)
            if name != "json" and path.suffix.lower() != ".png":
                raise UserError(f"{path} is no PNG file name; give the picture a name that ends in .png.")
    return {"layers": _layers, "skip": _skip, "parameters": _parameters}[args.analyze_command](args)


def _layers(args: argparse.Namespace) -> int:
    from ..control.lora import lora_enabled
    from .examples import world_examples
    from .layers import attention_maps, score_layers
    from .pictures import attention_sheet, box_plot, png

    _check_range("--scenes", args.scenes, 2, MAX_SCENES)
    model = _model(args)
    backbone: Any = model.backbone
    examples = _told(world_examples(backbone, args.split, args.scenes), args.scenes)
    with lora_enabled(model.module, False):
        found = score_layers(backbone, examples, args.steps)
    summary = found.summary(args.top)
    print("block   score   95 % interval      V2T     T2V")
    for i, score in enumerate(summary["scores"]):
        mark = "  Motion Layer" if i in summary["motion_layers"] else ""
        spread = f"{summary['low'][i]:.3f} .. {summary['high'][i]:.3f}"
        print(f"{i:5d}   {score:.3f}   {spread}   {summary['v2t'][i]:.3f}   {summary['t2v'][i]:.3f}{mark}")
    print(
        f"a uniform map would score {summary['floor']:.3f}; {summary['scenes']} scenes, {args.steps} steps; "
        f"cut by {summary['cut']}"
    )
    _write_json(args.json, {"model": args.model, "split": args.split, **summary, **found.details()})
    if args.plot:
        picture = box_plot(found.by_scene[..., 0], summary["motion_layers"], summary["floor"])
        _write(args.plot, png(picture))
    if args.maps:
        example = next(world_examples(backbone, args.split, 1))
        with lora_enabled(model.module, False):
            maps, _ = attention_maps(backbone, example, args.steps)
        sheet = attention_sheet(
            example.frames, maps.mean((0, 2)), backbone.token_grid, summary["motion_layers"]
        )
        _write(args.maps, png(sheet))
    return 0


def _skip(args: argparse.Namespace) -> int:
    """Ctrl-C ends early, with the figures so far (130)."""
    import numpy as np

    from ..control.layers import read_layers
    from ..settings import Settings
    from .outcome import as_text, outcome
    from .scores import top_cut
    from .sets import kind
    from .skip import skip_blocks

    _check_range("--scenes", args.scenes, 2, MAX_SCENES)
    _check_range("--size", args.size, 1, MAX_BLOCKS)
    _check_range("--draws", args.draws, 1, MAX_DRAWS)
    model = _model(args)
    choice, source = read_layers(args.layers, len(model.backbone.blocks))
    if args.top is not None:
        choice = replace(choice, motion_layers=tuple(top_cut(choice.scores, args.top)))
    scores = np.asarray(source.get("by_scene", ()), float)
    if scores.ndim != 3 or scores.shape[1:] != (len(choice.scores), 3):
        raise UserError(
            f"{args.layers} lacks the scores of single scenes: make it anew with `analyze layers`."
        )
    if source.get("split") == args.split:
        raise UserError(
            f"The scores of {args.layers} come from scenes of {args.split}, too: choose another --split, so that "
            "the scenes of both are disjoint."
        )
    settings = Settings(steps=args.steps)
    skipping = skip_blocks(
        model, choice, args.split, args.scenes, settings, args.size, args.draws, args.control
    )
    skips, code = [], 0
    try:
        for skips_of_scene in _told(skipping, args.scenes):
            skips.append(skips_of_scene)
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(f"\nStopped after {len(skips)} of {args.scenes} scenes.", file=sys.stderr)
        if len(skips) < 2:
            return code
    kinds = [kind(block) for block in model.backbone.blocks]
    document = {
        "model": args.model,
        "split": args.split,
        "scenes": len(skips),
        "steps": args.steps,
        "control": args.control,
        "motion_layers": list(choice.motion_layers),
        "scores": list(choice.scores),
        "kinds": kinds,
        **outcome(skips, scores, kinds),
    }
    print(as_text(document))
    _write_json(args.json, document)
    return code


def _parameters(args: argparse.Namespace) -> int:
    from .parameters import count_parameters
    from .tables import as_text

    table = count_parameters()
    print(as_text(table))
    _write_json(args.json, table)
    return 0


def _model(args: argparse.Namespace) -> Model:
    """The model, which must be one of the simulated world: only there are the subject's masks known.

    The options that depend on it are checked, too.
    """
    from ..settings import Settings

    Settings(steps=args.steps).validate()

    from ..backbones.mini.backbone import MiniBackbone
    from ..checkpoint import load_model

    model = load_model(args.model)
    if args.top is not None:
        _check_range("--top", args.top, 1, len(model.backbone.blocks) - 1)
    if not isinstance(model.backbone, MiniBackbone) or model.frames != FRAMES:
        raise UserError(
            f"The model {args.model} was not made for the simulated world, whose scenes the analysis uses: "
            "choose one that was."
        )
    return model


def _told(items: Iterable[T], total: int) -> Iterator[T]:
    """The items, saying after each how far it is."""
    began = time.perf_counter()
    for done, item in enumerate(items, 1):
        gone = time.perf_counter() - began
        left = gone / done * (total - done)
        print(f"scene {done}/{total}, {gone:.0f} s gone, {left:.0f} s left", file=sys.stderr, flush=True)
        yield item


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UserError(f"{name} {value} is out of range: choose {least} to {most}.")


def _write_json(path: Path | None, document: dict[str, Any]) -> None:
    if path:
        _write(path, (compact(document) + "\n").encode())


def compact(document: dict[str, Any]) -> str:
    """JSON with one line a key: lists of scenes would otherwise fill thousands."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    print(f"wrote {path}", file=sys.stderr)
