"""The command line: `python -m comogen_demo COMMAND`. A room is imported only when its command is chosen."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from . import __version__
from .errors import UserError, explained_imports

# command -> (the module with add_arguments(parser) and run(args) -> exit code, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "generate": ("comogen_demo.commands.generate", "make a video from a picture, masks and a prompt"),
    "masks": ("comogen_demo.commands.masks", "write the masks of a project as ZIP or MP4"),
    "track": (
        "comogen_demo.commands.track",
        "follow a subject through a clip, and lay its motion onto a picture",
    ),
    "world": ("comogen_demo.world.cli", "render scenes of the simulated world, or a sheet of them"),
    "train": ("comogen_demo.training.cli", "train the embedded model, or the control of any backbone"),
    "analyze": ("comogen_demo.commands.analyze", "score and skip the layers of a model, count parameters"),
    "evaluate": ("comogen_demo.evaluation.cli", "measure a model on simulated scenes"),
}
BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for input that the user can mend, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with explained_imports():
            args = build_parser(given).parse_args(given)
            return int(args.run(args))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def build_parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser with all commands, of which only the one that `arguments` begin with has its options filled in."""
    parser = argparse.ArgumentParser(
        prog="python -m comogen_demo",
        description="CoMoGen Studio: move a mask, watch the video that follows it.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == chosen:
            room = importlib.import_module(module)
            room.add_arguments(command)
            command.set_defaults(run=room.run)
    return parser
