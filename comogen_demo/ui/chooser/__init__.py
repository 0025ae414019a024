"""Which model makes the video: a line that opens on the choice, what it needs, and the download of its weights."""

from __future__ import annotations

from typing import ClassVar

from ..parts import Part, sources


class Chooser(Part):
    """value: nothing; props and events as told in chooser.js."""

    SOURCES = sources("chooser", "chooser")
    DEFAULTS: ClassVar = {"value": {}, "models": [], "chosen": "", "download": {}, "name": ""}
