"""A server with a fake model in this process, and a real Chromium to open it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from comogen_demo.ui.page import build, launch_options
from comogen_demo.ui.studio import Studio
from comogen_demo.video import write_mp4
from tests.ui.card import FPS, Card, FlatModels, clip_frames
from tests.ui.fake import BuiltInModels, FakeEngine, FakeModels
from tests.ui.screen import Screen

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"]


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


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    fresh = browser.new_context(viewport={"width": 1440, "height": 900})
    fresh.set_default_timeout(30_000)
    yield fresh
    fresh.close()


@pytest.fixture
def screen(context: BrowserContext, server: Server) -> Iterator[Screen]:
    """The page, opened afresh; at the end it must have logged no error and asked no other host."""
    opened = Screen(context.new_page(), server.url)
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
