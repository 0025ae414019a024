"""The motion of a scene, by MuJoCo."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from .scene import DURATION, FPS, FRAMES, Drive, ObjectSpec, SceneSpec

STEP = 0.0025  # seconds; 32 steps a frame
SUBSTEPS = round(1 / FPS / STEP)
Pose = tuple[float, float, float]
KINEMATIC_MASS = 1000.0  # times its own: what is forced does not recoil
# Object against object: stiffness and damping for a restitution of about 0.7 (solref in MuJoCo's direct form).
# The table has priority with MuJoCo's damped default, so that nothing bounces off it.
XML = """
<mujoco>
  <option timestep="{step}" gravity="0 0 -9.81" integrator="implicitfast"/>
  <worldbody>
    <geom type="plane" size="50 50 1" group="0" priority="1" friction="{friction} 0.004 0.0008" condim="6"/>
    {bodies}
  </worldbody>
</mujoco>
"""
BODY = """
    <body pos="{x} {y} {z}" euler="0 0 {yaw}">
      <joint type="free" damping="{damping}"/>
      <geom type="{type}" size="{size}" group="{group}" mass="{mass}" friction="0.12 0.004 0.0008" condim="6"
            solref="-20000 -32"/>
    </body>
"""


@dataclass(frozen=True)
class Contact:
    """The first touch of two objects, by index (a < b), and the frame in whose interval it fell."""

    frame: int
    a: int
    b: int


@dataclass(frozen=True)
class States:
    """position (T, N, 3) in units, quaternion (T, N, 4) as w x y z, the first contact of every pair that touched."""

    position: np.ndarray
    quaternion: np.ndarray
    contacts: tuple[Contact, ...]


def build_model(scene: SceneSpec) -> mujoco.MjModel:
    """The scene as a MuJoCo model: geom 0 is the table (group 0), geom i + 1 is object i (group i + 1)."""
    bodies = "".join(_body(i, o) for i, o in enumerate(scene.objects))
    return mujoco.MjModel.from_xml_string(XML.format(step=STEP, friction=0.12, bodies=bodies))


def _body(index: int, item: ObjectSpec) -> str:
    kinds = {"sphere": "sphere", "cube": "box", "cylinder": "cylinder"}
    numbers = {"sphere": 1, "cube": 3, "cylinder": 2}[item.shape]
    volume = {"sphere": 4.19, "cube": 8.0, "cylinder": 6.28}[item.shape] * item.size**3
    forced = item.drive is not None and item.drive.kind == "kinematic"
    mass = volume * (KINEMATIC_MASS if forced else 1.0)
    return BODY.format(
        x=item.x,
        y=item.y,
        z=item.size,
        yaw=np.degrees(item.yaw),
        damping=0.0 if forced else 0.35 * mass,
        type=kinds[item.shape],
        size=" ".join([str(item.size)] * numbers),
        group=index + 1,
        mass=mass,
    )


def simulate(scene: SceneSpec) -> States:
    """Runs the scene for 25 frames at 12.5 frames a second; frame 0 is the scene as drawn."""
    model = build_model(scene)
    data = mujoco.MjData(model)
    number = len(scene.objects)
    forced = [
        (i, o) for i, o in enumerate(scene.objects) if o.drive is not None and o.drive.kind == "kinematic"
    ]
    for i, o in enumerate(scene.objects):
        if o.drive is not None and o.drive.kind == "dynamic":
            vx, vy = o.drive.velocity
            data.qvel[6 * i : 6 * i + 2] = vx, vy
            if o.shape == "sphere":  # rolling, not skidding; free joints turn in the body's own axes
                spin = np.array([-vy / o.size, vx / o.size, 0.0])
                local = np.zeros(3)
                inverse = np.zeros(4)
                mujoco.mju_negQuat(inverse, data.qpos[7 * i + 3 : 7 * i + 7])
                mujoco.mju_rotVecQuat(local, spin, inverse)
                data.qvel[6 * i + 3 : 6 * i + 6] = local
    position = np.empty((FRAMES, number, 3))
    quaternion = np.empty((FRAMES, number, 4))
    first: dict[tuple[int, int], int] = {}
    for frame in range(FRAMES):
        pose = data.qpos.reshape(number, 7)
        position[frame], quaternion[frame] = pose[:, :3], pose[:, 3:]
        if frame == FRAMES - 1:
            break
        for _ in range(SUBSTEPS):
            for i, o in forced:
                _force(data, i, o)
            mujoco.mj_step(model, data)
            for one, two in data.contact.geom[: data.ncon]:
                if one > 0 and two > 0:
                    first.setdefault((int(min(one, two)) - 1, int(max(one, two)) - 1), frame)
        for i, o in forced:
            _force(data, i, o)
    contacts = tuple(Contact(f, a, b) for (a, b), f in sorted(first.items(), key=lambda kv: kv[1]))
    return States(position, quaternion, contacts)


def rest(scene: SceneSpec) -> States:
    """The scene's first frame alone, T = 1, with no physics run."""
    yaw = np.array([o.yaw for o in scene.objects]) / 2
    position = np.array([[o.x, o.y, o.size] for o in scene.objects])[None]
    quaternion = np.stack([np.cos(yaw), 0 * yaw, 0 * yaw, np.sin(yaw)], -1)[None]
    return States(position, quaternion, ())


def _force(data: mujoco.MjData, index: int, item: ObjectSpec) -> None:
    """Puts a kinematic object where its path has it now, with the path's velocity."""
    assert item.drive is not None
    (x, y, yaw), (vx, vy, turn) = forced_pose(item.drive, item.yaw, data.time)
    data.qpos[7 * index : 7 * index + 7] = x, y, item.size, math.cos(yaw / 2), 0, 0, math.sin(yaw / 2)
    data.qvel[6 * index : 6 * index + 6] = vx, vy, 0, 0, 0, turn


def forced_pose(drive: Drive, yaw: float, time: float) -> tuple[Pose, Pose]:
    """(x, y, yaw) of a kinematic object at `time` seconds, and its rate of change a second."""
    share = min(time / DURATION, 1.0)
    end = 0.6 if drive.ease == "stop" else 1.0
    u = min(share / end, 1.0)
    rate = 1 / (DURATION * end) if share < end else 0.0
    if drive.ease == "linear":
        s, ds = u, rate
    else:
        s, ds = u * u * (3 - 2 * u), 6 * u * (1 - u) * rate
    left = 1 - s
    weights = (left**3, 3 * s * left**2, 3 * s * s * left, s**3)
    slopes = (-3 * left**2, 3 * left**2 - 6 * s * left, 6 * s * left - 3 * s * s, 3 * s * s)
    x, y = (sum(w * p[axis] for w, p in zip(weights, drive.path, strict=True)) for axis in (0, 1))
    vx, vy = (ds * sum(w * p[axis] for w, p in zip(slopes, drive.path, strict=True)) for axis in (0, 1))
    return (x, y, yaw + drive.spin * s), (vx, vy, drive.spin * ds)
