"""Interface components of our own: a gr.HTML subclass from a folder of html, css and js files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

HERE = Path(__file__).parent


def sources(folder: str, *scripts: str) -> dict[str, str]:
    """The html, css and js of a component: FOLDER/FOLDER.html, FOLDER/FOLDER.css and the named scripts in order."""
    read = [(HERE / folder / f"{name}.js").read_text("utf-8") for name in scripts]
    return {
        "html_template": (HERE / folder / f"{folder}.html").read_text("utf-8"),
        "css_template": (HERE / folder / f"{folder}.css").read_text("utf-8"),
        "js_on_load": "\n".join(read),
    }


class Part(gr.HTML):
    """A component whose template stays the same; its script draws from `value` and the props.

    Gradio makes the class again at every update, with the changed arguments only: so defaults are `setdefault`s.
    """

    SOURCES: ClassVar[dict[str, str]] = {}
    DEFAULTS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **props: Any):
        for name, default in {**self.SOURCES, "apply_default_css": False, **self.DEFAULTS}.items():
            props.setdefault(name, default)
        super().__init__(**props)

    def __getattr__(self, name: str) -> Any:
        """An event is an attribute if the script has its name in quotes. At every update gr.HTML asks so for names that
        are none, each time in the whole script: to ask once takes two thirds off what an update costs."""
        if not _quotes(self.__dict__.get("js_on_load") or "", name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return super().__getattr__(name)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


@lru_cache(maxsize=1024)
def _quotes(script: str, name: str) -> bool:
    return any(f"{mark}{name}{mark}" in script for mark in "'\"`")
