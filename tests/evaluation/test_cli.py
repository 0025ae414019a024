import json

import cv2
import pytest

from comogen_demo.cli import main
from comogen_demo.evaluation import cases, cli

METRICS = {
    *("subject_iou", "subject_error_px", "psnr", "ssim", "reaction_skill", "false_motion", "vanished"),
    *("counterfactual_agreement", "counterfactual_r"),
}


@pytest.fixture
def inline(monkeypatch, small_cases):
    """Small scenes that are there already; returns after how many of them Ctrl-C is to be pressed."""
    stop = []

    def made(split, count, size, processes=2):
        for index in range(count):
            if stop and index == stop[0]:
                raise KeyboardInterrupt
            yield small_cases[index]

    monkeypatch.setattr(cases, "make_cases", made)
    monkeypatch.setattr(cases, "make_case", lambda split, index, size: small_cases[index])
    monkeypatch.setattr(cli, "SIZE_WITHOUT_MODEL", 48)
    return stop


def test_evaluates_and_writes_both_files(inline, tmp_path, capsys):
    file, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    command = [
        "evaluate",
        "--scenes",
        "2",
        "--methods",
        "warp,static",
        "--json",
        str(file),
        "--sheet",
        str(sheet),
    ]
    assert main(command) == 0
    document = json.loads(file.read_text())
    assert (document["split"], document["scenes"], document["seeds"]) == ("test", 2, 3)
    assert list(document["methods"]) == ["static", "warp"]
    assert set(document["methods"]["warp"]) == {"all", "dynamic", "kinematic"}
    assert set(document["methods"]["warp"]["all"]) >= METRICS
    warp, static = (document["methods"][m]["all"]["subject_iou"]["mean"] for m in ("warp", "static"))
    assert warp > 0.7 > 0.4 > static
    assert cv2.imread(str(sheet)) is not None
    out = capsys.readouterr()
    assert "subject_iou" in out.out and "2 scenes of test at 48x48" in out.err


def test_ctrl_c_keeps_what_was_measured(inline, tmp_path, capsys):
    inline.append(1)
    file = tmp_path / "figures.json"
    assert main(["evaluate", "--scenes", "5", "--methods", "static", "--json", str(file)]) == 130
    assert json.loads(file.read_text())["scenes"] == 1
    assert "Stopped after 1 of 5" in capsys.readouterr().err
    inline[0] = 0
    file.unlink()
    assert main(["evaluate", "--scenes", "5", "--methods", "static", "--json", str(file)]) == 130
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scenes", "0"], "--scenes 0"),
        (["--seeds", "101"], "--seeds 101"),
        (["--methods", "static,magic"], "magic"),
        (["--methods", ","], "joined by commas"),
        (["--methods", "static", "--json", "missing/figures.json"], "folder"),
        (["--methods", "static", "--sheet", "sheet.jpg"], ".png"),
        (["--steps", "0"], "0 steps"),
        (["--strength", "9"], "Strength 9.0"),
        (["--model", "no-such-model"], "no-such-model"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(options, words, capsys):
    assert main(["evaluate", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and words in error
