"""The whole way through the page, with a fake model: from a scene to two videos side by side."""

import io
import json
import zipfile

from comogen_demo.project import Project
from comogen_demo.video import read_video

YELLOW = (0.2, 0.72)  # the cylinder in the scene that the page opens on


def test_from_a_click_to_a_video(screen, server, tmp_path):
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.6, 0.5))
    screen.wait_prompt("the yellow cylinder slides away to the right")
    keys = screen.keyframes()
    assert (
        [k["t"] for k in keys] == [0, 24]
        and abs(keys[1]["x"] - 0.4 * 512) < 4
        and abs(keys[1]["y"] + 0.22 * 512) < 4
    )

    screen.fill_seek(12)
    screen.drag((0.4, 0.61), (0.4, 0.8))
    assert [k["t"] for k in screen.keyframes()] == [0, 12, 24]

    screen.generate()
    screen.page.wait_for_selector("#progress .film")
    assert (
        screen.page.locator("#progress [role=progressbar]")
        .get_attribute("aria-label")
        .startswith("Moving the object")
    )
    assert screen.page.locator("#stop").is_visible() and not screen.page.locator("#generate").is_visible()
    videos = screen.wait_videos(2)
    assert [(v["width"], v["failed"]) for v in videos] == [(256, False)] * 2 and abs(
        videos[0]["length"] - 2
    ) < 0.05
    assert videos[1]["time"] != screen.page.evaluate(
        "() => document.querySelector('#player video').currentTime"
    )
    assert screen.page.locator("#generate").is_visible() and not screen.page.locator("#stop").is_visible()
    assert float(screen.page.inner_text("#report .score b")) > 0.8

    frame, masks, prompt, settings = server.engine.seen[-1]
    assert frame.shape == (512, 512, 3) and masks.shape == (25, 512, 512) and masks.any((1, 2)).all()
    assert prompt == screen.prompt() and settings.steps == 8 and settings.strength == 1

    links = {a.inner_text(): a.get_attribute("href") for a in screen.page.locator("#player .links a").all()}
    path = tmp_path / "video.mp4"
    path.write_bytes(screen.fetch(links["Download video"]))
    frames, fps = read_video(path)
    assert frames.shape == (25, 256, 256, 3) and fps == 12.5 and b"avc1" in path.read_bytes()
    assert len(zipfile.ZipFile(io.BytesIO(screen.fetch(links["Masks (zip)"]))).namelist()) == 25
    project = Project.from_json(screen.fetch(links["Project (json)"]))
    assert (
        (project.masks() == masks).all()
        and (project.picture(".") == frame).all()
        and project.prompt == prompt
    )

    screen.page.click("#compare")
    screen.wait_videos(3)
    assert server.engine.seen[-1][1] is None and server.engine.seen[-1][3] == settings
    assert not screen.page.locator("#compare").is_visible()


def test_the_settings_reach_the_model_and_the_plot_follows_them(screen, server):
    bars = "() => [...document.querySelectorAll('#plot rect')].map(b => Number(b.getAttribute('height')))"
    assert len(screen.page.evaluate(bars)) == 8
    screen.page.fill("#steps input[type=number]", "4")
    screen.page.keyboard.press("Tab")
    screen.page.wait_for_function(f"({bars})().length === 4")
    screen.page.click("#schedule label:has-text('constant')")
    screen.page.wait_for_function(f"new Set(({bars})()).size === 1")
    low = screen.page.evaluate(bars)[0]
    screen.page.fill("#strength input[type=number]", "1.5")
    screen.page.keyboard.press("Tab")
    screen.page.wait_for_function(f"({bars})()[0] > {1.3 * low}")
    screen.page.fill("#seed input", "77")
    screen.page.fill("#prompt textarea", "the thing goes")
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.7))
    screen.page.wait_for_timeout(400)
    assert screen.prompt() == "the thing goes"  # what a person wrote is not proposed away
    screen.generate()
    screen.wait_videos(2)
    _, _, prompt, settings = server.engine.seen[-1]
    assert prompt == "the thing goes"
    assert (settings.steps, settings.strength, settings.schedule, settings.seed) == (4, 1.5, "constant", 77)
    assert json.dumps(screen.draft()["doc"]["settings"], sort_keys=True).count("1.5") == 1


def test_an_example_is_opened_and_the_one_before_comes_back_by_undo(screen):
    screen.select(*YELLOW)
    first = screen.draft()["doc"]["image"]
    screen.page.locator("#gallery button").nth(0).click()
    screen.wait_hint("Click the object")
    screen.page.wait_for_timeout(250)
    assert screen.draft()["doc"]["image"] != first and screen.keyframes() == []
    screen.page.click("#editor [data-do=undo]")
    screen.page.wait_for_selector("#editor .selected")
    assert screen.keyframes() != [] and screen.draft()["doc"]["image"] == first
