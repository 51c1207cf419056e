"""Texts in, terms out: words, runs of words, or runs of characters, each as a 64-bit hash.

A term is never made into a string. Its hash is a polynomial in a fixed odd base over the numbers of its letters, modulo 2**64, computed
where the text lies, in compiled loops: faster than splitting with a dictionary, and the terms of any two blocks can be compared without
one. With a million distinct terms the chance of a single collision is about 3 in 100 million.

Only the first 1,048,576 characters of a text are read: a longer "sentence" is a file that was read wrongly, and must not take the memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from craft_core.arrays import IntVector, frozen
from craft_core.corpus.compiled import utf8
from craft_core.errors import ParameterError
from craft_core.vectorize.letters import UintVector, letter_numbers, sign_numbers
from craft_core.vectorize.splitting import BASE, join, split_characters, split_words

__all__ = ["ANALYZERS", "Analyzer", "Terms", "make_analyzer"]

ANALYZERS = ("word", "char_wb")
_USUAL_LENGTHS = {"word": (1, 1), "char_wb": (2, 3)}

_CHARACTER_STEPS = frozen(np.array([pow(int(BASE), step, 2**64) for step in range(16)], np.uint64))
_WORD_STEPS = frozen(np.array([pow(0xDA942042E4DD58B5, step, 2**64) for step in range(16)], np.uint64))
_LONGEST_TEXT = 1 << 20


@dataclass(frozen=True, eq=False)
class Terms:
    """Hold the terms of a block of texts, repeated as often as they occur.

    Attributes
    ----------
    keys : UintVector
        Shape (n terms,): the hash of each term.
    rows : IntVector
        Shape (n terms,): the text each term stands in, counted from 0 within the block.
    """

    keys: UintVector
    rows: IntVector


@dataclass(frozen=True)
class Analyzer:
    r"""Say what a term is.

    Attributes
    ----------
    kind : str
        "word": runs of letters, marks and digits (`[\p{L}\p{M}\p{N}_]+`) in lower case. "char_wb": runs of characters within such a word
        and its two edges, which suits scripts that put no spaces between words. "token": words, and runs of punctuation and symbols.
    shortest, longest : int
        Words or characters in a term, both inclusive, 1 to 15.
    """

    kind: str
    shortest: int
    longest: int

    def terms(self, texts: pa.LargeStringArray) -> Terms:
        """Return the terms of a block of texts: the shortest of all texts, then the next longer ones, each in the order of the texts.

        A block should hold a megabyte or so, see `blocks.text_blocks`.
        """
        units, starts = self._units(texts)
        found = [self._joined(units, starts, n, n) for n in range(self.shortest, self.longest + 1)]
        numbers = np.arange(len(texts))
        rows = [np.repeat(numbers, np.diff(key_starts)) for _, key_starts in found]
        return Terms(np.concatenate([keys for keys, _ in found]), np.concatenate(rows))

    def terms_by_text(self, texts: pa.LargeStringArray) -> tuple[UintVector, IntVector]:
        """Return the same terms text after text, and where each text's begin and the last one's end, shape (n texts + 1,)."""
        return self._joined(*self._units(texts), self.shortest, self.longest)

    def _units(self, texts: pa.LargeStringArray) -> tuple[UintVector, IntVector]:
        """Return the hashes of words or the numbers of characters, text after text, and where each text's begin."""
        data, offsets = utf8(texts)
        most = int(np.minimum(np.diff(offsets), _LONGEST_TEXT).sum()) + 2 * len(texts)
        units, starts = np.empty(most, np.uint64), np.empty(len(texts) + 1, np.int64)
        letters = letter_numbers()
        if self.kind == "char_wb":
            split_characters()(data, offsets, letters, _LONGEST_TEXT, units, starts)
        else:
            signs = sign_numbers() if self.kind == "token" else letters[:0]
            split_words()(data, offsets, letters, signs, _LONGEST_TEXT, units, starts)
        return units[: starts[-1]], starts

    def _joined(self, units: UintVector, starts: IntVector, shortest: int, longest: int) -> tuple[UintVector, IntVector]:
        """Return the hashes of runs of units, text after text, and where each text's begin."""
        if longest == 1 and self.kind != "char_wb":
            return units, starts
        steps = _CHARACTER_STEPS if self.kind == "char_wb" else _WORD_STEPS
        keys, key_starts = np.empty(len(units) * (longest - shortest + 1), np.uint64), np.empty_like(starts)
        join()(units, starts, steps, shortest, longest, keys, key_starts)
        return keys[: key_starts[-1]], key_starts


def make_analyzer(kind: str, shortest: int | None, longest: int | None, owner: str) -> Analyzer:
    """Return an analyzer; a length of None is the usual one: 1 word, 2 to 3 characters.

    Raises
    ------
    ParameterError
        If the shortest term is longer than the longest.
    """
    usual = _USUAL_LENGTHS[kind]
    low = usual[0] if shortest is None else shortest
    high = max(low, usual[1]) if longest is None else longest
    low = min(low, high) if shortest is None else low
    if low > high:
        raise ParameterError(f"The 'ngram_min' parameter of {owner} must not be larger than 'ngram_max', which is {high}. Got {low}.")
    return Analyzer(kind, low, high)
