"""What the large backbones share: a diffusers pipeline, whose parts they use as they are."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from ..errors import UserError, gist
from .base import Denoising, Prompt
from .gguf import read_gguf
from .placement import default_device, quantisation
from .registry import Preset
from .step_cache import StepCache

WORD = re.compile(r"\w+")


class LargeBackbone(ABC):
    """A `backbones.base.Backbone` on a diffusers image-to-video pipeline, in the pipeline's own arithmetic: without
    control its videos are the pipeline's, bit for bit. Not safe for two generations at once.

    A family is one file with a subclass, named BACKBONE there, and its entries in registry.py.
    """

    pipeline: ClassVar[type[DiffusionPipeline]]
    network: ClassVar[str]  # the class of its transformer
    multiple: ClassVar[int]  # of which width and height must be, in pixels
    keep_float32: ClassVar[tuple[str, ...]] = ()  # parts that bfloat16 would spoil
    masks_attention: ClassVar[bool] = False  # whether attention is told which tokens are padding
    fixed_attention: ClassVar[bool] = False  # whether diffusers gives it no choice of attention backends
    lead = 0

    def __init__(self, pipe: Any, preset: Preset):
        """pipe: an instance of `pipeline`; its text parts may be None if prompts come encoded."""
        self.pipe, self.preset, self.name = pipe, preset, preset.name
        self.width, self.height = preset.width, preset.height
        self.frames, self.fps = preset.frames, preset.fps
        self.cache = StepCache()
        self.check_size(preset)
        self.check_weights()
        side = pipe.vae_scale_factor_spatial * 2  # all families join 2 x 2 latent pixels to a token
        windows = (self.frames + self.lead - 1) // 4 + 1
        self.token_grid = windows, self.height // side, self.width // side
        config = pipe.transformer.config
        self.token_width: int = config.num_attention_heads * config.attention_head_dim
        self.denoiser.requires_grad_(False)
        pipe.set_progress_bar_config(disable=True)

    @classmethod
    def load(
        cls, preset: Preset, source: str, device: str | None = None, mode: str = "resident"
    ) -> LargeBackbone:
        """Into RAM, in the precision for the device: bfloat16 for a GPU, float32 for the CPU; in the memory mode int8
        the denoiser in 8 bits. source: a folder in diffusers' layout or a hub id. Raises UserError as
        `registry.open_backbone`."""
        cls.check_size(preset)
        device = device or default_device()
        wide = torch.float32
        types = {
            "default": torch.bfloat16 if device.startswith("cuda") else wide,
            **dict.fromkeys(cls.keep_float32, wide),
        }
        options: dict[str, Any] = {"quantization_config": quantisation()} if mode == "int8" else {}
        if preset.gguf:
            options = {"transformer": read_gguf(preset.gguf, cls.network, source, types["default"])}
        try:
            network = cls.pipeline.load_config(source).get("transformer", (None, "nothing"))[1]
            if network != cls.network:
                raise ValueError(f"its transformer is a {network}, expected a {cls.network}")
            pipe = cls.pipeline.from_pretrained(source, torch_dtype=types, **options)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            kind = "folder" if Path(source).exists() else "hub id"
            raise UserError(
                f"{preset.title} could not be loaded from the {kind} {source} ({gist(error)}): "
                f"give a folder with {preset.hub} as diffusers saves it."
            ) from error
        return cls(pipe, preset)

    @property
    def denoiser(self) -> nn.Module:
        return self.pipe.transformer

    @property
    def device(self) -> torch.device:
        return self.pipe._execution_device  # also where offloading keeps the weights elsewhere

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]: ...

    @abstractmethod
    def encode_prompt(self, text: str, frame: np.ndarray) -> Prompt: ...

    @abstractmethod
    def encode(self, video: np.ndarray) -> Tensor: ...

    @abstractmethod
    def begin(self, frame: np.ndarray, prompt: Prompt, steps: int, seed: int) -> Denoising: ...

    @abstractmethod
    def decode(self, latents: Tensor) -> np.ndarray: ...

    def preprocess(self, frame: np.ndarray) -> Tensor:
        """uint8 (height, width, 3) -> (1, 3, height, width) in -1..1, on the device."""
        if frame.shape != (self.height, self.width, 3):
            raise ValueError(f"frame {frame.shape}: expected {(self.height, self.width, 3)}")
        image = self.pipe.video_processor.preprocess(Image.fromarray(frame), self.height, self.width)
        return image.to(self.device)

    def distribution(self, video: np.ndarray) -> Any:
        """uint8 (T, height, width, 3) -> what the VAE makes of it, not scaled yet."""
        pixels = torch.stack([self.preprocess(frame) for frame in video], 2)
        return self.pipe.vae.encode(pixels.to(self.pipe.vae.dtype)).latent_dist

    def postprocess(self, video: Tensor) -> np.ndarray:
        """(1, 3, T, height, width) in -1..1 -> uint8 (T, height, width, 3)."""
        frames = self.pipe.video_processor.postprocess_video(video, output_type="np")[0]
        return (frames * 255).round().astype(np.uint8)

    @classmethod
    def check_size(cls, preset: Preset) -> None:
        """Raises UserError for a size or number of frames that the model cannot make."""
        width, height, frames = preset.width, preset.height, preset.frames
        if frames % 4 != 1:
            near = max(frames // 4, 1) * 4 + 1
            raise UserError(f"{preset.title} makes 4n + 1 frames, not {frames}: choose {near}, for example.")
        if width % cls.multiple or height % cls.multiple or min(width, height) < 1:
            raise UserError(
                f"{preset.title} makes sizes in multiples of {cls.multiple} pixels, not {width} x {height}: "
                f"choose {_near(width, cls.multiple)} x {_near(height, cls.multiple)}, for example."
            )

    @abstractmethod
    def check_weights(self) -> None:
        """Raises UserError for weights of another model of the family, or for what they cannot make."""


def token_words(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """The word of the text, in lower case, that each token is a part of; "" for tokens that are part of none.

    spans: where in the text each token begins and ends, as fast tokenizers tell with return_offsets_mapping.
    """
    words = [(*match.span(), match.group().lower()) for match in WORD.finditer(text)]
    return tuple(
        next((word for start, end, word in words if a < end and start < b), "") if a < b else ""
        for a, b in spans
    )


def t5_words(tokenizer: Any, text: str, length: int) -> tuple[str, ...]:
    """`token_words` of a prompt that fills `length` places, cut or padded, as T5's pipelines have it."""
    encoded = tokenizer(
        text, max_length=length, padding="max_length", truncation=True, return_offsets_mapping=True
    )
    return token_words(text, encoded["offset_mapping"])


def _near(pixels: int, multiple: int) -> int:
    return max(round(pixels / multiple), 1) * multiple
