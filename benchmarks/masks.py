"""Seconds to interpolate and rasterise the masks of three tracks, 129 frames at 1280 x 720, on one core.

Each track is moved along a round path, turned and scaled; one of them is redrawn on the way. The naive way to compare
with warps the whole frame for every track and frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from common import deliver, parser

from comogen_demo.masks import Keyframe, Shape, make_shape
from comogen_demo.masks.motion import moment_at
from comogen_demo.masks.rasterise import blank, draw

SMOOTH = 0.5
Tracks = list[tuple[list[Shape], list[Keyframe]]]


def drawn_masks(height: int, width: int) -> list[list[np.ndarray]]:
    """The masks of each track as drawn, bool (height, width); the last track has a second one."""
    side = height / 6

    def paint(x: float, y: float, *lobes: tuple[float, float, float]) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        for dx, dy, radius in lobes:
            centre = (round(x * width + dx * side), round(y * height + dy * side))
            cv2.circle(mask, centre, round(radius * side), 1, -1)
        return mask.astype(bool)

    return [
        [paint(0.2, 0.3, (0, 0, 1), (0.8, 0.5, 0.5))],
        [paint(0.3, 0.7, (0, 0, 0.9), (-0.9, 0, 0.6), (0.7, -0.8, 0.4))],
        [paint(0.7, 0.4, (0, 0, 1)), paint(0.7, 0.6, (-0.5, 0, 0.8), (0.7, 0, 0.8))],
    ]


def make_tracks(frames: int, height: int, width: int) -> Tracks:
    """Shapes and keyframes of the three tracks: at rest, half-way, and at the end."""
    middle, end = frames // 2, frames - 1
    ways = [(0.3, 0.2), (0.35, -0.3), (-0.4, 0.15)]
    tracks = []
    for number, (masks, (right, down)) in enumerate(zip(drawn_masks(height, width), ways, strict=True)):
        ease = (0.42, 0.0, 0.58, 1.0)
        keys = [
            Keyframe(0, ease=ease),
            Keyframe(middle, right * width / 2, -down * height, 40.0, 1.25, len(masks) - 1, ease),
            Keyframe(end, right * width, down * height, 95.0, 0.8 + 0.2 * number),
        ]
        tracks.append(([make_shape(mask) for mask in masks], keys))
    return tracks


def rasterise_all(frames: int, height: int, width: int) -> np.ndarray:
    """Our way, distance fields and all: bool (frames, height, width)."""
    union = blank(frames, (height, width))
    for shapes, keys in make_tracks(frames, height, width):
        draw(union, shapes, keys, frames, SMOOTH, range(frames))
    return union


def rasterise_naively(frames: int, height: int, width: int) -> np.ndarray:
    """Every mask of every track warped over the whole frame, and united."""
    union = blank(frames, (height, width))
    for (shapes, keys), masks in zip(
        make_tracks(frames, height, width), drawn_masks(height, width), strict=True
    ):
        pictures = [mask.astype(np.float32) for mask in masks]
        for t in range(frames):
            moment = moment_at(shapes, keys, SMOOTH, t)
            assert moment is not None
            value = np.zeros((height, width), np.float32)
            for part in moment.parts:
                centre = shapes[part.shape].centre
                matrix = cv2.getRotationMatrix2D(centre, -part.rotation, part.scale)
                matrix[:, 2] += np.array([moment.x - centre[0], moment.y - centre[1]])
                value += part.weight * cv2.warpAffine(pictures[part.shape], matrix, (width, height))
            union[t] |= value > 0.5
    return union


def measure(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor, the least of `rounds` runs: what other processes add is not ours."""
    clock, processor = [], []
    for _ in range(rounds):
        began, spent = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - spent)
    return min(clock), min(processor)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, default=129, help="frames (default 129)")
    options.add_argument("--size", default="1280x720", metavar="WxH", help="of the masks (default 1280x720)")
    options.add_argument(
        "--rounds", type=int, default=5, help="runs, of which the fastest counts (default 5)"
    )
    args = options.parse_args()
    width, height = (int(side) for side in args.size.split("x"))

    cv2.setNumThreads(1)
    clock, processor = measure(lambda: rasterise_all(args.frames, height, width), args.rounds)
    naive_clock, naive_processor = measure(
        lambda: rasterise_naively(args.frames, height, width), min(args.rounds, 2)
    )
    deliver(
        {
            "frames": args.frames,
            "size": args.size,
            "tracks": len(drawn_masks(height, width)),
            "seconds": clock,
            "processor_seconds": processor,
            "naive_seconds": naive_clock,
            "naive_processor_seconds": naive_processor,
            "ratio_to_naive": processor / naive_processor,
        },
        args.json,
    )


if __name__ == "__main__":
    main()
