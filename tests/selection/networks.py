"""SAM 2 tiny and Grounding DINO SwinT at full size with random weights, as files; and pictures to try them on."""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import constants

from comogen_demo import weights

FILLED = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_")


@contextmanager
def left_empty() -> Iterator[None]:
    """Networks made within get no random start, which takes seconds: for those whose weights come from a file."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FILLED:
            patch.setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
        yield


def write_sam(folder: Path) -> Path:
    """sam2.1_hiera_tiny.pt as Meta's files are made, its weights the package's own random start from a fixed seed."""
    from sam2.build_sam import build_sam2

    torch.manual_seed(1)
    network = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
    path = folder / "sam2.1_hiera_tiny.pt"
    torch.save({"model": network.state_dict()}, path)
    return path


class Memory:
    """Remembers what the two slow parts of a SAM 2 network made of an input, for all networks of the same weights.

    An input that differs in one bit is computed anew, so that equal results still mean equal work.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, object] = {}

    def serve(self, network):
        network.forward_image = self._remembering(network.forward_image)
        network.memory_attention.forward = self._remembering(network.memory_attention.forward)
        return network

    def _remembering(self, compute):
        def remembered(*given, **named):
            key = _digest((compute.__name__, given, sorted(named.items())))
            if key not in self._known:
                self._known[key] = compute(*given, **named)
            return copy.deepcopy(self._known[key])

        return remembered


def _digest(given) -> bytes:
    """Of anything that can be pickled; of tensors counts what they hold, not what they are a view of."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, one):
            if not isinstance(one, torch.Tensor):
                return None
            return (
                str(one.dtype),
                tuple(one.shape),
                hashlib.blake2b(one.contiguous().numpy().tobytes()).digest(),
            )

    pickled = io.BytesIO()
    Pickler(pickled).dump(given)
    return hashlib.blake2b(pickled.getvalue()).digest()


def know(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes `folder` the only place where weights are, and the sizes of the files in it the right ones."""
    patch.setattr(weights, "FOLDER", folder)
    patch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    for path in folder.iterdir():
        patch.setitem(weights.KNOWN, path.name, replace(weights.KNOWN[path.name], bytes=path.stat().st_size))


def write_vocabulary(folder: Path) -> Path:
    """vocab.txt of the words of the tests, as long as that of bert-base-uncased and with its signs in their places,
    which transformers' port of Grounding DINO knows by number."""
    entries = [f"[unused{n}]" for n in range(30522)]
    for index, word in {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}.items():
        entries[index] = word
    for index, word in {1010: ",", 1012: ".", 1029: "?"}.items():
        entries[index] = word
    entries[2000:2005] = "the", "red", "cube", "man", "ball"
    path = folder / "vocab.txt"
    path.write_text("\n".join(entries) + "\n")
    return path


def film(frames: int = 3, height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A disc that goes to the right over a coloured ground: frames uint8 (T, H, W, 3), its masks bool (T, H, W)."""
    rows, columns = np.mgrid[:height, :width]
    ground = np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 90)], 2).astype(
        np.uint8
    )
    shown, masks = np.repeat(ground[None], frames, 0), np.zeros((frames, height, width), bool)
    for index in range(frames):
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, (40 + 12 * index, 60), 22, 1, -1)
        masks[index] = disc != 0
        shown[index][masks[index]] = (220, 40, 30)
    return shown, masks


def write_dino(folder: Path, vocabulary: Path) -> Path:
    """groundingdino_swint_ogc.pth in the form of the published file: names of a wrapped network, and two tensors more.

    The random start is disturbed, as it has boxes that do not move and mixes hardly anything of words and picture; the
    last scale is small, as scores would all be 1. Every query starts alike, so that which of two places of almost the
    same score comes first makes no difference.
    """
    from comogen_demo.selection.bert import read_tokenizer
    from comogen_demo.selection.detector import Detector

    torch.manual_seed(2)
    state = Detector(read_tokenizer(vocabulary)).state_dict()
    disturbed = set()
    for name, tensor in state.items():
        if tensor.is_floating_point() and tensor.data_ptr() not in disturbed:  # some go by several names
            tensor += 0.02 * torch.randn_like(tensor)
            disturbed.add(tensor.data_ptr())
        if "gamma_" in name:
            tensor.fill_(0.1)
        if name == "transformer.decoder.norm.weight":
            tensor.fill_(0.1)
        if name == "transformer.tgt_embed.weight":
            tensor[:] = tensor[:1].clone()
    state["label_enc.weight"], state["bert.embeddings.position_ids"] = (
        torch.zeros(2001, 256),
        torch.arange(512)[None],
    )
    path = folder / "groundingdino_swint_ogc.pth"
    torch.save({"model": {f"module.{name}": tensor for name, tensor in state.items()}}, path)
    return path


def strip(height: int = 8, width: int = 240) -> np.ndarray:
    """A wide picture of blobs, uint8 (H, W, 3): at most 1333 px wide for Grounding DINO, it stays small for it."""
    noise = np.random.default_rng(5).uniform(0, 255, (height // 8, width // 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
