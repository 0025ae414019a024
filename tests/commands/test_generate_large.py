"""`generate --backbone`: from files to a video, with weights in diffusers' layout and a control in one file."""

import json

import numpy as np
import pytest
from PIL import Image

from comogen_demo.checkpoint import save_control
from comogen_demo.cli import main
from comogen_demo.masks import save_masks
from comogen_demo.video import read_video
from tests.backbones.families import controlled, hunyuan


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """weights/ of a tiny HunyuanVideo with its text encoders, checkpoints/toys.safetensors, a.png and masks.zip."""
    folder = tmp_path_factory.mktemp("large")
    backbone = hunyuan(text=True)
    backbone.pipe.save_pretrained(folder / "weights")
    (folder / "checkpoints").mkdir()
    save_control(folder / "checkpoints" / "toys.safetensors", controlled(backbone), {})
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(picture).save(folder / "a.png")
    masks = np.zeros((9, 32, 32), bool)
    masks[:, 8:20, 4:16] = True
    save_masks(folder / "masks.zip", masks)
    return folder


@pytest.fixture
def place(stored, monkeypatch):
    monkeypatch.setattr("comogen_demo.checkpoint.CHECKPOINTS", stored / "checkpoints")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.chdir(stored)
    return stored


def run(*arguments):
    return main(["generate", "--image", "a.png", "--out", "v.mp4", "--prompt", "the red cube", *arguments])


def test_a_backbone_alone_and_with_its_control(place, capsys):
    tiny = ("--weights", "weights", "--steps", "2")
    size = ("--size", "32x32", "--frames", "9")
    assert run("--backbone", "hunyuan", "--strength", "0", *size, *tiny) == 0
    told = capsys.readouterr().out
    assert "HunyuanVideo-I2V: 12.8 billion parameters, 32 x 32 pixels, 9 frames; weights from weights" in told
    assert "European Union" in told
    free, fps = read_video("v.mp4")
    assert free.shape == (9, 32, 32, 3) and fps == 24
    assert run("--model", "toys", "--masks", "masks.zip", "--json", "v.json", *tiny) == 0
    held, _ = read_video("v.mp4")
    assert held.shape == free.shape and not np.array_equal(held, free)
    assert json.loads((place / "v.json").read_text())["model"] == "toys"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backbone", "wan", "--masks", "masks.zip"], "Wan2.2-TI2V-5B alone cannot follow masks"),
        (
            ["--backbone", "wan", "--model", "toys", "--masks", "masks.zip"],
            "a control for the backbone hunyuan",
        ),
        (["--backbone", "wan", "--model", "mini", "--masks", "masks.zip"], "mini is no control for wan"),
        (["--weights", "weights", "--masks", "masks.zip"], "choose it with --backbone"),
        (
            ["--model", "none.safetensors", "--masks", "masks.zip"],
            "There is no control file none.safetensors",
        ),
        (["--model", "toys", "--size", "big", "--masks", "masks.zip"], "size big is not understood"),
        (
            ["--backbone", "wan", "--strength", "0", "--weights", "weights"],
            "expected a WanTransformer3DModel",
        ),
        (
            ["--model", "toys", "--frames", "10", "--weights", "weights", "--masks", "masks.zip"],
            "4n + 1 frames, not 10",
        ),
    ],
)
def test_what_does_not_go_together_gets_one_sentence(place, capsys, arguments, words):
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err
