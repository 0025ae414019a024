"""From a frame, a mask sequence and a prompt to a video: the whole method on one screen.

prompt -> tokens, frame + noise -> latents    backbones/
masks -> residual                             control/adapter.py
each denoising step: residual x strength x w  control/schedule.py, control/injection.py; backbones/ has the step
latents -> video, subject measured            backbones/, control/report.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from .checkpoint import Model, load_model
from .control.adapter import occupancy
from .control.injection import Injection
from .control.lora import lora_enabled
from .control.report import ControlReport, measure_control
from .control.schedule import weights
from .errors import UserError
from .masks import validate_masks
from .settings import Settings

__all__ = ["Model", "Result", "Settings", "Step", "generate", "load_model"]


@dataclass(frozen=True)
class Step:
    """One denoising step done: its index (from 0) of `total`, the weight w of the mask in it before strength, and the
    present estimate of the video, uint8 (T, H, W, 3), if previews were asked for."""

    index: int
    total: int
    weight: float
    preview: np.ndarray | None


@dataclass(frozen=True)
class Result:
    """frames: uint8 (T, H, W, 3) at the model's size; report: how well the subject kept to its mask (None without
    one); unknown_words: words of the prompt that the model has never seen."""

    frames: np.ndarray
    fps: float
    report: ControlReport | None
    seconds: float
    unknown_words: tuple[str, ...]


def generate(
    model: Model,
    frame: np.ndarray,
    masks: np.ndarray | None,
    prompt: str,
    settings: Settings = Settings(),
    previews: bool = True,
) -> Iterator[Step | Result]:
    """Yields a `Step` after each denoising step and finally the `Result`; stop it by not asking for more.

    frame: uint8 (H, W, 3) of any size in the model's aspect; masks: bool (T, H, W) for it with T = model.frames, or
    None. Without masks, or at strength 0, the output is the untouched base model's, bit for bit.
    Raises UserError for settings out of range, a frame of another aspect, masks of another size or count or empty, and
    masks for a model that has no control.
    """
    began = time.perf_counter()
    settings.validate()
    image = fit_to_model(model, frame)
    if masks is not None:
        masks = validate_masks(masks, model.frames, frame.shape[:2])
        if settings.strength > 0 and not model.motion_layers:
            raise UserError(
                f"The model {model.name} has no control that could follow masks: "
                "choose one that was trained for it, or strength 0 for the model alone."
            )
    backbone = model.backbone

    # 1. What is given: the prompt's tokens, and the first frame with the noise around it.
    prompted = backbone.encode_prompt(prompt, image)
    run = backbone.begin(image, prompted, settings.steps, settings.seed)

    # 2. What the mask asks for: one residual per video token.
    residual = None
    if masks is not None and settings.strength > 0:
        held = np.concatenate([masks[:1]] * backbone.lead + [masks])
        with torch.inference_mode():
            covered = occupancy(torch.from_numpy(held)[None], backbone.token_grid, model.adapter.config.cells)
            residual = model.adapter(covered.to(run.latents.device))

    # 3. Denoise by the backbone's own schedule, the residual fading with ours.
    injection = Injection(backbone.blocks, model.motion_layers)
    for k, w in enumerate(weights(settings.steps, settings.schedule)):
        with lora_enabled(model.module, residual is not None), injection, torch.inference_mode():
            injection.residual = None if residual is None else settings.strength * w * residual
            estimate = run.step(k)
        yield Step(k, settings.steps, w, backbone.decode(estimate) if previews else None)

    # 4. Decode, and measure the subject against its mask.
    frames = backbone.decode(run.latents)
    report = measure_control(image, frames, masks) if masks is not None else None
    yield Result(frames, backbone.fps, report, time.perf_counter() - began, prompted.unknown)


def fit_to_model(model: Model, frame: np.ndarray) -> np.ndarray:
    """The frame at the model's size, uint8 (height, width, 3); UserError if it is of another aspect or no image."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise UserError(
            f"The frame has shape {frame.shape} and type {frame.dtype}: give an RGB image (H, W, 3) of uint8."
        )
    height, width = frame.shape[:2]
    if abs(width / height * model.height / model.width - 1) > 0.02:
        raise UserError(
            f"The frame is {width} x {height} pixels, but the model makes {model.width} x {model.height}: "
            "crop it to that aspect."
        )
    return cv2.resize(frame, (model.width, model.height), interpolation=cv2.INTER_AREA)
