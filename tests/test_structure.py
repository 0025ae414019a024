"""The structure that comogen_demo/README.md promises: arrows go down only, heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "comogen_demo"

# From the bottom to the top. A room may import from the lines below its own, never from its own line or above.
LAYERS = (
    ("errors",),
    ("files",),
    ("images", "video", "weights"),
    ("world",),
    ("masks", "selection"),
    ("backbones", "driving"),
    ("control",),
    ("settings", "model"),
    ("controls",),
    ("checkpoint",),
    ("generate",),
    ("evaluation",),
    ("analysis",),
    ("training",),
    ("jobs", "project_reading"),
    ("project",),
    ("commands", "ui"),
    ("cli",),
    ("__main__",),
)
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module imported anywhere in the file, by its absolute name, with the line."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            yield ".".join(module), node.lineno
            for name in node.names:
                yield ".".join([*module, name.name]), node.lineno


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rooms_used(path: Path) -> set[tuple[str, int]]:
    """The rooms of comogen_demo that the file imports, without its own."""
    used = set()
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "comogen_demo" and len(parts) > 1 and parts[1] in HEIGHT:
            used.add((parts[1], line))
    return {(room, line) for room, line in used if room != room_of(path)}


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms <= set(HEIGHT), "a new room: put it into LAYERS and into comogen_demo/README.md"
    assert len(rooms) >= 15, "the walk found the package"


def test_arrows_go_down_only():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {room}"
        for path in modules()
        if room_of(path) in HEIGHT
        for room, line in rooms_used(path)
        if HEIGHT[room] >= HEIGHT[room_of(path)]
    ]
    assert wrong == []


def test_the_walk_sees_relative_and_late_imports():
    names = {name for name, _ in imports(PACKAGE / "commands" / "generate.py")}
    assert {"comogen_demo.errors", "comogen_demo.generate", "comogen_demo.masks.fit_mask"} <= names


def test_backbones_know_nothing_of_masks_or_control():
    used = {room for path in (PACKAGE / "backbones").rglob("*.py") for room, _ in rooms_used(path)}
    assert used.isdisjoint({"masks", "selection", "control"})


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name, _ in imports(path)}


def test_gradio_is_known_to_the_page_only():
    users = {room_of(path) for path in modules() if "gradio" in libraries(path)}
    assert users <= {"ui"}
    assert users, "the page uses gradio"


@pytest.mark.parametrize(
    "room",
    ["world", "masks", "driving", "errors", "files", "images", "video", "weights", "settings", "project"],
)
def test_rooms_without_torch(room):
    for path in modules():
        if room_of(path) == room:
            assert libraries(path).isdisjoint({"torch", "diffusers", "transformers", "peft"}), path


HEAVY = {"torch", "torchvision", "gradio", "diffusers", "transformers", "sam2", "groundingdino", "moviepy"}


@pytest.mark.parametrize(
    "room", ["world", "cli", "project", "masks", "selection", "selection.choice", "driving", "weights"]
)
def test_importing_them_brings_nothing_heavy(room):
    assert loaded_by(f"import comogen_demo.{room}").isdisjoint(HEAVY)


def test_the_command_line_opens_without_heavy_libraries():
    loaded = loaded_by(
        "import contextlib, io, comogen_demo.cli as cli\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    cli.main(['--help'])"
    )
    assert loaded.isdisjoint({"torch", "gradio", "diffusers", "cv2", "mujoco", "numpy"})


@pytest.mark.parametrize("command", ["generate", "masks", "track", "world", "train", "analyze", "evaluate"])
def test_help_of_a_command_needs_neither_torch_nor_gradio(command):
    loaded = loaded_by(f"import comogen_demo.cli as cli; cli.build_parser(['{command}'])")
    assert loaded.isdisjoint({"torch", "gradio", "diffusers"})


def loaded_by(code: str) -> set[str]:
    """The top-level modules in a fresh interpreter after running the code."""
    code += "\nimport sys; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_way_to_install_ends_with_the_headless_opencv():
    """groundingdino-py requires the build of OpenCV with windows, which needs OpenGL: the last word counts."""
    last = "pip install --force-reinstall --no-deps -c requirements.txt opencv-python-headless"
    for name in ("README.md", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert last in text and text.rindex(last) > text.rindex("pip install --no-build-isolation"), name


def has_desktop_opencv() -> bool:
    done = subprocess.run(
        [sys.executable, "-c", "import cv2; print(cv2.getBuildInformation())"], capture_output=True, text=True
    )
    return not re.search(r"^ *GUI: +NONE", done.stdout, re.M)


@pytest.mark.skipif(sys.platform != "linux", reason="the trick below is the Linux loader's")
@pytest.mark.skipif(has_desktop_opencv(), reason="OpenCV with windows is installed, which needs OpenGL")
def test_nothing_needs_opengl(tmp_path):
    """Files that are no libraries stand before the real ones in the loader's path, so that loading them fails."""
    for name in (
        "libGL.so.1",
        "libEGL.so.1",
        "libGLX.so.0",
        "libOpenGL.so.0",
        "libOSMesa.so.8",
        "libgthread-2.0.so.0",
    ):
        (tmp_path / name).write_bytes(b"")
    probe = (
        "import ctypes, sys\ntry:\n    ctypes.CDLL('libGL.so.1')\nexcept OSError:\n    print('no OpenGL')\n"
    )
    work = (
        "import comogen_demo.selection, comogen_demo.masks\nfrom comogen_demo.world import make_clip\n"
        "print(make_clip('test', 0, size=64).frames.shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe + work],
        cwd=ROOT,
        env=os.environ | {"LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["no OpenGL", "(25, 64, 64, 3)"]


@pytest.mark.parametrize("command", [["app.py"], ["-m", "comogen_demo", "masks"]])
def test_a_start_without_opengl_says_what_to_install(tmp_path, command):
    """A cv2 that fails as the build with windows does stands before the real one."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert "opencv-python-headless" in done.stderr
    assert "Traceback" not in done.stderr
