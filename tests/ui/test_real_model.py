"""`python app.py` with the embedded model, as a visitor meets it."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comogen_demo.generate import load_model
from comogen_demo.ui.engine import CELLS
from comogen_demo.video import read_video
from comogen_demo.world.scene import FPS, FRAMES
from tests.ui.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
YELLOW = (0.2, 0.72)


@pytest.fixture(scope="module")
def app():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), *os.environ.get("COMOGEN_TEST_APP", "").split()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def test_the_page_knows_the_models_cells_and_frames():
    model = load_model("mini")
    _, rows, columns = model.backbone.token_grid
    assert (rows * model.control.cells, columns * model.control.cells) == CELLS
    assert (model.frames, model.fps) == (FRAMES, FPS)


def test_the_story_with_the_embedded_model(app, desk, tmp_path):
    screen = Screen(desk, app)
    screen.page.wait_for_selector("#sign .sign.ready", timeout=120_000)
    screen.select(*YELLOW)
    screen.drag(YELLOW, (0.5, 0.68))
    screen.wait_prompt("the yellow cylinder slides to the right")
    screen.generate()
    screen.page.wait_for_selector("#progress .film", timeout=60_000)
    screen.wait_videos(2, timeout=120_000)
    score = float(screen.page.inner_text("#report .score b"))
    path = tmp_path / "video.mp4"
    link = screen.page.locator("#player .links a").first.get_attribute("href")
    path.write_bytes(screen.fetch(link))
    frames, fps = read_video(path)
    config = json.loads((ROOT / "checkpoints" / "mini" / "config.json").read_text())["backbone"]
    assert frames.shape == (25, config["size"], config["size"], 3) and fps == 12.5
    assert score > 0.6
    screen.page.click("#compare")
    screen.wait_videos(3, timeout=120_000)
    free = tmp_path / "free.mp4"
    free.write_bytes(
        screen.fetch(screen.page.evaluate("() => document.querySelectorAll('#player video')[2].src"))
    )
    other, _ = read_video(free)
    moved = abs(frames[-1].astype(int) - other[-1]).mean()
    assert moved > 1  # the mask makes a difference
    assert screen.errors == [] and screen.foreign_hosts() == set()
