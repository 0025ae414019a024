"""What the simulator knows of a scene, in the form in which a generated clip is measured against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .segment import Colours, scene_colours

if TYPE_CHECKING:
    from ..world import Clip

Kind = Literal["dynamic", "kinematic", "mixed"]


@dataclass(frozen=True)
class Truth:
    """One simulated clip.

    frames: uint8 (T, H, W, 3). visible, amodal: bool (T, N, H, W), what is seen of each object and what would
    be seen were it alone. controlled: indices of the driven objects. kind: how they are driven ("mixed": both
    ways).
    """

    frames: np.ndarray
    visible: np.ndarray
    amodal: np.ndarray
    controlled: tuple[int, ...]
    caption: str
    kind: Kind
    colours: Colours

    @property
    def uncontrolled(self) -> tuple[int, ...]:
        return tuple(n for n in range(self.visible.shape[1]) if n not in self.controlled)

    def masks(self, amodal: bool = True) -> np.ndarray:
        """The union of the controlled objects' masks, bool (T, H, W): what a controlled method is given.

        Amodal by default: that is what a person's dragging makes, and the notches that other objects cut into
        visible masks would tell where those objects went.
        """
        return np.any((self.amodal if amodal else self.visible)[:, list(self.controlled)], axis=1)


def truth_of(clip: Clip, directions: bool = True) -> Truth:
    """The measurable part of a rendered clip; `directions` False takes the direction out of the caption."""
    from ..world import caption

    kinds = {drive.kind for item in clip.scene.objects if (drive := item.drive) is not None}
    return Truth(
        frames=clip.frames,
        visible=clip.visible,
        amodal=clip.amodal,
        controlled=tuple(clip.controlled),
        caption=caption(clip.scene, directions),
        kind="mixed" if len(kinds) > 1 else kinds.pop(),
        colours=scene_colours(clip.frames, clip.visible),
    )
