"""A random number for every letter, mark and digit of every script; zero for everything else.

One table answers three questions at once: is this character part of a word (is its number not zero), what is it in lower case (both
cases have the same number), and what does it add to the hash of its word.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from craft_core.arrays import frozen

__all__ = ["UintVector", "letter_numbers", "sign_numbers"]

UintVector = npt.NDArray[np.uint64]
"""Hashes, shape (n,)."""

# No letter, mark or digit lies between the last ideographs (U+323AF and some reserve) and the variation selectors.
_LAST_LETTER = 0x3FFFF
_SELECTORS = range(0xE0100, 0xE01F0)
_TABLE_SIZE = _SELECTORS.stop + 1


@cache
def letter_numbers() -> UintVector:
    r"""Return one number a code point: 64 random bits for `[\p{L}\p{M}\p{N}_]`, equal for both cases of a letter; 0 for the rest.

    Python's own ``\w`` leaves combining marks out and so tears Hindi, Arabic and Thai words apart at their vowel signs; these are kept.
    The last entry is 0 and serves all code points beyond the table. The bits come from a fixed mixing function (SplitMix64; Steele, Lea
    and Flood 2014), so they are the same on every machine.
    """
    lower = np.zeros(_TABLE_SIZE, np.uint64)
    for point in (*range(_LAST_LETTER), *_SELECTORS):
        letter = chr(point)
        if unicodedata.category(letter)[0] in "LMN" or letter == "_":
            lower[point] = ord(letter.lower()[0])  # only U+0130 has two in lower case: an i and a dot
    return frozen(np.where(lower > 0, _mixed(lower), np.uint64(0)))


@cache
def sign_numbers() -> UintVector:
    """Return one number a code point: 64 random bits for punctuation and symbols; 0 for letters, marks, digits, spaces and controls."""
    signs = np.zeros(_TABLE_SIZE, np.uint64)
    for point in range(_LAST_LETTER):
        letter = chr(point)
        if unicodedata.category(letter)[0] in "PS" and letter != "_":
            signs[point] = point
    return frozen(np.where(signs > 0, _mixed(signs), np.uint64(0)))


def _mixed(x: UintVector) -> UintVector:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
