"""`analyze layers`: the attention score of each block of a model, on scenes of the world or on a folder of clips."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from . import large
from .analyze_common import (
    MAX_SCENES,
    check_options,
    check_range,
    check_top,
    model_of,
    told,
    write,
    write_json,
)

if TYPE_CHECKING:
    import numpy as np

    from ..analysis.examples import Example
    from ..backbones.base import Backbone


def run(args: argparse.Namespace) -> int:
    from ..analysis.layers import score_layers
    from ..analysis.pictures import box_plot, png
    from ..control.lora import lora_enabled

    check_range("--scenes", args.scenes, 2, MAX_SCENES)
    backbone = _backbone(args)
    examples, count = _examples(args, backbone)
    with lora_enabled(backbone.denoiser, False):
        found = score_layers(backbone, told(examples, count), args.steps)
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
    write_json(args.json, {**_source(args, backbone), **summary, **found.details()})
    if args.plot:
        picture = box_plot(found.by_scene[..., 0], summary["motion_layers"], summary["floor"])
        write(args.plot, png(picture))
    if args.maps:
        write(args.maps, png(_sheet(args, backbone, summary["motion_layers"])))
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
    if args.data is not None:
        _data(args)  # what is wrong with it is said before anything is loaded
    if preset is None:
        return model_of(args, world=args.data is None).backbone
    if args.data is None:
        raise UserError(
            f"{preset.title} does not know the simulated world: give --data, a folder of clips with masks."
        )
    from ..backbones.registry import load_backbone

    check_options(args)
    large.tell(preset, args.weights)
    clips = len(_data(args)[0])
    large.whole_in_memory(replace(preset, steps=clips * args.steps), args.weights, "Scoring the layers of")
    backbone = load_backbone(preset, args.weights)
    check_top(args, backbone)
    return backbone


def _examples(args: argparse.Namespace, backbone: Any) -> tuple[Iterable[Example], int]:
    """What layers are scored on, and how many there are."""
    from ..analysis.examples import world_examples

    if args.data is None:
        return world_examples(backbone, args.split, args.scenes), args.scenes
    names, words = _data(args)
    return _clips(backbone, args.data, names, words), len(names)


def _data(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The clips of --data, and the words that name their subject."""
    from ..training.data.folder import clip_names

    words = re.findall(r"\w+", (args.subject or "").lower())
    if not words:
        raise UserError(
            '--data needs --subject, the word or words that name what the masks show, as in "man".'
        )
    names = clip_names(args.data)[: args.scenes]
    if len(names) < 2:
        raise UserError(f"{args.data} holds one clip only: give two or more, for an interval.")
    return names, words


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
