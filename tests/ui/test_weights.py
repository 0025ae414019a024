"""The offer to fetch weights: what the page says of it, and what becomes of a download that stops or breaks off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from comogen_demo import weights
from comogen_demo.errors import UserError
from comogen_demo.selection.choice import Models
from comogen_demo.ui import fetching
from comogen_demo.ui.fetching import Fetching
from comogen_demo.weights import KNOWN, Weights
from tests.hub import FileServer
from tests.ui.conftest import Server
from tests.ui.fake import FakeEngine, FakeModels
from tests.ui.screen import Screen

DATA = bytes(range(256)) * 24_000  # 6 MB


class Source(FileServer):
    """The same bytes wherever one asks, held back where `free` is less than all.

    begun: the bytes from which on it was asked.
    """

    def __init__(self) -> None:
        self.data, self.begun = DATA, list[int]()
        super().__init__(free=len(DATA), block=1 << 18)
        self.gate.clear()

    def answer(self, path: str, start: int) -> bytes:
        self.begun.append(start)
        return self.data[start:]


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Source]:
    """The only weights known are two files of this server; the folder for them is a new one."""
    running = Source()
    digest = hashlib.sha256(DATA).hexdigest()
    known = {
        name: Weights(title, name, "someone/models", len(DATA), digest, "Apache-2.0", "selecting at its best")
        for name, title in (("good.pt", "Good model"), ("other.pt", "Other model"))
    }
    monkeypatch.setattr(fetching, "KNOWN", known)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield running
    running.close()


def until(true: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def fetcher(allowed: bool = True) -> Fetching:
    return Fetching(SimpleNamespace(models=FakeModels()), allowed)


def test_what_is_missing_is_offered_with_size_and_licence(source):
    state = fetcher().state()
    assert state["offers"][0] == {
        **{"file": "good.pt", "name": "Good model", "what": "selecting at its best"},
        **{"size": "6 MB", "licence": "Apache-2.0", "begun": False, "source": "good.pt from someone/models"},
    }
    assert len(state["offers"]) == 2 and state["fetching"] is None and state["advice"] == ""
    assert state["note"] == FakeModels().note()


def test_every_known_file_is_in_one_offer():
    groups = fetching._groups()
    assert sorted(one.file for group in groups for one in group) == sorted(KNOWN)
    (words,) = [group for group in groups if len(group) > 1]
    assert words[0].name == "Grounding DINO"


def test_files_that_belong_together_are_fetched_as_one(source, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "TOGETHER", {"good.pt": ("other.pt",)})
    one = fetcher()
    (offer,) = one.state()["offers"]
    assert offer["size"] == "12 MB"
    one.start("good.pt")
    until(lambda: one.state()["offers"] == [])
    assert (tmp_path / "good.pt").read_bytes() == (tmp_path / "other.pt").read_bytes() == DATA


def test_it_is_stopped_and_goes_on_from_there(source, tmp_path):
    source.free = len(DATA) // 2
    one = fetcher()
    one.start("good.pt")
    until(lambda: one.state()["fetching"] and one.state()["fetching"]["share"] > 0.3)
    assert one.state()["fetching"]["label"].startswith("Good model: ")
    with pytest.raises(UserError, match="Another file"):
        one.start("other.pt")
    one.stop()
    source.gate.set()
    until(lambda: one.state()["fetching"] is None)
    offers = {offer["file"]: offer["begun"] for offer in one.state()["offers"]}
    assert offers == {"good.pt": True, "other.pt": False} and one.state()["error"] == ""
    assert not (tmp_path / "good.pt").exists()
    one.start("good.pt")
    until(lambda: one.state()["fetching"] is None)
    assert (tmp_path / "good.pt").read_bytes() == DATA
    assert source.begun[0] == 0 and source.begun[-1] > len(DATA) // 4
    assert [offer["file"] for offer in one.state()["offers"]] == ["other.pt"]


def test_a_wrong_file_is_told_and_can_be_tried_again(source):
    source.data = DATA[:-1] + b"?"
    one = fetcher()
    one.start("good.pt")
    until(lambda: one.state()["fetching"] is None)
    assert "checksum" in one.state()["error"] and len(one.state()["offers"]) == 2
    source.data = DATA
    one.start("good.pt")
    until(lambda: one.state()["fetching"] is None)
    assert one.state()["error"] == "" and len(one.state()["offers"]) == 1


def test_without_a_network_it_is_told_what_to_put_where(source, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    one = fetcher()
    one.start("good.pt")
    until(lambda: one.state()["fetching"] is None)
    error = one.state()["error"]
    assert "someone/models" in error and "6 MB" in error and str(tmp_path / "good.pt") in error
    assert source.begun == []


def test_what_was_fetched_is_used_from_the_next_pick_on(source, monkeypatch):
    tiny = "sam2.1_hiera_tiny.pt"
    small = replace(KNOWN[tiny], bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
    monkeypatch.setitem(KNOWN, tiny, small)
    monkeypatch.setattr(fetching, "KNOWN", {tiny: small})
    one = Fetching(SimpleNamespace(models=Models()), True)
    assert not one.studio.models.uses_weights() and "built-in" in one.state()["note"]
    one.start(tiny)
    until(lambda: one.state()["fetching"] is None)
    assert one.studio.models.uses_weights() and one.state()["note"].startswith("SAM 2 tiny")


def test_on_a_shared_server_nothing_is_fetched_but_told_where_it_belongs(source):
    one = fetcher(allowed=False)
    assert "checkpoints/" in one.state()["advice"]
    with pytest.raises(UserError, match="not fetched from here"):
        one.start("good.pt")
    assert source.begun == []


@pytest.mark.parametrize("file", ["", "../good.pt", "None", "nothing.pt"])
def test_only_what_is_known_is_fetched(source, file):
    with pytest.raises(UserError, match="no such file"):
        fetcher().start(file)
    assert source.begun == []


def test_the_page_offers_shows_the_way_stops_and_goes_on(source, context, desk):
    source.free = len(DATA) // 2
    running = Server(FakeEngine(), models := FakeModels(), downloads=True)
    running.studio.warm_up().wait(60)
    screen = Screen(desk, running.url)
    page = screen.page
    page.wait_for_function("document.querySelector('.selector-note').textContent.includes('built-in')")
    assert not page.is_visible("#editor .offers")
    page.click("#editor [data-do=offers]")
    first = page.locator(".offer-list li").first
    first.wait_for()
    offer = first.inner_text().split("\n")
    assert [line for line in offer if line] == [
        "Good model", "selecting at its best · 6 MB · Apache-2.0", "Download"
    ]  # fmt: skip
    page.click(".offer-list [data-file='good.pt']")
    page.wait_for_function("Number(document.querySelector('[role=progressbar]').ariaValueNow) > 30")
    assert "of 6 MB" in page.inner_text(".fetch-label")
    screen.select(0.2, 0.72)  # a download keeps nobody from working
    other = Screen(context.new_page(), running.url)
    other.page.wait_for_selector("#editor .fetching:visible")  # nor is it one page's own
    other.page.close()
    page.click("#editor [data-do=stop-fetch]")
    page.wait_for_function("document.querySelector('.fetch-label').textContent.endsWith('stopping…')")
    source.gate.set()
    page.wait_for_selector("text=Go on")
    page.click(".offer-list [data-file='good.pt']")
    models.weights = True
    page.wait_for_function("document.querySelectorAll('.offer-list li').length === 1")
    page.wait_for_function("document.querySelector('.selector-note').textContent.startsWith('A fake model')")
    assert len(screen.tracks()) == 1 and screen.errors == []
    running.close()


def test_a_page_of_a_shared_server_only_tells(source, desk):
    running = Server(FakeEngine(), FakeModels())
    running.studio.warm_up().wait(60)
    screen = Screen(desk, running.url)
    screen.page.click("#editor [data-do=offers]")
    assert "checkpoints/" in screen.page.inner_text("#editor .advice")
    assert "good.pt from someone/models" in screen.page.locator(".offer-list li").first.inner_text()
    assert screen.page.locator("#editor [data-do=fetch]").count() == 0 and screen.errors == []
    running.close()
