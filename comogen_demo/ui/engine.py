"""The models behind the page: loaded in the worker thread, never before the page is up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from ..backbones.registry import Preset
from ..errors import UserError
from ..settings import CONTROLS, Control, Settings
from ..world.scene import FPS, FRAMES

CELLS = (32, 32)  # rows and columns in which the embedded model's adapter sees a mask
State = Literal["resting", "loading", "ready", "missing"]


@dataclass(frozen=True)
class Form:
    """What a model makes: pixels, frames and frames a second, in how many steps it usually does, by which controls.

    grid: rows and columns of the cells in which it sees a mask.
    """

    width: int
    height: int
    frames: int
    fps: float
    grid: tuple[int, int]
    steps: int = Settings().steps
    controls: tuple[Control, ...] = CONTROLS

    @property
    def aspect(self) -> float:
        return self.width / self.height


@dataclass(frozen=True)
class Choice:
    """A large backbone as it lies on this machine.

    weights: their folder, None where they are not here; control: the file of a trained one; changed: the time at which
    that was written, so that another one by its name is another choice; cells: those along the side of a token in which
    the control sees a mask.
    """

    preset: Preset
    weights: Path | None
    control: Path | None = None
    changed: float = 0.0
    cells: int = 2

    @property
    def key(self) -> str:
        return f"{self.preset.name}+{self.control.stem}" if self.control else self.preset.name

    @property
    def name(self) -> str:
        return f"{self.preset.title} with {self.control.stem}" if self.control else self.preset.title

    @property
    def form(self) -> Form:
        """Without a trained control dual clocks are the only one; they see masks on the grid of the latents."""
        preset = self.preset
        grid = tuple(side // preset.token_side * self.cells for side in (preset.height, preset.width))
        controls: tuple[Control, ...] = CONTROLS if self.control else ("dual-clock",)
        return Form(
            preset.width, preset.height, preset.frames, preset.fps, (grid[0], grid[1]), preset.steps, controls
        )


@dataclass(frozen=True)
class Told:
    """News of a run before its first step; note: a sentence for the result as well, "" for none."""

    label: str
    note: str = ""


class Engine(Protocol):
    """What the page needs of a model; the tests of the interface bring a fake one.

    state and note: for the sign in the page's head, a note is one sentence. `load` may be called again and again.
    """

    name: str
    form: Form
    state: State
    note: str

    def load(self) -> None:
        """Gets ready, for seconds at the first time. Raises UserError when the checkpoint is missing or damaged."""

    def unload(self) -> None:
        """Gives its memory back; it can be loaded again."""

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        """Yields Told, generate.Step and at last generate.Result.

        subjects: bool (K, T, H, W), or None for no control.
        """


class Embedded:
    """The real thing: `generate.load_model` and `generate.generate`, imported at first use (torch takes seconds)."""

    def __init__(self, name: str = "mini"):
        self.name, self.note = name, ""
        self.form = Form(128, 128, FRAMES, FPS, CELLS)
        self.state: State = "loading"
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

    def unload(self) -> None:
        if self._model is not None:
            self._model, self.state = None, "resting"

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        from ..generate import generate

        yield from generate(self._model, frame, subjects, prompt, settings)


class Large:
    """A large backbone whose weights are here, as `generate --backbone` runs it.

    It is loaded by its first run, in the memory mode that is planned then, and held in it; where the GPU runs out of
    memory, the video is made again from its beginning in the next mode.
    """

    def __init__(self, choice: Choice):
        self.choice, self.name, self.form = choice, choice.name, choice.form
        self.state: State = "resting"
        self.note = ""
        self._model: Any = None
        self._mode = "auto"

    def load(self) -> None:
        """Nothing yet: how it can be held is known when it runs."""

    def unload(self) -> None:
        from ..backbones.placement import forget

        self._drop()
        forget()

    def run(
        self, frame: np.ndarray, subjects: np.ndarray | None, prompt: str, settings: Settings
    ) -> Iterator[Any]:
        import torch

        from ..backbones.attempts import Attempt, attempts
        from ..backbones.planner import MODES
        from ..controls import load_large
        from ..generate import generate

        preset, weights = self.choice.preset, str(self.choice.weights)

        def work(mode: str) -> Iterator[Any]:
            if self._model is None:
                self.state = "loading"
                self._model = load_large(preset, weights, self.choice.control, mode=mode)
                self._mode, self.state = mode, "ready"
            try:  # no previews: decoding an estimate would take longer than the step that made it
                yield from generate(self._model, frame, subjects, prompt, settings, previews=False)
            except torch.OutOfMemoryError:
                self._drop()  # here, so that nothing holds it when the next mode is planned
                raise

        try:
            for event in attempts(preset, weights, self._mode, work):
                if not isinstance(event, Attempt):
                    yield event
                elif self._model is None:
                    mode = event.plan.mode
                    yield Told(f"Loading {self.name}: {mode}, {MODES[mode]}", event.sentence)
        finally:
            if self._model is None:
                self._drop()

    def _drop(self) -> None:
        self._model, self._mode, self.state = None, "auto", "resting"
