"""The methods that are compared. All see the first frame; what else each may see is what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..masks import cut_and_paste
from .truth import Truth

if TYPE_CHECKING:
    from ..settings import Control, Settings

METHODS = {
    "static": "the first frame, repeated",
    "vae": "the truth through the model's VAE and back: the ceiling of what the model can show",
    "warp": "the subject cut out and pasted along its masks over the inpainted first frame: no physics",
    "base": "the model without the mask",
    "dual-clock": "the model without training for masks: denoising starts from the warp (Time-to-Move)",
    "control": "the model with the mask",
}
NEED_MODEL = ("vae", "base", "dual-clock", "control")
GENERATED = ("base", "dual-clock", "control")  # by denoising: these depend on the seed


@dataclass(frozen=True)
class Sampling:
    """How clips are generated.

    model: what `generate.load_model` returns, None for methods that need none;
    settings: steps, strength and schedule, whose seed is replaced; amodal: which masks are given to the
    methods."""

    model: Any = None
    settings: Settings | None = None
    amodal: bool = True


def produce(method: str, truth: Truth, sampling: Sampling, seed: int) -> np.ndarray:
    """The clip uint8 (T, H, W, 3) that a method makes of a truth's first frame, masks and caption."""
    if method == "static":
        return np.repeat(truth.frames[:1], len(truth.frames), 0)
    if method == "warp":
        chosen = list(truth.controlled)
        masks = (truth.amodal if sampling.amodal else truth.visible)[:, chosen]
        return cut_and_paste(truth.frames[0], truth.visible[0, chosen], masks)
    if method == "vae":
        return _through_vae(sampling.model, truth.frames)
    if method in GENERATED:
        return _generate(method, truth, sampling, seed)
    raise ValueError(f"no method {method!r}; known: {', '.join(METHODS)}")


def _through_vae(model: Any, frames: np.ndarray) -> np.ndarray:
    import torch

    from ..backbones.mini.vae import to_video

    backbone = model.backbone
    video = to_video(torch.from_numpy(np.ascontiguousarray(frames))[None]).to(backbone.device)
    with torch.inference_mode():
        return backbone.decode(backbone.vae.encode(video))


def _generate(method: str, truth: Truth, sampling: Sampling, seed: int) -> np.ndarray:
    from ..generate import Result, generate

    assert sampling.settings is not None
    given = (truth.amodal if sampling.amodal else truth.visible)[:, list(truth.controlled)].swapaxes(0, 1)
    masks = None if method == "base" else given
    control: Control = "dual-clock" if method == "dual-clock" else "adapter"
    settings = replace(sampling.settings, seed=seed, control=control)
    for event in generate(sampling.model, truth.frames[0], masks, truth.caption, settings, previews=False):
        if isinstance(event, Result):
            return event.frames
    raise RuntimeError("generate ended without a result")
