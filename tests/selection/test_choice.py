"""What is used of what is here, when it is loaded, and when it leaves the GPU; the real models have their own tests."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from comogen_demo.errors import UserError
from comogen_demo.selection import choice
from comogen_demo.selection.choice import DINO_FILES, ENTER, LEAVE, SAM_FILES, Models
from comogen_demo.weights import KNOWN
from tests.selection.networks import know

ROOT = Path(__file__).resolve().parent.parent.parent
TINY, LARGE = "sam2.1_hiera_tiny.pt", "sam2.1_hiera_large.pt"


class Loaded:
    """A model that notes where it is. `all`: every one that was loaded."""

    all: list[Loaded]

    def __init__(self, *files: Path):
        time.sleep(0.02)  # so that two threads would load it twice, were they let
        self.files, self.device = [path.name for path in files], "cpu"
        type(self).all.append(self)

    def to(self, device: str) -> None:
        self.device = device


class Machine:
    """A folder for weights, and the free memory of a GPU."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path):
        self.free, self.emptied, self.patch, self.folder = 0, 0, patch, folder

    def put(self, *names: str) -> None:
        for name in names:
            (self.folder / name).write_bytes(b"weights")
        know(self.patch, self.folder)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    here = Machine(monkeypatch, tmp_path)
    here.put()
    Loaded.all = []
    monkeypatch.setattr("comogen_demo.selection.sam.Sam2", Loaded)
    monkeypatch.setattr("comogen_demo.selection.dino.GroundingDino", Loaded)
    monkeypatch.setattr(choice, "_free", lambda: here.free)
    monkeypatch.setattr(choice, "_give_back", lambda: setattr(here, "emptied", here.emptied + 1))
    return here


def test_without_weights_the_built_in_does_it_and_says_so(machine):
    models = Models()
    assert models.selector().name == "built-in" and models.finder().name == "built-in (colours)"
    assert not models.uses_weights()
    assert models.note() == (
        "The built-in selects and tracks by colours, edges and motion, as the weights of SAM 2 are not here; "
        "words find colours only, as the weights of Grounding DINO are not here."
    )


def test_weights_that_arrive_are_used_from_then_on_and_loaded_once(machine):
    models = Models()
    assert not models.uses_weights()
    machine.put(TINY, *DINO_FILES)
    assert models.uses_weights()
    assert models.note() == "SAM 2 tiny selects and tracks; Grounding DINO finds by words."
    assert Loaded.all == [], "a look for files loads nothing"
    assert models.selector() is models.selector() and models.finder() is models.finder()
    assert [one.files for one in Loaded.all] == [[TINY], list(DINO_FILES)]


def test_the_largest_is_used_and_the_smaller_let_go(machine):
    machine.put(TINY)
    models = Models()
    models.selector()
    machine.put(LARGE)
    assert models.note().startswith("SAM 2 large selects")
    assert models.selector().files == [LARGE] and len(models._kept) == 1
    assert all(KNOWN[file].name.startswith("SAM 2") for file in SAM_FILES)
    sizes = [KNOWN[file].bytes for file in SAM_FILES if file not in (TINY, LARGE)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("missing", DINO_FILES)
def test_words_need_both_files(machine, missing):
    machine.put(*(file for file in DINO_FILES if file != missing))
    assert Models().finder().name == "built-in (colours)" and not Models().uses_weights()


def test_a_truncated_file_is_told_of_and_the_built_in_goes_on(machine):
    machine.put(TINY)
    (machine.folder / TINY).write_bytes(b"wei")
    models = Models()
    assert models.selector().name == "built-in" and not models.uses_weights()
    said = (
        f"as {machine.folder / TINY} is damaged (3 of 7 bytes): delete it and download it again; words find"
    )
    assert said in models.note()


def test_a_package_that_is_missing_is_told_of(machine, monkeypatch):
    machine.put(TINY, *DINO_FILES)
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    models = Models()
    assert models.selector().name == "built-in" and not models.uses_weights()
    assert models.note().count("is not installed") == 2


def test_a_file_that_does_not_load_is_refused_at_every_call(machine, monkeypatch):
    def refuse(path: Path) -> None:
        raise UserError(f"The file {path} is damaged.")

    machine.put(TINY)
    monkeypatch.setattr("comogen_demo.selection.sam.Sam2", refuse)
    models = Models()
    for _ in range(2):
        with pytest.raises(UserError, match="is damaged"):
            models.selector()
    monkeypatch.setattr("comogen_demo.selection.sam.Sam2", Loaded)
    assert models.selector().files == [TINY], "once it is mended it is used"


def test_threads_share_one_model(machine):
    machine.put(TINY)
    models, got = Models(), []
    threads = [threading.Thread(target=lambda: got.append(models.selector())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and len({id(one) for one in got}) == len(Loaded.all) == 1


def test_models_go_to_a_gpu_with_room_and_leave_it_when_it_is_short(machine):
    machine.put(TINY, *DINO_FILES)
    models = Models()
    machine.free = ENTER - 1
    sam = models.selector()
    assert sam.device == "cpu"
    machine.free = LEAVE
    assert models.selector() is sam and sam.device == "cuda" and models.finder().device == "cuda"
    models.make_room()
    assert sam.device == "cuda" and machine.emptied == 0, "there is room enough"
    machine.free = LEAVE - 1
    models.make_room()
    assert [one.device for one in Loaded.all] == ["cpu", "cpu"] and machine.emptied == 1
    models.make_room()
    assert machine.emptied == 1
    assert models.selector().device == "cuda" and len(Loaded.all) == 2, "back, and not read again"


def test_there_is_nothing_to_make_room_for_without_a_gpu(machine):
    machine.put(TINY)
    models = Models()
    models.make_room()
    assert models.selector().device == "cpu"
    models.make_room()
    assert machine.emptied == 0


def test_looking_brings_no_heavy_library():
    code = (
        "import sys; from comogen_demo.selection.choice import Models; models = Models()\n"
        "models.note(), models.uses_weights(), models.make_room()\n"
        "print(*{'torch', 'transformers', 'sam2', 'groundingdino', 'gradio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_the_free_memory_of_a_machine_without_a_gpu_is_none(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choice._free() == 0
