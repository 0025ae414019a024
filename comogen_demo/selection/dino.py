"""Grounding DINO: words -> boxes. The package's network and its way of asking it, with nothing fetched."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .interface import Box, Found
from .loading import load

BOX, TEXT = 0.35, 0.25  # the package's thresholds: of a box's best token, and of the tokens that name it
SIDE, LONGEST = 800, 1333  # px of a picture as the network sees it: the shorter side, and at most the longer
LETTERS = 200  # of all words together; the network reads 256 tokens
MOST = 50  # boxes
SPECIAL = ("[CLS]", "[SEP]")


class GroundingDino:
    """A `Finder`, in float32, on the CPU until it is moved. Calls from several threads wait for one another."""

    name = "Grounding DINO"

    def __init__(self, checkpoint: Path, vocabulary: Path):
        """checkpoint: groundingdino_swint_ogc.pth; vocabulary: vocab.txt of bert-base-uncased.

        Raises UserError when one of them is damaged or another's.
        """
        from .bert import read_tokenizer
        from .detector import Detector

        tokenizer = read_tokenizer(vocabulary)
        self._network = load(lambda: Detector(tokenizer).eval(), checkpoint, self.name, _tidy)
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        return str(self._network.feat_map.weight.device.type)

    def to(self, device: str) -> None:
        """Moves the network, "cpu" or "cuda"."""
        with self._lock:
            self._network.to(device)

    def find(self, frame: np.ndarray, words: str) -> list[Found]:
        """As `Finder.find`; several phrases stand apart by commas, semicolons, full stops or lines.

        `Found.words` are those words of a phrase that the box answers, as the package has them: of "red cube" it may
        be "cube". At most MOST boxes. Raises UserError for no words and for too many.
        """
        from groundingdino.util.inference import predict

        phrases = read_phrases(words)
        picture = _picture(frame)
        with self._lock:
            boxes, scores, named = predict(
                self._network, picture, ". ".join(phrases), BOX, TEXT, device=self.device
            )
        height, width = frame.shape[:2]
        found = [
            Found(_corners(box, width, height), float(score), _plain(name) or ", ".join(phrases))
            for box, score, name in zip(boxes.numpy(), scores.numpy(), named, strict=True)
        ]
        seen = [one for one in found if one.box[0] < one.box[2] and one.box[1] < one.box[3]]
        return sorted(seen, key=lambda one: -one.confidence)[:MOST]


def read_phrases(words: str) -> list[str]:
    """The phrases of what was typed. Raises UserError when there is none, or more than the network reads."""
    for sign in ".;\n":
        words = words.replace(sign, ",")
    phrases = [" ".join(phrase.split()) for phrase in words.split(",") if phrase.split()]
    if not phrases:
        raise UserError('There are no words to look for: say what to select, for example "red cube, man".')
    if sum(map(len, phrases)) > LETTERS:
        raise UserError(f"These are more than {LETTERS} letters: look for fewer things at a time.")
    return phrases


def _picture(frame: np.ndarray) -> Any:
    """frame (H, W, 3) uint8 as the network sees it: a float tensor (3, h, w)."""
    import groundingdino.datasets.transforms as transforms
    from PIL import Image

    prepare = transforms.Compose(
        [
            transforms.RandomResize([SIDE], max_size=LONGEST),  # one size: nothing random about it
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    return prepare(Image.fromarray(np.ascontiguousarray(frame)), None)[0]


def _corners(box: np.ndarray, width: int, height: int) -> Box:
    """From centre and size as shares of the picture to corners in px, within the picture."""
    x, y, w, h = (float(part) for part in box)
    return (
        max(0.0, (x - w / 2) * width),
        max(0.0, (y - h / 2) * height),
        min(float(width), (x + w / 2) * width),
        min(float(height), (y + h / 2) * height),
    )


def _plain(name: str) -> str:
    for special in SPECIAL:
        name = name.replace(special.lower(), " ").replace(special, " ")
    return " ".join(name.split())


def _tidy(state: dict[str, Any]) -> dict[str, Any]:
    """The names of the published file as the network's: it was written by a wrapped network, and holds two tensors
    that only training, and an older BERT, made use of."""
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {k: v for k, v in plain.items() if k not in ("label_enc.weight", "bert.embeddings.position_ids")}
