"""The embedded model's language: a closed vocabulary, one token a word."""

from __future__ import annotations

import re
from dataclasses import dataclass

PAD, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Words:
    """vocabulary: the known words; slots: how many tokens a prompt has, padded or cut."""

    vocabulary: tuple[str, ...]
    slots: int = 16

    @property
    def size(self) -> int:
        return len(self.vocabulary) + 2

    def tokens(self, text: str) -> tuple[list[int], tuple[str, ...], tuple[str, ...]]:
        """Text -> token ids (slots,), the word at each slot ("" for padding), and the words not known."""
        words = re.findall(r"[a-z]+", text.lower())[: self.slots]
        index = {word: i + 2 for i, word in enumerate(self.vocabulary)}
        ids = [index.get(word, UNKNOWN) for word in words]
        missing = tuple(dict.fromkeys(word for word in words if word not in index))
        fill = self.slots - len(words)
        return ids + [PAD] * fill, tuple(words) + ("",) * fill, missing
