"""A server with a fake model in this process, and a real Chromium to open it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize, sync_playwright

from comogen_demo.ui.page import build, launch_options
from comogen_demo.ui.studio import Studio
from comogen_demo.video import write_mp4
from tests.ui.card import FPS, Card, FlatModels, clip_frames
from tests.ui.fake import BuiltInModels, FakeEngine, FakeModels
from tests.ui.screen import Screen

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"]
BLANK = "about:blank"
WINDOW: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


class Server:
    """A running page with its studio; models: what selects and finds, in place of the studio's own."""

    def __init__(
        self,
        engine: FakeEngine,
        models: BuiltInModels | FakeModels | None = None,
        downloads: bool = False,
        backbones: Sequence[str] = (),
    ):
        self.engine, self.studio = engine, Studio(engine, backbones=backbones)
        if models is not None:
            self.studio.models = models
        self.page = build(self.studio, downloads)
        _, self.url, _ = self.page.launch(prevent_thread_lock=True, quiet=True, **launch_options(self.studio))

    def close(self) -> None:
        self.page.close(verbose=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server(FakeEngine(), BuiltInModels())
    running.studio.warm_up().wait(60)
    yield running
    running.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        bundled = playwright.chromium.executable_path
        found = bundled if shutil.which(bundled) else None
    if found is None:
        pytest.fail("The tests of the page need a browser: install Chromium (apt install chromium).")
    running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
    yield running
    running.close()


@contextmanager
def window(browser: Browser, size: ViewportSize, **options: Any) -> Iterator[BrowserContext]:
    """A window for many tests: with what it has compiled already the app opens in half the time."""
    kept = browser.new_context(viewport=size, **options)
    kept.set_default_timeout(30_000)
    kept.new_page()
    yield kept
    kept.close()


@contextmanager
def as_new(window: BrowserContext, size: ViewportSize) -> Iterator[BrowserContext]:
    """The window as a new user has it: one empty tab (`pages[0]`), and nothing kept of any page."""
    yield window
    desk = window.pages[0] if window.pages else window.new_page()
    origins = {"{0.scheme}://{0.netloc}".format(urlsplit(page.url)) for page in window.pages}
    for page in window.pages[1:]:
        page.close()
    if desk.url != BLANK:
        desk.evaluate("sessionStorage.clear()")
        desk.goto(BLANK)
    session = window.new_cdp_session(desk)
    for origin in origins:
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()
    desk.set_viewport_size(size)
    desk.emulate_media(color_scheme="light")


@pytest.fixture(scope="session")
def chromium(browser: Browser) -> Iterator[BrowserContext]:
    with window(browser, WINDOW) as kept:
        yield kept


@pytest.fixture(scope="session")
def other_chromium(browser: Browser) -> Iterator[BrowserContext]:
    with window(browser, WINDOW) as kept:
        yield kept


@pytest.fixture(scope="session")
def mobile(browser: Browser) -> Iterator[BrowserContext]:
    with window(browser, PHONE, has_touch=True) as kept:
        yield kept


@pytest.fixture
def context(chromium: BrowserContext) -> Iterator[BrowserContext]:
    with as_new(chromium, WINDOW) as kept:
        yield kept


@pytest.fixture
def desk(context: BrowserContext) -> Page:
    return context.pages[0]


@pytest.fixture
def other_desk(other_chromium: BrowserContext) -> Iterator[Page]:
    """Another user's."""
    with as_new(other_chromium, WINDOW) as kept:
        yield kept.pages[0]


@pytest.fixture
def phone(mobile: BrowserContext) -> Iterator[Page]:
    with as_new(mobile, PHONE) as kept:
        yield kept.pages[0]


@pytest.fixture
def screen(desk: Page, server: Server) -> Iterator[Screen]:
    """The page, opened afresh; at the end it must have logged no error and asked no other host."""
    opened = Screen(desk, server.url)
    yield opened
    assert opened.errors == []
    assert opened.foreign_hosts() == set()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driving video of a red disc."""
    return write_mp4(tmp_path_factory.mktemp("film") / "red_disc.mp4", clip_frames(), FPS)


@pytest.fixture
def models(server: Server) -> Iterator[FlatModels]:
    """What selects and tracks for one test: the red pixels."""
    before, flat = server.studio.models, FlatModels()
    server.studio.models = flat
    yield flat
    server.studio.models = before


@pytest.fixture
def card(models: FlatModels, screen: Screen) -> Card:
    return Card(screen)
