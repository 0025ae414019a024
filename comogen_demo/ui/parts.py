"""Interface components of our own: a gr.HTML subclass from a folder of html, css and js files."""

from __future__ import annotations

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

    def __init__(self, **given: Any):
        for name, default in {**self.SOURCES, "apply_default_css": False, **self.DEFAULTS}.items():
            given.setdefault(name, default)
        super().__init__(**given)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
