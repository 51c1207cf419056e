"""The loops from terms to vectors, compiled: terms -> columns -> counts -> rows.

Each takes the flat arrays of a block of texts and writes those of the next; see `splitting` for what comes before. All release Python's
lock, and all sums are in a fixed order, so that results are the same on every run, in any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.corpus.compiled import compiled

__all__ = ["FEW", "Bytes", "Floats", "Int32s", "Kernel", "Uints", "add_dense", "add_sparse", "count", "find", "store", "tally"]

Kernel = Callable[..., Any]
Bytes = npt.NDArray[np.uint8]
Uints = npt.NDArray[np.uint64]
Int32s = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

FEW = 8  # entries in every row of a sparse table, fixed so that the loop over them is unrolled
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: its multiples lie far from one another
_SHORT = 64  # columns up to which it is fastest to count, for each, how many are smaller
# Places in arrays are unsigned where it matters: a signed one is tested for being below zero, which takes up to two thirds of the time.
_0, _1, _2, _4, _9, _32 = (np.uint64(n) for n in (0, 1, 2, 4, 9, 32))


@cache
def store() -> Kernel:
    """Return the kernel that builds a hash table."""
    return compiled(_store, "in uint64", "out uint64", "out int32")


def _store(keys: Uints, slots: Uints, places: Int32s) -> None:  # pragma: no cover - compiled
    """Put keys into slots (a power of two of them, places all -1) with their places in the list; of equal keys the first counts."""
    mask = np.uint64(len(slots) - 1)
    for place in range(len(keys)):
        slot = (keys[place] * _SPREAD) >> _32 & mask
        while places[slot] >= 0 and slots[slot] != keys[place]:
            slot = slot + _1 & mask
        if places[slot] < 0:
            slots[slot] = keys[place]
            places[slot] = place


@cache
def find() -> Kernel:
    """Return the kernel that looks keys up."""
    return compiled(_find, "in uint64", "in uint64", "in int32", "out int64")


def _find(keys: Uints, slots: Uints, places: Int32s, columns: IntVector) -> None:  # pragma: no cover - compiled
    """Write the place of each key, -1 where it has none; a table always has an empty slot."""
    mask = np.uint64(len(slots) - 1)
    for n in range(len(keys)):
        slot = (keys[n] * _SPREAD) >> _32 & mask
        while places[slot] >= 0 and slots[slot] != keys[n]:
            slot = slot + _1 & mask
        columns[n] = places[slot]


@cache
def count() -> Kernel:
    """Return the kernel that counts columns."""
    return compiled(_count, "in int64", "in int64", "out int32", "out float32", "out int32")


def _count(
    columns: IntVector, starts: IntVector, indices: Int32s, repeats: Floats, row_starts: Int32s
) -> None:  # pragma: no cover - compiled
    """Write each text's columns in rising order and how often each occurs, leaving out those below 0.

    The few columns of a sentence are sorted by rank, which takes no branches; those of a book by Shell's method.
    """
    stored, ranked = _0, np.empty(_SHORT, np.int32)
    for text in range(len(starts) - 1):
        row_starts[text] = stored
        begin = end = stored
        for n in range(starts[text], starts[text + 1]):
            if columns[np.uint64(n)] >= 0:
                indices[end] = columns[np.uint64(n)]
                end += _1
        if end - begin <= np.uint64(_SHORT):
            for n in range(begin, end):
                column = indices[n]
                rank = np.uint64(0)
                for other in range(begin, n):
                    rank += np.uint64(indices[other] <= column)
                for other in range(n + _1, end):
                    rank += np.uint64(indices[other] < column)
                ranked[rank] = column
            for n in range(begin, end):
                indices[n] = ranked[n - begin]
        else:
            gap = end - begin
            while gap > _1:
                gap = max(gap * _4 // _9, _1)
                for n in range(begin + gap, end):
                    column, to = indices[n], np.uint64(n)
                    while to >= begin + gap and indices[to - gap] > column:
                        indices[to] = indices[to - gap]
                        to -= gap
                    indices[to] = column
        last = np.int32(-1)
        for n in range(begin, end):
            column = indices[n]
            if column == last:
                repeats[stored - _1] += np.float32(1)
            else:
                indices[stored], repeats[stored] = column, np.float32(1)
                stored += _1
                last = column
    row_starts[len(starts) - 1] = stored


@cache
def tally() -> Kernel:
    """Return the kernel that counts texts."""
    return compiled(_tally, "in int32", "out int64")


def _tally(indices: Int32s, totals: IntVector) -> None:  # pragma: no cover - compiled
    """Add one to the total of each index."""
    for n in range(len(indices)):
        totals[np.uint64(indices[n])] += 1


@cache
def add_dense() -> Kernel:
    """Return the kernel that multiplies counts and a dense table."""
    return compiled(_add_dense, "in int32", "in float32", "in int32", "in float32 2", "out float32 2")


def _add_dense(
    indices: Int32s, repeats: Floats, row_starts: Int32s, table: FloatMatrix, rows: FloatMatrix
) -> None:  # pragma: no cover - compiled
    """Write the sum of repeats times rows of the table, in the order of the columns."""
    for text in range(len(rows)):
        row = rows[text]
        row[:] = np.float32(0)
        n, stop = np.uint64(row_starts[text]), np.uint64(row_starts[text + 1])
        while n + _1 < stop:  # two terms at a time, so that the row is read and written half as often
            times, added = repeats[n], table[np.uint64(indices[n])]
            next_times, next_added = repeats[n + _1], table[np.uint64(indices[n + _1])]
            for axis in range(len(row)):
                row[axis] = (row[axis] + times * added[axis]) + next_times * next_added[axis]
            n += _2
        if n < stop:
            times, added = repeats[n], table[np.uint64(indices[n])]
            for axis in range(len(row)):
                row[axis] += times * added[axis]


@cache
def add_sparse() -> Kernel:
    """Return the kernel that multiplies counts and a table of which each row has 8 weights."""
    return compiled(_add_sparse, "in int32", "in float32", "in int32", "in int32 2", "in float32 2", "out float32 2")


def _add_sparse(
    indices: Int32s, repeats: Floats, row_starts: Int32s, places: npt.NDArray[np.int32], weights: FloatMatrix, rows: FloatMatrix
) -> None:  # pragma: no cover - compiled
    """Write the same for a table whose row i has weights[i] at places[i]."""
    for text in range(len(rows)):
        row = rows[text]
        row[:] = np.float32(0)
        for n in range(row_starts[text], row_starts[text + 1]):
            times, term = repeats[np.uint64(n)], np.uint64(indices[np.uint64(n)])
            for entry in range(FEW):
                row[np.uint64(places[term, entry])] += times * weights[term, entry]
