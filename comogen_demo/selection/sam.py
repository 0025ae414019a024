"""SAM 2: clicks and boxes -> a mask, and masks at some frames of a clip -> masks at the others.

One network serves both predictors of the package. It answers as the package's own scripts do; frames stay in memory.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .interface import Box, Point, Tracked
from .loading import load

# By the name of its file: what the user is told, and the package's configuration.
VARIANTS = {
    "sam2.1_hiera_tiny.pt": ("SAM 2 tiny", "configs/sam2.1/sam2.1_hiera_t.yaml"),
    "sam2.1_hiera_small.pt": ("SAM 2 small", "configs/sam2.1/sam2.1_hiera_s.yaml"),
    "sam2.1_hiera_base_plus.pt": ("SAM 2 base+", "configs/sam2.1/sam2.1_hiera_b+.yaml"),
    "sam2.1_hiera_large.pt": ("SAM 2 large", "configs/sam2.1/sam2.1_hiera_l.yaml"),
}
PROMPT = 256  # px, the side of a mask given as a prompt
SURE = 10.0  # logit of a pixel in a given mask, and its negative beside it: what the package takes for its videos
HOLES = 8  # px; smaller holes of a tracked mask are filled, which the package does where its CUDA code is compiled
MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
SUBJECT = 1  # the one object that is tracked


class Sam2:
    """A `Selector`, on the CPU until it is moved. Calls from several threads wait for one another.

    On a GPU that has bf16 it computes in that, as the package's scripts do; else in float32.
    """

    def __init__(self, checkpoint: Path):
        """checkpoint: one of VARIANTS by its name. Raises UserError when it is damaged or another model's."""
        from sam2.build_sam import build_sam2_video_predictor
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        self.name, config = VARIANTS[checkpoint.name]
        self._network = load(lambda: build_sam2_video_predictor(config, device="cpu"), checkpoint, self.name)
        self._pictures = SAM2ImagePredictor(self._network)
        self._seen = b""  # digest of the frame that the predictor holds
        self._lock = threading.RLock()
        self.to("cpu")

    @property
    def device(self) -> str:
        return str(self._network.device.type)

    def to(self, device: str) -> None:
        """Moves the network, "cpu" or "cuda"; what it remembers of the last picture goes."""
        with self._lock:
            self._network.to(device)
            self._network.fill_hole_area = HOLES if device != "cpu" and _compiled() else 0
            self._pictures.reset_predictor()
            self._seen = b""

    def select(
        self,
        frame: np.ndarray,
        points: Sequence[Point] = (),
        box: Box | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, float]:
        """As `Selector.select`; the confidence is the IoU that SAM 2 predicts of its mask.

        A single click may mean a part or the whole: of three masks the one of the highest predicted IoU is taken.
        Clicks and `mask` together correct: the mask goes in as a prompt, as it is, not as the logits of an earlier
        answer, so that the same input has the same answer whatever was asked before. A box selects afresh, and what
        it finds is joined to the mask.
        """
        _check(frame, points)
        box = None if box is None else _within(box, *frame.shape[1::-1])
        if not points and box is None:
            raise UserError(
                "There is neither a point nor a box: click on the object or draw a box around it."
            )
        alone = len(points) == 1 and points[0][2] and box is None and mask is None
        with self._lock, self._precision():
            self._look_at(frame)
            masks, quality, _ = self._pictures.predict(
                point_coords=np.array([point[:2] for point in points], np.float32) if points else None,
                point_labels=np.array([point[2] for point in points], np.int32) if points else None,
                box=None if box is None else np.array(box, np.float32),
                mask_input=None if mask is None or box is not None else _prompt(mask),
                multimask_output=alone,
            )
        best = int(quality.argmax())
        found = masks[best] > 0
        if mask is not None and box is not None:
            found = found | np.asarray(mask, bool)
        return found, float(np.clip(quality[best], 0, 1))

    def track(
        self, frames: np.ndarray, given: Mapping[int, np.ndarray], start: int, stop: int
    ) -> Iterator[Tracked]:
        """As `Selector.track`; a frame with a given mask has that mask, of confidence 1. Closing the iterator ends it.

        The confidence is our choice: the probability that the subject is in sight, times the IoU that SAM 2 predicts
        of its mask. Where the subject is hidden the mask is empty and the confidence near 0.
        """
        count = abs(stop - start) - 1  # beside `start`
        if count < 1:
            return
        if start not in given:
            raise ValueError(f"no mask at frame {start}, where tracking is to start")
        state, last = self._state(frames), count * (1 if stop > start else -1) + start
        steps = self._network.propagate_in_video(state, start, count, reverse=stop < start)
        try:
            with self._lock, self._precision():
                for index, mask in sorted(given.items()):
                    self._network.add_new_mask(state, index, SUBJECT, np.ascontiguousarray(mask, bool))
            index = start
            while index != last:
                index, mask, confidence = self._step(steps)
                if index in given:
                    mask, confidence = np.asarray(given[index], bool), 1.0
                if index != start:
                    yield Tracked(index, mask, confidence)
        finally:
            steps.close()
            self._network.reset_state(state)

    def _step(self, steps: Iterator[tuple[int, Any, Any]]) -> tuple[int, np.ndarray, float]:
        """The next frame of a propagation: its index, its mask bool (H, W) and the confidence in that.

        The lock and the precision are entered anew for every frame, so as not to reach the caller's work between two.
        """
        answers: list[tuple[Any, ...]] = []
        with self._lock, self._precision():
            hook = self._network.sam_mask_decoder.register_forward_hook(
                lambda _, __, out: answers.append(out)
            )
            try:
                index, _, logits = next(steps)
            finally:
                hook.remove()
            # frames with a given mask may be passed without the decoder
            return index, (logits[0, 0] > 0).cpu().numpy(), _confidence(answers[-1]) if answers else 1.0

    def _look_at(self, frame: np.ndarray) -> None:
        """Embeds the frame unless it is the last one again: that takes most of the time of a click."""
        digest = hashlib.blake2b(repr(frame.shape).encode() + frame.tobytes()).digest()
        if digest != self._seen:
            self._pictures.set_image(np.ascontiguousarray(frame))
            self._seen = digest

    def _state(self, frames: np.ndarray) -> dict[str, Any]:
        """What the package's `init_state` makes of a folder of pictures, for frames in memory."""
        device = self._network.device
        return {
            "images": _Pictures(frames, self._network.image_size),
            "num_frames": len(frames),
            "offload_video_to_cpu": True,
            "offload_state_to_cpu": False,
            "video_height": frames.shape[1],
            "video_width": frames.shape[2],
            "device": device,
            "storage_device": device,
            "obj_id_to_idx": OrderedDict(),
            "obj_idx_to_id": OrderedDict(),
            "obj_ids": [],
        } | {
            name: {}
            for name in (
                "cached_features",
                "constants",
                "point_inputs_per_obj",
                "mask_inputs_per_obj",
                "output_dict_per_obj",
                "temp_output_dict_per_obj",
                "frames_tracked_per_obj",
            )
        }

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        if self.device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()


class _Pictures:
    """Frames (T, H, W, 3) as the network sees them, each made when it is asked for: float32 (3, side, side).

    All of them at once would take 12.6 MB a frame.
    """

    def __init__(self, frames: np.ndarray, side: int):
        self._frames, self._side = frames, side

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Any:
        import torch
        from PIL import Image

        small = Image.fromarray(np.ascontiguousarray(self._frames[index])).resize((self._side, self._side))
        scaled = (np.asarray(small) / 255.0).astype(np.float32).transpose(2, 0, 1)
        return torch.from_numpy((scaled - MEAN) / SPREAD)


def _confidence(answer: tuple[Any, ...]) -> float:
    """0..1, of what the mask decoder gives: masks, predicted IoUs (1, N), tokens, logit that the object is in sight."""
    _, quality, _, seen = answer
    return float((seen.float().sigmoid().max() * quality.float().max()).clamp(0, 1))


def _prompt(mask: np.ndarray) -> np.ndarray:
    """A mask bool (H, W) as a prompt: logits float32 (1, PROMPT, PROMPT)."""
    import torch

    whole = torch.from_numpy(np.asarray(mask, np.float32))[None, None] * 2 * SURE - SURE
    return torch.nn.functional.interpolate(
        whole, (PROMPT, PROMPT), mode="bilinear", align_corners=False, antialias=True
    )[0].numpy()


def _check(frame: np.ndarray, points: Sequence[Point]) -> None:
    height, width = frame.shape[:2]
    if not all(0 <= x <= width and 0 <= y <= height for x, y, _ in points):
        raise UserError(f"A point lies outside of the {width} x {height} px picture; click in the picture.")


def _within(box: Box, width: int, height: int) -> Box:
    """The part of a box, drawn from any corner, that lies in the picture. Raises UserError when there is none."""
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    left, top, right, bottom = (
        max(0.0, left),
        max(0.0, top),
        min(float(width), right),
        min(float(height), bottom),
    )
    if not (left < right and top < bottom):  # also where one of them is no number
        raise UserError(f"The box lies outside of the {width} x {height} px picture; draw it in the picture.")
    return left, top, right, bottom


def _compiled() -> bool:
    """Whether sam2 was built with its CUDA code; it works without, but for the filling of small holes."""
    from importlib.util import find_spec

    return find_spec("sam2._C") is not None
