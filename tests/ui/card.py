"""The driving video's card in the words of the tests: a clip that is easy to follow, and what a person does with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from comogen_demo.selection.builtin import BuiltIn
from comogen_demo.selection.interface import Tracked
from comogen_demo.ui import document
from tests.ui.screen import Screen

HEIGHT, WIDTH, COUNT, FPS = 180, 320, 24, 12.0
CARD = "#driving .driving"
TEXT = "name => document.querySelector(`#driving .${name}`)?.textContent ?? ''"


def way(t: int) -> tuple[float, float]:
    """Where the disc of the clip is at frame t, in px."""
    return 60 + 8 * t, 90 + 20 * np.sin(t / 4)


def disc(t: int, radius: float = 26) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    x, y = way(t)
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def clip_frames() -> np.ndarray:
    """A red disc that goes to the right over a grey floor: uint8 (COUNT, HEIGHT, WIDTH, 3)."""
    frames = np.empty((COUNT, HEIGHT, WIDTH, 3), np.uint8)
    frames[:] = np.linspace(90, 130, WIDTH)[None, None, :, None]
    for t in range(COUNT):
        frames[t][disc(t)] = (210, 40, 40)
    return frames


def red_of(frame: np.ndarray) -> np.ndarray:
    return (frame[:, :, 0].astype(int) - frame[:, :, 1]) > 80


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max(1, (a | b).sum())


class Flat(BuiltIn):
    """A selector that needs no searching in the clip: the red pixels. In frames 15 to 17 it says that it is not sure.

    Its track is what it was given last, moved on to the red of the frame, so a correction is seen in what follows.
    `pause` holds it at frame 8.
    """

    name = "red"
    pause: threading.Event | None = None

    def select(
        self, frame: np.ndarray, points: Any = (), box: Any = None, mask: Any = None
    ) -> tuple[np.ndarray, float]:
        if frame.shape[:2] != (HEIGHT, WIDTH):  # the page's picture
            return super().select(frame, points, box, mask)
        red = red_of(frame)
        if box is not None:
            left, top, right, bottom = (int(edge) for edge in box)
            inside = np.zeros_like(red)
            inside[top:bottom, left:right] = red[top:bottom, left:right]
            return inside, 0.9 if inside.any() else 0.0
        x, y, positive = points[-1]
        if positive:
            hit = red[int(y), int(x)]
            return (red if hit else np.zeros_like(red)), 0.9 if hit else 0.0
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        return mask & (np.hypot(rows - y, columns - x) >= 12), 0.9

    def track(self, frames: np.ndarray, given: Any, start: int, stop: int) -> Iterator[Tracked]:
        share = given[start].sum() / red_of(frames[start]).sum()
        for index in range(start + 1, stop) if stop > start else range(start - 1, stop, -1):
            if self.pause is not None and index == 8:
                assert self.pause.wait(60)
            mask = red_of(frames[index])
            if share < 0.95:  # what was taken away stays away
                mask[:, : int(np.argwhere(mask)[:, 1].mean())] = False
            yield Tracked(index, mask, 0.3 if 15 <= index <= 17 else 0.9)


class FlatModels:
    """As selection.choice.Models. weights: whether its work must go through the worker."""

    def __init__(self) -> None:
        self.flat, self.weights = Flat(), False

    def selector(self) -> Flat:
        return self.flat

    def uses_weights(self) -> bool:
        return self.weights

    def note(self) -> str:
        return "Red pixels are selected."

    def make_room(self) -> None:
        pass


class Card:
    """What a person does with the card. Places are in px of the clip, `size` (width, height)."""

    def __init__(self, screen: Screen, size: tuple[int, int] = (WIDTH, HEIGHT)):
        self.screen, self.page, self.size = screen, screen.page, size

    def open(self) -> None:
        if not self.page.locator(f"{CARD}[open]").count():
            self.page.click(f"{CARD} summary")

    def give(self, path: Path) -> None:
        self.open()
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("#driving [data-do=choose]:visible").click()
        chooser.value.set_files(path)

    def bring(self, path: Path) -> None:
        self.give(path)
        self.stage("cut")
        self.do("cut")
        self.stage("work")

    def stage(self, name: str) -> None:
        self.page.wait_for_selector(f"{CARD}[data-stage={name}]")
        self.idle()

    def do(self, name: str) -> None:
        self.page.click(f"#driving [data-do={name}]:visible")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"#driving [data-field={name}]", value)
        self.page.keyboard.press("Tab")

    def number(self, name: str) -> float:
        return float(self.page.input_value(f"#driving [data-field={name}]"))

    def idle(self) -> None:
        self.page.wait_for_selector(f"{CARD}:not(.busy)")

    def says(self, name: str, part: str) -> None:
        """Waits until a text of the card (by its class) has this in it."""
        self.page.wait_for_function(f"([name, part]) => ({TEXT})(name).includes(part)", arg=[name, part])

    def told(self, part: str) -> str:
        self.says("told", part)
        self.idle()
        return self.page.inner_text("#driving .told")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in the frame -> the window."""
        canvas = self.page.locator("#driving canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box
        return box["x"] + x / self.size[0] * box["width"], box["y"] + y / self.size[1] * box["height"]

    def click(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **how)
        self.idle()

    def box(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=4)
        self.page.mouse.up()
        self.idle()

    def given(self, count: int) -> None:
        """Waits until so many masks are given by hand."""
        found = "() => document.querySelectorAll('#driving .sure .given').length"
        self.page.wait_for_function(f"count => ({found})() === count", arg=count)
        self.idle()

    def seek(self, t: int) -> None:
        self.page.focus("#driving .time")
        self.page.keyboard.press("Home")
        for _ in range(t):
            self.page.keyboard.press("ArrowRight")
        assert self.clock().startswith(f"{t + 1} /")

    def clock(self) -> str:
        return self.page.inner_text("#driving .clock")

    def track(self) -> str:
        self.do("track")
        return self.told("racked")

    def pick_and_track(self, t: int = 0) -> None:
        self.seek(t)
        self.click(*way(t))
        self.given(1)
        self.track()

    def put(self, part: str) -> str:
        """Uses the motion, and is told so."""
        self.do("put")
        return self.told(part)

    def id(self) -> str | None:
        return self.page.evaluate(
            "() => localStorage.getItem('comogen:clip:' + sessionStorage.getItem('comogen:tab'))"
        )

    def owner(self) -> str:
        return self.page.evaluate("() => localStorage.getItem('comogen:owner')")


def clip_of(server: Any, card: Card) -> Any:
    return server.studio.clips.get(card.id(), card.owner())


def cut_of(server: Any, card: Card) -> Any:
    return clip_of(server, card).part()


def masks_of(track: dict[str, Any], frames: int = 25) -> np.ndarray:
    """A track of the browser's document, rasterised: bool (frames, H, W)."""
    return document.read({**document.empty(frames), "tracks": [track]}).masks()


def tracks_of(screen: Screen, count: int) -> list[dict[str, Any]]:
    """The editor's tracks, once there are so many."""
    for _ in range(100):
        tracks = screen.tracks()
        if len(tracks) == count:
            return tracks
        screen.page.wait_for_timeout(100)
    raise AssertionError(f"there are {len(tracks)} tracks where {count} were to come")


def middle(mask: np.ndarray) -> tuple[float, float]:
    """x, y of a mask's centroid."""
    row, column = np.argwhere(mask).mean(0) + 0.5
    return column, row
