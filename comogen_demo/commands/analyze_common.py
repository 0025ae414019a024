"""What the parts of `analyze` share: the model, options checked, progress told, files written whole."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UserError
from ..files import replacing
from ..world.scene import FRAMES

if TYPE_CHECKING:
    from ..backbones.base import Backbone
    from ..model import Model

T = TypeVar("T")
MAX_SCENES = 10_000


def model_of(args: argparse.Namespace, world: bool) -> Model:
    """The model from checkpoints/; `world`: it must be one of the simulated world, whose scenes are to be used."""
    check_options(args)

    from ..backbones.mini.backbone import MiniBackbone
    from ..checkpoint import load_model

    model = load_model(args.model or "mini")
    check_top(args, model.backbone)
    if world and not (isinstance(model.backbone, MiniBackbone) and model.frames == FRAMES):
        raise UserError(
            f"The model {args.model} was not made for the simulated world, whose scenes are used: "
            "choose one that was."
        )
    return model


def check_options(args: argparse.Namespace) -> None:
    from ..settings import Settings

    Settings(steps=args.steps).validate()


def check_top(args: argparse.Namespace, backbone: Backbone) -> None:
    if args.top is not None:
        check_range("--top", args.top, 1, len(backbone.blocks) - 1)


def check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UserError(f"{name} {value} is out of range: choose {least} to {most}.")


def told(items: Iterable[T], total: int) -> Iterator[T]:
    """The items, saying after each how far it is."""
    began = time.perf_counter()
    for done, item in enumerate(items, 1):
        gone = time.perf_counter() - began
        left = gone / done * (total - done)
        print(f"scene {done}/{total}, {gone:.0f} s gone, {left:.0f} s left", file=sys.stderr, flush=True)
        yield item


def write_json(path: Path | None, document: dict[str, Any]) -> None:
    if path:
        write(path, (compact(document) + "\n").encode())


def compact(document: dict[str, Any]) -> str:
    """JSON with one line a key: lists of scenes would otherwise fill thousands."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def write(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    print(f"wrote {path}", file=sys.stderr)
