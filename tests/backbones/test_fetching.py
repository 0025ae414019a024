"""Fetching a large backbone's weights: what is taken, where it goes, stopping and going on, and what is refused."""

import json
import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from comogen_demo import weights
from comogen_demo.backbones.fetching import begun, fetch
from comogen_demo.backbones.registry import PRESETS
from comogen_demo.backbones.stored import find_stored
from comogen_demo.errors import UserError
from tests.hub import TreeHub

PRESET = replace(PRESETS["wan"], hub="someone/wan")
BIG = bytes(range(256)) * 400
WANTED = {
    "model_index.json": json.dumps(
        {"transformer": ["diffusers", "W"], "scheduler": ["diffusers", "S"]}
    ).encode(),
    "transformer/config.json": b"{}",
    "transformer/model.safetensors": BIG,
    "scheduler/scheduler_config.json": b"{}",
}
OTHERS = ("README.md", "transformer/model.bin", "elsewhere/model.safetensors", "assets/picture.json")


class Enough(Exception):
    """What a stopped job's report raises."""


@pytest.fixture
def hub(tmp_path, monkeypatch):
    source = tmp_path / "source"
    for name, data in {**WANTED, **dict.fromkeys(OTHERS, b"not wanted")}.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    running = TreeHub(source, "someone/wan")
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "checkpoints")
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield running
    running.close()


def test_what_the_model_is_made_of_is_fetched_and_found(hub, tmp_path):
    told = []
    fetch(PRESET, lambda done, total: told.append((done, total)))
    folder = tmp_path / "checkpoints" / "wan"
    there = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert (
        there == WANTED and find_stored(PRESET) == folder and begun(PRESET) == sum(map(len, there.values()))
    )
    size = sum(len(data) for name, data in WANTED.items() if "/" in name)
    assert told[-1] == (size, size) and sorted(told) == told
    hub.asked.clear()
    fetch(PRESET, lambda done, total: None)
    assert [name for name, _ in hub.asked if name != "model_index.json"] == [], "nothing is fetched twice"


def test_a_stopped_download_goes_on_within_the_file(hub):
    hub.free = len(BIG) // 2
    hub.gate.clear()

    def stop(done, total):
        if done > len(BIG) // 3:
            raise Enough

    with pytest.raises(Enough):
        fetch(PRESET, stop)
    assert find_stored(PRESET) is None and begun(PRESET) > len(BIG) // 3
    hub.gate.set()
    hub.asked.clear()
    fetch(PRESET, lambda done, total: None)
    assert next(start for name, start in hub.asked if name.endswith("model.safetensors")) > len(BIG) // 3
    assert (find_stored(PRESET) / "transformer" / "model.safetensors").read_bytes() == BIG


@pytest.mark.parametrize("file", ["transformer/model.safetensors", "transformer/config.json"])
def test_what_is_not_the_file_by_its_checksum_is_not_kept(hub, monkeypatch, file):
    entry = hub.entry

    def other(name):
        told = entry(name)
        if name == file:
            told |= {"oid": "1" * 40} | ({"lfs": {"oid": "1" * 64}} if "lfs" in told else {})
        return told

    monkeypatch.setattr(hub, "entry", other)
    with pytest.raises(UserError, match="by its checksum"):
        fetch(PRESET, lambda done, total: None)
    assert find_stored(PRESET) is None


def test_without_room_nothing_large_is_begun(hub, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(50_000))
    with pytest.raises(UserError, match=r"need 0\.0 GB more in .* make room"):
        fetch(PRESET, lambda done, total: None)
    assert {name for name, _ in hub.asked} == {"model_index.json"}


def test_a_hub_that_does_not_answer_or_has_no_model_is_a_sentence(hub, monkeypatch):
    with pytest.raises(
        UserError, match=r"nobody/here can't be listed \(the server answers 404\).*hf download nobody/here"
    ):
        fetch(replace(PRESET, hub="nobody/here"), lambda done, total: None)
    del hub.files["model_index.json"]
    with pytest.raises(UserError, match=r"no model_index\.json in someone/wan"):
        fetch(PRESET, lambda done, total: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        fetch(PRESET, lambda done, total: None)
