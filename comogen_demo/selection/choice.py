"""What selects, tracks and finds here: SAM 2 and Grounding DINO where their weights are, else the built-in.

Models are loaded when they are first used and kept. They share a GPU with the generator, which goes before them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..weights import KNOWN, damage, find_weights
from .builtin import BuiltIn, ColourFinder
from .interface import Finder, Selector

if TYPE_CHECKING:
    from .dino import GroundingDino
    from .sam import Sam2

# The largest SAM 2 that is here is used: whoever gets a larger one wants it.
SAM_FILES = (
    "sam2.1_hiera_large.pt",
    "sam2.1_hiera_base_plus.pt",
    "sam2.1_hiera_small.pt",
    "sam2.1_hiera_tiny.pt",
)
DINO_FILES = ("groundingdino_swint_ogc.pth", "vocab.txt")  # of use only together
ENTER = 3 << 30  # bytes free on the GPU from which on a model goes there: either model at work needs less
LEAVE = 6 << 30  # bytes free below which the models make room for a generation; both are our choice


class Models:
    """The models of one process. Every method may be called from any thread; a model itself does one thing at a time.

    What is used is looked up anew at every call, so that weights that arrive meanwhile are used from then on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Path, ...], Sam2 | GroundingDino] = {}  # by their files

    def selector(self) -> Selector:
        """SAM 2, loaded if it is not yet, else the built-in. UserError for a file that is not its weights."""
        files = _sam()
        if not files:
            return BuiltIn()
        from .sam import Sam2

        return self._model(files, Sam2)

    def finder(self) -> Finder:
        """Grounding DINO, loaded if it is not yet, else colours. UserError for files that are not its weights."""
        files = _dino()
        if not files:
            return ColourFinder()
        from .dino import GroundingDino

        return self._model(files, GroundingDino)

    def note(self) -> str:
        """One sentence on what is used and why; it looks for files only."""
        sam, dino = _sam(), _dino()
        selects = (
            f"{KNOWN[sam[0].name].name} selects and tracks"
            if sam
            else f"The built-in selects and tracks by colours, edges and motion, as {_lack('SAM 2', 'sam2', SAM_FILES)}"
        )
        finds = (
            "Grounding DINO finds by words"
            if dino
            else f"words find colours only, as {_lack('Grounding DINO', 'groundingdino', DINO_FILES)}"
        )
        return f"{selects}; {finds}."

    def uses_weights(self) -> bool:
        """Whether a model is asked, so that the work has to wait its turn; it looks for files only."""
        return bool(_sam() or _dino())

    def make_room(self) -> None:
        """Before a generation: takes the models off the GPU if it is short. When next used they return if they can."""
        with self._lock:
            there = [model for model in self._kept.values() if model.device != "cpu"]
            if not there or _free() >= LEAVE:
                return
            for model in there:
                model.to("cpu")
            _give_back()

    def _model(self, files: tuple[Path, ...], kind: Callable[..., Any]) -> Any:
        """The model of some files, where there is room for it; those whose files are not in use any more are let go."""
        with self._lock:
            in_use = (_sam(), _dino(), files)
            self._kept = {known: model for known, model in self._kept.items() if known in in_use}
            if files not in self._kept:
                self._kept[files] = kind(*files)
            model = self._kept[files]
            if model.device == "cpu" and _free() >= ENTER:
                model.to("cuda")
            return model


def _sam() -> tuple[Path, ...]:
    """The file of the SAM 2 to be used, or nothing."""
    if find_spec("sam2") is None:
        return ()
    paths = (find_weights(KNOWN[file]) for file in SAM_FILES)
    return next(((path,) for path in paths if path), ())


def _dino() -> tuple[Path, ...]:
    """Both files of Grounding DINO, or nothing."""
    if find_spec("groundingdino") is None:
        return ()
    paths = [find_weights(KNOWN[file]) for file in DINO_FILES]
    return tuple(path for path in paths if path) if all(paths) else ()


def _lack(name: str, package: str, files: tuple[str, ...]) -> str:
    """Why a model is not used, to go into a sentence."""
    if find_spec(package) is None:
        return f"the package of {name} is not installed"
    damages = [damage(KNOWN[file]) for file in files]
    return next(filter(None, damages), f"the weights of {name} are not here")


def _free() -> int:
    """Bytes that are free on the GPU, or kept by torch for the next who asks; 0 without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return 0
    free, _ = torch.cuda.mem_get_info()
    return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def _give_back() -> None:
    """What the models have left on the GPU goes to whoever wants it."""
    import torch

    torch.cuda.empty_cache()
