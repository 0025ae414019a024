"""The model behind the page: loaded in the worker thread, never before the page is up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np

from ..errors import UserError
from ..settings import Settings


class Engine(Protocol):
    """What the page needs of a model; the tests of the interface bring a fake one.

    state and note: for the sign in the page's head, a note is one sentence. `load` may be called again and again.
    """

    name: str
    state: Literal["loading", "ready", "missing"]
    note: str

    def load(self) -> None:
        """Gets ready, for seconds at the first time. Raises UserError when the checkpoint is missing or damaged."""

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        """Yields generate.Step and at last generate.Result. subjects: bool (K, T, H, W), or None for no control."""


class Embedded:
    """The real thing: `generate.load_model` and `generate.generate`, imported at first use (torch takes seconds)."""

    def __init__(self, name: str = "mini"):
        self.name, self.note = name, ""
        self.state: Literal["loading", "ready", "missing"] = "loading"
        self._model: Any = None

    def load(self) -> None:
        if self._model is not None:
            return
        from ..generate import load_model

        self.state = "loading"
        try:
            self._model = load_model(self.name)
        except UserError as error:
            self.state, self.note = "missing", str(error)
            raise
        except Exception as error:
            self.state = "missing"
            self.note = (
                f"The model {self.name} could not be loaded ({type(error).__name__}): see the server's log."
            )
            raise
        self.state, self.note = "ready", ""

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        from ..generate import generate

        yield from generate(self._model, frame, subjects, prompt, settings)
