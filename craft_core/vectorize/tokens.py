"""Texts in, terms out: words, runs of words, or runs of characters, each as a 64-bit hash.

A term is never made into a string. Its hash is a polynomial in a fixed odd base over the numbers of its letters, modulo 2**64, and comes
from array operations on whole blocks of text: faster than splitting with a dictionary, and the terms of any two blocks can be compared
without one. With a million distinct terms the chance of a single collision is about 3 in 100 million.

Only the first 1,048,576 characters of a text are read: a longer "sentence" is a file that was read wrongly, and must not take the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import BoolVector, IntVector, frozen
from craft_core.errors import ParameterError
from craft_core.vectorize.letters import UintVector, code_points, letter_numbers, sign_numbers

__all__ = ["ANALYZERS", "Analyzer", "Terms", "make_analyzer"]

ANALYZERS = ("word", "char_wb")
_USUAL_LENGTHS = {"word": (1, 1), "char_wb": (2, 3)}

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_SEPARATOR = np.uint64(0xD1342543DE82EF95)  # what a gap between words adds to the hash of a run of characters
_CHARACTER_STEPS = tuple(np.uint64(pow(_BASE, step, 2**64)) for step in range(16))
_WORD_STEPS = tuple(np.uint64(pow(0xDA942042E4DD58B5, step, 2**64)) for step in range(16))
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
        """Return the terms of a block of texts; a block should hold a megabyte or so, see `blocks.text_blocks`."""
        points, offsets = _points(texts) if len(texts) else (np.zeros(0, np.uint8), np.zeros(1, np.int64))
        numbers = letter_numbers()[points]
        begins = _begins(numbers != 0)
        if self.kind == "token":
            signs = sign_numbers()[points]
            begins, numbers = begins | _begins(signs != 0), numbers + signs
        if not begins.any():
            return Terms(numbers[:0], offsets[:0])
        if self.kind == "char_wb":
            parts = _characters(numbers, offsets, self.shortest, self.longest)
        else:
            parts = _words(numbers, np.flatnonzero(begins), offsets, self.shortest, self.longest)
        return Terms(np.concatenate([one.keys for one in parts]), np.concatenate([one.rows for one in parts]))


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


def _points(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8] | npt.NDArray[np.uint32], IntVector]:
    """Return the code points of all characters in one row, and where each text begins in it, shape (n texts + 1,)."""
    if pc.max(pc.binary_length(texts)).as_py() > _LONGEST_TEXT:
        texts = pc.utf8_slice_codeunits(texts, 0, _LONGEST_TEXT)
    # a line break after every text keeps its last word apart from the first word of the next
    nothing, gap = pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string())
    lines = pc.binary_join_element_wise(texts, nothing, gap)
    offsets = np.concatenate([[0], np.cumsum(pc.utf8_length(lines).to_numpy())])
    _, ends, data = lines.buffers()
    n_bytes = int(np.frombuffer(ends, np.int64)[lines.offset + len(lines)])
    return code_points(memoryview(data)[:n_bytes], int(offsets[-1])), offsets


def _begins(inside: BoolVector) -> BoolVector:
    """Return where runs begin."""
    begins = inside.copy()
    begins[1:] &= ~inside[:-1]
    return begins


def _words(letters: UintVector, starts: IntVector, offsets: IntVector, shortest: int, longest: int) -> list[Terms]:
    up, down = _powers(1 << len(letters).bit_length())
    # sum of letter_j * base**j over the word, then shifted back to the word's start; the gap behind a word adds zeros
    keys = np.add.reduceat(letters * up[: len(letters)], starts) * down[starts]
    rows = _rows(starts, offsets)
    return [_runs(keys, rows, n) for n in range(shortest, longest + 1)]


def _runs(keys: UintVector, rows: IntVector, n: int) -> Terms:
    count = max(len(keys) - n + 1, 0)
    joined = np.zeros(count, np.uint64)
    for step in range(n):
        joined += keys[step : step + count] * _WORD_STEPS[step]
    whole = rows[:count] == rows[n - 1 : n - 1 + count]
    return Terms(joined[whole], rows[:count][whole])


def _characters(letters: UintVector, offsets: IntVector, shortest: int, longest: int) -> list[Terms]:
    in_word = letters != 0
    kept = in_word.copy()
    kept[1:] |= in_word[:-1]  # one gap behind each word, which is also the gap before the next
    positions = np.flatnonzero(kept)
    numbers = np.concatenate([[np.uint64(0)], letters[positions]])
    rows = _rows(positions, offsets)
    rows = np.concatenate([rows[:1], rows])
    gaps = np.concatenate([[0], np.cumsum(numbers == 0)])
    numbers[numbers == 0] = _SEPARATOR
    return [_windows(numbers, rows, gaps, n) for n in range(shortest, longest + 1)]


def _windows(numbers: UintVector, rows: IntVector, gaps: IntVector, n: int) -> Terms:
    count = max(len(numbers) - n + 1, 0)
    keys = np.zeros(count, np.uint64)
    for step in range(n):
        keys += numbers[step : step + count] * _CHARACTER_STEPS[step]
    # A gap may stand at either end of a run, never inside; a run of one is never a gap. The second character tells the text: the first
    # may be the gap behind the text before.
    second, last = (1, n - 1) if n > 1 else (0, 1)
    whole = gaps[last : last + count] == gaps[second : second + count]
    return Terms(keys[whole], rows[second : second + count][whole])


def _rows(positions: IntVector, offsets: IntVector) -> IntVector:
    ends = np.searchsorted(positions, offsets)
    return np.repeat(np.arange(len(offsets) - 1), np.diff(ends))


@lru_cache(maxsize=4)
def _powers(size: int) -> tuple[UintVector, UintVector]:
    powers = []
    for base in (_BASE, _INVERSE):
        table = np.full(size, base, np.uint64)
        table[0] = 1
        powers.append(frozen(np.multiply.accumulate(table)))
    return powers[0], powers[1]
