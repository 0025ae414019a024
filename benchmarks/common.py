"""What the benchmarks share: the repository on the path, the option --json, and how figures are shown.

A benchmark prints figures and judges nothing: on a shared machine a limit on seconds would fail by chance.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with --json; the benchmark adds its own options."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    return options


def deliver(figures: dict[str, float | int | str], path: Path | None) -> None:
    """Prints the figures, one a line, and writes them as JSON if a path was given."""
    for name, value in figures.items():
        print(f"{name:<28}{value:.3f}" if isinstance(value, float) else f"{name:<28}{value}")
    if path:
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
