"""The built-in selection and tracking against the truth: in the simulated world, or on real clips.

In the world's test split:
- click: one click in the middle (the pixel farthest from the outline) of each object in sight, J of what it selects;
- track: the leading subject, its visible mask given in the first frame, through the first clips in which another object
  covers over a quarter of its outline in some frame; J, F and J&F are means over all later frames, then over clips;
- hard: the same clips without colours and with every third frame only, made to fail: does the confidence tell?
J (IoU) and F (contours) are those of the DAVIS benchmark. A share has Wilson's 95 % interval, a mean over clips the
bootstrap's. `unsure` is a confidence below what the page marks as doubtful; wrong is J < 0.5, right is J >= 0.8, and
open is right with the subject in full sight or nearly so.

With --media DIR: real clips, DIR/NAME/frames/*.jpg and DIR/NAME/masks/*.png (palette, 0 is the background, the stem
that of a frame). An object is tracked from its first mask to the first frame, or from there to the last, and then all
the way to the other end: J where it was given says what is left of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common import deliver, parser

if TYPE_CHECKING:
    import numpy as np

Figures = dict[str, float | int | str]
COVERED = 0.25  # share of a subject's outline that another object covers in a clip with an occlusion
SEARCH = 64  # px of the clips in which these are looked for
STRIDE = 3  # frames a step of the hard clips
WRONG, RIGHT = 0.5, 0.8  # J below which a mask is wrong, and from which on it is right
SHEET, COLUMNS = 12, 4  # frames on a sheet, and in a row of it


def start() -> None:
    import cv2

    cv2.setNumThreads(1)


# In the world


def click(index: int, size: int) -> list[tuple[float, float]]:
    """J and seconds of one click in the middle of each object in sight of a test scene."""
    import cv2
    import numpy as np

    from comogen_demo.evaluation.regions import region_similarity
    from comogen_demo.selection.builtin import BuiltIn
    from comogen_demo.world import first_frame, sample_scene

    frame, masks = first_frame(sample_scene("test", index), size)
    results = []
    for mask in (mask for mask in masks if mask.any()):
        depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        began = time.process_time()
        selected, _ = BuiltIn().select(frame, [(column + 0.5, row + 0.5, True)])
        results.append((region_similarity(selected, mask), time.process_time() - began))
    return results


def occluded(index: int) -> bool:
    """Whether another object covers enough of the leading subject of a test clip after the first frame."""
    from comogen_demo.world import make_clip

    clip = make_clip("test", index, SEARCH)
    subject = clip.controlled[0]
    shown, whole = (masks[1:, subject].sum((1, 2)) for masks in (clip.visible, clip.amodal))
    return bool(clip.visible[0, subject].any() and (shown < (1 - COVERED) * whole).any())


def track(index: int, size: int, hard: bool, sheets: Path | None) -> list[tuple[float, ...]]:
    """For each frame after the first of a test clip: J, F, confidence, share of the subject in sight, seconds."""
    import numpy as np

    from comogen_demo.evaluation.regions import contour_accuracy, region_similarity
    from comogen_demo.selection.builtin import BuiltIn
    from comogen_demo.world import make_clip

    clip = make_clip("test", index, size)
    step, subject = STRIDE if hard else 1, clip.controlled[0]
    frames, truth, whole = clip.frames[::step], clip.visible[::step, subject], clip.amodal[::step, subject]
    if hard:
        frames = np.repeat(frames.mean(3, keepdims=True).astype(np.uint8), 3, axis=3)
    results: list[tuple[float, ...]] = []
    seen = []
    began = time.process_time()
    for one in BuiltIn().track(frames, {0: truth[0]}, 0, len(frames)):
        seconds = time.process_time() - began
        true = truth[one.index]
        share = float(true.sum() / max(whole[one.index].sum(), 1))
        score = region_similarity(one.mask, true), contour_accuracy(one.mask, true)
        results.append((*score, one.confidence, share, seconds))
        seen.append(one)
        began = time.process_time()
    if sheets:
        write_sheet(sheets / f"test{index}{'-hard' * hard}.png", frames, truth[0], seen)
    return results


def first(number: int, pool: Executor, function: Callable[[int], Any]) -> Iterator[tuple[int, Any]]:
    """0, 1, 2, ... each with what a function makes of it, where that is true or not empty: `number` of them."""
    indices, found = count(), 0
    while found < number:
        batch = list(islice(indices, 16))
        for index, result in zip(batch, pool.map(function, batch), strict=True):
            if result and found < number:
                found += 1
                yield index, result


def in_the_world(args: argparse.Namespace) -> Figures:
    import numpy as np

    context = multiprocessing.get_context("spawn")
    figures: Figures = {}
    with ProcessPoolExecutor(args.processes, context, initializer=start) as pool:
        for size in args.click_sizes if args.objects else ():
            scenes = first(args.objects, pool, partial(click, size=size))  # each has an object in sight
            clicks = np.array([one for _, scene in scenes for one in scene][: args.objects])
            good = clicks[:, 0] >= 0.95
            figures |= {
                f"click_{size}_objects": len(clicks),
                f"click_{size}_J": float(clicks[:, 0].mean()),
                f"click_{size}_J>=0.95": with_interval(good.mean(), *wilson(int(good.sum()), len(good))),
                f"click_{size}_ms": 1e3 * float(np.median(clicks[:, 1])),
            }
        found = [index for index, _ in first(args.clips, pool, occluded)]
        if found:
            figures |= {"clips": len(found), "clips_size": args.size, "last_clip": found[-1]}
        for name, hard in (("track", False), ("hard", True)) if found else ():
            run = partial(track, size=args.size, hard=hard, sheets=args.sheet)
            clips = [np.array(clip) for clip in pool.map(run, found)]
            figures |= {f"{name}_{key}": value for key, value in summary(clips).items()}
    return figures


def summary(clips: list[np.ndarray]) -> Figures:
    """Of the clips' frames (T, 5): J, F, confidence, share in sight, seconds."""
    import numpy as np

    from comogen_demo.selection.interface import UNSURE

    means = np.array([clip[:, :2].mean(0) for clip in clips])
    j, _, confidence, share, seconds = np.concatenate(clips).T
    unsure, wrong, right, open_ = (
        confidence < UNSURE,
        j < WRONG,
        (j >= RIGHT) & (share > 0),
        share > 1 - COVERED,
    )
    return {
        "J": float(means[:, 0].mean()),
        "F": float(means[:, 1].mean()),
        "J&F": with_interval(means.mean(), *bootstrap(means.mean(1))),
        "J&F_worst_clip": float(means.mean(1).min()),
        "J_half_covered": float(j[(share > 0) & (share < 0.5)].mean()),
        "wrong_frames": int(wrong.sum()),
        "wrong_are_unsure": share_of(unsure, wrong),
        "right_frames": int(right.sum()),
        "right_are_unsure": share_of(unsure, right),
        "open_are_unsure": share_of(unsure, right & open_),
        "ms_a_frame": 1e3 * float(np.median(seconds)),
    }


def share_of(what: np.ndarray, among: np.ndarray) -> str:
    hits, total = int((what & among).sum()), int(among.sum())
    return with_interval(hits / total, *wilson(hits, total)) if total else "there are none"


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z = 1.96
    middle = (hits + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * (hits * (total - hits) / total + z * z / 4) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean of values (n,)."""
    import numpy as np

    draws = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    low, high = np.quantile(values[draws].mean(1), (0.025, 0.975))
    return float(low), float(high)


def with_interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


# On real clips


def on_media(args: argparse.Namespace) -> Figures:
    start()
    folders = sorted(path.parent for path in args.media.glob("*/frames"))
    if not folders:
        raise SystemExit(f"{args.media} holds no folders with frames: expected NAME/frames/*.jpg in it.")
    figures: Figures = {}
    for folder in folders:
        frames, objects, scale = read_media(folder, args.side)
        for name, *box in args.box or []:
            if name == folder.name:
                objects[f"box{len(objects)}"] = 0, boxed(frames[0], [float(edge) * scale for edge in box])
        for name, (at, mask) in objects.items():
            sheet = args.sheet / f"{folder.name}-{name}.png" if args.sheet else None
            found = there_and_back(frames, at, mask, sheet)
            figures |= {f"{folder.name}_{name}_{key}": value for key, value in found.items()}
    return figures


def read_media(folder: Path, side: int) -> tuple[np.ndarray, dict[str, tuple[int, np.ndarray]], float]:
    """Frames (T, H, W, 3) uint8 of at most `side` px, each object's first frame with a mask and that, and the scale."""
    import cv2
    import numpy as np
    from PIL import Image

    paths = sorted((folder / "frames").glob("*.jpg"))
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    scale = min(1.0, side / max(pictures[0].shape))
    size = round(pictures[0].shape[1] * scale), round(pictures[0].shape[0] * scale)
    frames = np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures])
    objects: dict[str, tuple[int, np.ndarray]] = {}
    for at, path in enumerate(paths):
        labels = folder / "masks" / f"{path.stem}.png"
        if labels.exists():
            palette = cv2.resize(np.asarray(Image.open(labels)), size, interpolation=cv2.INTER_NEAREST)
            for number in np.unique(palette[palette > 0]):
                objects.setdefault(f"object{number}", (at, palette == number))
    return frames, objects, scale


def boxed(frame: np.ndarray, box: list[float]) -> np.ndarray:
    from comogen_demo.selection.builtin import BuiltIn

    left, top, right, bottom = box
    return BuiltIn().select(frame, box=(left, top, right, bottom))[0]


def there_and_back(frames: np.ndarray, at: int, mask: np.ndarray, sheet: Path | None) -> Figures:
    """An object given at a frame, tracked to one end of the clip and from there to the other."""
    from comogen_demo.evaluation.regions import contour_accuracy, region_similarity
    from comogen_demo.selection.builtin import BuiltIn
    from comogen_demo.selection.interface import UNSURE

    last, selector = len(frames) - 1, BuiltIn()
    end, stop, other = (0, -1, last + 1) if at else (last, last + 1, -1)
    began = time.process_time()
    there = list(selector.track(frames, {at: mask}, at, stop))
    seconds = time.process_time() - began
    figures: Figures = {
        "given_at": at,
        "frames": len(there),
        "unsure": sum(one.confidence < UNSURE for one in there),
        "ms_a_frame": 1e3 * seconds / max(1, len(there)),
    }
    if not there or not there[-1].mask.any():
        return figures | {"lost": 1}
    back = list(selector.track(frames, {end: there[-1].mask}, end, other))
    again = next(one for one in back if one.index == at)
    if sheet:
        write_sheet(sheet, frames, there[-1].mask if at else mask, back if at else there)
    return figures | {
        "back_J": region_similarity(again.mask, mask),
        "back_F": contour_accuracy(again.mask, mask),
        "back_sure": again.confidence,
    }


def write_sheet(path: Path, frames: np.ndarray, given: np.ndarray, seen: list) -> None:
    """Up to SHEET frames with masks in red, outlines in yellow and confidences; the first with the mask given."""
    import cv2
    import numpy as np

    from comogen_demo.evaluation.regions import contour

    chosen = np.unique(np.linspace(0, len(seen), min(SHEET, len(seen) + 1)).round().astype(int))
    tiles = []
    for number in chosen:
        index, mask, said = 0, given, "given"
        if number:
            one = seen[number - 1]
            index, mask, said = one.index, one.mask, f"{one.confidence:.2f}"
        tile = frames[index].copy()
        tile[mask] = tile[mask] // 2 + np.array([127, 0, 0], np.uint8)
        tile[contour(mask)] = 255, 255, 0
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(tile, f"{index}: {said}", (4, 14), 0, 0.45, colour, width, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows)[:, :, ::-1])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--objects", type=int, default=300, help="objects to click (default 300)")
    options.add_argument(
        "--click-sizes",
        type=int,
        nargs="+",
        default=[512, 128],
        metavar="PX",
        help="sides of the frames to click in (default 512, the editor's, and 128)",
    )
    options.add_argument("--clips", type=int, default=60, help="clips to track through (default 60)")
    options.add_argument("--size", type=int, default=128, help="side of these clips in px (default 128)")
    options.add_argument("--processes", type=int, default=2, help="processes (default 2)")
    options.add_argument("--media", type=Path, metavar="DIR", help="real clips instead of the world")
    options.add_argument("--side", type=int, default=640, help="longer side of real clips (default 640 px)")
    options.add_argument(
        "--box",
        nargs=5,
        action="append",
        metavar=("NAME", "LEFT", "TOP", "RIGHT", "BOTTOM"),
        help="what to select in the first frame of a real clip, in its own px; may be repeated",
    )
    options.add_argument(
        "--sheet", type=Path, metavar="DIR", help="write a sheet of frames with masks per track"
    )
    args = options.parse_args()
    deliver(on_media(args) if args.media else in_the_world(args), args.json)


if __name__ == "__main__":
    main()
