"""The videos on which layers are scored: true ones, whose subject is known to the pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..backbones.base import Backbone, Prompt
from ..backbones.mini.backbone import MiniBackbone
from ..backbones.mini.vae import to_video
from ..control.adapter import occupancy
from ..errors import UserError
from ..world import Split, caption, make_clip


@dataclass(frozen=True)
class Example:
    """frames: uint8 (T, H, W, 3) in the backbone's size; latents (1, C, T', h, w): the same, clean; places:
    of the subject's words among the prompt's tokens; covered (T', h', w'): the subject's share of each token;
    seed: of the noise."""

    frames: np.ndarray
    latents: Tensor
    prompt: Prompt
    places: list[int]
    covered: np.ndarray
    seed: int


def make_example(
    backbone: Backbone,
    frames: np.ndarray,
    masks: np.ndarray,
    text: str,
    subject: Sequence[str],
    latents: Tensor,
    seed: int,
) -> Example:
    """From a video uint8 (T, H, W, 3), the subject's masks bool (T, H, W), and the words of `text` that name
    it.

    latents: what the backbone's VAE makes of the frames. Raises UserError if the text lacks a word of the
    subject.
    """
    prompt = backbone.encode_prompt(text, frames[0])
    held = np.concatenate([masks[:1]] * backbone.lead + [masks])
    covered = occupancy(torch.from_numpy(held)[None], backbone.token_grid, 1)[0].numpy()
    return Example(frames, latents, prompt, places_of(prompt.words, subject), covered, seed)


def places_of(words: Sequence[str], subject: Sequence[str]) -> list[int]:
    """Where each word of the subject first stands among the tokens' words, with all tokens of it."""
    places = []
    for word in subject:
        if word not in words:
            raise UserError(
                f"The prompt has no word {word!r}: name the subject in words of the prompt, which are "
                f"{', '.join(dict.fromkeys(w for w in words if w))}."
            )
        place = words.index(word)
        while place < len(words) and words[place] == word:
            places.append(place)
            place += 1
    return places


def world_examples(backbone: MiniBackbone, split: Split, count: int) -> Iterator[Example]:
    """The first `count` scenes of a split; the subject is the one that the caption names first."""
    for index in range(count):
        clip = make_clip(split, index, backbone.height)
        leader = clip.controlled[0]
        subject = clip.scene.objects[leader]
        video = to_video(torch.from_numpy(clip.frames)[None]).to(backbone.device)
        with torch.inference_mode():
            latents = backbone.vae.encode(video)
        words = (subject.colour, subject.shape)
        masks = clip.visible[:, leader]
        yield make_example(backbone, clip.frames, masks, caption(clip.scene), words, latents, index)
