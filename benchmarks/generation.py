"""Time to make one clip, decoding and file included, with a warm model; and what the control costs.

With and without the mask are run by turns, first one and then the other in front, and compared pair by pair: a
machine that slows down slows both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from common import deliver, parser


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="mini", help="checkpoint (default mini)")
    options.add_argument(
        "--pairs", type=int, default=8, help="clips with and without control (default 8 each)"
    )
    options.add_argument("--steps", type=int, default=None, help="denoising steps (default: the generator's)")
    args = options.parse_args()

    from comogen_demo.generate import Result, generate, load_model
    from comogen_demo.settings import Settings
    from comogen_demo.video import write_mp4
    from comogen_demo.world import caption, make_clip

    began = time.perf_counter()
    model = load_model(args.model)
    loading = time.perf_counter() - began
    settings = Settings() if args.steps is None else Settings(steps=args.steps)
    clip = make_clip("test", 0, model.height)
    given = clip.subject_masks(amodal=True)

    def seconds(controlled: bool, folder: Path) -> float:
        began = time.perf_counter()
        masks = given if controlled else None
        *_, result = generate(model, clip.frames[0], masks, caption(clip.scene), settings, previews=False)
        assert isinstance(result, Result)
        write_mp4(folder / "clip.mp4", result.frames, result.fps)
        return time.perf_counter() - began

    times: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as name:
        first = seconds(True, Path(name))
        seconds(False, Path(name))
        for pair in range(args.pairs):
            for controlled in (True, False) if pair % 2 else (False, True):
                times[controlled].append(seconds(controlled, Path(name)))
    ratios = [a / b for a, b in zip(times[True], times[False], strict=True)]
    deliver(
        {
            "model": args.model,
            "size": model.height,
            "frames": model.frames,
            "steps": settings.steps,
            "load_seconds": loading,
            "first_clip_seconds": first,
            "with_control_seconds": statistics.median(times[True]),
            "without_control_seconds": statistics.median(times[False]),
            "control_ratio": statistics.median(ratios),
            "control_ratio_low": min(ratios),
            "control_ratio_high": max(ratios),
        },
        args.json,
    )


if __name__ == "__main__":
    main()
