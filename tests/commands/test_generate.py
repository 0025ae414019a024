"""`generate`: from files to a video, with a tiny model of random weights that is loaded as a real one is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from comogen_demo.checkpoint import save_model
from comogen_demo.cli import main
from comogen_demo.generate import Result, generate, load_model
from comogen_demo.images import read_image
from comogen_demo.masks import Keyframe, save_masks
from comogen_demo.project import Project, Track, mask_png
from comogen_demo.settings import Settings
from comogen_demo.video import read_project, read_video, write_mp4
from tests.tiny import tiny_model

FRAMES, SIDE = 9, 32


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    model = tiny_model()
    save_model(folder / "tiny", model.backbone, model.adapter, model.control)
    return folder


@pytest.fixture
def place(tmp_path, checkpoints, monkeypatch):
    """A folder with a.png (64 x 32), masks.zip for it, and p.json; the current one."""
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", checkpoints)
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(0).integers(0, 255, (32, 64, 3), dtype=np.uint8)
    Image.fromarray(picture).save("a.png")
    save_masks("masks.zip", masks(64))
    save_masks("square.zip", masks(64)[:, :, 16:48])
    key = (Keyframe(0), Keyframe(FRAMES - 1, x=8))
    track = Track("a", "box", "#ff8800", (mask_png(masks(64)[0]),), key)
    settings = Settings(steps=3, strength=0.5, seed=7)
    project = Project(FRAMES, "a", (track,), "the red cube slides", settings)
    (tmp_path / "p.json").write_text(project.to_json())
    return tmp_path


def masks(width: int) -> np.ndarray:
    drawn = np.zeros((FRAMES, 32, width), bool)
    for t in range(FRAMES):
        drawn[t, 8:18, 20 + t : 32 + t] = True
    return drawn


def run(*arguments: str, image="a.png", path="masks.zip", out="v.mp4") -> int:
    given = [
        "--model",
        "tiny",
        "--image",
        image,
        "--masks",
        path,
        "--out",
        out,
        "--prompt",
        "the red cube slides",
    ]
    return main(["generate", *given, *arguments])


def test_a_video_is_made_and_told_about(place, capsys):
    assert run("--steps", "2", "--json", "v.json") == 0
    frames, fps = read_video("v.mp4")
    assert (frames.shape, fps) == ((FRAMES, SIDE, SIDE, 3), 12.5)
    text = capsys.readouterr().out
    assert "cropped the 64 x 32 picture to 32 x 32 px from x 16, y 0" in text
    assert "step 1/2  mask weight 1.000\nstep 2/2  mask weight 0.000\n" in text
    assert "mean IoU 0." in text
    assert "v.mp4  9 frames at 12.5 fps" in text
    figures = json.loads((place / "v.json").read_text())
    assert figures["settings"] == {
        "steps": 2,
        "strength": 1.0,
        "schedule": "cosine",
        "seed": 0,
        "control": "adapter",
    }
    assert figures["crop"] == {"scale": 1.0, "left": 16, "top": 0, "width": 32, "height": 32}
    assert len(figures["report"]["iou"]) == FRAMES
    assert f"mean IoU {figures['report']['mean_iou']:.3f}" in text


def test_it_is_the_generators_own_video(place):
    arguments = ["--steps", "2", "--seed", "5", "--strength", "1.5", "--schedule", "constant"]
    assert run(*arguments) == 0
    frame, square = read_image("a.png")[:, 16:48], masks(64)[:, :, 16:48]
    settings = Settings(2, 1.5, "constant", 5)
    *_, last = generate(load_model("tiny"), frame, square, "the red cube slides", settings, previews=False)
    assert isinstance(last, Result)
    written, _ = read_video("v.mp4")
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(written @ luma - last.frames @ luma).mean() < 4


def written(path="v.mp4") -> np.ndarray:
    return read_video(path)[0]


def test_the_same_seed_gives_the_same_file_and_another_another(place):
    for out, seed in (("a.mp4", "1"), ("b.mp4", "1"), ("c.mp4", "2")):
        assert run("--steps", "2", "--seed", seed, out=out) == 0
    assert np.array_equal(written("a.mp4"), written("b.mp4"))
    assert not np.array_equal(written("a.mp4"), written("c.mp4"))


def test_masks_of_the_picture_or_of_its_crop_mean_the_same(place):
    assert run("--steps", "2", out="a.mp4") == 0
    assert run("--steps", "2", path="square.zip", out="b.mp4") == 0
    assert np.array_equal(written("a.mp4"), written("b.mp4"))


def test_a_project_brings_everything_and_options_win(place, capsys):
    assert (
        main(["generate", "--model", "tiny", "--project", "p.json", "--out", "v.mp4", "--json", "v.json"])
        == 0
    )
    figures = json.loads((place / "v.json").read_text())
    assert figures["settings"] == {
        "steps": 3,
        "strength": 0.5,
        "schedule": "cosine",
        "seed": 7,
        "control": "adapter",
    }
    assert figures["prompt"] == "the red cube slides"
    more = ["--steps", "2", "--prompt", "the blue sphere rolls", "--image", "a.png"]
    assert (
        main(
            [
                "generate",
                "--model",
                "tiny",
                "--project",
                "p.json",
                "--out",
                "v.mp4",
                "--json",
                "v.json",
                *more,
            ]
        )
        == 0
    )
    figures = json.loads((place / "v.json").read_text())
    assert figures["settings"]["steps"] == 2
    assert figures["settings"]["seed"] == 7
    assert figures["prompt"] == "the blue sphere rolls"


def test_a_video_made_from_a_project_carries_it_on(place):
    arguments = ["generate", "--model", "tiny", "--project"]
    assert main([*arguments, "p.json", "--out", "v.mp4", "--steps", "2", "--prompt", "the blue cube"]) == 0
    given, carried = Project.read("p.json"), Project.read("v.mp4")
    assert carried.tracks == given.tracks
    assert carried.prompt == "the blue cube"
    assert carried.settings == replace(given.settings, steps=2)
    assert np.array_equal(carried.picture("elsewhere"), read_image("a.png"))
    (place / "a.png").unlink()
    assert main([*arguments, "v.mp4", "--out", "w.mp4"]) == 0
    assert np.array_equal(written("w.mp4"), written("v.mp4"))
    assert Project.read("w.mp4") == carried
    assert main([*arguments, "v.mp4", "--out", "v.mp4", "--seed", "9"]) == 0, "also into its own place"
    assert Project.read("v.mp4").settings.seed == 9


def test_a_video_made_from_files_carries_none(place):
    assert run("--steps", "1") == 0
    assert read_project("v.mp4") is None


def test_a_project_that_is_too_large_does_not_cost_the_video(place, capsys, monkeypatch):
    monkeypatch.setattr("comogen_demo.video.MAX_PROJECT", 10)
    assert main(["generate", "--model", "tiny", "--project", "p.json", "--out", "v.mp4"]) == 0
    assert written().shape == (FRAMES, SIDE, SIDE, 3)
    assert read_project("v.mp4") is None
    assert "the project is not in the video" in capsys.readouterr().err


def test_a_project_of_another_length_is_played_in_the_models_frames(place, capsys):
    project = Project.read("p.json")
    (track,) = project.tracks
    keys = (Keyframe(0), Keyframe(24, x=8))
    long = replace(project, frames=25, tracks=(replace(track, keyframes=keys),))
    (place / "long.json").write_text(long.to_json())
    for name in ("p", "long"):
        arguments = ["--project", f"{name}.json", "--out", f"{name}.mp4"]
        assert main(["generate", "--model", "tiny", *arguments]) == 0
    assert "the project's 25 frames are played in the model's 9" in capsys.readouterr().out
    assert np.array_equal(written("p.mp4"), written("long.mp4"))


def test_unknown_words_are_named(place, capsys):
    assert run("--steps", "1", "--prompt", "the red elephant slides") == 0
    assert "does not know: elephant" in capsys.readouterr().err


def spoil(place) -> None:
    """Files that each are wrong in one way."""
    (place / "text.png").write_text("text")
    (place / "cut.png").write_bytes((place / "a.png").read_bytes()[:900])
    save_masks("few.zip", masks(64)[:4])
    save_masks("empty.zip", masks(64) & False)
    save_masks("other.zip", np.ones((FRAMES, 32, 48), bool))
    save_masks("away.zip", np.pad(masks(64)[:, :, :4] | True, ((0, 0), (0, 0), (0, 60))))
    document = json.loads((place / "p.json").read_text())
    off = [track | {"on": False} for track in document["tracks"]]
    (place / "off.json").write_text(json.dumps(document | {"tracks": off}))
    write_mp4(place / "plain.mp4", np.zeros((2, 16, 16, 3), np.uint8), 8)
    (place / "newer.json").write_text(json.dumps(document | {"version": 99}))
    (place / "bare.json").write_text(json.dumps(document | {"tracks": []}))


FILES = ["--image", "a.png", "--masks", "masks.zip"]
BAD = {
    "no input": ([], "Give --image and --masks"),
    "half an input": (["--image", "a.png"], "Give --image and --masks"),
    "both inputs": (["--project", "p.json", "--masks", "masks.zip"], "either --masks or --project"),
    "no picture": (["--image", "gone.png", "--masks", "masks.zip"], "no picture file"),
    "not a picture": (["--image", "text.png", "--masks", "masks.zip"], "not a picture"),
    "a cut picture": (["--image", "cut.png", "--masks", "masks.zip"], "damaged"),
    "no masks": (["--image", "a.png", "--masks", "gone"], "no mask folder or file"),
    "few masks": (["--image", "a.png", "--masks", "few.zip"], "4 masks where 9 are needed"),
    "empty masks": (["--image", "a.png", "--masks", "empty.zip"], "empty in every frame"),
    "masks outside of the crop": (["--image", "a.png", "--masks", "away.zip"], "empty in every frame"),
    "other masks": (["--image", "a.png", "--masks", "other.zip"], "48 x 32 px and the picture 64 x 32 px"),
    "steps 0": ([*FILES, "--steps", "0"], "0 steps"),
    "steps 101": ([*FILES, "--steps", "101"], "101 steps"),
    "strength": ([*FILES, "--strength", "2.5"], "Strength 2.5"),
    "strength nan": ([*FILES, "--strength", "nan"], "Strength nan"),
    "seed": ([*FILES, "--seed", "4294967296"], "Seed 4294967296"),
    "seed below": ([*FILES, "--seed", "-1"], "Seed -1"),
    "prompt": ([*FILES, "--prompt", "x" * 2001], "2001 characters"),
    "no model": ([*FILES, "--model", "gone"], "no model at"),
    "no project": (["--project", "gone.json"], "no project file"),
    "video without a project": (["--project", "plain.mp4"], "no project in plain.mp4"),
    "nothing on": (["--project", "off.json"], "turned off"),
    "newer project": (["--project", "newer.json"], "version 99"),
    "bare project": (["--project", "bare.json"], "no object"),
    "json folder": ([*FILES, "--json", "gone/v.json"], "no folder"),
    "json is out": ([*FILES, "--json", "v.mp4"], "name the same file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_keeps_the_old_video(place, case, capsys):
    spoil(place)
    (place / "v.mp4").write_bytes(b"precious")
    before = sorted(file.name for file in place.iterdir())
    arguments, says = BAD[case]
    assert main(["generate", "--model", "tiny", "--out", "v.mp4", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert (place / "v.mp4").read_bytes() == b"precious"
    assert sorted(file.name for file in place.iterdir()) == before


@pytest.mark.parametrize(
    ("out", "says"), [("v.avi", "must end in .mp4"), ("gone/v.mp4", "no folder"), (".", "must end in .mp4")]
)
def test_bad_places_are_refused_before_the_work(place, out, says, capsys, monkeypatch):
    monkeypatch.setattr("comogen_demo.generate.load_model", lambda name: pytest.fail("the model was loaded"))
    assert run(out=out) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "file", ["config.json", "vae.safetensors", "base.safetensors", "control.safetensors"]
)
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_missing_or_damaged_checkpoint_is_one_sentence(place, checkpoints, file, how, capsys, monkeypatch):
    broken = place / "checkpoints" / "tiny"
    broken.mkdir(parents=True)
    for path in (checkpoints / "tiny").iterdir():
        if path.name != file:
            (broken / path.name).write_bytes(path.read_bytes())
        elif how == "damaged":
            (broken / path.name).write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", place / "checkpoints")
    (place / "v.mp4").write_bytes(b"precious")
    assert run() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert (place / "v.mp4").read_bytes() == b"precious"


def test_a_crash_in_the_middle_keeps_the_old_video(place, monkeypatch):
    (place / "v.mp4").write_bytes(b"precious")

    def crash(*_, **__):
        yield from ()
        raise RuntimeError("out of memory")

    monkeypatch.setattr("comogen_demo.generate.generate", crash)
    with pytest.raises(RuntimeError, match="out of memory"):
        run()
    assert (place / "v.mp4").read_bytes() == b"precious"


def test_the_motion_layers_of_an_analysis_take_the_place_of_the_models_own(place, capsys):
    own = {"motion_layers": [0, 2], "scores": [0.3, 0.1, 0.2]}
    for name, layers in (("own", own), ("other", {**own, "motion_layers": [1]})):
        (place / f"{name}.json").write_text(json.dumps(layers))
        assert run("--steps", "2", "--layers", f"{name}.json", out=f"{name}.mp4") == 0
    assert run("--steps", "2") == 0
    assert np.array_equal(written("own.mp4"), written())
    assert not np.array_equal(written("other.mp4"), written())
    (place / "large.json").write_text(json.dumps({**own, "scores": [0.1] * 60}))
    assert run("--layers", "large.json") == 2
    assert "scores 60 blocks, but the model has 3" in capsys.readouterr().err
