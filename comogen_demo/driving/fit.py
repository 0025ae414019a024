"""The similarity that lays one mask onto another: least squares of the distances between their outlines."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import cv2
import numpy as np

from ..errors import UserError
from ..masks import Shape, make_shape
from .similarity import Similarity, containing, moved, overlap

# All our choice. Lengths are shares of a shape's radius, which is that of a disc of its area.
SIDE = 640  # px of the frame in which it is worked
POINTS = 400  # of an outline
ROUND = 0.05  # a shape whose outline moves by less on average, however it is turned, is round (axes 1 : 1.15)
ELONGATED = 1.5  # ratio of the axes from which on a shape points somewhere
ALIKE = 0.85  # IoU from which on two shapes are the same one
TIE = 0.02  # IoU; among fits that are as good as each other, the one that turns least
NEAR = 0.05  # distance within which outlines agree
SAME = 0.95  # IoU from which on nothing of either is hidden
MORE = 0.1  # share of the outlines that must agree better for hidden parts to be believed in
SEEN = 0.55  # share of both outlines that must agree for the rest to count as hidden
TURNS = 24  # starting angles
STEPS, ROUGH = 40, 7  # at most, of a fit and of one that is tried


def align(mask_from: np.ndarray, mask_to: np.ndarray) -> Similarity:
    """The similarity that lays `mask_from` onto `mask_to` (bool (H, W)), about the centroid of the former.

    A `mask_from` of another size is brought into mask_to's frame first, as large as fits and centred; the similarity
    is that of the frame. When a part of either is hidden, the outlines that both show count.

    A rotation is found only where there is one: neither shape is round, and either they are the same shape, or both
    are elongated (axes from 1 : 1.5 on). Of several that fit equally the smallest is taken: a square turned by 80
    degrees has turned by -10. UserError when a mask is empty.
    """
    if not mask_from.any() or not mask_to.any():
        raise UserError(
            "There is nothing to align; the subject must be visible in the clip and in the picture."
        )
    height, width = mask_to.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    shrink = containing((height, width), size)
    one = moved(mask_from, containing(mask_from.shape, (height, width)).then(shrink), size)
    other = moved(mask_to, shrink, size)
    if not one.any() or not other.any():
        raise UserError("The subject is too small to be aligned; choose a larger one.")
    source, target = outlined(one), outlined(other)
    found = shrink.then(_aligned(source, target, one, other)).then(shrink.inverse())
    return found.about(*shrink.inverse()(*source.shape.centre))


def _aligned(source: Outlined, target: Outlined, one: np.ndarray, other: np.ndarray) -> Similarity:
    """From masks bool (H, W) and their outlines: upright, turned, or laid by the part that both show."""

    def score(way: Similarity) -> float:
        return overlap(moved(one, way, (other.shape[0], other.shape[1])), other)

    turn = not source.round and not target.round
    straight = by_area(source, target)
    upright = max((refined(source, target, straight, turn=False), straight), key=score)
    turned = [refined(source, target, start) for start in _starts(source, target, straight)] if turn else []
    scored = [(score(way), way) for way in turned]
    best = max((found for found, _ in scored), default=0.0)
    likely = min(
        (way for found, way in scored if found >= best - TIE),
        key=lambda way: abs(way.rotation),
        default=upright,
    )
    if max(best, score(upright)) < SAME:
        plain = max(agreement(source, target, way) for way in (likely, upright))
        kept = [robust(source, target, start, turn) for start in _half_seen(source, target, turn)]
        seen = max(kept, key=lambda way: agreement(source, target, way))
        if agreement(source, target, seen) >= max(SEEN, plain + MORE):
            return refined(source, target, seen, turn, max(NEAR * target.radius, 1.0))
    pointed = min(source.elongation, target.elongation) >= ELONGATED
    return likely if best >= ALIKE or (pointed and best > score(upright) + TIE) else upright


@dataclass(frozen=True, eq=False)
class Outlined:
    """A shape with its outline: points (N, 2) x, y at the pixels within its edge, and slopes of its distance field."""

    shape: Shape
    points: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]
    radius: float
    elongation: float

    @cached_property
    def round(self) -> bool:
        """Whether its outline hardly moves, however it is turned about its centroid."""
        x, y = self.shape.centre
        turns = [Similarity(rotation=360 * k / TURNS, px=x, py=y) for k in range(1, TURNS)]
        moves = max(np.abs(_residuals(self, self, turn)[0]).mean() for turn in turns)
        return bool(moves < ROUND * self.radius)


def outlined(mask: np.ndarray) -> Outlined:
    """A mask bool (H, W), not empty, with its outline."""
    shape = make_shape(mask)
    y, x = np.nonzero(shape.sdf == 0.5)
    every = max(1, len(x) // POINTS)
    points = np.column_stack([x + shape.left + 0.5, y + shape.top + 0.5])[::every]
    smooth = cv2.GaussianBlur(shape.sdf, (0, 0), 1.0)  # steps of single pixels have no direction
    slopes = (
        cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32),
        cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32),
    )
    inside = np.argwhere(shape.sdf > 0)
    radius = math.sqrt(len(inside) / math.pi)
    spread = np.linalg.eigvalsh(np.cov(inside.T) + np.eye(2) / 12) if len(inside) > 1 else np.ones(2)
    return Outlined(shape, points, slopes, radius, math.sqrt(spread[1] / spread[0]))


def by_area(source: Outlined, target: Outlined, rotation: float = 0.0) -> Similarity:
    """Centroid onto centroid, area onto area, at a rotation that is given."""
    (x, y), (to_x, to_y) = source.shape.centre, target.shape.centre
    return Similarity(to_x - x, to_y - y, target.radius / source.radius, rotation, x, y)


def refined(
    source: Outlined,
    target: Outlined,
    way: Similarity,
    turn: bool = True,
    reach: float = math.inf,
    steps: int = STEPS,
) -> Similarity:
    """Gauss-Newton from a first similarity: the least squares of the distances between the outlines, both ways.

    turn: whether it may rotate. reach: px; outlines farther apart than that hardly count.
    """
    way = way.about(*source.shape.centre)
    for _ in range(steps):
        distances, rows = _residuals(source, target, way)
        weights = (1 + (distances / reach) ** 2) ** -2 if math.isfinite(reach) else np.ones_like(distances)
        if not turn:
            rows = rows * np.array([1, 0, 1, 1])
        weighted = rows * weights[:, None]
        size = np.array([source.radius, source.radius, 1, 1])  # so that all four are pixels
        normal = (weighted / size).T @ (rows / size)
        normal += 1e-3 * max(np.trace(normal), 1e-9) * np.eye(4) * np.array([1, 1 if turn else 1e3, 1, 1])
        step = -np.linalg.solve(normal, (weighted / size).T @ distances)
        step *= min(1.0, 0.3 * target.radius / max(np.abs(step).max(), 1e-9))
        a, b, dx, dy = step / size
        angle = math.radians(way.rotation)
        a, b = a + way.scale * math.cos(angle), b + way.scale * math.sin(angle)
        scale = min(max(math.hypot(a, b), way.scale / 1.5), way.scale * 1.5)
        rotation = math.degrees(math.atan2(b, a)) if turn else way.rotation
        way = Similarity(way.dx + dx, way.dy + dy, scale, rotation, way.px, way.py)
        if np.abs(step).max() < 0.005:
            break
    return way


def robust(source: Outlined, target: Outlined, way: Similarity, turn: bool) -> Similarity:
    """As `refined`, with outlines that lie far apart counting less and less: what one of the two hides drops out."""
    for reach in (0.12, NEAR):
        way = refined(source, target, way, turn, max(reach * target.radius, 1.0), ROUGH)
    return way


def agreement(source: Outlined, target: Outlined, way: Similarity) -> float:
    """The share of both outlines that lies on the other one."""
    distances, _ = _residuals(source, target, way)
    return float((np.abs(distances) < max(NEAR * target.radius, 1.0)).mean())


def _starts(source: Outlined, target: Outlined, straight: Similarity) -> list[Similarity]:
    """As it is, and the angles at which the outlines lie nearer to each other than at the neighbouring angles."""
    ways = [by_area(source, target, 360 * k / TURNS) for k in range(TURNS)]
    far = [np.abs(_residuals(source, target, way)[0]).mean() for way in ways]
    dips = [k for k in range(TURNS) if far[k] <= min(far[k - 1], far[(k + 1) % TURNS])]
    return [straight, *(ways[k] for k in sorted(dips, key=far.__getitem__)[:5])]


def _half_seen(source: Outlined, target: Outlined, turn: bool) -> list[Similarity]:
    """Where it may lie when one of the two hides a part of it: the places at which most of the outlines agrees."""
    straight, r = by_area(source, target), target.radius
    shifts, turns = (-0.3, 0.0, 0.3), (-30, -15, 0, 15, 30) if turn else (0,)

    def near(way: Similarity) -> float:
        distances, _ = _residuals(source, target, way)
        return float((1 / (1 + (distances / (0.1 * r)) ** 2)).sum())

    best = []
    for k in (0.8, 0.9, 1.0, 1.12, 1.25):
        ways = [
            replace(
                straight,
                dx=straight.dx + x * r,
                dy=straight.dy + y * r,
                scale=straight.scale * k,
                rotation=angle,
            )
            for x, y, angle in product(shifts, shifts, turns)
        ]
        best += sorted(ways, key=near, reverse=True)[:2]
    return best


def _residuals(source: Outlined, target: Outlined, way: Similarity) -> tuple[np.ndarray, np.ndarray]:
    """Distances (N,) in px of the target's frame between the outlines, and their derivatives (N, 4).

    First for the source's outline in the target's distance field, then for the target's in the source's, whose
    points move the other way. Derivatives are for scale * cos, scale * sin, x and y about the source's centroid.
    """
    angle, centre = math.radians(way.rotation), source.shape.centre
    cosine, sine = way.scale * math.cos(angle), way.scale * math.sin(angle)
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    move = np.array(way(*centre))
    from_centre = source.points - centre
    distance, slope = _field(target, from_centre @ matrix.T + move)
    back = (target.points - move) @ np.linalg.inv(matrix).T
    distance_back, slope_back = _field(source, back + centre)
    distances = np.concatenate([distance - 0.5 * way.scale, way.scale * distance_back - 0.5])
    normal = np.concatenate([slope, -slope_back @ matrix.T / way.scale])
    p = np.concatenate([from_centre, back])
    along = normal[:, 0] * p[:, 0] + normal[:, 1] * p[:, 1]
    across = normal[:, 1] * p[:, 0] - normal[:, 0] * p[:, 1]
    return distances, np.column_stack([along, across, normal])


def _field(outline: Outlined, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance (N,) and its slope (N, 2) at points (N, 2) of the frame; clamped at the field's edge."""
    shape = outline.shape
    x = (points[:, 0] - shape.left - 0.5).astype(np.float32)[None]
    y = (points[:, 1] - shape.top - 0.5).astype(np.float32)[None]
    distance, *slope = (
        cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(float)
        for field in (shape.sdf, *outline.slopes)
    )
    return distance, np.column_stack(slope)
