"""Choosing the model that makes the video, and what the page says of each."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import gradio as gr

from ..backbones.attempts import plan_here
from ..errors import UserError
from ..settings import Settings
from . import views
from .engine import Choice, Form
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
    """The events of the chooser. The choice itself is an entry of the page's document, which the editor holds."""

    def __init__(self, studio: Studio):
        self.studio = studio

    async def look(self, value: Any) -> Any:
        """The chooser was opened -> chooser."""
        return await asyncio.to_thread(self._listed, _model(value))

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
        choices = self.studio.shelf.choices()
        models = [_built_in(self.studio.shelf.embedded.form)]
        models += [_entry(choice, self.studio.shelf) for choice in choices]
        name = next((model["name"] for model in models if model["key"] == key), "")
        return gr.update(models=models, chosen=key, name=name)


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


def _entry(choice: Choice, shelf: Shelf) -> dict[str, Any]:
    """A large backbone as the chooser shows it."""
    preset, held = choice.preset, shelf.held()
    trouble, needs = "", ""
    if held is not None and held.choice == choice:
        needs = "it is in memory now"
    else:
        try:
            needs = plan_here(preset, str(choice.weights) if choice.weights else None).sentence
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
        ["Weights", str(choice.weights) if choice.weights else f"not here; on Hugging Face as {preset.hub}"],
        [
            "Control",
            choice.control.name if choice.control else "no trained one: only the cut-out, dual clocks",
        ],
    ]
    offer = None if choice.weights else _offer(choice)
    return {"key": choice.key, "name": choice.name, "facts": facts, "trouble": trouble, "offer": offer}


def _offer(choice: Choice) -> dict[str, Any]:
    """How the weights are to be had."""
    preset = choice.preset
    command = f"To get them, run on the server: hf download {preset.hub}"
    return {"name": preset.name, "licence": preset.licence, "label": "", "allowed": False, "command": command}


def _makes(form: Form) -> str:
    return f"{form.frames} frames of {form.width} x {form.height} pixels, {form.fps:g} a second"
