"""Weights are found, fetched whole or not at all, and what is wrong with them is said in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from comogen_demo import weights as module
from comogen_demo.errors import UserError
from comogen_demo.weights import KNOWN, Weights, damage, download, find_weights

DATA = bytes(range(251)) * 20_000  # 5 MB
DIGEST = hashlib.sha256(DATA).hexdigest()
GOOD = Weights("Good model", "good.pt", "someone/models", len(DATA), DIGEST, "Apache-2.0", "selecting")
HALF = len(DATA) // 2


class Hub:
    """A server of one file. `cuts`: after how many bytes each answer breaks off, one an answer; then none does."""

    def __init__(self) -> None:
        self.data, self.status, self.ranges, self.cuts = DATA, 0, True, []
        self.asked: list[tuple[str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range", "")
                hub.asked.append((self.path, wanted))
                start = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted and hub.ranges else 0
                self.send_response(hub.status or (206 if start else 200))
                self.send_header("Content-Length", str(len(hub.data) - start))
                self.end_headers()
                cut = hub.cuts.pop(0) if hub.cuts else len(hub.data)
                with contextlib.suppress(OSError):  # whoever asked has gone
                    self.wfile.write(hub.data[start : start + cut])

            def log_message(self, *given: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkpoints/ of the test's own, not there yet, and an empty cache of the hub beside it."""
    monkeypatch.setattr(module, "FOLDER", tmp_path / "checkpoints")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "checkpoints"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Hub]:
    running = Hub()
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield running
    running.close()


def ignore(done: int, total: int) -> None:
    pass


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.is_dir() else {}


def cache(tmp_path: Path, data: bytes) -> Path:
    """good.pt in the hub's cache, laid out as huggingface_hub does."""
    repository = tmp_path / "cache" / "models--someone--models"
    path = repository / "snapshots" / "0123abcd" / "good.pt"
    for part in (path.parent, repository / "refs"):
        part.mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abcd")
    path.write_bytes(data)
    return path


# Finding


def test_checkpoints_come_before_the_cache_of_the_hub(folder, tmp_path):
    assert find_weights(GOOD) is None and damage(GOOD) == ""
    cached = cache(tmp_path, DATA)
    assert find_weights(GOOD) == cached
    folder.mkdir()
    (folder / "good.pt").write_bytes(DATA)
    assert find_weights(GOOD) == folder / "good.pt" and damage(GOOD) == ""


def test_a_file_that_is_not_whole_is_passed_over_and_told_of(folder, tmp_path):
    folder.mkdir()
    (folder / "good.pt").write_bytes(DATA[:HALF])
    assert find_weights(GOOD) is None
    said = f"{folder / 'good.pt'} is damaged ({HALF} of {len(DATA)} bytes): delete it and download it again"
    assert damage(GOOD) == said
    cached = cache(tmp_path, DATA)
    assert find_weights(GOOD) == cached, "a whole one elsewhere does"


def test_a_part_of_a_download_is_not_taken_for_the_file(folder):
    folder.mkdir()
    (folder / "good.pt.part").write_bytes(DATA)
    assert find_weights(GOOD) is None and damage(GOOD) == ""


def test_what_is_known_can_be_offered():
    assert {"sam2.1_hiera_tiny.pt", "groundingdino_swint_ogc.pth", "vocab.txt"} <= set(KNOWN)
    for name, one in KNOWN.items():
        assert name == one.file and re.fullmatch(r"[0-9a-f]{64}", one.sha256)
        assert one.licence == "Apache-2.0" and re.fullmatch(r"[\w-]+/[\w.-]+", one.repository)
        assert one.url == f"https://huggingface.co/{one.repository}/resolve/main/{name}"
    assert KNOWN["sam2.1_hiera_tiny.pt"].size == "156 MB" and KNOWN["vocab.txt"].size == "232 kB"


# Fetching


def test_a_download_is_whole_and_tells_how_far_it_is(hub, folder):
    told = []
    path = download(GOOD, lambda done, total: told.append((done, total)))
    assert (
        path == folder / "good.pt" and path.read_bytes() == DATA and files(folder) == {"good.pt": len(DATA)}
    )
    assert find_weights(GOOD) == path
    assert hub.asked == [("/someone/models/resolve/main/good.pt", "bytes=0-")]
    done = [step for step, _ in told]
    assert len(done) > 3 and done == sorted(done) and told[-1] == (len(DATA), len(DATA))
    download(GOOD, ignore)
    assert len(hub.asked) == 1, "one that is there is not fetched again"


def test_it_goes_on_where_the_connection_broke_off(hub, folder):
    hub.cuts = [HALF, 100_000]
    assert download(GOOD, ignore).read_bytes() == DATA
    starts = [int(wanted.split("=")[1].rstrip("-")) for _, wanted in hub.asked]
    assert starts[0] == 0 and starts[1:] == [HALF, HALF + 100_000], "no byte is fetched twice"


def test_a_line_that_breaks_again_and_again_ends_in_a_sentence_and_keeps_what_came(hub, folder):
    hub.cuts = [400_000, 300_000, 200_000, 100_000]
    with pytest.raises(
        UserError, match=r"broke off at 1\.0 of 5\.0 MB; what came is kept: try again to go on"
    ):
        download(GOOD, ignore)
    assert files(folder) == {"good.pt.part": 1_000_000} and find_weights(GOOD) is None
    assert download(GOOD, ignore).read_bytes() == DATA
    assert hub.asked[-1][1] == "bytes=1000000-" and files(folder) == {"good.pt": len(DATA)}


def test_a_stopped_download_goes_on_the_next_time(hub, folder):
    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= HALF:
            raise Stopped

    with pytest.raises(Stopped):
        download(GOOD, stop)
    kept = files(folder)["good.pt.part"]
    assert HALF <= kept < len(DATA)
    assert download(GOOD, ignore).read_bytes() == DATA and hub.asked[-1][1] == f"bytes={kept}-"


def test_a_server_without_ranges_begins_anew(hub, folder):
    folder.mkdir()
    (folder / "good.pt.part").write_bytes(b"x" * HALF)
    hub.ranges = False
    assert download(GOOD, ignore).read_bytes() == DATA


@pytest.mark.parametrize("kind", ["another byte", "a wrong beginning", "too long"])
def test_a_file_with_another_checksum_is_refused_and_not_kept(hub, folder, kind):
    if kind == "another byte":
        hub.data = DATA[:-1] + b"?"
    elif kind == "too long":
        hub.data = DATA + bytes(30_000_000)
    else:
        folder.mkdir()
        (folder / "good.pt.part").write_bytes(b"?" * HALF)
    told = []
    with pytest.raises(
        UserError, match=r"not good\.pt, by its checksum, so it was deleted: try again, or get http"
    ):
        download(GOOD, lambda done, total: told.append(done))
    assert files(folder) == {} and find_weights(GOOD) is None
    assert max(told) <= len(DATA), "what is too long is not fetched to its end"
    hub.data = DATA
    assert download(GOOD, ignore).read_bytes() == DATA


def test_a_damaged_file_is_replaced_by_a_whole_one(hub, folder):
    folder.mkdir()
    for data in (DATA[:HALF], b"?" * len(DATA)):
        (folder / "good.pt").write_bytes(data)
        assert download(GOOD, ignore).read_bytes() == DATA and damage(GOOD) == ""


@pytest.mark.parametrize("status", [404, 401, 503])
def test_a_refusal_is_one_sentence_that_says_what_to_put_where(hub, folder, status):
    hub.status = status
    said = (
        rf"good\.pt could not be fetched \(the server answers {status}\): get {hub.url}/someone/\S+/good\.pt "
    )
    with pytest.raises(
        UserError, match=said + rf"\(5 MB, Apache-2\.0\) and put it at {folder / 'good.pt'}\.$"
    ):
        download(GOOD, ignore)
    assert find_weights(GOOD) is None and len(hub.asked) == 1


def test_without_a_network_the_sentence_says_what_to_put_where(hub, folder):
    hub.close()
    with pytest.raises(UserError) as caught:
        download(GOOD, ignore)
    assert re.fullmatch(
        rf"good\.pt could not be fetched \(.+\): get {hub.url}/\S+ \(5 MB, Apache-2\.0\) and put it at "
        rf"{folder / 'good.pt'}\.",
        str(caught.value),
    )
    assert "\n" not in str(caught.value)


def test_offline_by_choice_asks_no_server(hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        UserError, match=r"could not be fetched \(HF_HUB_OFFLINE is set\): get http.*put it at"
    ):
        download(GOOD, ignore)
    assert hub.asked == []


def test_a_full_disk_is_found_out_before(hub, folder, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": len(DATA) - 1}))
    with pytest.raises(UserError, match=r"no room for good\.pt \(5 MB\) in .*: make some"):
        download(GOOD, ignore)
    assert hub.asked == [] and files(folder) == {}
