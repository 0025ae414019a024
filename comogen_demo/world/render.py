"""Pictures and exact masks of a scene, by casting rays with MuJoCo: no OpenGL is needed.

The camera stands still, so the table is shaded once and only the pixels that objects or shadows can reach are cast
in each frame. Two by two rays a pixel give the antialiasing; a lamp of a few points gives soft shadows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import mujoco
import numpy as np

from .physics import States, build_model
from .scene import COLOURS, SceneSpec, camera_frame, project

SUPERSAMPLE = 2
AMBIENT, DIFFUSE = 0.42, 0.66
LAMP_RADIUS = 0.55
LAMP_POINTS = 5
SHADOW_CELL = 0.07  # table units, the grid on which shadows are cast
BOUND = {"sphere": 1.0, "cube": 1.733, "cylinder": 1.415}


@dataclass(frozen=True)
class Clip:
    """A rendered scene.

    frames: uint8 (T, H, W, 3) RGB; visible, amodal: bool (T, N, H, W), what is seen of each object and what would be
    seen were it alone; a pixel belongs to an object that covers at least half of it.
    """

    scene: SceneSpec
    states: States
    frames: np.ndarray
    visible: np.ndarray
    amodal: np.ndarray

    @property
    def controlled(self) -> tuple[int, ...]:
        return self.scene.controlled

    def subject_masks(self, amodal: bool = False) -> np.ndarray:
        """Union of the controlled objects' masks, bool (T, H, W)."""
        masks = self.amodal if amodal else self.visible
        return np.asarray(masks[:, list(self.controlled)].any(1))


def render(scene: SceneSpec, states: States, size: int = 128) -> Clip:
    """Renders every state; `size` is the side of the square frame in pixels (32 to 1024)."""
    if not 32 <= size <= 1024:
        raise ValueError(f"size {size}: expected 32 to 1024 pixels")
    tracer = _Tracer(scene, size)
    shots = [tracer.shoot(p, q) for p, q in zip(states.position, states.quaternion, strict=True)]
    frames, visible, amodal = (np.stack(part) for part in zip(*shots, strict=True))
    return Clip(scene, states, frames, visible, amodal)


class _Tracer:
    """One scene's camera rays, table shading and MuJoCo geometry, set up once for all its frames."""

    def __init__(self, scene: SceneSpec, size: int):
        self.scene, self.size, self.fine = scene, size, size * SUPERSAMPLE
        self.model = build_model(scene)
        self.data = mujoco.MjData(self.model)
        self.number = len(scene.objects)
        self.eye, right, up, forward, focal = camera_frame(scene.camera)
        self.focal = focal
        axis = (np.arange(self.fine) + 0.5) / self.fine * 2 - 1
        rays = forward + axis[None, :, None] / focal * right - axis[:, None, None] / focal * up
        self.rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        self.flat_rays = self.rays.reshape(-1, 3)
        self.albedo = np.array([COLOURS[o.colour] for o in scene.objects], np.float32)
        self.shiny = np.array([o.shiny for o in scene.objects])
        self.light = np.array(scene.light)
        turn = np.arange(LAMP_POINTS) * 2 * np.pi / LAMP_POINTS
        ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], -1) * LAMP_RADIUS
        self.lamp = self.light + ring
        self._table()

    def _table(self) -> None:
        """The table without objects: its direct light and its ambient light, and where each pixel meets it."""
        rays = self.rays.reshape(self.size, SUPERSAMPLE, self.size, SUPERSAMPLE, 3).mean((1, 3))
        ground = self.eye - (self.eye[2] / rays[..., 2:]) * rays
        to_light = self.light - ground
        distance = np.linalg.norm(to_light, axis=-1)
        slope = to_light[..., 2] / distance
        falloff = (self.light[2] / distance) ** 0.5
        base = np.array(self.scene.table, np.float32)
        self.table_lit = (base * (DIFFUSE * slope * falloff)[..., None]).astype(np.float32)
        self.table_ambient = (base * AMBIENT).astype(np.float32)
        low, high = ground[..., :2].min((0, 1)) - 0.2, ground[..., :2].max((0, 1)) + 0.2
        nx, ny = np.ceil((high - low) / SHADOW_CELL).astype(int) + 1
        self.grid_x, self.grid_y = low[0] + np.arange(nx) * SHADOW_CELL, low[1] + np.arange(ny) * SHADOW_CELL
        self.grid_map = ((ground[..., :2] - low) / SHADOW_CELL).astype(np.float32)

    def shoot(
        self, position: np.ndarray, quaternion: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One state -> frame uint8 (H, W, 3), visible and amodal bool (N, H, W)."""
        self.data.qpos[:] = np.concatenate([position, quaternion], -1).ravel()
        mujoco.mj_kinematics(self.model, self.data)
        shade, ambient = self._shadows(position)
        maps = self.grid_map[..., 0], self.grid_map[..., 1]
        lit = cv2.remap(shade, *maps, cv2.INTER_LINEAR)[..., None]
        dim = cv2.remap(ambient, *maps, cv2.INTER_LINEAR)[..., None]
        table = self.table_lit * lit + self.table_ambient * dim

        boxes = [self._box(position[i], i) for i in range(self.number)]
        near = np.zeros((self.fine, self.fine), bool)
        for i, (y0, y1, x0, x1) in enumerate(boxes):
            near[y0:y1, x0:x1] |= self._within(self.rays[y0:y1, x0:x1], position[i], i)
        owner = np.full((self.fine, self.fine), -1, np.int8)
        objects = np.zeros((self.fine, self.fine, 4), np.float32)  # colour and coverage
        cells = np.flatnonzero(near)
        if len(cells):
            rays = self.flat_rays.take(cells, 0)
            hit, distance, normal = self._cast(self.eye, rays, list(range(self.number)))
            struck = np.flatnonzero(hit >= 0)
            cells, hit, rays = cells[struck], hit[struck], rays.take(struck, 0)
            points = self.eye + distance[struck, None] * rays
            colour = self._shade(hit, points, normal.take(struck, 0), rays)
            owner.ravel()[cells] = hit
            objects.reshape(-1, 4)[cells, :3] = np.clip(colour, 0, 1)
            objects.reshape(-1, 4)[cells, 3] = 1
        layer = cv2.resize(objects, (self.size, self.size), interpolation=cv2.INTER_AREA)
        frame = layer[..., :3] + (1 - layer[..., 3:]) * table
        frame = (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)
        visible = np.stack([self._coarse(owner == i) for i in range(self.number)])
        amodal = np.stack(
            [self._alone(i, position[i], boxes[i], owner, visible[i]) for i in range(self.number)]
        )
        return frame, visible, amodal

    def _cast(self, origin: np.ndarray, rays: np.ndarray, objects: list[int]) -> tuple[np.ndarray, ...]:
        """Rays (M, 3) from one point against some objects -> index or -1 (M,), distance (M,), normal (M, 3)."""
        number = len(rays)
        groups = np.zeros(6, np.uint8)
        groups[[i + 1 for i in objects]] = 1
        geom, distance, normal = np.full(number, -1, np.int32), np.zeros(number), np.zeros(number * 3)
        flat = np.ascontiguousarray(rays, float).ravel()
        mujoco.mj_multiRay(
            self.model,
            self.data,
            origin,
            flat,
            groups,
            True,
            -1,
            geom,
            distance,
            normal,
            number,
            mujoco.mjMAXVAL,
        )
        return np.where(geom > 0, geom - 1, -1), distance, normal.reshape(-1, 3)

    def _box(self, centre: np.ndarray, index: int) -> tuple[int, int, int, int]:
        """Rows and columns of the fine picture that can show an object."""
        item = self.scene.objects[index]
        radius = item.size * BOUND[item.shape]
        x, y, depth = project(self.scene.camera, centre, self.fine)
        if depth < radius * 1.5:
            return 0, self.fine, 0, self.fine
        # widened by the tilt of the line of sight against the view axis at the frame's corners
        reach = self.fine / 2 * self.focal * radius / (depth - radius) * 1.15 + 2
        spans = []
        for middle in (y, x):
            spans += [
                int(np.clip(middle - reach, 0, self.fine)),
                int(np.clip(middle + reach + 1, 0, self.fine)),
            ]
        return spans[0], spans[1], spans[2], spans[3]

    def _coarse(self, fine: np.ndarray) -> np.ndarray:
        whole = fine.view(np.uint8)
        covered = whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]
        return np.asarray(covered >= SUPERSAMPLE * SUPERSAMPLE // 2)

    def _within(self, rays: np.ndarray, centre: np.ndarray, index: int) -> np.ndarray:
        """Of rays (..., 3) from the eye, those that meet the ball around an object, bool (...)."""
        item, away = self.scene.objects[index], centre - self.eye
        beside = max(0.0, away @ away - (item.size * BOUND[item.shape] * 1.001) ** 2)
        return np.asarray(rays @ away >= np.sqrt(beside))

    def _alone(
        self,
        index: int,
        centre: np.ndarray,
        box: tuple[int, int, int, int],
        owner: np.ndarray,
        visible: np.ndarray,
    ) -> np.ndarray:
        """An object's mask without the others, bool (H, W): only where they are seen can they hide it.

        box: its rows and columns in `owner` (fine H, fine W), the object seen at each ray; visible: its mask (H, W).
        """
        y0, y1, x0, x1 = box
        seen = owner[y0:y1, x0:x1]
        rows, columns = np.nonzero((seen >= 0) & (seen != index))
        rays = self.rays[rows + y0, columns + x0]
        kept = np.flatnonzero(self._within(rays, centre, index))
        if not len(kept):
            return visible
        hit, _, _ = self._cast(self.eye, rays[kept], [index])
        fine = owner == index
        fine[rows[kept] + y0, columns[kept] + x0] = hit >= 0
        return self._coarse(fine)

    def _shadows(self, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """On the table's grid: the share of the lamp that is seen, and the share of the surroundings, float32."""
        across, down = self.grid_x, self.grid_y
        shape = len(down), len(across)
        shade, ambient = np.ones(shape, np.float32), np.ones(shape, np.float32)
        reach = np.zeros(shape, bool)
        for (x, y, z), item in zip(position, self.scene.objects, strict=True):
            radius = item.size * BOUND[item.shape]
            top = min(z + radius, self.light[2] - 1)
            stretch = top / (self.light[2] - top)
            middle_x, middle_y = x + (x - self.light[0]) * stretch / 2, y + (y - self.light[1]) * stretch / 2
            wide = (
                radius * (1 + stretch) + float(np.hypot(x - self.light[0], y - self.light[1])) * stretch / 2
            )
            limit = (wide + LAMP_RADIUS * stretch + SHADOW_CELL) ** 2
            reach |= (down[:, None] - middle_y) ** 2 + (across - middle_x) ** 2 < limit
            blur = (1.1 * item.size) ** 2
            depth = 0.5 / (1 + max(z - item.size, 0) * 4)
            ambient -= np.outer(
                depth * np.exp(-((down - y) ** 2) / blur), np.exp(-((across - x) ** 2) / blur)
            ).astype(np.float32)
        rows, columns = np.nonzero(reach)
        if len(rows):
            cells = np.stack([across[columns], down[rows], np.zeros(len(rows))], -1)
            seen = np.zeros(len(cells), np.float32)
            for point in self.lamp:
                rays = cells - point
                rays /= np.sqrt((rays * rays).sum(-1, keepdims=True))
                seen += self._cast(point, rays, list(range(self.number)))[0] < 0
            shade[rows, columns] = seen / len(self.lamp)
        return cv2.GaussianBlur(shade, (0, 0), 1.0), np.clip(ambient, 0.3, 1)

    def _shade(
        self, owner: np.ndarray, points: np.ndarray, normal: np.ndarray, rays: np.ndarray
    ) -> np.ndarray:
        """Colours (M, 3) of object points: Lambert, a brighter sky than ground, a highlight on what is shiny."""
        to_light = self.light - points
        distance = np.linalg.norm(to_light, axis=-1, keepdims=True)
        to_light /= distance
        facing = np.clip((normal * to_light).sum(-1), 0, None)
        turned = np.flatnonzero(facing)
        first, reach, _ = self._cast(self.light, -to_light[turned], list(range(self.number)))
        lit = np.zeros(len(points), bool)
        lit[turned] = (first < 0) | (reach > distance[turned, 0] - 0.02)
        facing *= lit
        sky = AMBIENT * (0.78 + 0.3 * normal[:, 2])
        colour = self.albedo[owner] * (sky + DIFFUSE * facing)[:, None]
        half = to_light - rays
        half /= np.linalg.norm(half, axis=-1, keepdims=True)
        gloss = np.clip((normal * half).sum(-1), 0, None) ** 50 * lit * self.shiny[owner]
        return (colour + 0.55 * gloss[:, None]).astype(np.float32)
