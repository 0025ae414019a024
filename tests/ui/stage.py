"""The editor by itself in a browser: its html, css and scripts on a bare page, with nothing behind it.

So a test can give it any picture and document, see each event that it sends, and read its document pixel by pixel.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Page

from comogen_demo.ui.editor import Editor

ORIGIN = "http://localhost"
URL = f"{ORIGIN}/stage"
PARTS = Editor.SOURCES
PAGE = f"""<!doctype html><meta name="viewport" content="width=device-width">
<style>body {{ margin: 12px; font-family: system-ui; --studio-accent: #4b6bfb; }}</style>
<style>{PARTS["css_template"]}</style>
<main style="max-width: 900px">{PARTS["html_template"]}</main>"""
# What gr.HTML gives its script, and the store and the pure functions handed out to the test.
SCRIPT = """props => {
    const watched = {}, sent = [];
    const watch = (names, fn) => [names].flat().forEach(name => (watched[name] ||= []).push(fn));
    const trigger = (name, data) => sent.push([name, data || {}]);
    const give = (name, value) => { props[name] = value; for (const fn of watched[name] || []) fn(); };
    const pure = new Function('element', 'props', 'trigger', 'watch',
        SOURCE + '; return {editor, migrateDoc, modelCells, modelWindow, handlesOf, gripOf, rasterMoment, shapeBits,'
        + ' moveWhole, momentAt, wrapDegrees};');
    Object.assign(window, pure(document.querySelector('main'), props, trigger, watch), {sent, give});
}""".replace("SOURCE", json.dumps(PARTS["js_on_load"]))


def png_url(pixels: np.ndarray) -> str:
    """uint8 (H, W, 3) or bool (H, W) -> a data URL of a PNG."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def read_mask(url: str) -> np.ndarray:
    """A data URL of a black and white PNG -> bool (H, W)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("L")) > 127


def track(shapes: Sequence[np.ndarray], *keyframes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A track of a document; what is not given gets its default from the editor itself."""
    return {"shapes": [png_url(shape) for shape in shapes], "keyframes": list(keyframes), **more}


class Stage:
    """The editor with a first frame uint8 (H, W, 3); places are in the frame's pixels."""

    def __init__(self, page: Page, frame: np.ndarray, tracks: Sequence[Any] = (), **props: Any):
        self.page = page
        self.errors: list[str] = []
        self.page.on("pageerror", self._note)
        self.page.goto(URL)
        self.height, self.width = frame.shape[:2]
        fitting = {"value": {"frames": 25}, "modelAspect": self.width / self.height}
        self.page.evaluate(SCRIPT, {**Editor.DEFAULTS, **fitting, **props})
        url = png_url(frame)
        self.page.evaluate("url => give('frame', {id: 'one', url, source: null})", url)
        self.page.wait_for_function("editor.frame !== null")
        if tracks:
            self.page.evaluate(
                "tracks => { const doc = migrateDoc({...editor.doc, tracks});"
                " editor.commit(doc, {seek: 0, trackId: doc.tracks[0].id}); }",
                list(tracks),
            )
            self.page.wait_for_function("editor.tracks().every(t => editor.shapes(t).every(Boolean))")
        self.settle()

    def _note(self, error: Error) -> None:
        self.errors.append(str(error))

    def settle(self) -> None:
        """Waits until what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def set(self, **state: Any) -> None:
        self.page.evaluate("state => editor.set(state)", state)
        self.settle()

    def get(self, name: str) -> Any:
        return self.page.evaluate(f"editor.{name}")

    def tracks(self) -> list[dict[str, Any]]:
        return self.page.evaluate("editor.doc.tracks")

    def mask(self, number: int = 0, shape: int = 0) -> np.ndarray:
        return read_mask(self.tracks()[number]["shapes"][shape])

    def sent(self, name: str) -> list[dict[str, Any]]:
        """The data of all events of a name so far."""
        return [data for event, data in self.page.evaluate("sent") if event == name]

    def hint(self) -> str:
        return self.page.inner_text(".hint")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in the frame -> the window."""
        box = self.page.locator("canvas").first.bounding_box()
        assert box
        return box["x"] + x * box["width"] / self.width, box["y"] + y * box["height"] / self.height

    def unit(self) -> float:
        """Frame pixels to a css pixel."""
        return self.get("unit")

    def click(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **how)
        self.settle()

    def press(self, x: float, y: float, **how: Any) -> None:
        self.page.mouse.move(*self.at(x, y))
        self.page.mouse.down(**how)

    def drag(self, *points: tuple[float, float], keys: str = "", steps: int = 4) -> None:
        """Along points with the left button, modifier keys held if any."""
        for key in keys.split():
            self.page.keyboard.down(key)
        self.press(*points[0])
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=steps)
        self.page.mouse.up()
        for key in keys.split():
            self.page.keyboard.up(key)
        self.settle()

    def fingers(self) -> Fingers:
        return Fingers(self)

    def done(self) -> None:
        """Nothing has gone wrong meanwhile."""
        self.page.remove_listener("pageerror", self._note)
        assert self.errors == [], self.errors


class Fingers:
    """Touches as the browser gets them from a screen."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.session: CDPSession = stage.page.context.new_cdp_session(stage.page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        """kind: Start, Move, End or Cancel; the points are all that touch then."""
        touches = []
        for number, point in enumerate(points):
            x, y = self.stage.at(*point)
            touches.append({"x": x, "y": y, "id": number})
        self.session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})

    def along(self, *ways: Sequence[tuple[float, float]], steps: int = 6) -> None:
        """Each finger from the first to the second place of its way, all at a time."""
        for count in range(1, len(ways) + 1):  # fingers land one after the other
            self.send("Start", *[way[0] for way in ways[:count]])
        for k in range(1, steps + 1):
            u = k / steps
            places = [(a[0] + u * (b[0] - a[0]), a[1] + u * (b[1] - a[1])) for a, b in ways]
            self.send("Move", *places)
        self.send("End")
        self.stage.settle()


@contextmanager
def windows(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A window for many stages, one after the other; options are the browser context's."""
    window = browser.new_context(viewport={"width": 1000, "height": 1000}, **options)
    window.set_default_timeout(30_000)
    window.route(URL, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    window.new_page()
    yield window
    window.close()


@contextmanager
def stages(window: BrowserContext, picture: np.ndarray) -> Iterator[Callable[..., Stage]]:
    """open_stage(*tracks, **props) for a first frame (H, W, 3), in a window that keeps nothing of the test before."""
    opened: list[Stage] = []
    desk = window.pages[0]

    def open_stage(*tracks: Any, **props: Any) -> Stage:
        opened.append(Stage(window.new_page() if opened else desk, picture, tracks, **props))
        return opened[-1]

    yield open_stage
    for one in opened:
        one.done()
    for page in window.pages[1:]:
        page.close()
    desk.mouse.move(0, 0)
    desk.evaluate("sessionStorage.clear()")
    desk.goto("about:blank")
    session = window.new_cdp_session(desk)
    session.send("Storage.clearDataForOrigin", {"origin": ORIGIN, "storageTypes": "all"})
    session.detach()
