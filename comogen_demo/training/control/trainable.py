"""What a backbone must offer to be trained: a clip as tensors, and the error of its network at a time of the sampler.

Time u runs as the sampler's does, from 1 (all noise) to 0, in equal steps; the noise level that belongs to it is the
backbone's own. Drawing u, training sees the mask's weight w(1 - u) at the very noise at which sampling has it.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...backbones.base import Backbone, with_lead
from ...control.adapter import occupancy
from ...errors import UserError
from ..data.folder import Clip, Form

# backbone family (the module of backbones/) -> the module here, whose TRAINABLE takes the backbone
FAMILIES = {"mini": "mini", "hunyuan": "hunyuan", "cogvideox": "cogvideox", "wan": "wan"}

Samples = dict[str, Tensor]


class Trainable(Protocol):
    """A backbone in training. Its weights stay as they are but for the LoRA that is put into its denoiser."""

    backbone: Backbone

    def encode(self, clip: Clip) -> Samples:
        """What the loss needs of a clip in the backbone's form, each tensor without batch axis; "latents" among them,
        (C, T', h, w)."""

    def loss(self, samples: Samples, noise: Tensor, u: Tensor) -> Tensor:
        """Squared error of the network's prediction for each sample, (B,), its mean over what is not given.

        samples: as `encode` gives them, batched; noise: as samples["latents"]; u: (B,) in 0..1.
        """

    def forget_encoders(self) -> None:
        """Lets go of what only `encode` needs, the text encoders above all. The VAE stays, for validation videos."""


def make_trainable(backbone: Backbone) -> Trainable:
    """The backbone as it is trained. Raises UserError for a family that nobody has written this for."""
    family = type(backbone).__module__.removeprefix("comogen_demo.backbones.").split(".")[0]
    if family not in FAMILIES:
        raise UserError(
            f"The backbone {backbone.name} cannot be trained: choose one of {', '.join(FAMILIES)}."
        )
    module = importlib.import_module(f".{FAMILIES[family]}", __package__)
    trainable: Trainable = module.TRAINABLE(backbone)
    return trainable


def form_of(backbone: Backbone) -> Form:
    return Form(backbone.frames, backbone.fps, backbone.height, backbone.width)


def covered_by(masks: np.ndarray, backbone: Backbone, cells: int) -> Tensor:
    """`occupancy` of one clip's masks bool (T, H, W), the lead held at the first: (T', h' cells, w' cells)."""
    held = with_lead(masks, backbone.lead)
    return occupancy(torch.from_numpy(held)[None], backbone.token_grid, cells)[0]


def flow_level(u: Tensor, shift: float) -> Tensor:
    """Noise level sigma at time u of a flow whose schedule is shifted: s u / (1 + (s - 1) u)."""
    return shift * u / (1 + (shift - 1) * u)


def spread(values: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, ...), to go with `like`."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def mean_error(prediction: Tensor, target: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Mean of weight x squared error, for each sample: (B,)."""
    return (weight * (prediction.float() - target.float()) ** 2).flatten(1).mean(1)


def drop_parts(pipe: Any, names: tuple[str, ...]) -> None:
    """Takes parts out of a diffusers pipeline, so that their memory is free."""
    for name in names:
        setattr(pipe, name, None)
