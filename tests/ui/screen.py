"""What a person does with the page, in the words of the tests."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

HINT = "() => document.querySelector('#editor .hint')?.textContent ?? ''"
# The workspace of this tab as the browser keeps it, once all is kept; null before.
DRAFT = """async () => {
  if (!document.querySelector('#editor .editor[data-saved=yes]')) return null;
  if (!(await indexedDB.databases()).some(one => one.name === 'comogen')) return null;
  const done = request => new Promise((is, no) => {
    request.onsuccess = () => is(request.result); request.onerror = no; });
  const store = await done(indexedDB.open('comogen'));
  const found = await done(store.transaction('work').objectStore('work').get(sessionStorage.getItem('comogen:tab')));
  store.close();
  return found || null; }"""
VIDEOS = "() => [...document.querySelectorAll('#player video')].map(v => ({width: v.videoWidth, time: v.currentTime,"
VIDEOS += " length: v.duration, failed: Boolean(v.error), src: v.src}))"


class Screen:
    """One open page. Places on the canvas are given as shares of its width and height."""

    def __init__(self, page: Page, url: str, wait: bool = True):
        self.page, self.url = page, url
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda entry: self.errors.append(entry.text) if entry.type == "error" else None)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.goto(url)
        if wait:
            self.wait_ready()

    def foreign_hosts(self) -> set[str]:
        return self.hosts - {urlsplit(self.url).netloc, ""}

    def reload(self) -> None:
        """As a person does; a stream that the reload cuts off is no error of the page."""
        self.page.reload()
        self.errors = [e for e in self.errors if "AbortError" not in e and "errored out" not in e]

    def wait_ready(self) -> None:
        self.page.locator("#editor canvas").wait_for()
        self.page.wait_for_function(f"({HINT})().length > 0 || document.querySelector('#editor .selected')")

    def wait_hint(self, begin: str) -> None:
        self.page.wait_for_function(f"text => ({HINT})().startsWith(text)", arg=begin)

    def at(self, x: float, y: float) -> tuple[float, float]:
        canvas = self.page.locator("#editor canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def select(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))
        self.page.wait_for_selector("#editor .selected")
        self.wait_hint("Now drag")

    def choose_example(self, index: int) -> None:
        """Opens an example that is not shown yet, and waits for its frame."""
        before = self.draft()["doc"]["image"]
        self.page.locator("#gallery button").nth(index).click()
        for _ in range(600):
            if self.draft()["doc"]["image"] != before:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("the example was not opened")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        begin, finish = self.at(*start), self.at(*end)
        self.page.mouse.move(*begin)
        self.page.mouse.down()
        self.page.mouse.move(*finish, steps=8)
        self.page.mouse.up()

    def tracks(self) -> list[dict[str, Any]]:
        """The tracks as the browser keeps them."""
        return self.draft()["doc"]["tracks"]

    def keyframes(self, track: int = 0) -> list[dict[str, Any]]:
        """Of one track, as the browser keeps them; none without that track."""
        tracks = self.tracks()
        return tracks[track]["keyframes"] if track < len(tracks) else []

    def draft(self) -> dict[str, Any]:
        """The work of this tab ({doc, job, result}) as the browser keeps it, once all that was done is kept."""
        for _ in range(600):
            found = self.page.evaluate(DRAFT)
            if found:
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError("the browser has kept nothing")

    def fill_seek(self, frame: int) -> None:
        """Puts the timeline's head on a frame (from 0)."""
        self.page.focus("#editor .time")
        self.page.keyboard.press("Home")
        for _ in range(frame):
            self.page.keyboard.press("ArrowRight")
        self.page.wait_for_function(
            "text => document.querySelector('#editor .clock').textContent.startsWith(text)",
            arg=f"{frame + 1} /",
        )

    def prompt(self) -> str:
        return self.page.input_value("#prompt textarea")

    def wait_prompt(self, text: str) -> None:
        self.page.wait_for_function(
            "text => document.querySelector('#prompt textarea')?.value === text", arg=text
        )

    def generate(self) -> None:
        self.page.click("#generate")

    def wait_videos(self, count: int, timeout: float = 60_000) -> list[dict[str, Any]]:
        self.page.wait_for_function(
            f"n => {{ const all = ({VIDEOS})();"
            " return all.length === n && all.every(v => v.time > 0.1 && v.width > 0) }",
            arg=count,
            timeout=timeout,
        )
        return self.page.evaluate(VIDEOS)

    def notice(self) -> str:
        self.page.wait_for_selector("#progress .notice")
        return self.page.inner_text("#progress .notice")

    def fetch(self, url: str) -> bytes:
        """A file as the page's own browser gets it."""
        script = """async url => { const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
            let text = ''; for (const b of bytes) text += String.fromCharCode(b); return btoa(text); }"""
        return base64.b64decode(self.page.evaluate(script, url))
