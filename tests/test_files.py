"""Replacing files."""

import os

import pytest

from comogen_demo.errors import UserError
from comogen_demo.files import check_writable, replacing


def test_a_finished_block_replaces_and_a_failed_one_does_not(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_write_protected_folders_are_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="not writable"):
        check_writable(tmp_path / "a.txt")


def test_missing_folders_and_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        check_writable(tmp_path / "gone" / "a.txt")
    with pytest.raises(UserError, match="is a folder"):
        check_writable(tmp_path)
