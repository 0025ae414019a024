"""The scene composer: one to five objects on the table, dragged into place in the rendered picture."""

from __future__ import annotations

from typing import Any, ClassVar

from ...world.scene import COLOURS, Camera, SceneSpec, camera_frame
from ..parts import Part, sources
from .scenes import START, check_room, read_scene, shuffled, value_of

__all__ = ["Composer", "check_room", "read_scene", "shuffled", "start", "value_of"]


class Composer(Part):
    """value: {"objects": [...]} as `scenes.value_of` makes it; props as told in composer.js."""

    SOURCES = sources("composer", "table", "composer")
    DEFAULTS: ClassVar = {"picture": "", "note": ""}

    def __init__(self, **given: Any):
        given.setdefault("value", start())
        given.setdefault("camera", view_of(Camera()))
        given.setdefault("colours", {name: _css(colour) for name, colour in COLOURS.items()})
        super().__init__(**given)


def start() -> dict[str, Any]:
    """The value that the composer opens with."""
    return value_of(SceneSpec(START))


def view_of(camera: Camera) -> dict[str, Any]:
    """A camera's place, axes and focal length, for the script."""
    eye, right, up, forward, focal = camera_frame(camera)
    axes = {"eye": eye, "right": right, "up": up, "forward": forward}
    return {**{name: axis.tolist() for name, axis in axes.items()}, "focal": float(focal)}


def _css(colour: tuple[float, float, float]) -> str:
    return "rgb({:.0f} {:.0f} {:.0f})".format(*(255 * c for c in colour))
