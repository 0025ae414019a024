"""`python -m comogen_demo analyze`: layers scored for motion, layers skipped, parameters counted."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UserError
from ..files import check_writable, replacing
from ..world.scene import FRAMES, SPLITS
from . import large

if TYPE_CHECKING:
    import numpy as np

    from ..analysis.examples import Example
    from ..backbones.base import Backbone
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
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of clips, as `train control` takes it, instead of scenes of the simulated world",
    )
    parser.add_argument("--subject", metavar="WORDS", help='what the masks of --data show, as in "man"')
    large.add_arguments(parser, "score the layers of this one, on --data")
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
    parser.add_argument("--model", metavar="NAME", help="checkpoint (default mini)")
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
    from ..analysis.layers import score_layers
    from ..analysis.pictures import box_plot, png
    from ..control.lora import lora_enabled

    _check_range("--scenes", args.scenes, 2, MAX_SCENES)
    backbone = _backbone(args)
    examples, count = _examples(args, backbone)
    with lora_enabled(backbone.denoiser, False):
        found = score_layers(backbone, _told(examples, count), args.steps)
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
    _write_json(args.json, {**_source(args, backbone), **summary, **found.details()})
    if args.plot:
        picture = box_plot(found.by_scene[..., 0], summary["motion_layers"], summary["floor"])
        _write(args.plot, png(picture))
    if args.maps:
        _write(args.maps, png(_sheet(args, backbone, summary["motion_layers"])))
    return 0


def _sheet(args: argparse.Namespace, backbone: Backbone, motion_layers: list[int]) -> np.ndarray:
    """The attention of both ways, averaged over the steps, on the first example."""
    import numpy as np

    from ..analysis.layers import attention_maps
    from ..analysis.pictures import attention_sheet
    from ..control.lora import lora_enabled

    example = next(iter(_examples(args, backbone)[0]))
    with lora_enabled(backbone.denoiser, False):
        total = sum(maps.mean(1) for _, maps in attention_maps(backbone, example, args.steps))
    frames = [example.frames[0]] * backbone.lead + list(example.frames)
    return attention_sheet(np.stack(frames), np.asarray(total), backbone.token_grid, motion_layers)


def _backbone(args: argparse.Namespace) -> Backbone:
    """The one asked for, at the size asked for; its weights are loaded."""
    preset, _ = large.chosen(args)
    if preset is None:
        return _model(args, world=args.data is None).backbone
    if args.data is None:
        raise UserError(
            f"{preset.title} does not know the simulated world: give --data, a folder of clips with masks."
        )
    from ..backbones.registry import load_backbone

    _check_options(args)
    large.tell(preset, args.weights)
    backbone = load_backbone(preset, args.weights)
    _check_top(args, backbone)
    return backbone


def _examples(args: argparse.Namespace, backbone: Any) -> tuple[Iterable[Example], int]:
    """What layers are scored on, and how many there are."""
    from ..analysis.examples import world_examples

    if args.data is None:
        return world_examples(backbone, args.split, args.scenes), args.scenes
    from ..training.data.folder import clip_names

    words = re.findall(r"\w+", (args.subject or "").lower())
    if not words:
        raise UserError(
            '--data needs --subject, the word or words that name what the masks show, as in "man".'
        )
    names = clip_names(args.data)[: args.scenes]
    if len(names) < 2:
        raise UserError(f"{args.data} holds one clip only: give two or more, for an interval.")
    return _clips(backbone, args.data, names, words), len(names)


def _clips(backbone: Backbone, folder: Path, names: list[str], words: list[str]) -> Iterator[Example]:
    """The clips of a folder, in the backbone's form."""
    from ..analysis.examples import make_example
    from ..training.control.trainable import form_of, make_trainable
    from ..training.data.folder import read_clip

    trainable = make_trainable(backbone)
    for seed, name in enumerate(names):
        try:
            clip = read_clip(folder, name, form_of(backbone))
            latents = trainable.encode(clip)["latents"][None]
            yield make_example(backbone, clip.frames, clip.masks, clip.caption, words, latents, seed)
        except UserError as error:
            raise UserError(f"Clip {name}: {error}") from error


def _source(args: argparse.Namespace, backbone: Backbone) -> dict[str, Any]:
    """Where the scores come from."""
    if args.data is not None:
        return {"model": args.model or backbone.name, "data": args.data.name, "subject": args.subject}
    return {"model": args.model or backbone.name, "split": args.split}


def _skip(args: argparse.Namespace) -> int:
    """Ctrl-C ends early, with the figures so far (130)."""
    import numpy as np

    from ..analysis.outcome import as_text, outcome
    from ..analysis.scores import top_cut
    from ..analysis.sets import kind
    from ..analysis.skip import skip_blocks
    from ..control.layers import read_layers
    from ..settings import Settings

    _check_range("--scenes", args.scenes, 2, MAX_SCENES)
    _check_range("--size", args.size, 1, MAX_BLOCKS)
    _check_range("--draws", args.draws, 1, MAX_DRAWS)
    model = _model(args, world=True)
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
        "model": model.name,
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
    from ..analysis.parameters import count_parameters
    from ..analysis.tables import as_text

    table = count_parameters()
    print(as_text(table))
    _write_json(args.json, table)
    return 0


def _model(args: argparse.Namespace, world: bool) -> Model:
    """The model from checkpoints/; `world`: it must be one of the simulated world, whose scenes are to be used."""
    _check_options(args)

    from ..backbones.mini.backbone import MiniBackbone
    from ..checkpoint import load_model

    model = load_model(args.model or "mini")
    _check_top(args, model.backbone)
    if world and not (isinstance(model.backbone, MiniBackbone) and model.frames == FRAMES):
        raise UserError(
            f"The model {args.model} was not made for the simulated world, whose scenes are used: "
            "choose one that was."
        )
    return model


def _check_options(args: argparse.Namespace) -> None:
    from ..settings import Settings

    Settings(steps=args.steps).validate()


def _check_top(args: argparse.Namespace, backbone: Backbone) -> None:
    if args.top is not None:
        _check_range("--top", args.top, 1, len(backbone.blocks) - 1)


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
