"""The public endpoint, as a program calls it."""

import base64
import json

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from comogen_demo.masks import Keyframe
from comogen_demo.project import DATA_URL, Project, Track, mask_png
from comogen_demo.ui import document
from comogen_demo.ui.gallery import example
from comogen_demo.ui.sessions import png_bytes
from comogen_demo.video import read_project, read_video


@pytest.fixture(scope="module")
def client(server):
    return Client(server.url, verbose=False)


def test_generate_is_the_only_public_endpoint(client):
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/generate"]


def test_a_project_becomes_a_video(client, tmp_path):
    _, pixels, masks = example(0)
    track = Track("1", "it", "#ff0000", (mask_png(masks[0]),), (Keyframe(0), Keyframe(24, x=-60)))
    project = Project(
        image=png_bytes(pixels), tracks=(track,), prompt="the yellow cylinder slides to the left"
    )
    answer = client.predict(project.to_json(), api_name="/generate")
    path = tmp_path / "video.mp4"
    path.write_bytes(base64.b64decode(answer["video"].removeprefix("data:video/mp4;base64,")))
    frames, _ = read_video(path)
    kept = Project.from_json(read_project(path))
    assert kept.tracks == project.tracks and kept.image == project.image and kept.prompt == project.prompt
    assert frames.shape == (25, 256, 256, 3) and np.isfinite(answer["overlap"]) and answer["seconds"] > 0


def test_projects_of_both_versions_are_taken_and_tracks_that_are_off_are_left_out(client, server):
    """Version 1 had one mask a track; 49 frames are played into the model's 25."""
    _, pixels, masks = example(0)
    mask, other = document.mask_url(masks[0]), document.mask_url(masks[1])
    picture = f"{DATA_URL}{base64.b64encode(png_bytes(pixels)).decode()}"
    first = {"id": "1", "name": "it", "colour": "#ff0000", "mask": mask}
    first["keyframes"] = [{"t": 0}, {"t": 24, "x": -60}]
    old = {"version": 1, "frames": 25, "image": picture, "tracks": [first], "prompt": "the red cube moves"}
    client.predict(json.dumps(old), api_name="/generate")
    before = server.engine.seen[-1][1]

    way = [{"t": 0}, {"t": 48, "x": -60}]
    tracks = [
        {"id": "1", "shapes": [mask], "keyframes": way},
        {"id": "2", "shapes": [other], "keyframes": way, "on": False},
    ]
    new = {**old, "version": 2, "frames": 49, "tracks": tracks}
    client.predict(json.dumps(new), api_name="/generate")
    after = server.engine.seen[-1][1]
    assert before.shape == after.shape == (25, 512, 512) and (before == after).all()


@pytest.mark.parametrize(
    "project", ["{", json.dumps({"version": 1, "frames": 25, "tracks": [], "image": "frame"})]
)
def test_what_is_no_project_is_told(client, project):
    with pytest.raises(AppError, match="project"):
        client.predict(project, api_name="/generate")
