"""The mask editor: the canvas, its timeline, and the project document as its value."""

from __future__ import annotations

from typing import ClassVar

from ..parts import Part, sources


class Editor(Part):
    """value: the project document as in `document.empty`; props as told in editor.js."""

    SOURCES = sources(
        "editor", "poses", "history", "workspace", "subject", "drawing", "gestures", "timeline", "editor"
    )
    DEFAULTS: ClassVar = {"frame": None, "picked": None, "job": "", "result": "", "missing": "", "fps": 12.5}
