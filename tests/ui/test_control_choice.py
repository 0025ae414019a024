"""Which control follows the masks: chosen on the page, seen at work, kept, and brought back."""

import numpy as np
import pytest

from comogen_demo.jobs import Job
from comogen_demo.project import Project
from comogen_demo.settings import Settings
from comogen_demo.ui.engine import Embedded, Form
from comogen_demo.ui.making import NO_CUTOUT, Request, make_video
from comogen_demo.video import read_project
from tests.tiny import tiny_model
from tests.ui.test_files import drop

CYLINDER, SPHERE = (0.69, 0.64), (0.57, 0.2)  # in the first example
BARS = "() => document.querySelectorAll('#plot svg rect').length"


@pytest.fixture
def slow(server):
    server.engine.pause = 2.0
    yield
    server.engine.pause = 0.03


def choose(screen, words):
    screen.page.click(f"#control label:has-text('{words}')")


def wait_for(screen, control):
    """Until the page shows this control, with what belongs to it."""
    cut = control == "dual-clock"
    screen.page.wait_for_selector(f"#control input[value='{control}']:checked")
    screen.page.wait_for_function(f"({BARS})() {'===' if cut else '>'} 0")
    screen.page.wait_for_selector(f"#schedule input:{'disabled' if cut else 'enabled'}")


def test_the_cut_out_is_followed_kept_and_comes_back(screen, server, slow, tmp_path):
    wait_for(screen, "adapter")
    screen.choose_example(0)
    for begin, end in ((CYLINDER, (0.4, 0.7)), (SPHERE, (0.3, 0.25))):
        screen.select(*begin)
        screen.drag(begin, end)
    choose(screen, "Cut-out")
    wait_for(screen, "dual-clock")
    assert screen.draft()["doc"]["settings"]["control"] == "dual-clock"

    screen.generate()
    bar = "#progress [role=progressbar][aria-label='The cut-out that is followed']"
    assert screen.page.wait_for_selector(bar).get_attribute("aria-valuenow") == "0"
    assert screen.page.locator("#progress .film").is_visible()
    screen.page.wait_for_selector("#progress [aria-label^='Moving the object: step 1']")
    server.engine.pause = 0.03
    screen.wait_videos(2)
    assert "Cut-out, no training" in screen.page.inner_text("#report .facts")
    assert "cosine" not in screen.page.inner_text("#report .facts")
    _, masks, _, settings = server.engine.seen[-1]
    subjects = server.engine.subjects[-1]
    assert settings.control == "dual-clock" and subjects.shape == (2, 25, 512, 512)
    first, second = subjects
    assert first.any((1, 2)).all() and second.any((1, 2)).all() and not (first & second).any()

    video = tmp_path / "video.mp4"
    link = screen.page.locator("#player .links a").first.get_attribute("href")
    video.write_bytes(screen.fetch(link))
    cutout = screen.page.locator("#player .links a", has_text="Cut-out").get_attribute("href")
    assert b"ftyp" in screen.fetch(cutout)[:16]
    project = Project.from_json(read_project(video))
    assert project.settings == settings and (project.masks() == masks).all()

    screen.reload()
    wait_for(screen, "dual-clock")
    screen.wait_videos(2)
    assert "Cut-out, no training" in screen.page.inner_text("#report .facts")

    choose(screen, "Trained adapter")
    wait_for(screen, "adapter")
    drop(screen, ("video.mp4", video.read_bytes()))
    wait_for(screen, "dual-clock")
    assert screen.draft()["doc"]["settings"]["control"] == "dual-clock"


def test_the_first_thing_told_is_each_subject_cut_out_by_itself(tmp_path):
    frame = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    subjects = np.zeros((3, 9, 32, 32), bool)
    subjects[2, 4:, 24:30, 24:30] = True  # comes later than the picture
    for t in range(9):
        subjects[0, t, 4:12, 4 + t : 12 + t] = True
        subjects[1, t, 20:28, 20 - 2 * t : 28 - 2 * t] = True
    engine = Embedded()
    engine._model, engine.state, engine.form = tiny_model(), "ready", Form(32, 32, 9, 12.5, (8, 8))
    told = []

    class Told(Job):
        def report(self, progress):
            told.append(progress)

    request = Request(frame, subjects, "the red cube slides", Settings(steps=2, control="dual-clock"))
    work = make_video(engine, request, "embedded", tmp_path / "made")
    made = work(Told(work))
    assert [(now.label, now.share) for now in told[1:]] == [
        ("The cut-out that is followed", 0),
        ("Moving the object: step 2 of 2", 1),  # the first level lies above the weak clock
    ]
    crude = told[1].preview
    assert np.array_equal(crude[8, 4:12, 12:20], frame[4:12, 4:12])
    assert np.array_equal(crude[8, 20:28, 4:12], frame[20:28, 20:28])
    assert made.settings.control == "dual-clock" and made.file("control.mp4").is_file()
    assert made.file("cutout.mp4").is_file() and made.notes == (NO_CUTOUT,)
