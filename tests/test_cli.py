"""The command line as such: commands, exit codes, and where messages go."""

import subprocess
import sys

import pytest

from comogen_demo import __version__, cli
from comogen_demo.errors import UserError


class Room:
    """A stand-in for a room's module."""

    def __init__(self, outcome):
        self.outcome = outcome

    def add_arguments(self, parser):
        parser.add_argument("--number", type=int, default=0)

    def run(self, args):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome + args.number


@pytest.fixture
def room(monkeypatch):
    def set_outcome(outcome):
        monkeypatch.setattr(cli.importlib, "import_module", lambda name: Room(outcome))

    return set_outcome


def test_the_exit_code_is_the_commands(room):
    room(0)
    assert cli.main(["masks"]) == 0
    assert cli.main(["masks", "--number", "7"]) == 7


def test_user_errors_are_one_sentence_and_exit_code_2(room, capsys):
    room(UserError("The picture is green; paint it red."))
    assert cli.main(["generate"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: The picture is green; paint it red.\n")


def test_bugs_stay_tracebacks(room):
    room(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        cli.main(["generate"])


def test_interruption_is_quiet(room, capsys):
    room(KeyboardInterrupt())
    assert cli.main(["generate"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["generate", "--wings", "2"]])
def test_what_is_not_understood_gives_usage_and_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m comogen_demo" in capsys.readouterr().err


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(f"    {name}" in text for name in cli.COMMANDS)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: python -m comogen_demo {command}" in capsys.readouterr().out


def test_python_m_comogen_demo_runs_it():
    done = subprocess.run(
        [sys.executable, "-m", "comogen_demo", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_python_m_comogen_demo_passes_the_exit_code_on():
    command = [sys.executable, "-m", "comogen_demo", "masks", "--project", "gone.json", "--out", "m.zip"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: There is no project file gone.json; check the path.\n"
