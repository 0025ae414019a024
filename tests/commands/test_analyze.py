"""`analyze` on the command line: files written, and input refused in a sentence."""

import json

import cv2
import numpy as np
import pytest

from comogen_demo.analysis.pictures import attention_sheet, box_plot, overlay
from comogen_demo.backbones.planner import Machine
from comogen_demo.cli import main
from comogen_demo.control.layers import read_layers
from comogen_demo.errors import UserError
from comogen_demo.training.data.folder import write_clip
from tests.backbones.families import hunyuan


@pytest.fixture
def layers(tmp_path):
    """A layer analysis of the embedded model, which has nine blocks."""
    scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    path = tmp_path / "layers.json"
    document = {
        "split": "val",
        "motion_layers": [8, 7],
        "scores": scores,
        "by_scene": [[[s] * 3 for s in scores]] * 2,
    }
    path.write_text(json.dumps(document))
    return path


def changed(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return path


def test_a_choice_is_read(layers):
    choice, document = read_layers(layers, 9)
    assert choice.motion_layers == (7, 8) and len(choice.scores) == 9
    assert document["split"] == "val"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scores": [0.1] * 8}, "scores 8 blocks, but the model has 9"),
        ({"motion_layers": []}, "expected some of the blocks 0 to 8"),
        ({"motion_layers": [9]}, "expected some of the blocks 0 to 8"),
        ({"motion_layers": ["a"]}, "expected some of the blocks"),
        ({"scores": None}, "is no layer analysis"),
        ({"scores": [float("nan")] * 9}, "finite scores"),
    ],
)
def test_what_does_not_fit_is_refused(layers, values, words):
    with pytest.raises(UserError, match=words):
        read_layers(changed(layers, **values), 9)


def test_what_is_no_analysis_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_layers(tmp_path / "none.json", 9)
    (tmp_path / "text.json").write_text("no JSON")
    with pytest.raises(UserError, match="is no layer analysis"):
        read_layers(tmp_path / "text.json", 9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scenes", "1"], "--scenes 1 is out of range"),
        (["--steps", "0"], "0 steps are out of range"),
        (["--model", "none"], "There is no model"),
        (["--plot", "plot.jpg"], "is no PNG file name"),
        (["--top", "9"], "--top 9 is out of range: choose 1 to 8"),
        (["--json", "no/such/folder/x.json"], "There is no folder"),
    ],
)
def test_bad_options_of_layers(options, words, capsys):
    assert main(["analyze", "layers", "--scenes", "2", *options]) == 2
    assert words in capsys.readouterr().err


def test_scores_and_skips_need_disjoint_scenes(layers, capsys):
    assert main(["analyze", "skip", "--layers", str(layers), "--split", "val"]) == 2
    assert "disjoint" in capsys.readouterr().err
    changed(layers, by_scene=[])
    assert main(["analyze", "skip", "--layers", str(layers)]) == 2
    assert "lacks the scores of single scenes" in capsys.readouterr().err


def test_layers_of_the_embedded_model_and_what_the_files_hold(tmp_path, capsys):
    files = [tmp_path / name for name in ("layers.json", "plot.png", "maps.png")]
    options = ["--json", str(files[0]), "--plot", str(files[1]), "--maps", str(files[2])]
    assert main(["analyze", "layers", "--scenes", "2", "--steps", "1", "--top", "3", *options]) == 0
    choice, document = read_layers(files[0], 9)
    assert len(choice.motion_layers) == 3 and np.shape(document["by_scene"]) == (2, 9, 3)
    assert document["scores"] == pytest.approx(np.mean(document["by_scene"], 0)[:, 0], abs=2e-4)
    assert all(cv2.imread(str(path)) is not None for path in files[1:])
    assert "cut by the top 3" in capsys.readouterr().out


def test_a_box_plot_shows_motion_layers_in_another_colour():
    scores = np.random.default_rng(0).uniform(0.1, 0.4, (20, 9))
    plain, marked = box_plot(scores, [], 0.05), box_plot(scores, [4], 0.05)
    columns = np.flatnonzero((plain != marked).any((0, 2)))
    assert columns.min() >= 70 + 64 * 4 and columns.max() < 70 + 64 * 5, "in its own slot only"
    assert box_plot(np.full((5, 60), 0.2), [], 0.05).shape[1] > 60 * 22


def test_an_overlay_is_brightest_where_the_attention_is():
    map_ = np.zeros((4, 4))
    map_[1, 2] = 1
    picture = overlay(np.full((32, 32, 3), 100, np.uint8), map_)
    assert np.unravel_index(picture.sum(-1).argmax(), (32, 32)) == pytest.approx((12, 20), abs=4)
    assert overlay(np.zeros((8, 8, 3), np.uint8), np.ones((2, 2))).shape == (8, 8, 3)


def test_a_sheet_has_a_row_a_block_below_the_frames():
    frames = np.zeros((25, 32, 32, 3), np.uint8)
    sheet = attention_sheet(frames, np.random.default_rng(0).random((5, 7 * 16)), (7, 4, 4), [1])
    assert sheet.shape[0] == 6 * 98


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """Two clips of nine frames for a tiny HunyuanVideo with text encoders."""
    monkeypatch.setattr("comogen_demo.backbones.registry.load_backbone", lambda *_: hunyuan(text=True))
    monkeypatch.setattr("comogen_demo.backbones.placement.measure", lambda _: Machine(0, 300, 100, rate=0.5))
    masks = np.zeros((9, 32, 32), bool)
    masks[:, 8:24, 8:24] = True
    for seed, name in enumerate(("one", "two")):
        frames = np.random.default_rng(seed).integers(0, 255, (9, 32, 32, 3), dtype=np.uint8)
        write_clip(tmp_path / "clips", name, frames, masks, "the red cube slides to left", 24)
    return tmp_path / "clips"


def test_a_large_backbone_is_scored_on_a_folder_of_clips(clips, tmp_path, capsys, monkeypatch):
    given = ["analyze", "layers", "--backbone", "hunyuan", "--steps", "2"]
    files = [tmp_path / "layers.json", tmp_path / "maps.png"]
    options = [
        "--data",
        str(clips),
        "--subject",
        "Red cube",
        "--json",
        str(files[0]),
        "--maps",
        str(files[1]),
    ]
    assert main([*given, *options]) == 0
    out = capsys.readouterr().out
    assert "memory: cpu" in out and "how long 4 steps take is about 52 minutes" in out, "2 clips, 2 steps"
    assert "HunyuanVideo-I2V: 12.8 billion parameters" in out and "would score 0.250; 2 scenes" in out
    _, document = read_layers(files[0], 4)
    assert np.shape(document["by_scene"]) == (2, 4, 3) and document["subject"] == "Red cube"
    assert cv2.imread(str(files[1])) is not None

    assert main(given) == 2
    assert "give --data, a folder of clips" in capsys.readouterr().err
    assert main([*given, "--data", str(clips)]) == 2
    assert "--data needs --subject" in capsys.readouterr().err
    assert main([*given, "--data", str(clips), "--subject", "sphere"]) == 2
    assert "Clip one: The prompt has no word 'sphere'" in capsys.readouterr().err
    (clips / "two.txt").unlink()
    assert main([*given, "--data", str(clips), "--subject", "cube"]) == 2
    assert "Clip two: There is no caption" in capsys.readouterr().err
    monkeypatch.setattr("comogen_demo.backbones.placement.measure", lambda _: Machine(24, 300, 100))
    assert main([*given, "--data", str(clips), "--subject", "cube"]) == 2
    assert "Scoring the layers of HunyuanVideo-I2V" in capsys.readouterr().err
