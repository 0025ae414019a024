"""The motion editor: canvas, timeline, tracks and inspector, with the project document as its value."""

from __future__ import annotations

from typing import ClassVar

from ..parts import Part, sources

SCRIPTS = (
    *("shape", "motion", "raster", "edits", "history", "workspace", "asking", "decoding"),
    *("painting", "outlines", "cells", "finding", "drawing", "handles", "moving", "gestures"),
    *("timeline", "tracks", "curve", "inspector", "weights", "actions", "files", "editor"),
)


class Editor(Part):
    """value: the project document as in `document.empty`; props and events as told in editor.js."""

    SOURCES = sources("editor", *SCRIPTS)
    DEFAULTS: ClassVar = {
        **{"frame": None, "picked": None, "opened": None, "imported": None, "exported": None},
        **{"found": None, "added": None, "selection": None},
        **{"job": "", "result": "", "missing": "", "fps": 12.5, "grid": [32, 32], "modelFrames": 25},
        **{"modelAspect": 1, "model": ""},
    }
