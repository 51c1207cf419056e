"""Texts to token numbers and back: byte-pair encoding of bytes, so that every script comes back as it went in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import IntVector, frozen
from craft_core.corpus.pairs import Corpus

__all__ = [
    "END",
    "PAD",
    "START",
    "TokenPairs",
    "Tokens",
    "encode",
    "encode_pairs",
    "open_tokenizer",
    "read_tokens",
    "size_of",
    "train_tokenizer",
]

PAD, START, END = 0, 1, 2
"""Token numbers of the marks; they stand outside the tokenizer's own, so that a text that spells a mark is only text."""

_MARKS = 3
# Words with their vowel signs (which are marks, not letters) and joiners, runs of other signs, and blanks. GPT-2's pattern cuts Devanagari
# and its kin at every vowel sign and needs twice the tokens.
_PIECES = r" ?[\p{L}\p{M}\p{N}\x{200C}\x{200D}]+| ?[^\s\p{L}\p{M}\p{N}\x{200C}\x{200D}]+|\s+"


@dataclass(frozen=True, eq=False)
class Tokens:
    """Hold the token numbers of n texts, each closed by the end mark.

    Attributes
    ----------
    ids : IntVector
        All numbers, one text after the other.
    starts : IntVector
        Shape (n + 1,): text i is ``ids[starts[i] : starts[i + 1]]``.
    """

    ids: IntVector
    starts: IntVector

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> IntVector:
        """Tokens of each text, the end mark included."""
        return np.diff(self.starts)

    def padded(self, rows: IntVector) -> npt.NDArray[np.int64]:
        """Return these texts as a rectangle, shape (len(rows), longest of them), filled up with `PAD`."""
        lengths = self.lengths[rows]
        column = np.arange(lengths.max(initial=0))
        inside = column < lengths[:, None]
        return np.where(inside, self.ids[np.where(inside, self.starts[rows][:, None] + column, 0)], PAD)


@dataclass(frozen=True, eq=False)
class TokenPairs:
    """Hold the tokens of both sides of the same pairs."""

    sources: Tokens
    targets: Tokens

    def __len__(self) -> int:
        return len(self.sources)


def train_tokenizer(texts: list[str], vocabulary: int) -> str:
    """Learn a byte-pair vocabulary and return the tokenizer as JSON text; bytes are in it, so nothing is ever unknown."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    pieces = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pieces, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary - _MARKS, initial_alphabet=alphabet, max_token_length=48, show_progress=False)
    )
    saved: str = tokenizer.to_str()
    return saved


def open_tokenizer(saved: str) -> Any:
    """Return the tokenizer that was saved as JSON text."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(saved)


def size_of(tokenizer: Any) -> int:
    """Return how many token numbers there are, the marks included."""
    return int(tokenizer.get_vocab_size()) + _MARKS


def encode(tokenizer: Any, texts: pa.LargeStringArray, max_tokens: int) -> Tokens:
    """Return the tokens of texts, cut to `max_tokens` with the end mark that closes each."""
    found = [np.array(one.ids[: max_tokens - 1], np.int64) + _MARKS for one in tokenizer.encode_batch(texts.to_pylist())]
    end = np.array([END])
    ids = np.concatenate([part for one in found for part in (one, end)]) if found else np.zeros(0, np.int64)
    return Tokens(frozen(ids), frozen(np.cumsum([0] + [len(one) + 1 for one in found], dtype=np.int64)))


def encode_pairs(tokenizer: Any, pairs: Corpus, max_tokens: int) -> TokenPairs:
    """Return the tokens of both sides of pairs, each cut as `encode` does."""
    return TokenPairs(encode(tokenizer, pairs.sources, max_tokens), encode(tokenizer, pairs.targets, max_tokens))


def read_tokens(tokenizer: Any, rows: list[list[int]]) -> list[str]:
    """Return the texts of token numbers; each is read up to its end mark, and other marks are passed over."""
    cut = [row[: row.index(END)] if END in row else row for row in rows]
    texts: list[str] = tokenizer.decode_batch([[one - _MARKS for one in row if one >= _MARKS] for row in cut])
    return texts
