"""How fast the motion editor follows the hand, in headless Chromium: a 1280 x 720 frame with three objects.

Dragging: the processor time of the page's main thread a frame, which other work on the machine hardly changes; and by
the clock, for every frame, what pointer event and drawing take, and the time between two frames on the screen.
Click: from the press of the button to the mask on the screen, selection included.
There is no graphics card in play, so the browser paints in software.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import statistics
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from common import ROOT, deliver, parser
from playwright.sync_api import Page, sync_playwright

from comogen_demo.ui import document
from comogen_demo.ui.engine import Embedded
from comogen_demo.ui.page import build, launch_options
from comogen_demo.ui.sessions import frame_id, png_bytes
from comogen_demo.ui.studio import Studio

WIDTH, HEIGHT, FRAMES = 1280, 720, 25
PLACES = [(300, 240), (660, 420), (980, 260)]  # of the objects, about 300 px each
COLOURS = [(212, 60, 52), (46, 160, 90), (58, 92, 214)]
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WORKSPACE = (ROOT / "comogen_demo/ui/editor/workspace.js").read_text("utf-8")
KEEP = """async ([kit, doc, data]) => new Function('doc', 'data', kit + `; return (async () => {
    const work = await openWorkspace();
    return saveWorkspace({...work, doc, image: {id: doc.image, data}, imageKept: null}); })()`)(doc, data)"""
# The mouse is down on an object. In each frame the pointer moves once; the work is what its event and all that the page
# does before the next painting take.
DRAG = """([from, to, count]) => new Promise(done => {
    const canvas = document.querySelector('#editor canvas'), plain = window.requestAnimationFrame.bind(window);
    const work = [], frames = [];
    let spent = 0, last = 0, k = 0;
    window.requestAnimationFrame = fn => plain(now => {
        const begun = performance.now();
        fn(now);
        spent += performance.now() - begun;
    });
    const step = now => {
        if (k > 1) { work.push(spent); frames.push(now - last); }
        last = now;
        spent = 0;
        if (k++ === count) { window.requestAnimationFrame = plain; done({work, frames}); return; }
        const u = (1 - Math.cos(2 * Math.PI * k / count)) / 2, begun = performance.now();
        canvas.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, pointerId: 1, isPrimary: true, buttons: 1,
            pointerType: 'mouse', clientX: from[0] + u * (to[0] - from[0]), clientY: from[1] + u * (to[1] - from[1])}));
        spent += performance.now() - begun;
        plain(step);
    };
    plain(step);
})"""
# Milliseconds from a press on the canvas to the first frame with the mask of what was pressed.
CLICK = """() => {
    const root = document.querySelector('#editor .editor'), canvas = root.querySelector('canvas');
    window.clicked = new Promise(done => canvas.addEventListener('pointerdown', () => {
        const begun = performance.now(), watch = new MutationObserver(() => {
            if (!root.classList.contains('selected')) return;
            watch.disconnect();
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
        });
        watch.observe(root, {attributes: true, attributeFilter: ['class']});
    }, {once: true}));
}"""


def first_frame() -> np.ndarray:
    """Three plain objects on a soft ground, uint8 (HEIGHT, WIDTH, 3)."""
    ground = np.linspace(150, 205, HEIGHT)[:, None, None] + np.zeros((HEIGHT, WIDTH, 3))
    picture = np.ascontiguousarray(ground.astype(np.uint8))
    for mask, colour in zip(objects(), COLOURS, strict=True):
        picture[mask] = colour
    return picture


def objects() -> list[np.ndarray]:
    """The masks of the three objects, bool (HEIGHT, WIDTH)."""
    masks = []
    for x, y in PLACES:
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.circle(drawn, (x, y), 110, 1, -1)
        cv2.ellipse(drawn, (x + 60, y + 60), (100, 60), 30, 0, 360, 1, -1)
        masks.append(drawn.astype(bool))
    return masks


def project(pixels: np.ndarray, moved: bool) -> dict[str, Any]:
    """The document of the frame; with tracks that are turned, scaled and moved on a round path if `moved`."""
    tracks = []
    for number, mask in enumerate(objects() if moved else []):
        middle = {"t": 12, "x": 40, "y": -60, "rotation": 25, "scale": 1.1, "ease": [0.42, 0, 0.58, 1]}
        tracks.append(
            {
                **{"id": str(number + 1), "name": f"object {number + 1}", "smooth": 0.5},
                **{"colour": ("#5b8cff", "#ff7a45", "#2fbf71")[number], "shapes": [document.mask_url(mask)]},
                "keyframes": [{"t": 0}, middle, {"t": 24, "x": 30, "y": 30, "rotation": 60}],
            }
        )
    return {**document.empty(FRAMES), "image": frame_id(pixels), "tracks": tracks}


@contextlib.contextmanager
def running_page() -> Iterator[str]:
    """The app without its model, which has no part in this -> its address."""
    document.MAX_SIDE = max(WIDTH, HEIGHT)  # the embedded model's page takes no frame of this size
    studio = Studio(Embedded())
    page = build(studio)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options(studio))
    try:
        yield url
    finally:
        page.close(verbose=False)


def opened(page: Page, url: str, pixels: np.ndarray, moved: bool) -> None:
    """Opens the page on a draft that the browser has kept."""
    data = "data:image/png;base64," + base64.b64encode(png_bytes(pixels)).decode()
    page.goto(url + "favicon.ico")
    if not page.evaluate(KEEP, [WORKSPACE, project(pixels, moved), data]):
        raise SystemExit("The browser keeps no drafts.")
    page.goto(url)
    page.wait_for_function(
        "() => { const canvas = document.querySelector('#editor canvas');"
        f" return canvas && Math.abs(canvas.clientWidth / canvas.clientHeight - {WIDTH / HEIGHT}) < .01 }}"
    )
    if moved:
        page.wait_for_selector("#editor .selected")
    page.wait_for_timeout(2000)  # thumbnails and fonts


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the frame is on the screen."""
    canvas = page.locator("#editor canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    return box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"]


def drag(page: Page, count: int) -> dict[str, float]:
    """Figures of one drag of the last object, the selected one, `count` frames long."""
    clock = page.context.new_cdp_session(page)
    clock.send("Performance.enable", {"timeDomain": "threadTicks"})

    def processor() -> float:
        metrics = clock.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    start, end = place(page, 980, 260), place(page, 600, 460)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 6, start[1])
    begun = processor()
    seen = page.evaluate(DRAG, [start, end, count])
    figures = {"drag_cpu_ms_per_frame": 1000 * (processor() - begun) / count}
    page.mouse.up()
    for name, values in (("work", seen["work"]), ("frame", seen["frames"])):
        figures[f"drag_{name}_ms_median"] = statistics.median(values)
        figures[f"drag_{name}_ms_95"] = statistics.quantiles(values, n=20)[-1]
    return figures


def clicks(page: Page, count: int) -> list[float]:
    """Milliseconds from a press on an object to its mask; undone after each."""
    taken = []
    for k in range(count):
        x, y = PLACES[k % len(PLACES)]
        page.evaluate(CLICK)
        page.mouse.click(*place(page, x, y))
        taken.append(page.evaluate("window.clicked"))
        page.keyboard.press("Control+z")
        page.wait_for_function("!document.querySelector('#editor .selected')")
        time.sleep(0.2)
    return taken


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, default=240, help="frames of the drag (default 240)")
    options.add_argument("--view", default="cutout", choices=("cutout", "fill", "outline", "model"))
    options.add_argument("--clicks", type=int, default=9, help="clicks (default 9)")
    args = options.parse_args()
    pixels = first_frame()
    with running_page() as url, sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        moving, still = (
            browser.new_context(viewport={"width": 1440, "height": 900}).new_page() for _ in range(2)
        )
        opened(moving, url, pixels, moved=True)
        moving.click(f"#editor [data-do=view-{args.view}]")
        drag(moving, 60)  # warms up
        figures = drag(moving, max(40, args.frames))
        moving.close()
        opened(still, url, pixels, moved=False)
        clicks(still, 2)
        taken = clicks(still, max(2, args.clicks))
        browser.close()
    figures |= {"click_to_mask_ms_median": statistics.median(taken), "click_to_mask_ms_most": max(taken)}
    deliver({"frame": f"{WIDTH} x {HEIGHT}", "tracks": len(PLACES), **figures}, args.json)


if __name__ == "__main__":
    main()
