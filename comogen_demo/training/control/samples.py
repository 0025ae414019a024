"""Clips as tensors on disk: latents, text embeddings and the masks' occupancy, made once and read in every epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import UserError
from ..data.folder import Finding, clip_names, read_clip
from .trainable import Samples, Trainable, covered_by, form_of

HALF = ("latents", "image", "covered")  # kept in 16 bits


class SampleCache:
    """The samples of a data folder in `folder`, a safetensors file a clip.

    A file is made anew when its clip, the backbone or the mask's cells have changed since.
    """

    def __init__(self, folder: Path, data: Path, trainable: Trainable, cells: int):
        self.folder, self.data, self.trainable, self.cells = folder, data, trainable, cells
        self.names = clip_names(data)

    def fill(self, share: int = 0, shares: int = 1) -> Iterator[Finding]:
        """Encodes each clip whose turn it is (every `shares`-th from `share` on) unless it is there already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.names[share::shares]:
            try:
                if self._key_on_disk(name) != self._key(name):
                    self._encode(name)
                yield Finding(name)
            except UserError as error:
                self._path(name).unlink(missing_ok=True)
                yield Finding(name, str(error))

    def good(self) -> list[str]:
        """The clips that are there. Raises UserError if there are none."""
        names = [name for name in self.names if self._path(name).exists()]
        if not names:
            raise UserError(f"No clip of {self.data} can be trained on: `train check` says why.")
        return names

    def batch(self, names: Sequence[str], device: torch.device | str) -> Samples:
        """The samples of these clips, stacked; what was kept in 16 bits in float32 again."""
        rows = [load_file(self._path(name)) for name in names]
        stacked = {key: torch.stack([row[key] for row in rows]).to(device) for key in rows[0]}
        return {key: value.float() if key in HALF else value for key, value in stacked.items()}

    def shape(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor of a sample."""
        return {key: tuple(value.shape) for key, value in load_file(self._path(self.good()[0])).items()}

    def _encode(self, name: str) -> None:
        clip = read_clip(self.data, name, form_of(self.trainable.backbone))
        samples = {
            **self.trainable.encode(clip),
            "covered": covered_by(clip.masks, self.trainable.backbone, self.cells),
        }
        packed = {key: _packed(key, value) for key, value in samples.items()}
        part = self._path(name).with_suffix(".part")
        save_file(packed, part, metadata={"key": self._key(name)})
        part.replace(self._path(name))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def _key(self, name: str) -> str:
        """Changes with the clip's files, the backbone and its form."""
        files = [
            (path.name, path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(self.data.glob(f"{_escaped(name)}.*"))
        ]
        backbone = self.trainable.backbone
        form = form_of(backbone)
        told = [backbone.name, str(form), backbone.lead, list(backbone.token_grid), self.cells, files]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def _key_on_disk(self, name: str) -> str | None:
        try:
            with safe_open(self._path(name), "pt") as file:
                return (file.metadata() or {}).get("key")
        except (OSError, SafetensorError):
            return None


def _packed(key: str, value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.to(torch.float16) if key in HALF else value.clone()


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def draw(
    seed: Sequence[int], shape: tuple[int, ...], first: int, count: int, of: int
) -> tuple[Tensor, Tensor]:
    """Noise (count, *shape) and times u (count,) of the samples `first`, ... of a batch of `of` samples.

    The times are stratified over the whole batch. Everything follows from `seed` and a sample's place in the batch, so
    that a run resumed, or split among processes, draws the same.
    """
    rng = np.random.default_rng(list(seed))
    u = (rng.permutation(of) + rng.random(of)) / of
    noise = []
    for place in range(first, first + count):
        number = np.random.SeedSequence([*seed, place]).generate_state(1, np.uint64)[0]
        noise.append(torch.randn(shape, generator=torch.Generator().manual_seed(int(number) >> 1)))
    return torch.stack(noise), torch.tensor(u[first : first + count], dtype=torch.float32)


def order(seed: int, epoch: int, clips: int) -> np.ndarray:
    """The clips of an epoch, shuffled."""
    return np.random.default_rng([seed, epoch]).permutation(clips)
