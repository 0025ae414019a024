"""`train control` as it is typed, on a tiny model in the place of the embedded one."""

import json

import cv2
import numpy as np
import pytest
import torch

from comogen_demo import checkpoint
from comogen_demo.checkpoint import load_embedded, load_model, save_model
from comogen_demo.cli import main
from comogen_demo.control.files import read_about
from comogen_demo.generate import Result, Settings, generate
from comogen_demo.training.data.folder import read_clip
from comogen_demo.video import read_video
from tests.tiny import tiny_model
from tests.training.control.tiny_run import write_data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """checkpoints/mini, data and validation, with the checkpoints folder turned to it."""
    folder = tmp_path_factory.mktemp("cli")
    model = tiny_model(lora_rank=2)  # a control that training does not begin with
    save_model(folder / "checkpoints/mini", model.backbone, model.adapter, model.control)
    write_data(folder / "data")
    write_data(folder / "validation", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "CHECKPOINTS", folder / "checkpoints")
        yield folder


def arguments(place, *more):
    given = ["train", "control", "--backbone", "mini", "--data", place / "data", "--device", "cpu"]
    return [str(word) for word in [*given, "--folder", place / "run", "--lora-rank", 2, *more]]


@pytest.fixture(scope="module")
def trained(place):
    """What was printed."""
    import contextlib
    import io

    more = ("--validation", place / "validation", "--adapter-width", 8, "--learning-rate", 0.01)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert main(arguments(place, *more)) == 0
    return text.getvalue()


def test_it_says_what_it_takes_before_it_starts(trained):
    lines = trained.splitlines()
    started = next(i for i, line in enumerate(lines) if "adapter: step" in line)
    before = "\n".join(lines[:started])
    assert "4 of 4 clips are encoded" in before and "adapter: 2 steps of 2 clips" in before
    assert "lora: 4 steps of 2 clips" in before and "GB for each process" in before
    assert "Curves go to" in before
    assert "adapter: peak memory" in trained and "lora: peak memory" in trained


def test_the_file_is_a_model_of_the_app(trained, place):
    path = place / "checkpoints/mini-control.safetensors"
    assert trained.splitlines()[-1] == str(path)
    model = load_model("mini-control", device="cpu")
    assert model.control.motion_layers == (0, 2) and model.control.lora_rank == 2
    state = torch.load(place / "run/lora.pt", weights_only=True)
    for name, value in model.adapter.state_dict().items():
        assert torch.equal(value, state[f"adapter.{name}"])
    base = load_embedded(place / "checkpoints/mini", "cpu")[0].denoiser.state_dict()
    own = {k.replace(".base_layer.", "."): v for k, v in model.backbone.denoiser.state_dict().items()}
    assert all(torch.equal(own[name], value) for name, value in base.items())
    clip = read_clip(place / "data", "clip-0")
    videos = []
    for strength in (0.0, 1.0):
        *_, result = generate(
            model, clip.frames[0], clip.masks, clip.caption, Settings(2, strength), previews=False
        )
        assert isinstance(result, Result)
        videos.append(result.frames)
    assert not np.array_equal(*videos), "the control has an effect"


def test_the_file_is_taken_by_generate(trained, place, tmp_path, capsys):
    clip = read_clip(place / "data", "clip-0")
    cv2.imwrite(str(tmp_path / "frame.png"), clip.frames[0, ..., ::-1])
    words = ["generate", "--image", tmp_path / "frame.png", "--masks", place / "data/clip-0.masks.zip"]
    words += ["--model", "mini-control", "--prompt", clip.caption, "--steps", 2, "--out", tmp_path / "v.mp4"]
    assert main([str(word) for word in words]) == 0
    assert read_video(tmp_path / "v.mp4")[0].shape == (9, 32, 32, 3)


def test_the_file_tells_how_it_came_about(trained, place):
    about = read_about(place / "checkpoints/mini-control.safetensors")
    stages = about["training"]["stages"]
    assert about["backbone"] == "mini" and about["training"]["clips"] == 4
    assert stages["adapter"]["settings"]["adapter_width"] == 8 and stages["lora"]["steps"] == 4
    assert stages["lora"]["curve"][-1]["step"] == 4 and stages["lora"]["peak_memory"] > 0


def test_validation_videos_show_the_true_one_beside(trained, place):
    for name in ("adapter-000002-clip-0", "lora-000004-clip-0"):
        frames, _ = read_video(place / f"run/validation/{name}.mp4")
        assert frames.shape == (9, 32, 64, 3)
        assert f"{name}.mp4" in trained
    true = read_clip(place / "validation", "clip-0").frames
    assert np.abs(frames[:, :, :32].astype(int) - true).mean() < 5


def test_other_settings_are_not_mixed_in(trained, place, capsys):
    assert main(arguments(place, "--adapter-width", 8, "--learning-rate", 0.02)) == 2
    assert "holds a training with learning rate 0.01, not 0.02" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--batch", 5), "needs as many clips"),
        (("--learning-rate", 0), "out of range"),
        (("--lora-rank", -1), "give 1 or more"),
        (("--width", 64), "one size"),
        (("--backbone", "none"), "no backbone 'none'"),
        (("--backbone", "wan"), "Motion Layers of Wan2.2-TI2V-5B are not known"),
        (("--layers", "nothing.json"), "cannot be read"),
        (("--data", "nowhere"), "no folder nowhere"),
        (("--validation", "nowhere"), "no folder nowhere"),
    ],
)
def test_what_the_user_can_mend_is_said(place, capsys, more, said):
    assert main(arguments(place, "--folder", place / "faults", *more)) == 2
    assert said in capsys.readouterr().err


def test_layers_of_an_analysis_are_taken(place, tmp_path, capsys):
    path = tmp_path / "layers.json"
    path.write_text(json.dumps({"motion_layers": [1], "scores": [0.1, 0.3]}))
    assert main(arguments(place, "--folder", tmp_path, "--layers", path)) == 2
    assert "the model has 3" in capsys.readouterr().err
    path.write_text(json.dumps({"motion_layers": [1], "scores": [0.1, 0.3, 0.2]}))
    out = tmp_path / "c.safetensors"
    assert main(arguments(place, "--folder", tmp_path / "run", "--layers", path, "--out", out)) == 0
    assert read_about(out)["control"]["motion_layers"] == [1]
