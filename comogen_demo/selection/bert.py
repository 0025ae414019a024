"""BERT as Grounding DINO reads words with it: built from a vocabulary file alone, with nothing fetched.

Imported late: it brings torch and transformers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import BertConfig, BertModel, BertTokenizer

from ..errors import UserError

WORDS = 30522  # entries of bert-base-uncased
NEEDED = ("[CLS]", "[SEP]", "[UNK]", "[PAD]", ".", "?")


class TextEncoder(BertModel):
    """bert-base-uncased with the three methods that groundingdino asks of it and transformers 5 no longer has."""

    def __init__(self) -> None:
        super().__init__(BertConfig())  # whose defaults are bert-base-uncased

    def get_extended_attention_mask(
        self, attention_mask: Tensor, input_shape: tuple[int, ...], device: torch.device | None = None
    ) -> Tensor:
        """From True where a token (B, T) may be looked at, or by whom (B, T, T), to what is added to the attention's
        logits, (B, 1, 1, T) or (B, 1, T, T): 0, or the least number there is."""
        return self.invert_attention_mask(attention_mask)

    def invert_attention_mask(self, encoder_attention_mask: Tensor) -> Tensor:
        mask = encoder_attention_mask
        mask = mask[:, None] if mask.dim() == 3 else mask[:, None, None]
        return (1.0 - mask.to(self.dtype)) * torch.finfo(self.dtype).min

    def get_head_mask(self, head_mask: None, num_hidden_layers: int) -> list[None]:
        """No head is masked, in none of the layers."""
        return [None] * num_hidden_layers


def read_tokenizer(path: Path) -> BertTokenizer:
    """The tokenizer of bert-base-uncased, of its vocab.txt: one entry a line. Raises UserError if it is another."""
    try:
        entries = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The vocabulary {path} cannot be read: get vocab.txt of bert-base-uncased again."
        ) from error
    if entries and not entries[-1]:
        entries.pop()
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    if len(entries) != WORDS or len(vocabulary) != WORDS or any(word not in vocabulary for word in NEEDED):
        raise UserError(
            f"The vocabulary {path} has {len(entries)} entries, expected the {WORDS} of bert-base-uncased: "
            "get its vocab.txt again."
        )
    return BertTokenizer(vocab=vocabulary)
