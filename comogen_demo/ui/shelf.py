"""The models that a page may choose: the embedded one, and large backbones with what they need on this machine.

A choice is a key: EMBEDDED, a backbone's name, or NAME+CONTROL for a control's file in checkpoints/.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ..backbones.attempts import plan_here
from ..backbones.registry import find_preset
from ..backbones.stored import find_stored
from ..errors import UserError
from .engine import Choice, Engine, Form, Large

EMBEDDED = "embedded"


class Shelf:
    """One to a process. embedded: what a page begins with; offered: the large backbones, by name."""

    def __init__(self, embedded: Engine, offered: Sequence[str] = ()):
        self.embedded, self.offered = embedded, tuple(offered)
        self._large: dict[str, Large] = {}
        self._lock = threading.Lock()

    def engine(self, key: Any) -> Engine:
        """The model of a choice; nothing is loaded yet. Raises UserError for one that is not here."""
        if self._is_embedded(key):
            return self.embedded
        choice = self.choice(key)
        if choice.weights is None:
            raise UserError(
                f"The weights of {choice.preset.title} are not on this machine: see under Model how to get them."
            )
        with self._lock:
            known = self._large.get(choice.key)
            if known is None or known.choice != choice:
                if known:
                    known.unload()
                self._large[choice.key] = known = Large(choice)
        return known

    def form(self, key: Any) -> Form:
        """What a chosen model makes, whether it is ready or not. Raises UserError for one that is not here."""
        return self.embedded.form if self._is_embedded(key) else self.choice(key).form

    def name(self, key: Any) -> str:
        """For the user, whether it is here or not."""
        return next((one.name for one in self.choices() if one.key == key), str(key))

    def choice(self, key: Any) -> Choice:
        """Of a large backbone. Raises UserError for one that is not here."""
        found = next((one for one in self.choices() if one.key == key), None)
        if found is None:
            raise UserError(f"The model {key} is not here any more: choose another one under Model.")
        return found

    def check(self, engine: Engine) -> None:
        """Raises UserError where a model can't be held on this machine, before anything is loaded.

        What another large one takes is given back before it is loaded, so that is measured then.
        """
        if isinstance(engine, Large) and self.held() is None:
            plan_here(engine.choice.preset, str(engine.choice.weights))

    def make_room(self, engine: Engine) -> None:
        """Before a generation: one model is held at a time."""
        for other in self._engines():
            if other is not engine:
                other.unload()

    def choices(self) -> list[Choice]:
        """Each backbone offered, and each with a control that lies in checkpoints/."""
        from ..checkpoint import CHECKPOINTS
        from ..control.files import read_about
        from ..controls import preset_of

        weights = {name: find_stored(find_preset(name)) for name in self.offered}
        made = [Choice(find_preset(name), folder) for name, folder in weights.items()]
        for file in sorted(CHECKPOINTS.glob("*.safetensors")):
            try:
                about = read_about(file)
                if about.get("backbone") in weights:
                    preset, cells = preset_of(file), int(about["control"]["cells"])
                    made.append(Choice(preset, weights[preset.name], file, file.stat().st_mtime, cells))
            except (UserError, KeyError, TypeError, ValueError):
                continue  # no control, or a damaged one
        return made

    def held(self) -> Large | None:
        """The large model that is in memory now, or on its way there."""
        return next(
            (one for one in self._engines() if isinstance(one, Large) and one.state != "resting"), None
        )

    def _is_embedded(self, key: Any) -> bool:
        return not self.offered or key in (None, "", EMBEDDED)

    def _engines(self) -> list[Engine]:
        with self._lock:
            return [self.embedded, *self._large.values()]
