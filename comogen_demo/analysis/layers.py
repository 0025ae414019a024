"""Finds the Motion Layers of a backbone over scenes of the world, with a confidence interval for every block."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..backbones.mini.backbone import MiniBackbone
from ..backbones.mini.vae import to_video
from ..control.adapter import occupancy
from ..world import Split, caption, make_clip
from .scores import alignment, otsu_cut, watch_subject

# Noise levels at which attention is looked at: those of a sampler of six steps with shift 3, its first to its fifth.
SIGMAS = (1.0, 0.94, 0.86, 0.75, 0.6)


def find_motion_layers(backbone: MiniBackbone, split: Split, clips: int) -> dict[str, Any]:
    """Attention scores of every block over the first `clips` scenes of a split, on their noised true latents.

    Returns motion_layers (Otsu's cut of the scores), scores, low, high (95 % of the mean), v2t, t2v (each direction
    alone), floor (the score of a uniform map: the subject's share of the tokens) and scenes. Looking at noised true
    videos rather than at generated ones is our choice: their masks are exact.
    """
    rows, floors = [], []
    for index in range(clips):
        clip = make_clip(split, index, backbone.height)
        subject = clip.scene.objects[clip.controlled[0]]
        prompt = backbone.encode_prompt(caption(clip.scene))
        places = [prompt.words.index(subject.colour), prompt.words.index(subject.shape)]
        mask = occupancy(torch.from_numpy(clip.visible[None, :, clip.controlled[0]]), backbone.token_grid, 1)[
            0
        ].numpy()
        if not mask.any(axis=(1, 2)).all():
            continue
        with torch.inference_mode():
            clean = backbone.vae.encode(to_video(torch.from_numpy(clip.frames)[None]).to(backbone.device))
        floors.append(float(mask.mean()))
        rows.append(
            np.mean([_scores(backbone, clean, s, prompt, places, mask, index) for s in SIGMAS], axis=0)
        )
    values = np.stack(rows)  # (scenes, blocks, 3)
    mean = values.mean(0)
    margin = 1.96 * values[..., 0].std(0, ddof=1) / np.sqrt(len(values))
    return {
        "motion_layers": otsu_cut(mean[:, 0].tolist()),
        "scores": [round(float(v), 4) for v in mean[:, 0]],
        "low": [round(float(v), 4) for v in mean[:, 0] - margin],
        "high": [round(float(v), 4) for v in mean[:, 0] + margin],
        "v2t": [round(float(v), 4) for v in mean[:, 1]],
        "t2v": [round(float(v), 4) for v in mean[:, 2]],
        "floor": round(float(np.mean(floors)), 4),
        "scenes": len(values),
    }


def _scores(
    backbone: MiniBackbone,
    clean: torch.Tensor,
    sigma: float,
    prompt: Any,
    places: list[int],
    mask: np.ndarray,
    seed: int,
) -> np.ndarray:
    """(blocks, 3) at one noise level: both directions, V2T, T2V."""
    noisy = (1 - sigma) * clean + sigma * backbone.noise(seed)
    noisy[:, :, :1] = clean[:, :, :1]
    with watch_subject(backbone.blocks, places) as watchers:
        backbone.velocity(noisy, sigma, clean[:, :, :1], prompt)
    return np.stack([alignment(w.maps, mask) for w in watchers if w.maps is not None])
