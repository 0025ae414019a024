"""MaskAdapter: binary masks -> one residual per video token (CoMoGen, Sec. 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AdapterConfig:
    """token_grid: (T', h', w') of the backbone; token_width: D; cells: mask cells along a token's side, a power of two
    (our choice: the paper goes down to the latent grid at once, which at 8x8 tokens would lose the outline);
    width: channels of the convolutions (not stated in the paper)."""

    token_grid: tuple[int, int, int]
    token_width: int
    cells: int = 4
    width: int = 96


def occupancy(masks: Tensor, grid: tuple[int, int, int], cells: int) -> Tensor:
    """What the adapter sees: masks (B, T, H, W) bool -> covered share of each cell, (B, T', h' cells, w' cells).

    Frames are joined by OR over the causal windows {0}, {1-4}, {5-8}, ..., as the video VAE joins them. Raises
    ValueError if T is not 4 T' - 3.
    """
    frames, (windows, rows, columns) = masks.shape[1], grid
    if frames != 4 * windows - 3:
        raise ValueError(f"{frames} mask frames for {windows} latent frames: expected {4 * windows - 3}")
    first, rest = masks[:, :1], masks[:, 1:].unflatten(1, (windows - 1, 4)).any(2)
    joined = torch.cat([first, rest], 1).float()
    return F.interpolate(joined, (rows * cells, columns * cells), mode="area")


class MaskAdapter(nn.Module):
    """Normalised occupancy -> Conv3d -> SiLU -> Conv3d -> Linear, the last layer zero at the start.

    The same residual goes before every Motion Layer. The convolutions' strides bring the cells down to tokens.
    """

    def __init__(self, config: AdapterConfig):
        super().__init__()
        self.config, self.cells = config, config.cells
        first = 2 if config.cells > 1 else 1
        second = config.cells // first
        if first * second != config.cells:
            raise ValueError(f"cells {config.cells}: expected 1, 2 or 4")
        self.one = nn.Conv3d(1, config.width, 3, stride=(1, first, first), padding=1)
        self.two = nn.Conv3d(config.width, config.width, 3, stride=(1, second, second), padding=1)
        self.out = nn.Linear(config.width, config.token_width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, covered: Tensor) -> Tensor:
        """`occupancy` (B, T', h' cells, w' cells) -> residual dZ (B, T' h' w', D)."""
        x = F.layer_norm(covered, covered.shape[1:])[:, None].to(self.one.weight.dtype)
        x = self.two(F.silu(self.one(x)))
        return self.out(x.flatten(2).transpose(1, 2))
