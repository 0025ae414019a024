"""From a frame, a mask sequence and a prompt to a video: the whole method on one screen.

prompt -> tokens, frame + noise -> latents    backbones/
masks -> residual                             control/adapter.py; without training: control/dual_clock.py
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
from torch import Tensor

from .backbones.base import with_lead
from .checkpoint import load_model
from .control.adapter import occupancy
from .control.controlnet import inject
from .control.dual_clock import CLOCKS, OTHERS, Reference
from .control.lora import lora_enabled
from .control.report import ControlReport, measure_control
from .control.schedule import weights
from .errors import UserError
from .masks import cut_and_paste, scale_mask, validate_masks
from .model import Model
from .settings import Settings

__all__ = ["Model", "Result", "Settings", "Step", "generate", "load_model"]


@dataclass(frozen=True)
class Step:
    """One denoising step done: its index (from 0) of `total`, the weight w of the mask in it before strength, and the
    present estimate of the video, uint8 (T, H, W, 3), if previews were asked for. With dual clocks one with index -1
    and the crude reference comes before all others."""

    index: int
    total: int
    weight: float
    preview: np.ndarray | None


@dataclass(frozen=True)
class Result:
    """frames: uint8 (T, H, W, 3) at the model's size; report: how well the subject kept to its mask (None without
    one); unknown_words: words of the prompt that the model has never seen; left_out: subjects, from 0, that dual clocks
    could not cut out, since they have no mask in the first frame."""

    frames: np.ndarray
    fps: float
    report: ControlReport | None
    seconds: float
    unknown_words: tuple[str, ...]
    left_out: tuple[int, ...] = ()


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
    (K, T, H, W), subject by subject, or None. Without masks, or at strength 0, the output is the base model's, bit for
    bit. Raises UserError for settings out of range, a frame of another aspect, masks of another size or count or empty,
    and masks for a model that has no adapter, unless dual clocks are to follow them.
    """
    began = time.perf_counter()
    settings.validate()
    image = fit_to_model(model, frame)
    if masks is not None:
        subjects = masks if masks.ndim == 4 else masks[None]
        masks = validate_masks(np.asarray(subjects.any(0)), model.frames, frame.shape[:2])
        if settings.control == "adapter" and settings.strength > 0 and not model.motion_layers:
            raise UserError(
                f"The model {model.name} has no adapter that could follow masks: choose the control dual-clock, "
                "which needs none, a model that was trained for it, or strength 0 for the model alone."
            )
    backbone = model.backbone

    # 1. What is given: the prompt's tokens, and the first frame with the noise around it.
    prompted = backbone.encode_prompt(prompt, image)
    run = backbone.begin(image, prompted, settings.steps, settings.seed)

    # 2. What the mask asks for: one residual per video token, or the subject cut out and pasted along its masks.
    residual, reference, weight_of = None, None, weights(settings.steps, settings.schedule)
    late: tuple[int, ...] = ()
    if masks is not None and settings.strength > 0:
        if settings.control == "adapter":
            held = torch.from_numpy(with_lead(masks, backbone.lead))
            residual = follow(model, held, run.latents.device)
        else:
            late = tuple(k for k, one in enumerate(subjects) if one.any() and not one[0].any())
            cut = np.delete(subjects, late, 0)
            crude = crude_reference(image, cut)
            yield Step(-1, settings.steps, 1.0, crude)
            held = torch.from_numpy(with_lead(np.asarray(cut.any(0)), backbone.lead))
            clean = backbone.encode(with_lead(crude, backbone.lead))
            reference = Reference(clean, held, CLOCKS.get(backbone.name, OTHERS), settings.strength)

    # 3. Denoise by the backbone's own schedule, the residual fading with ours.
    first = 0 if reference is None else reference.begin(run)
    injection = inject(model.adapter, backbone.blocks, model.motion_layers)
    for k in range(first, settings.steps):
        # inference mode outermost: offloading moves weights in it, and they could not be switched outside any more
        with torch.inference_mode(), lora_enabled(model.module, residual is not None), injection:
            injection.give(residual, settings.strength * weight_of[k])
            estimate = run.step(k)
            if reference is not None:
                reference.put_back(run, k + 1)
        yield Step(k, settings.steps, weight_of[k], backbone.decode(estimate) if previews else None)

    # 4. Decode, and measure the subject against its mask.
    frames = backbone.decode(run.latents)
    report = measure_control(image, frames, masks) if masks is not None else None
    yield Result(frames, backbone.fps, report, time.perf_counter() - began, prompted.unknown, late)


def follow(model: Model, masks: Tensor, device: torch.device) -> Tensor:
    """What the control makes of masks bool (T, H, W), lead and all: (1, N, D) on the device.

    It is made once a video, so a MaskAdapter that was left in RAM is on the device for no longer than that.
    """
    covered = occupancy(masks[None], model.backbone.token_grid, model.adapter.cells)
    home = next(model.adapter.parameters()).device
    model.adapter.to(device)
    with torch.inference_mode():
        tokens: Tensor = model.adapter(covered.to(device))
    model.adapter.to(home)
    return tokens


def crude_reference(image: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """The subjects of uint8 (height, width, 3), cut out by their first masks of bool (K, T, H, W) and pasted along the
    later ones: uint8 (T, height, width, 3). Our choice: affine fits over an inpainted background, no physics."""
    size = image.shape[:2]
    small = [[scale_mask(mask, size) for mask in one] for one in subjects.astype(bool) if one[0].any()]
    if not small:
        raise UserError(
            "The mask of the first frame is empty, but the dual-clock control cuts the subject out there: "
            "give it a mask in that frame."
        )
    masks = np.array(small)
    return cut_and_paste(image, masks[:, 0], masks.swapaxes(0, 1))


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
