"""`train check` and `train convert`: folders of clips, looked through and made from other data."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import UserError
from .folder import Finding, Form

KINDS = {
    "world": "what `world render` wrote",
    "clevrer": "CLEVRER's videos, annotations and proposals",
    "behave": "BEHAVE's sequences; the human's mask",
    "davis": "JPEGImages and Annotations; a clip for every object",
    "videos": "NAME.mp4, NAME.txt and NAME.png, the subject in the first frame, which is followed",
}


def add_arguments(commands: Any) -> None:
    check = commands.add_parser("check", help="say what is wrong with each clip of a folder")
    check.add_argument("data", type=Path, help="folder of NAME.mp4, NAME.masks.zip and NAME.txt")
    check.add_argument("--backbone", help="also whether its clips are long and fast enough for this one")
    check.set_defaults(train=_check)
    convert = commands.add_parser(
        "convert",
        help="make a folder of clips from other data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="KIND is one of\n" + "\n".join(f"  {kind:8} {what}" for kind, what in KINDS.items()),
    )
    convert.add_argument("kind", choices=list(KINDS), metavar="KIND")
    convert.add_argument("source", type=Path, help="folder of the data")
    convert.add_argument("--out", type=Path, required=True, help="folder of clips to write; made clips stay")
    convert.add_argument(
        "--frames", type=int, default=129, help="behave, davis: cut longer sequences (default 129)"
    )
    convert.add_argument("--subject", metavar="WORDS", help="videos: find this instead of reading NAME.png")
    convert.set_defaults(train=_convert)


def known_form(backbone: str) -> Form:
    """What a backbone takes, without loading it. Raises UserError for one that does not exist."""
    if backbone == "mini":
        from ...checkpoint import CHECKPOINTS, read_config

        config, _ = read_config(CHECKPOINTS / "mini")
        return Form(config.frames, config.fps, config.size, config.size)
    from ...backbones.registry import find_preset

    preset = find_preset(backbone)
    return Form(preset.frames, preset.fps, preset.height, preset.width)


def tell(findings: Iterable[Finding]) -> tuple[int, int]:
    """Prints what there is to say of clips, a line each; returns how many are good, and how many there are."""
    good = count = 0
    for finding in findings:
        count += 1
        good += not finding.fault
        if finding.fault or finding.note:
            print(f"{finding.name}: {finding.fault or finding.note}", flush=True)
    return good, count


def _check(args: argparse.Namespace) -> int:
    from .folder import check

    form = known_form(args.backbone) if args.backbone else None
    good, count = tell(check(args.data, form))
    print(f"{good} of {count} clips are good")
    return 0 if good == count else 1


def _convert(args: argparse.Namespace) -> int:
    from .convert import convert

    if not 2 <= args.frames <= 513:
        raise UserError(f"{args.frames} frames a clip are out of range: choose 2 to 513.")
    good, count = tell(convert(_sources(args), args.out))
    print(f"{good} of {count} clips are in {args.out}")
    return 0 if good == count else 1


def _sources(args: argparse.Namespace) -> Any:
    if args.kind == "world":
        from .world import world

        return world(args.source)
    if args.kind == "clevrer":
        from .clevrer import clevrer

        return clevrer(args.source)
    if args.kind == "behave":
        from .behave import behave

        return behave(args.source, args.frames)
    if args.kind == "davis":
        from .davis import davis

        return davis(args.source, args.frames)
    from ...selection.choice import Models
    from .plain import plain

    models = Models()
    print(models.note())
    return plain(args.source, models.selector(), models.finder(), args.subject)
