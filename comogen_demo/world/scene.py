"""What a scene of the world consists of, and how scenes are drawn from (split, index).

A scene is a table seen by a pinhole camera, a lamp, and one to five objects of which one or two are driven.
World units: the table is the plane z = 0, x to the right, y away from the camera, z up; about 25 pixels of a
128-pixel frame to the unit; time in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Split = Literal["train", "val", "test"]
Shape = Literal["sphere", "cube", "cylinder"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
SHAPES: tuple[Shape, ...] = ("sphere", "cube", "cylinder")
# Eight albedos whose hues stay apart under any lamp of the world.
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.86, 0.10, 0.12),
    "orange": (0.93, 0.47, 0.06),
    "yellow": (0.88, 0.82, 0.10),
    "green": (0.12, 0.66, 0.18),
    "cyan": (0.10, 0.74, 0.78),
    "blue": (0.14, 0.27, 0.88),
    "purple": (0.50, 0.16, 0.80),
    "pink": (0.93, 0.24, 0.66),
}
NEIGHBOURS = (
    {"red", "orange"},
    {"orange", "yellow"},
    {"blue", "purple"},
    {"purple", "pink"},
    {"pink", "red"},
)
SPEEDS = ("slow", "medium", "fast")
FRAMES, FPS = 25, 12.5
DURATION = (FRAMES - 1) / FPS
MAX_OBJECTS = 5


@dataclass(frozen=True)
class Drive:
    """How a controlled object is moved.

    kind: "dynamic" gets `velocity` at t = 0 and is free from then on, so that it deflects at an impact;
        "kinematic" is forced along the cubic Bezier curve `path` and turned by `spin`, with no recoil.
    velocity: (vx, vy) in units/s, dynamic only.
    path: four (x, y) control points in table units, kinematic only; the first is the object's place.
    ease: how the curve is run through: "linear" | "smooth" (rests at both ends) | "stop" (at rest from 60 % on).
    spin: total turn about z in radians, kinematic only.
    """

    kind: Literal["dynamic", "kinematic"]
    velocity: tuple[float, float] = (0.0, 0.0)
    path: tuple[tuple[float, float], ...] = ()
    ease: Literal["linear", "smooth", "stop"] = "linear"
    spin: float = 0.0

    @property
    def direction(self) -> tuple[float, float]:
        """Where the drive sends the object on the table (dx, dy), not normalised."""
        if self.kind == "dynamic":
            return self.velocity
        return self.path[3][0] - self.path[0][0], self.path[3][1] - self.path[0][1]

    @property
    def speed(self) -> float:
        """Mean speed intended, in units/s."""
        duration = 1.0 if self.kind == "dynamic" else DURATION
        return float(np.hypot(*self.direction)) / duration


@dataclass(frozen=True)
class ObjectSpec:
    """One object: `size` is the radius, half edge or half height in units; yaw in radians."""

    shape: Shape
    colour: str
    shiny: bool
    size: float
    x: float
    y: float
    yaw: float = 0.0
    drive: Drive | None = None

    @property
    def name(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Camera:
    eye: tuple[float, float, float] = (0.0, -6.6, 5.0)
    target: tuple[float, float, float] = (0.0, 0.1, 0.0)
    fov: float = 34.0  # degrees, both ways: frames are square


@dataclass(frozen=True)
class SceneSpec:
    """A scene before anything has moved; `split` and `index` say where it was drawn from (index -1: hand-made)."""

    objects: tuple[ObjectSpec, ...]
    camera: Camera = Camera()
    light: tuple[float, float, float] = (-3.0, -3.0, 8.0)
    table: tuple[float, float, float] = (0.62, 0.60, 0.57)
    split: str = "made"
    index: int = -1

    @property
    def controlled(self) -> tuple[int, ...]:
        """Indices of the driven objects, leading subject first as the caption names them."""
        return tuple(i for i, o in enumerate(self.objects) if o.drive is not None)


def project(camera: Camera, points: np.ndarray, size: int) -> np.ndarray:
    """Table points (..., 3) -> pixels (..., 3) as x, y (origin: top left corner) and depth along the view axis."""
    eye, right, up, forward, focal = camera_frame(camera)
    rel = np.asarray(points, float) - eye
    depth = rel @ forward
    x = size / 2 * (1 + focal * (rel @ right) / depth)
    y = size / 2 * (1 - focal * (rel @ up) / depth)
    return np.stack([x, y, depth], -1)


def unproject(camera: Camera, x: float, y: float, size: int) -> tuple[float, float]:
    """A pixel of a (size, size) frame -> the point (x, y) of the table under it."""
    eye, right, up, forward, focal = camera_frame(camera)
    ray = forward + (2 * x / size - 1) / focal * right + (1 - 2 * y / size) / focal * up
    hit = eye - ray * (eye[2] / ray[2])
    return float(hit[0]), float(hit[1])


def camera_frame(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """eye, right, up, forward (unit vectors) and the focal length in half frame sizes."""
    eye = np.array(camera.eye)
    forward = np.array(camera.target) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return eye, right, np.cross(right, forward), forward, 1 / np.tan(np.radians(camera.fov / 2))


def speed_band(drive: Drive) -> str:
    """ "slow", "medium" or "fast", with bounds of its own for each kind of drive."""
    bounds = (1.7, 2.3) if drive.kind == "dynamic" else (0.8, 1.2)
    return SPEEDS[int(np.searchsorted(bounds, drive.speed))]


def held_out(item: ObjectSpec) -> bool:
    """True for the colour x shape x speed combinations of driven objects that occur in the test split only (1 in 8)."""
    if item.drive is None:
        return False
    code = (
        list(COLOURS).index(item.colour)
        + 3 * SHAPES.index(item.shape)
        + 5 * SPEEDS.index(speed_band(item.drive))
    )
    return code % 8 == 0


def clashing(colours: list[str]) -> bool:
    """Whether two of these colours are too alike to be told apart in one scene."""
    return len(set(colours)) < len(colours) or any(len(pair & set(colours)) == 2 for pair in NEIGHBOURS)
