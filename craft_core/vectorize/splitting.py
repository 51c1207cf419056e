"""The loops from texts to terms, compiled: text -> units (the hash of every word, or the number of every character) -> runs of units.

Each takes the flat arrays of a block of texts and writes those of the next. They release Python's lock; see `kernels` for what follows.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from craft_core.arrays import IntVector
from craft_core.corpus.compiled import compiled
from craft_core.vectorize.kernels import Bytes, Kernel, Uints

__all__ = ["BASE", "GAP", "join", "split_characters", "split_words"]

BASE = np.uint64(0x9E3779B97F4A7C15)
"""What the numbers of letters are multiplied by, once more for every letter."""
GAP = np.uint64(0xD1342543DE82EF95)
"""What a gap between words adds to the hash of a run of characters."""

_0, _1, _2, _3, _4 = (np.uint64(n) for n in range(5))
_6, _12, _18 = (np.uint64(n) for n in (6, 12, 18))
# UTF-8 (RFC 3629): what the first byte of a character is below if there are 1, 2 or 3 bytes, and the bits of the number in it
_BELOW_1, _BELOW_2, _BELOW_3 = np.uint64(0x80), np.uint64(0xE0), np.uint64(0xF0)
_BITS_2, _BITS_3, _BITS_4, _BITS = np.uint64(0x1F), np.uint64(0x0F), np.uint64(0x07), np.uint64(0x3F)


@cache
def split_words() -> Kernel:
    """Return the kernel that hashes words."""
    return compiled(_split_words, "in uint8", "in int64", "in uint64", "in uint64", "int64", "out uint64", "out int64")


def _split_words(
    data: Bytes, offsets: IntVector, letters: Uints, signs: Uints, longest: int, units: Uints, starts: IntVector
) -> None:  # pragma: no cover - compiled, so no tool sees its lines run
    """Write the hash of every run of letters, and of signs where there is a table of them; text i has units[starts[i]:starts[i + 1]].

    The hash of a run is the sum of number_j * BASE**j over its characters.
    """
    n_units, last, has_signs = _0, np.uint64(len(letters) - 1), len(signs) > 0
    for text in range(len(offsets) - 1):
        starts[text] = n_units
        at, stop, left = np.uint64(offsets[text]), np.uint64(offsets[text + 1]), longest
        key, power, before = _0, _1, 0
        while at < stop and left > 0:
            left -= 1
            point = np.uint64(data[at])
            if point < _BELOW_1:
                at += _1
            elif point < _BELOW_2:
                point = (point & _BITS_2) << _6 | np.uint64(data[at + _1]) & _BITS
                at += _2
            elif point < _BELOW_3:
                point = (point & _BITS_3) << _12 | (np.uint64(data[at + _1]) & _BITS) << _6 | np.uint64(data[at + _2]) & _BITS
                at += _3
            else:
                point = (point & _BITS_4) << _18 | (np.uint64(data[at + _1]) & _BITS) << _12
                point |= (np.uint64(data[at + _2]) & _BITS) << _6 | np.uint64(data[at + _3]) & _BITS
                point = min(point, last)
                at += _4
            number, kind = letters[point], 1
            if number == _0:
                number = signs[point] if has_signs else _0
                kind = 0 if number == _0 else 2
            if kind != before:
                if before != 0:
                    units[n_units] = key
                    n_units += _1
                key, power, before = _0, _1, kind
            key += number * power
            power *= BASE
        if before != 0:
            units[n_units] = key
            n_units += _1
    starts[len(offsets) - 1] = n_units


@cache
def split_characters() -> Kernel:
    """Return the kernel that lists characters."""
    return compiled(_split_characters, "in uint8", "in int64", "in uint64", "int64", "out uint64", "out int64")


def _split_characters(
    data: Bytes, offsets: IntVector, letters: Uints, longest: int, units: Uints, starts: IntVector
) -> None:  # pragma: no cover - compiled
    """Write the number of every letter, and one GAP before, between and behind words; text i has units[starts[i]:starts[i + 1]]."""
    n_units, last = _0, np.uint64(len(letters) - 1)
    for text in range(len(offsets) - 1):
        starts[text] = n_units
        at, stop, left = np.uint64(offsets[text]), np.uint64(offsets[text + 1]), longest
        units[n_units] = GAP
        n_units += _1
        while at < stop and left > 0:
            left -= 1
            point = np.uint64(data[at])
            if point < _BELOW_1:
                at += _1
            elif point < _BELOW_2:
                point = (point & _BITS_2) << _6 | np.uint64(data[at + _1]) & _BITS
                at += _2
            elif point < _BELOW_3:
                point = (point & _BITS_3) << _12 | (np.uint64(data[at + _1]) & _BITS) << _6 | np.uint64(data[at + _2]) & _BITS
                at += _3
            else:
                point = (point & _BITS_4) << _18 | (np.uint64(data[at + _1]) & _BITS) << _12
                point |= (np.uint64(data[at + _2]) & _BITS) << _6 | np.uint64(data[at + _3]) & _BITS
                point = min(point, last)
                at += _4
            number = letters[point]
            if number != _0:
                units[n_units] = number
                n_units += _1
            elif units[n_units - _1] != GAP:
                units[n_units] = GAP
                n_units += _1
        if units[n_units - _1] != GAP:
            units[n_units] = GAP
            n_units += _1
    starts[len(offsets) - 1] = n_units


@cache
def join() -> Kernel:
    """Return the kernel that hashes runs of units."""
    return compiled(_join, "in uint64", "in int64", "in uint64", "int64", "int64", "out uint64", "out int64")


def _join(
    units: Uints, starts: IntVector, steps: Uints, shortest: int, longest: int, keys: Uints, key_starts: IntVector
) -> None:  # pragma: no cover - compiled
    """Write, text after text, the hash of every run of so many units: the sum of unit_j * steps_j.

    A GAP may stand at either end of a run, never inside, and is no run by itself.
    """
    n_keys = 0
    for text in range(len(starts) - 1):
        key_starts[text] = n_keys
        for length in range(shortest, longest + 1):
            for begin in range(starts[text], starts[text + 1] - length + 1):
                key, whole = units[begin], length > 1 or units[begin] != GAP
                for step in range(1, length):
                    unit = units[begin + step]
                    key += unit * steps[step]
                    if unit == GAP and step < length - 1:
                        whole = False
                        break
                if whole:
                    keys[n_keys] = key
                    n_keys += 1
    key_starts[len(starts) - 1] = n_keys
