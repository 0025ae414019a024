"""The one exception that is meant for the user's eyes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """Something the user can mend: one sentence on what is wrong, what was expected and what to do.

    The command line prints it and exits with 2; the page shows it. Every other exception is a bug.
    """


@contextmanager
def explained_imports() -> Iterator[None]:
    """Turns the fault of OpenCV's build with windows on a machine without OpenGL into a UserError."""
    try:
        yield
    except ImportError as error:
        if not any(library in str(error) for library in ("libGL", "libgthread", "libEGL")):
            raise
        raise UserError(
            f"OpenCV cannot be loaded ({error}): install the build without windows by `pip install --force-reinstall "
            "--no-deps -c requirements.txt opencv-python-headless`, or the system's OpenGL libraries (libgl1)."
        ) from error


def gist(error: Exception) -> str:
    """The first line of what a library says, without its full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")[:300]
