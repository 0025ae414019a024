"""`generate --backbone`: from files to a video, with weights in diffusers' layout and a control in one file."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from comogen_demo.backbones.planner import Machine
from comogen_demo.cli import main
from comogen_demo.controls import load_large, save_control
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
    assert told.index("memory: cpu") < told.index("step 1/2")
    free, fps = read_video("v.mp4")
    assert free.shape == (9, 32, 32, 3) and fps == 24
    faster = ("--attention", "_native_math", "--cache")
    assert run("--model", "toys", "--masks", "masks.zip", "--json", "v.json", *faster, *tiny) == 0
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
        (["--masks", "masks.zip", "--memory", "fp8"], "--memory is for a large backbone"),
        (["--masks", "masks.zip", "--cache"], "--cache is for a large backbone"),
        (
            ["--model", "toys", "--masks", "masks.zip", "--weights", "weights", "--attention", "fast"],
            "no attention backend 'fast'",
        ),
        (
            ["--model", "toys", "--masks", "masks.zip", "--weights", "weights", "--memory", "fp8"],
            "fp8 needs a GPU, and none was found",
        ),
        (["--model", "toys", "--size", "big", "--masks", "masks.zip"], "size big is not understood"),
        (
            [
                *("--backbone", "wan", "--strength", "0", "--weights", "weights"),
                *("--size", "64x64", "--frames", "9"),
            ],
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


HELD = ("--model", "toys", "--masks", "masks.zip", "--weights", "weights", "--steps", "2")


@pytest.fixture
def gpu(place, monkeypatch):
    """A GPU that is not there: what runs on it runs on the CPU. Returns the modes that were loaded, and how many of
    them are to run out of memory in their second step."""
    modes, failing = [], [0]

    def load(*arguments, mode):
        modes.append(mode)
        model = load_large(*arguments, mode="cpu")
        begin = model.backbone.begin

        def begin_to_fail(*given):
            run = begin(*given)
            step = run.step

            def step_or_fail(k):
                if k == 1 and len(modes) <= failing[0]:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                return step(k)

            run.step = step_or_fail
            return run

        model.backbone.begin = begin_to_fail
        return model

    monkeypatch.setattr("comogen_demo.controls.load_large", load)
    monkeypatch.setattr("comogen_demo.backbones.placement.measure", lambda cache: Machine(80, 80, 80))
    return modes, failing


def test_out_of_memory_is_the_same_again_in_the_next_mode(gpu, capsys):
    modes, failing = gpu
    assert run(*HELD) == 0
    plain, _ = read_video("v.mp4")
    assert modes == ["resident"]
    modes.clear()
    failing[0] = 1
    assert run(*HELD) == 0
    assert modes == ["resident", "model-offload"]
    told = capsys.readouterr()
    assert "ran out of memory in the mode resident; the same again in the mode model-offload" in told.err
    assert told.out.count("memory: model-offload") == 1
    assert np.array_equal(read_video("v.mp4")[0], plain)


def test_out_of_memory_in_the_last_mode_leaves_the_earlier_video(gpu, place, capsys):
    modes, failing = gpu
    failing[0] = 9
    (place / "v.mp4").write_bytes(b"earlier")
    assert run(*HELD, "--memory", "fp8") == 2
    assert modes == ["fp8", "group-offload"]
    assert "too small for HunyuanVideo-I2V at 32 x 32 pixels and 9 frames" in capsys.readouterr().err
    assert (place / "v.mp4").read_bytes() == b"earlier"


def test_what_does_not_work_in_a_mode_is_left_out_and_said(gpu, capsys):
    assert run(*HELD, "--memory", "group-offload", "--cache") == 0
    assert gpu[0] == ["group-offload"]
    assert "--cache does not work in the mode group-offload and is left out" in capsys.readouterr().err
