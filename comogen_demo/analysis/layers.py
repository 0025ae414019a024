"""Scores the blocks of a backbone over example videos: the true video is noised as the sampler would have it
at each of its steps, and the attention between the subject's words and the video is looked at in every block.

Looking at noised true videos rather than at generated ones is our choice: their masks are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..backbones.base import Backbone, Prompt
from ..backbones.mini.backbone import MiniBackbone
from ..backbones.mini.vae import to_video
from ..control.adapter import occupancy
from ..generate import sampling_sigmas
from ..world import Split, caption, make_clip
from .attention import watch_subject
from .scores import LayerScores, alignment, floor

STEPS = 10  # the generator's default


@dataclass(frozen=True)
class Example:
    """A video whose subject is known: frames uint8 (T, H, W, 3); latents (1, C, T', h, w), clean; prompt;
    places of the subject's words among its tokens; covered (T', h', w'), the subject's share of each token;
    seed of the noise."""

    frames: np.ndarray
    latents: Tensor
    prompt: Prompt
    places: list[int]
    covered: np.ndarray
    seed: int


def find_motion_layers(
    backbone: MiniBackbone, split: Split, clips: int, steps: int = STEPS
) -> dict[str, Any]:
    """`LayerScores.summary` of the embedded backbone over the first `clips` scenes of a split."""
    return score_layers(backbone, world_examples(backbone, split, clips), steps).summary()


def score_layers(
    backbone: Backbone, examples: Iterable[Example], steps: int = STEPS, text_first: bool = False
) -> LayerScores:
    """The scores of all blocks on all examples at each step of a sampler.

    text_first: see `SubjectAttention`.
    """
    sigmas = sampling_sigmas(steps, backbone.shift)[:-1]
    values, floors = [], []
    for example in examples:
        levels = [attention_maps(backbone, example, sigma, text_first) for sigma in sigmas]
        values.append([[alignment(maps, example.covered) for maps in level] for level in levels])
        floors.append(floor(example.covered))
    return LayerScores(np.array(values), np.array(floors), tuple(sigmas))


def attention_maps(
    backbone: Backbone, example: Example, sigma: float, text_first: bool = False
) -> np.ndarray:
    """Every block's maps V2T and T2V at one noise level, (blocks, 2, N)."""
    clean = example.latents
    noisy = (1 - sigma) * clean + sigma * backbone.noise(example.seed)
    noisy[:, :, :1] = clean[:, :, :1]
    with watch_subject(backbone.blocks, example.places, text_first) as watchers:
        backbone.velocity(noisy, sigma, clean[:, :, :1], example.prompt)
    return np.stack([w.maps.float().cpu().numpy() for w in watchers if w.maps is not None])


def world_examples(backbone: MiniBackbone, split: Split, count: int) -> Iterator[Example]:
    """The first `count` scenes of a split; the subject is the one that the caption names first."""
    for index in range(count):
        clip = make_clip(split, index, backbone.height)
        leader = clip.controlled[0]
        subject = clip.scene.objects[leader]
        prompt = backbone.encode_prompt(caption(clip.scene))
        video = to_video(torch.from_numpy(clip.frames)[None]).to(backbone.device)
        with torch.inference_mode():
            latents = backbone.vae.encode(video)
        mask = torch.from_numpy(clip.visible[None, :, leader])
        yield Example(
            clip.frames,
            latents,
            prompt,
            [prompt.words.index(subject.colour), prompt.words.index(subject.shape)],
            occupancy(mask, backbone.token_grid, 1)[0].numpy(),
            index,
        )
