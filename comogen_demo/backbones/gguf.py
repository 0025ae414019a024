"""The denoiser from a GGUF file: weights of 2 to 8 bits, as people share them for small GPUs, widened where they
are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import SafetensorError

from ..errors import UserError, gist


def read_gguf(file: str, network: str, source: str, dtype: torch.dtype) -> Any:
    """The transformer of class `network`, which computes in `dtype`, from a file with the names of diffusers or of the
    model's authors. source: the backbone's weights, of which only the transformer's configuration is read. Raises
    UserError for a file that is missing, damaged or another model's, a class without such files, and a missing package.
    """
    kind: Any = getattr(diffusers, network)
    if not hasattr(kind, "from_single_file"):
        raise UserError(f"diffusers reads no GGUF files of a {network}: leave --denoiser away.")
    if not Path(file).is_file():
        raise UserError(f"There is no file {file}: check the name that --denoiser gives.")
    try:
        return kind.from_single_file(
            file,
            config=source,
            subfolder="transformer",
            quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
            torch_dtype=dtype,
        )
    except ImportError as error:
        raise UserError("A GGUF file takes the package gguf: pip install gguf.") from error
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"The denoiser could not be read from {file} ({gist(error)}): "
            "give a GGUF file of this backbone's transformer."
        ) from error
