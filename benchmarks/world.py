"""Clips per second of the simulated world: sampled, simulated and rendered with their masks, by two processes."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

from common import deliver, parser


def start() -> None:
    import cv2

    cv2.setNumThreads(1)


def make(job: tuple[int, int]) -> int:
    """Makes one clip of the training split; returns the number of its frames."""
    from comogen_demo.world import make_clip

    index, size = job
    return len(make_clip("train", index, size).frames)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--clips", type=int, default=60, help="clips to make (default 60)")
    options.add_argument("--size", type=int, default=128, help="side of the frames in pixels (default 128)")
    options.add_argument("--processes", type=int, default=2, help="processes (default 2)")
    args = options.parse_args()

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, context, initializer=start) as pool:
        list(pool.map(make, [(10_000 + i, args.size) for i in range(2 * args.processes)]))  # imports, caches
        began = time.perf_counter()
        frames = sum(pool.map(make, [(i, args.size) for i in range(args.clips)]))
        seconds = time.perf_counter() - began
    deliver(
        {
            "size": args.size,
            "processes": args.processes,
            "clips": args.clips,
            "clips_per_second": args.clips / seconds,
            "frames_per_second": frames / seconds,
        },
        args.json,
    )


if __name__ == "__main__":
    main()
