"""The driving video on the page: its part, its subject and the subject's track, until that lies on the picture."""

from __future__ import annotations

from typing import ClassVar

from ..parts import Part, sources


class Driving(Part):
    """value: nothing; props and events as told in driving.js."""

    SOURCES = sources("driving", "strip", "screen", "keeping", "bringing", "driving")
    DEFAULTS: ClassVar = {"value": {}, "clip": {}, "answer": None, "most": {}}
