"""A folder of training clips: what belongs to a clip, and how it is read in the form that a backbone takes.

DIR/NAME.mp4             the video (also .mov, .webm, .mkv, .avi, .gif)
DIR/NAME.masks.zip       where the controlled subject is, a mask a frame (also .npz, .mp4, .gif, or a folder NAME.masks)
DIR/NAME.txt             what happens, in one line
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...errors import UserError
from ...images import fit_image
from ...masks import fit_mask, load_masks, save_masks
from ...video import read_video, write_mp4

VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")
MASKS = (".masks.zip", ".masks.npz", ".masks", *(f".masks{suffix}" for suffix in VIDEOS))
SAME_RATE = (
    0.05  # a video whose rate differs by less is taken frame by frame (25 a second for 24): our choice
)
MAX_CAPTION = 2000  # characters


@dataclass(frozen=True)
class Form:
    """What a backbone takes: `frames` pictures of height x width pixels, `fps` a second."""

    frames: int
    fps: float
    height: int
    width: int


@dataclass(frozen=True)
class Clip:
    """frames uint8 (T, H, W, 3), masks bool (T, H, W), both in the `Form` asked for."""

    name: str
    frames: np.ndarray
    masks: np.ndarray
    caption: str


@dataclass(frozen=True)
class Finding:
    """What a checker or a converter says of one clip: what is wrong, or "" where it is good; note: what to look at."""

    name: str
    fault: str = ""
    note: str = ""


def clip_names(folder: Path) -> list[str]:
    """The clips of a folder, sorted: every name that has a video, masks or a caption.

    Raises UserError if there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}: give one that holds NAME.mp4, NAME.masks.zip and NAME.txt."
        )
    names = {name for path in folder.iterdir() if (name := _clip_of(path)) is not None}
    if not names:
        raise UserError(f"{folder} holds no clip: put NAME.mp4, NAME.masks.zip and NAME.txt there for each.")
    return sorted(names)


def read_clip(folder: Path, name: str, form: Form | None = None) -> Clip:
    """One clip, cropped about its centre to the form's aspect, scaled, and sampled at its rate from the first frame on.

    Without a form it is read as it is. Raises UserError for whatever keeps it from being used.
    """
    video, masks_path = _only(folder, name, VIDEOS, "video"), _only(folder, name, MASKS, "mask file")
    caption = read_caption(folder / f"{name}.txt")
    frames, fps = read_video(video)
    masks = load_masks(masks_path, len(frames), frames.shape[1:3])
    if form is None:
        return Clip(name, frames, masks, caption)
    times = frame_times(len(frames), fps, form)
    frames, masks = _fitted(frames[times], masks[times], form)
    if not masks.any():
        raise UserError(
            f"The subject is not seen in the {form.frames} frames, cropped to {form.width}:{form.height}, "
            "that the backbone takes: cut the video to where it is."
        )
    if masks.reshape(len(masks), -1).all(1).any():
        raise UserError("A mask covers its whole frame: mark the subject alone.")
    return Clip(name, frames, masks, caption)


def frame_times(count: int, fps: float, form: Form) -> list[int]:
    """Which of `count` frames at `fps` make the form's frames. UserError for a video too short or too slow."""
    step = fps / form.fps
    if abs(step - 1) <= SAME_RATE:
        step = 1.0
    needed = round((form.frames - 1) * step) + 1
    if step < 1:
        raise UserError(
            f"The video has {fps:g} frames a second where the backbone makes {form.fps:g}: "
            "give one that has at least as many."
        )
    if needed > count:
        raise UserError(
            f"The video has {count} frames at {fps:g} a second where {needed} are needed "
            f"({form.frames} at {form.fps:g}): give a longer one."
        )
    return [round(k * step) for k in range(form.frames)]


def check(folder: Path, form: Form | None = None) -> Iterator[Finding]:
    """Reads every clip as training would, and says what is wrong with it."""
    for name in clip_names(folder):
        try:
            read_clip(folder, name, form)
            yield Finding(name)
        except UserError as error:
            yield Finding(name, str(error))


def write_clip(
    folder: Path, name: str, frames: np.ndarray, masks: np.ndarray, caption: str, fps: float
) -> None:
    """Writes a clip: frames uint8 (T, H, W, 3), masks bool (T, H, W). The caption comes last and marks it as whole."""
    folder.mkdir(parents=True, exist_ok=True)
    write_mp4(folder / f"{name}.mp4", frames, fps)
    save_masks(folder / f"{name}.masks.zip", masks)
    (folder / f"{name}.txt").write_text(caption + "\n", encoding="utf-8")


def _clip_of(path: Path) -> str | None:
    """The clip that a file belongs to, or None for other files."""
    if path.name.startswith("."):
        return None
    for ending in (*MASKS, *VIDEOS, ".txt"):  # the longer ones first: NAME.masks.mp4 is no video NAME.masks
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return None


def _only(folder: Path, name: str, endings: Sequence[str], what: str) -> Path:
    found = [path for ending in endings if (path := folder / f"{name}{ending}").exists()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"There is no {what} {name}{endings[0]}: add it, or take the clip out.")
    raise UserError(f"There are both {found[0].name} and {found[1].name}: keep one.")


def read_caption(path: Path) -> str:
    """The caption in a text file, on one line. UserError if it is missing, empty or over MAX_CAPTION characters."""
    if not path.is_file():
        raise UserError(f"There is no caption {path.name}: write down in one line what happens.")
    try:
        text = " ".join(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path.name} is no text in UTF-8: write the caption again.") from None
    if not 0 < len(text) <= MAX_CAPTION:
        raise UserError(
            f"{path.name} holds {len(text)} characters: write down what happens in 1 to {MAX_CAPTION}."
        )
    return text


def _fitted(frames: np.ndarray, masks: np.ndarray, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Both cropped and scaled to the form's size."""
    aspect, size = form.width / form.height, (form.width, form.height)
    pictures, found = [], []
    for frame, mask in zip(frames, masks, strict=True):
        picture, fit = fit_image(frame, aspect, max(size))
        how = cv2.INTER_AREA if picture.shape[0] > form.height else cv2.INTER_CUBIC
        pictures.append(cv2.resize(picture, size, interpolation=how))
        cropped = fit_mask(mask, frame.shape[:2], fit).astype(np.uint8) * 255
        found.append(cv2.resize(cropped, size, interpolation=cv2.INTER_LINEAR) >= 128)
    return np.stack(pictures), np.stack(found)
