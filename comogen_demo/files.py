"""Writing files so that a failure never destroys what was there before."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


def check_writable(path: str | Path) -> None:
    """Raise UserError when a file could not be written at `path`: a folder that is missing or write-protected."""
    path = Path(path)
    if path.is_dir() or not path.name:
        raise UserError(f"{path} is a folder; give the name of a file in it.")
    if not path.parent.is_dir():
        raise UserError(
            f"There is no folder {path.parent}; create it or choose another place for {path.name}."
        )
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"The folder {path.parent} is not writable; choose another place for {path.name}.")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block succeeds it takes the place of `path`.

    When the block fails the temporary file is removed and an existing `path` stays as it was.
    Raises UserError as check_writable does.
    """
    path = Path(path)
    check_writable(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
