"""A large backbone behind the page: chosen, refused, run, freed, and made room for. Tiny, but the real code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from comogen_demo.backbones import placement, registry
from comogen_demo.backbones.planner import Machine
from comogen_demo.controls import load_large, save_control
from comogen_demo.errors import UserError
from comogen_demo.settings import Settings
from comogen_demo.ui.handlers import Handlers
from comogen_demo.ui.making import Outcome, Request
from comogen_demo.ui.obtaining import Obtaining
from comogen_demo.ui.sessions import png_bytes
from comogen_demo.ui.shelf import EMBEDDED
from comogen_demo.ui.studio import Studio
from comogen_demo.video import read_video
from tests.backbones.families import controlled, wan
from tests.hub import TreeHub
from tests.ui.conftest import Server
from tests.ui.fake import BuiltInModels, FakeEngine
from tests.ui.screen import Screen

TINY = replace(registry.PRESETS["wan"], width=64, height=32, frames=9, steps=3, download=2.0)
CUT = Settings(steps=2, control="dual-clock")


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """checkpoints/ with a tiny Wan and a control for it, and a damaged file that is none."""
    folder = tmp_path_factory.mktemp("checkpoints")
    wan(text=True).pipe.save_pretrained(folder / "wan")
    toys = wan()
    toys.width, toys.height = TINY.width, TINY.height
    toys.token_grid = toys.token_grid[0], 1, 2
    save_control(folder / "toys.safetensors", controlled(toys), {})
    (folder / "other.safetensors").write_bytes(b"nothing of the kind")
    return folder


@pytest.fixture
def place(stored: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", stored)
    monkeypatch.setattr("comogen_demo.weights.FOLDER", stored)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(registry.PRESETS, "wan", TINY)
    monkeypatch.setattr(placement, "measure", lambda cache: Machine(0, 80, 80))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return stored


@pytest.fixture
def studio(place: Path) -> Iterator[Studio]:
    made = Studio(FakeEngine(), backbones=("wan", "cogvideox"))
    made.models = BuiltInModels()
    yield made
    made.shelf.make_room(made.shelf.embedded)


def request(settings: Settings = CUT) -> Request:
    """A square of noise that moves to the right over a square picture."""
    frame = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    subjects = np.zeros((1, 9, 128, 128), bool)
    for t in range(9):
        subjects[0, t, 48:80, 8 + 8 * t : 40 + 8 * t] = True
    return Request(frame, subjects, "the red cube", settings, "", 25)


def made(studio: Studio, model: str, settings: Settings = CUT) -> Outcome:
    job = studio.submit(request(settings), model)
    assert job.wait(60) and job.state == "done", job.error
    return job.result


def test_it_makes_a_video_of_its_own_form_from_a_cropped_picture(studio):
    outcome = made(studio, "wan")
    frames, fps = read_video(outcome.file("control.mp4"))
    assert frames.shape == (9, 32, 64, 3) and fps == 24
    assert read_video(outcome.file("mask.mp4"))[0].shape == frames.shape
    assert outcome.model == "wan" and outcome.drawn == 25 and np.isfinite(outcome.report.mean)
    assert outcome.notes == ("The middle 128 x 64 of your 128 x 128 pixels were used.",)

    free = studio.submit_comparison(outcome)
    assert free.wait(60) and read_video(free.result.file("free.mp4"))[0].shape == frames.shape


def test_an_upload_is_cropped_for_the_model_that_is_chosen(studio, tmp_path):
    path, page = tmp_path / "wide.png", SimpleNamespace(session_hash="a")
    path.write_bytes(png_bytes(np.zeros((300, 900, 3), np.uint8)))
    events = Handlers(studio)
    for model, kept in (("wan", "600 x 300"), ("", "300 x 300")):
        _, crop = events.upload(str(path), {"model": model}, page)
        assert f"the middle {kept} of 900 x 300 pixels" in crop


def test_one_model_is_held_at_a_time(studio):
    large, embedded = studio.shelf.engine("wan"), studio.shelf.embedded
    embedded.load()
    made(studio, "wan")
    assert (large.state, embedded.state) == ("ready", "resting")
    held = large._model
    made(studio, "wan")
    assert large._model is held, "it is loaded once"
    job = studio.submit(replace(request(), subjects=np.repeat(request().subjects[:, :1], 25, 1)))
    assert job.wait(60) and job.state == "done", job.error
    assert (large.state, embedded.state) == ("resting", "ready") and large._model is None


def test_a_control_that_lies_there_is_a_choice_of_its_own(studio):
    assert [choice.key for choice in studio.shelf.choices()] == ["wan", "cogvideox", "wan+toys"]
    alone, trained = studio.shelf.engine("wan"), studio.shelf.engine("wan+toys")
    assert alone.form.controls == ("dual-clock",) and trained.form.controls == ("adapter", "dual-clock")
    assert trained.name == "Wan2.2-TI2V-5B with toys"
    held, _ = read_video(made(studio, "wan+toys", Settings(steps=2)).file("control.mp4"))
    cut, _ = read_video(made(studio, "wan", CUT).file("control.mp4"))
    assert held.shape == cut.shape and not np.array_equal(held, cut)


def test_what_does_not_fit_is_refused_before_anything_is_loaded(studio, monkeypatch):
    monkeypatch.setattr(placement, "measure", lambda cache: Machine(0, 0.5, 80))
    monkeypatch.setattr("comogen_demo.controls.load_large", lambda *_, **__: pytest.fail("it is loaded"))
    with pytest.raises(UserError, match=r"does not fit: cpu.*choose a smaller model"):
        studio.submit(request(), "wan")
    assert studio.shelf.embedded.state == "loading", "nothing had to go for it"


@pytest.mark.parametrize(
    ("model", "told"),
    [("cogvideox", "CogVideoX-5B-I2V are not on this machine"), ("hunyuan", "not here any more")],
)
def test_what_is_not_here_is_told(studio, model, told):
    with pytest.raises(UserError, match=told):
        studio.submit(request(), model)


def test_where_none_is_offered_all_is_made_by_the_embedded_model(place):
    plain = Studio(FakeEngine())
    assert plain.shelf.engine("wan") is plain.shelf.engine(EMBEDDED) is plain.shelf.embedded


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[int]]:
    """A GPU that is not there. Returns the modes that were loaded, and how many of them are to run out of memory."""
    modes: list[str] = []
    failing = [0]

    def load(*given: Any, mode: str) -> Any:
        modes.append(mode)
        model = load_large(*given, mode="cpu")
        if len(modes) <= failing[0]:
            begin = model.backbone.begin

            def begin_to_fail(*given: Any) -> Any:
                begin(*given)
                raise torch.OutOfMemoryError("CUDA out of memory")

            model.backbone.begin = begin_to_fail
        return model

    monkeypatch.setattr("comogen_demo.controls.load_large", load)
    monkeypatch.setattr(placement, "measure", lambda cache: Machine(80, 80, 80))
    return modes, failing


def test_out_of_memory_is_the_same_again_in_the_next_mode_and_told(studio, gpu):
    modes, failing = gpu
    failing[0] = 1
    outcome = made(studio, "wan")
    assert modes == ["resident", "model-offload"]
    assert (
        "ran out of memory in the mode resident; the same again in the mode model-offload" in outcome.notes[1]
    )
    made(studio, "wan")
    assert modes == ["resident", "model-offload"], "it stays in the mode that held"


def test_out_of_memory_in_every_mode_is_a_sentence_and_leaves_nothing_behind(studio, gpu):
    modes, failing = gpu
    failing[0] = 9
    job = studio.submit(request(), "wan")
    assert job.wait(60) and "even in the mode group-offload" in job.error
    assert modes == ["resident", "model-offload", "fp8", "group-offload"]
    large = studio.shelf.engine("wan")
    assert large._model is None and large.state == "resting"


YELLOW = (0.2, 0.72)


def facts(screen: Screen) -> str:
    return screen.page.inner_text("#chooser dl")


def test_on_the_page_it_is_chosen_shown_used_and_kept(place, desk):
    running = Server(FakeEngine(), BuiltInModels(), backbones=("wan", "cogvideox"))
    running.studio.warm_up().wait(60)
    screen = Screen(desk, running.url)
    page = screen.page
    assert page.inner_text("#chooser .name") == "Built-in model" and not page.is_visible("#chooser select")
    page.click("#chooser summary")
    page.wait_for_selector("#chooser select:visible")
    assert page.locator("#chooser option").all_inner_texts() == [
        "Built-in model", "Wan2.2-TI2V-5B", "CogVideoX-5B-I2V", "Wan2.2-TI2V-5B with toys"
    ]  # fmt: skip

    page.select_option("#chooser select", "cogvideox")
    page.wait_for_selector("#chooser .name:has-text('CogVideoX')")
    assert "free for research" in facts(screen) and "21 GB of weights" in facts(screen)
    assert "hf download zai-org/CogVideoX-5b-I2V" in page.inner_text("#chooser .command")
    page.wait_for_selector("#sign .missing")
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.6))
    screen.generate()
    assert "CogVideoX-5B-I2V are not on this machine" in screen.notice()

    page.select_option("#chooser select", "wan")
    page.wait_for_selector("#chooser .name:has-text('Wan')")
    assert "9 frames of 64 x 32 pixels, 24 a second, usually in 3 steps" in facts(screen)
    assert "memory: cpu" in facts(screen) and "dual clocks" in facts(screen)
    page.wait_for_selector("#control input[value='dual-clock']:checked")
    assert page.locator("#control input").count() == 1 and page.input_value("#steps input") == "3"
    assert screen.draft()["doc"]["model"] == "wan" and len(screen.tracks()) == 1

    screen.generate()
    videos = screen.wait_videos(2)
    assert [video["width"] for video in videos] == [64, 64]
    assert "The middle 512 x 256 of your 512 x 512 pixels were used." in page.inner_text("#report")
    page.wait_for_selector("#sign .ready:has-text('Wan2.2-TI2V-5B')")

    screen.reload()
    page.wait_for_selector("#chooser .name:has-text('Wan')")
    screen.wait_videos(2)
    assert page.locator("#control input").count() == 1 and screen.draft()["doc"]["model"] == "wan"

    page.click("#chooser summary")
    page.select_option("#chooser select", "embedded")
    page.wait_for_function("document.querySelectorAll('#control input').length === 2")
    screen.generate()
    page.wait_for_function("document.querySelector('#player video')?.videoWidth === 256")
    assert screen.errors == [] and screen.foreign_hosts() == set()
    running.close()


@pytest.fixture
def hub(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TreeHub]:
    """The tiny Wan is not on this machine, but on a hub."""
    running = TreeHub(place / "wan", TINY.hub)
    monkeypatch.setattr("comogen_demo.weights.FOLDER", tmp_path / "checkpoints")
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield running
    running.close()


def test_its_weights_are_fetched_once_the_licence_is_accepted(hub, desk):
    running = Server(FakeEngine(), BuiltInModels(), downloads=True, backbones=("wan",))
    running.studio.warm_up().wait(60)
    screen = Screen(desk, running.url)
    page = screen.page
    page.click("#chooser summary")
    page.select_option("#chooser select", "wan")
    button = page.locator("#chooser [data-do=fetch]")
    button.wait_for()
    assert "Apache License 2.0" in page.inner_text("#chooser .tick")
    assert button.inner_text() == "Download 2 GB" and button.is_disabled() and hub.asked == []

    hub.free = 100_000
    hub.gate.clear()
    page.check("#chooser .tick input")
    button.click()
    page.wait_for_selector("#chooser .fetching:visible")
    page.wait_for_function("document.querySelector('#chooser .rail').ariaValueNow > 60")
    page.click("#chooser [data-do=stop]")
    page.wait_for_selector("#chooser .fetch-label:has-text('stopping…')")
    hub.gate.set()
    page.wait_for_selector("#chooser [data-do=fetch]:has-text('Go on')")
    assert running.studio.shelf.choices()[0].weights is None
    page.wait_for_selector("#sign .missing")

    button.click()
    page.wait_for_selector("#sign .resting:has-text('Wan2.2-TI2V-5B')")
    assert not page.is_visible("#chooser .offer") and "checkpoints/wan" in facts(screen)
    assert screen.errors == [] and screen.foreign_hosts() == set()
    running.close()


@pytest.mark.parametrize(
    ("allowed", "name", "accepted", "told"),
    [
        (False, "wan", True, "not fetched from here"),
        (True, "wan", False, "licence was not accepted"),
        (True, "wan", "yes", "licence was not accepted"),
        (True, "../wan", True, "no such model"),
        (True, "hunyuan", True, "no such model"),
    ],
)
def test_nothing_is_fetched_that_may_not_be(hub, studio, allowed, name, accepted, told):
    obtaining = Obtaining(studio.shelf, allowed)
    with pytest.raises(UserError, match=told):
        obtaining.start(name, accepted)
    assert hub.asked == [] and obtaining.state() == {"fetching": None, "error": ""}
    assert obtaining.offer(TINY)["allowed"] == allowed
