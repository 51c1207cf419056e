"""Texts that are still to be encoded: which, in which order, and who remembers what is ready."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.store import TextVectors
from craft_core.store.text_vectors import HalfMatrix, TextKeys
from craft_core.vectorize.protocol import unit_rows

__all__ = ["Rows", "Todo", "distinct", "half", "longest_first"]


def half(rows: npt.NDArray[Any]) -> HalfMatrix:
    """Return rows scaled to length 1 and rounded to float16: what is remembered of a vector, and all that its text decides."""
    return unit_rows(np.array(rows, np.float32)).astype(np.float16)


class Rows:
    """Hold vectors on their way, scaled to length 1 again after the rounding; zero where nothing was put yet.

    Parameters
    ----------
    n : int
        How many there will be.
    """

    def __init__(self, n: int) -> None:
        self.known = np.zeros(n, bool)
        self.matrix: FloatMatrix | None = None  # until the first rows say how many dimensions there are

    def put(self, positions: IntVector, rows: HalfMatrix) -> None:
        """Take rows as `half` returns them."""
        if self.matrix is None:
            self.matrix = np.zeros((len(self.known), rows.shape[1]), np.float32)
        self.matrix[positions] = unit_rows(rows.astype(np.float32))
        self.known[positions] = True


class Todo:
    """Hold texts to encode.

    Attributes
    ----------
    positions : IntVector
        Where they stand, in the order of the work.
    """

    def __init__(self, positions: IntVector, keys: TextKeys, memory: TextVectors | None) -> None:
        self.positions, self._keys, self._memory = positions, keys, memory
        self._ready: list[HalfMatrix] = []  # not yet remembered
        self._remembered = 0

    def done(self, rows: HalfMatrix) -> None:
        """Take the vectors of the next texts."""
        if self._memory is not None:
            self._ready.append(rows)

    def remember(self) -> None:
        """Remember all that was taken since the last time."""
        if self._memory is None or not self._ready:
            return
        rows = np.concatenate(self._ready)
        self._memory.add(self._keys.take(np.arange(self._remembered, self._remembered + len(rows))), rows)
        self._remembered += len(rows)
        self._ready.clear()


def distinct(keys: TextKeys) -> tuple[IntVector, IntVector]:
    """Return the position of one of each, and for every key which of those it equals."""
    order = np.lexsort((keys.low, keys.high))
    sorted_keys = keys.take(order)
    is_first = np.ones(len(keys), bool)
    is_first[1:] = (sorted_keys.high[1:] != sorted_keys.high[:-1]) | (sorted_keys.low[1:] != sorted_keys.low[:-1])
    inverse = np.empty(len(keys), np.int64)
    inverse[order] = np.cumsum(is_first) - 1
    return order[is_first], inverse


def longest_first(texts: pa.LargeStringArray, keys: TextKeys) -> IntVector:
    """Return an order in which a batch wastes little on padding, and memory runs out early or never.

    Among equally long ones the key decides, so that the order of the texts makes no difference.
    """
    return np.lexsort((keys.low, keys.high, -pc.utf8_length(texts).to_numpy().astype(np.int64)))
