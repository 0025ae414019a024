"""Choosing the model that makes the video, and what the page says of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from ..backbones.attempts import plan_here
from ..backbones.fetching import begun
from ..errors import UserError
from ..settings import Settings
from . import views
from .engine import Choice, Form
from .obtaining import Obtaining
from .shelf import EMBEDDED, Shelf
from .studio import Studio

SKIP = gr.skip()
BUILT_IN = "Built-in model"
CONTROL_NOTE = "The adapter steers the model along the mask; a cut-out moved along it is redrawn."
UNTRAINED = "No trained control for this model is here: a cut-out moved along the mask is redrawn."


class Chosen(NamedTuple):
    """What a choice changes on the page, in the order of the events' outputs."""

    chooser: Any = SKIP
    editor: Any = SKIP
    control: Any = SKIP
    steps: Any = SKIP
    sign: Any = SKIP


class Choosing:
    """The events of the chooser. The choice itself is an entry of the page's document, which the editor holds.

    downloads: whether pages may fetch weights.
    """

    def __init__(self, studio: Studio, downloads: bool):
        self.studio, self.obtaining = studio, Obtaining(studio.shelf, downloads)

    async def look(self, value: Any) -> AsyncIterator[Any]:
        """The chooser was opened -> chooser, for as long as a download goes on."""
        yield await asyncio.to_thread(self._listed, _model(value))
        if self.obtaining.busy:
            async for update in self._followed():
                yield update

    async def fetch(self, event: gr.EventData) -> AsyncIterator[Any]:
        """Weights are wanted, their licence accepted -> chooser, until they are there."""
        data = event._data or {}
        try:
            self.obtaining.start(data.get("name"), data.get("accepted"))
        except UserError as error:
            yield gr.update(download={**self.obtaining.state(), "error": str(error)})
            return
        async for update in self._followed():
            yield update

    def sign(self, value: Any) -> str:
        """The chosen model's weights have come -> sign."""
        return views.sign_of(self.studio.shelf, _model(value))

    async def _followed(self) -> AsyncIterator[Any]:
        async for state in self.obtaining.states():
            yield gr.update(download=state)
        yield gr.update(models=await asyncio.to_thread(self._models))

    async def choose(self, event: gr.EventData, value: Any) -> tuple[Any, ...]:
        """A model was chosen -> as Chosen; the settings become those that the model is usually run with."""
        return await asyncio.to_thread(self._chosen, str((event._data or {}).get("key") or ""), _model(value))

    async def reopen(self, value: Any) -> tuple[Any, ...]:
        """The page has opened on a draft -> as Chosen; its settings are the draft's."""
        if _model(value) == EMBEDDED:
            return tuple(Chosen(chooser=gr.update(name=BUILT_IN, chosen=EMBEDDED)))
        return await asyncio.to_thread(self._reopened, _model(value))

    def _chosen(self, key: str, before: str) -> tuple[Any, ...]:
        shelf = self.studio.shelf
        try:
            form = shelf.form(key)
        except UserError as error:
            gr.Warning(str(error))
            return tuple(Chosen(chooser=self._listed(before)))
        usual = Settings().control if Settings().control in form.controls else form.controls[0]
        return tuple(
            Chosen(
                chooser=self._listed(key),
                editor=_given(key, form),
                control=_controls(form, value=usual),
                steps=form.steps,
                sign=views.sign_of(shelf, key),
            )
        )

    def _reopened(self, key: str) -> tuple[Any, ...]:
        shelf = self.studio.shelf
        try:
            form = shelf.form(key)
        except UserError as error:  # it is not here any more
            gr.Warning(str(error))
            return self._chosen(EMBEDDED, EMBEDDED)
        chooser, sign = self._listed(key), views.sign_of(shelf, key)
        return tuple(Chosen(chooser, _given(key, form), _controls(form), SKIP, sign))

    def _listed(self, key: str) -> Any:
        models = self._models()
        name = next((model["name"] for model in models if model["key"] == key), "")
        return gr.update(models=models, chosen=key, name=name)

    def _models(self) -> list[dict[str, Any]]:
        """The chooser's property `models`."""
        shelf = self.studio.shelf
        return [_built_in(shelf.embedded.form), *(self._entry(choice) for choice in shelf.choices())]

    def _entry(self, choice: Choice) -> dict[str, Any]:
        offer = None if choice.weights else self.obtaining.offer(choice.preset)
        return {"key": choice.key, "name": choice.name, **_facts(choice, self.studio.shelf), "offer": offer}


def _model(value: Any) -> str:
    return str((value or {}).get("model") or EMBEDDED)


def _given(key: str, form: Form) -> Any:
    """The editor's properties of a model."""
    return gr.update(model=key, modelFrames=form.frames, grid=list(form.grid), modelAspect=form.aspect)


def _controls(form: Form, **more: Any) -> Any:
    """The choice of a control as a model has it."""
    choices = [(words, name) for name, words in views.CONTROLS.items() if name in form.controls]
    return gr.update(choices=choices, info=CONTROL_NOTE if len(choices) > 1 else UNTRAINED, **more)


def _built_in(form: Form) -> dict[str, Any]:
    facts = [
        ["Makes", _makes(form)],
        ["Knows", "a table of coloured solids, and nothing else"],
        ["Needs", "nothing more: it is part of the program, and quick without a GPU"],
    ]
    return {"key": EMBEDDED, "name": BUILT_IN, "facts": facts, "trouble": "", "offer": None}


def _facts(choice: Choice, shelf: Shelf) -> dict[str, Any]:
    """What the chooser says of a large backbone; `trouble` is why it can't be used on this machine, or ""."""
    preset, held = choice.preset, shelf.held()
    trouble, needs = "", ""
    if held is not None and held.choice == choice:
        needs = "it is in memory now"
    else:
        try:
            left = replace(preset, download=max(preset.download - begun(preset) / 1e9, 0.0))
            needs = plan_here(left, str(choice.weights) if choice.weights else None).sentence
        except UserError as error:
            needs, trouble = "more than this machine has", str(error)
        if held is not None:
            needs += f"; what {held.name} takes now is given back first"
    size = f"{preset.download:.0f} GB"
    facts = [
        ["Size", f"{preset.parameters:g} billion parameters, {size} of weights"],
        ["Licence", preset.licence],
        ["Makes", f"{_makes(choice.form)}, usually in {preset.steps} steps"],
        ["Needs", needs],
        ["Weights", _whereabouts(choice)],
        [
            "Control",
            choice.control.name if choice.control else "no trained one: only the cut-out, dual clocks",
        ],
    ]
    return {"facts": facts, "trouble": trouble}


def _whereabouts(choice: Choice) -> str:
    """Where the weights lie, in words; a path would tell pages of others about the server."""
    if choice.weights is None:
        return f"not here; on Hugging Face as {choice.preset.hub}"
    own = choice.weights.name == choice.preset.name
    return f"in checkpoints/{choice.preset.name}" if own else "in the cache of huggingface_hub"


def _makes(form: Form) -> str:
    return f"{form.frames} frames of {form.width} x {form.height} pixels, {form.fps:g} a second"
