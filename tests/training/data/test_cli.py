"""`train check` and `train convert` as they are typed."""

import pytest

from comogen_demo.cli import main
from comogen_demo.training.data.folder import clip_names, write_clip
from comogen_demo.world import make_clip
from comogen_demo.world.cli import write_clip as write_scene
from tests.training.data.made import square


def test_the_checker_counts_and_says_what_is_wrong(tmp_path, capsys):
    for name in "ab":
        write_clip(tmp_path, name, *square(), "A square goes right.", fps=8)
    assert main(["train", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "2 of 2 clips are good\n"
    (tmp_path / "a.txt").unlink()
    assert main(["train", "check", str(tmp_path)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("a: There is no caption") and last == "1 of 2 clips are good"


@pytest.mark.parametrize(
    ("backbone", "said"), [("mini", "8 frames a second where the backbone makes 12.5"), ("wan", "makes 24")]
)
def test_the_checker_knows_the_backbones(tmp_path, capsys, backbone, said):
    write_clip(tmp_path, "a", *square(), "A square goes right.", fps=8)
    assert main(["train", "check", str(tmp_path), "--backbone", backbone]) == 1
    assert said in capsys.readouterr().out


def test_the_world_is_converted(tmp_path, capsys):
    write_scene(tmp_path / "scenes/test-00000", make_clip("test", 0, 32))
    out = tmp_path / "clips"
    assert main(["train", "convert", "world", str(tmp_path / "scenes"), "--out", str(out)]) == 0
    assert f"1 of 1 clips are in {out}" in capsys.readouterr().out and clip_names(out) == ["test-00000"]


def test_what_cannot_be_converted_is_said(tmp_path, capsys):
    for kind in ("world", "clevrer", "behave", "davis"):
        assert main(["train", "convert", kind, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
        assert "holds no" in capsys.readouterr().err
    assert main(["train", "check", str(tmp_path), "--backbone", "none"]) == 2
    assert "no backbone 'none'" in capsys.readouterr().err
    folder = str(tmp_path)
    assert main(["train", "convert", "davis", folder, "--out", folder, "--frames", "1"]) == 2
