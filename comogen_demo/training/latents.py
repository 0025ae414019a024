"""Stage "encode": every clip and its mirror image as latents in memory, with packed masks; and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..backbones.mini.backbone import autocast
from ..backbones.mini.vae import VideoVAE, to_video
from ..backbones.mini.words import Words
from ..control.adapter import occupancy
from .clips import Shard

MASKS = ("objects", "visible", "amodal")
SWAP = {"left": "right", "right": "left"}
REACTING_AREA = 60  # px: a clip reacts if what nobody controls comes to cover more than this (our choice)


@dataclass(frozen=True)
class Masking:
    """How masks and captions are varied in training: shares of samples (our choice; thinning after the paper's App. D).

    dropout: no mask at all; thin: only one mask frame in 2 or 4 kept; grow: grown or shrunk by a pixel; amodal: as
    seen alone rather than as visible; plain_caption: words of direction and speed left out.
    """

    dropout: float = 0.15
    thin: float = 0.1
    grow: float = 0.15
    amodal: float = 0.5
    plain_caption: float = 0.3


@dataclass(frozen=True)
class Latents:
    """latents fp16 (M, C, T', h, w); objects, visible, amodal: packed bits (M, T, H, W / 8); captions as in `Shard`."""

    latents: np.ndarray
    objects: np.ndarray
    visible: np.ndarray
    amodal: np.ndarray
    captions: list[tuple[str, str]]


@dataclass(frozen=True)
class Batch:
    """latents (B, C, T', h, w); covered (B, T', h' cells, w' cells), `occupancy` of the control masks, 0 where dropped;
    controlled (B,), 1 where there is a mask; foreground (B, 1, T', h, w), 1 where an object passes; tokens (B, L)."""

    latents: Tensor
    covered: Tensor
    controlled: Tensor
    foreground: Tensor
    tokens: Tensor


@torch.no_grad()
def encode(vae: VideoVAE, shards: Iterator[Shard], device: str, mirror: bool = True) -> Iterator[Latents]:
    """Shard -> its latents; with `mirror` followed by the mirrored clips, left and right swapped in captions."""
    for shard in shards:
        frames = np.array(shard.frames)
        rows = []
        for side in (frames, frames[:, :, :, ::-1]) if mirror else (frames,):
            for part in np.array_split(side, max(1, len(side) // 10)):
                video = to_video(torch.from_numpy(np.ascontiguousarray(part)).to(device))
                with autocast(device):
                    rows.append(vae.encode(video).to(torch.float16).cpu().numpy())
        masks = {k: getattr(shard, k) for k in MASKS}
        captions = list(shard.captions)
        if mirror:
            masks = {k: np.concatenate([m, _mirrored(m)]) for k, m in masks.items()}
            captions += [(_swapped(a), _swapped(b)) for a, b in shard.captions]
        yield Latents(np.concatenate(rows), captions=captions, **masks)


def save_latents(path: Path, part: Latents) -> None:
    arrays = {k: getattr(part, k) for k in ("latents", *MASKS)}
    np.savez(path, **arrays, captions=np.array(part.captions))


def load_latents(paths: list[Path]) -> Latents:
    parts = [np.load(path) for path in paths]
    arrays = {k: np.concatenate([p[k] for p in parts]) for k in ("latents", *MASKS)}
    return Latents(**arrays, captions=[(str(a), str(b)) for p in parts for a, b in p["captions"]])


def reacting(data: Latents) -> np.ndarray:
    """(M,) bool: the clips in which an object that nobody controls moves to where no object was in the first frame."""
    first, controlled = data.objects[:, :1], data.amodal
    came = np.bitwise_count(data.objects & ~first & ~controlled).sum((2, 3), dtype=np.int32)
    return came.max(1) > REACTING_AREA


def draw_batch(
    data: Latents,
    indices: np.ndarray,
    controlled: np.ndarray,
    rng: np.random.Generator,
    words: Words,
    masking: Masking,
    grid: tuple[int, int, int],
    cells: int,
) -> Batch:
    """The samples `indices` (B,) as a batch, masks and captions varied by `rng`; no mask unless `controlled` (B,)."""
    masks = np.stack([_vary(data, i, rng, masking) for i in indices])
    tokens = [words.tokens(data.captions[i][int(rng.random() < masking.plain_caption)])[0] for i in indices]
    latents = torch.from_numpy(data.latents[indices]).float()
    objects = torch.from_numpy(np.unpackbits(data.objects[indices], axis=-1)).bool()
    side = latents.shape[-1] // grid[-1]
    foreground = occupancy(objects, grid, side) > 0
    keep = torch.from_numpy(controlled.astype(np.float32))
    covered = occupancy(torch.from_numpy(masks), grid, cells) * keep[:, None, None, None]
    return Batch(latents, covered, keep, foreground[:, None].float(), torch.tensor(tokens))


def _vary(data: Latents, index: int, rng: np.random.Generator, masking: Masking) -> np.ndarray:
    """One sample's control masks, bool (T, H, W)."""
    packed = data.amodal if rng.random() < masking.amodal else data.visible
    mask = np.unpackbits(packed[index], axis=-1).astype(bool)
    if rng.random() < masking.grow:
        grown = mask.copy()
        for axis in (1, 2):
            for step in (1, -1):
                moved = np.roll(mask, step, axis)
                grown = (grown | moved) if rng.random() < 0.5 else (grown & moved)
        mask = grown
    if rng.random() < masking.thin:
        stride = int(rng.choice([2, 4]))
        kept = np.arange(len(mask)) % stride == 0
        mask = mask & kept[:, None, None]
    return mask


def _mirrored(packed: np.ndarray) -> np.ndarray:
    return np.packbits(np.unpackbits(packed, axis=-1)[..., ::-1], axis=-1)


def _swapped(text: str) -> str:
    return " ".join(SWAP.get(word, word) for word in text.split())
