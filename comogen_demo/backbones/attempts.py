"""Work on a large backbone in the memory mode that is planned, and again in the next where the GPU runs out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from . import planner
from .planner import DoesNotFit, Plan
from .registry import Preset

Made = TypeVar("Made")


@dataclass(frozen=True)
class Attempt:
    """The work begins, as planned; failed: the mode that ran out of memory before, "" at first."""

    plan: Plan
    failed: str = ""

    @property
    def sentence(self) -> str:
        """That it is the second attempt or a later one; "" at first."""
        again = f"The GPU ran out of memory in the mode {self.failed}; the same again in the mode {self.plan.mode}."
        return again if self.failed else ""


def plan_here(preset: Preset, weights: str | None, mode: str = "auto") -> Plan:
    """`planner.plan` for what is free on this machine now, with the weights counted. Raises as that."""
    from huggingface_hub.constants import HF_HUB_CACHE

    from .placement import measure

    cache = Path(HF_HUB_CACHE)
    return planner.plan(planner.with_sizes(preset, weights, cache), measure(cache), mode)


def attempts(
    preset: Preset, weights: str | None, mode: str, work: Callable[[str], Iterator[Made]]
) -> Iterator[Attempt | Made]:
    """Yields an `Attempt`, then what `work` yields in its mode; where the GPU runs out of memory the same in the next.

    mode: to begin with, or "auto"; work: loads the backbone itself, in the mode that it is given. Raises UserError as
    `planner.plan`, and DoesNotFit where the last mode runs out of memory, too.
    """
    import torch

    from .placement import forget

    attempt = Attempt(plan_here(preset, weights, mode))
    while True:
        yield attempt
        failed = attempt.plan.mode
        try:
            yield from work(failed)
            return
        except torch.OutOfMemoryError:
            lower = planner.below(failed, bool(preset.gguf))
            if lower is None:
                raise DoesNotFit(
                    f"The GPU's memory is too small for {preset.title} at {preset.width} x {preset.height} pixels "
                    f"and {preset.frames} frames even in the mode {failed}"
                ) from None
        forget()  # out here: until the exception is gone it holds what it was raised in
        attempt = Attempt(plan_here(replace(preset, download=0.0), weights, lower), failed)
