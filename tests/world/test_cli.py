import json

import cv2
import numpy as np
import pytest

from comogen_demo.cli import main
from comogen_demo.video import read_video


def test_render_writes_frames_masks_video_and_truth(tmp_path, capsys):
    assert main(["world", "render", "--out", str(tmp_path), "--start", "1", "--size", "48"]) == 0
    folder = tmp_path / "test-00001"
    assert capsys.readouterr().out.strip() == str(folder)
    truth = json.loads((folder / "scene.json").read_text())
    objects = len(truth["scene"]["objects"])
    assert np.shape(truth["position"]) == (25, objects, 3) and np.shape(truth["quaternion"]) == (
        25,
        objects,
        4,
    )
    frames, fps = read_video(folder / "video.mp4")
    assert frames.shape == (25, 48, 48, 3) and fps == pytest.approx(12.5)
    first = cv2.imread(str(folder / "frames" / "00.png"))[..., ::-1]
    assert np.abs(first.astype(int) - frames[0]).mean() < 6
    assert len(list((folder / "visible").iterdir())) == 25
    assert len(list((folder / "amodal").iterdir())) == 25 * objects
    visible = cv2.imread(str(folder / "visible" / "00.png"), cv2.IMREAD_UNCHANGED)
    whole = cv2.imread(str(folder / "amodal" / "00-1.png"), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(visible)) == {0, *range(1, objects + 1)}
    assert (whole[visible == 1] > 0).all()


def test_sheet_has_a_row_for_every_scene(tmp_path):
    file = tmp_path / "sheet.png"
    assert main(["world", "sheet", "--out", str(file), "--scenes", "2", "--size", "32"]) == 0
    height, width, _ = cv2.imread(str(file)).shape
    assert height >= 64 and width >= 4 * 32


@pytest.mark.parametrize("options", [["--scenes", "0"], ["--start", "-1"], ["--size", "20"]])
def test_bad_input_is_one_sentence_and_exit_code_2(options, tmp_path, capsys):
    assert main(["world", "sheet", "--out", str(tmp_path / "sheet.png"), *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
