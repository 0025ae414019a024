"""`masks`: a project's masks as files."""

import numpy as np
import pytest

from comogen_demo.cli import main
from comogen_demo.masks import Keyframe, load_masks
from comogen_demo.project import Project, Track, mask_png
from comogen_demo.video import embed_project, write_mp4


@pytest.fixture
def project(tmp_path):
    mask = np.zeros((48, 64), bool)
    mask[10:30, 10:26] = True
    track = Track("a", "box", "#ff8800", (mask_png(mask),), (Keyframe(0), Keyframe(8, x=24)))
    (tmp_path / "p.json").write_text(Project(frames=9, tracks=(track,)).to_json())
    return tmp_path / "p.json"


@pytest.mark.parametrize(
    ("name", "agreement"), [("m.zip", 1.0), ("m.mp4", 0.98), ("M.ZIP", 1.0), ("m.npz", 1.0)]
)
def test_the_files_hold_the_projects_masks(project, tmp_path, name, agreement, capsys):
    assert main(["masks", "--project", str(project), "--out", str(tmp_path / name)]) == 0
    expected = Project.read(project).masks()
    written = load_masks(tmp_path / name, 9, (48, 64))
    assert (written & expected).sum() / (written | expected).sum() >= agreement
    assert "9 masks of 64 x 48 px" in capsys.readouterr().out
    if name.endswith(".mp4"):
        assert Project.read(tmp_path / name) == Project.read(project)


def test_a_video_with_the_project_inside_does_as_well(project, tmp_path):
    video = write_mp4(tmp_path / "v.mp4", np.zeros((3, 16, 16, 3), np.uint8), 8)
    embed_project(video, project.read_text())
    assert main(["masks", "--project", str(video), "--out", str(tmp_path / "m.npz")]) == 0
    assert np.array_equal(load_masks(tmp_path / "m.npz", 9, (48, 64)), Project.read(project).masks())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "m.txt"], "must end in .zip, .mp4 or .npz"),
        (["--out", "gone/m.zip"], "no folder"),
        (["--out", "m.mp4", "--fps", "0"], "0 frames per second"),
        (["--out", "m.mp4", "--fps", "nan"], "nan frames per second"),
    ],
)
def test_bad_input_is_refused(project, arguments, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["masks", "--project", str(project), *arguments]) == 2
    assert says in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["p.json"]
