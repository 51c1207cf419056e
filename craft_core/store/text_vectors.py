"""Vectors by text: what a slow model computed once is never computed again, whichever corpus the text stands in.

Texts are known by 128 bits of SipHash; among a billion texts the chance of one mistaken for another is below 1 in 10**20. The texts
themselves are not kept. Vectors are kept as float16: whoever adds them rounds them first, and goes on with the rounded ones, so that what
is found equals what was computed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import BoolVector, IntVector
from craft_core.store.disk import Store

__all__ = ["KIND", "HalfMatrix", "TextKeys", "TextVectors", "text_keys"]

KIND = "text-vectors"
"""The kind of their entries."""

UintVector = npt.NDArray[np.uint64]

HalfMatrix = npt.NDArray[np.float16]
"""Rows of vectors as they are kept, shape (n, dimensions)."""

_KEYS = ("craft text high.", "craft text low..")  # pandas wants 16 bytes
_BLOCK = 65_536
_SMALL_BYTES = 1 << 26
_MANY = 16  # small shards are then put together
_IDLE_SECONDS = 86_400.0  # vectors used since then make no room for new ones: those are as likely to be asked for again


@dataclass(frozen=True, eq=False)
class TextKeys:
    """Hold what texts are known by, 128 bits each.

    Attributes
    ----------
    high, low : numpy.ndarray
        Shape (n,), uint64.
    """

    high: UintVector
    low: UintVector

    def __len__(self) -> int:
        return len(self.high)

    def take(self, positions: IntVector) -> TextKeys:
        """Return the keys at these positions."""
        return TextKeys(self.high[positions], self.low[positions])


def text_keys(texts: pa.LargeStringArray) -> TextKeys:
    """Return the keys of texts; equal texts have equal keys."""
    from pandas.util import hash_array

    high, low = np.empty(len(texts), np.uint64), np.empty(len(texts), np.uint64)
    for start in range(0, len(texts), _BLOCK):
        block = texts.slice(start, _BLOCK).to_numpy(zero_copy_only=False).astype(object)
        for hashes, key in ((high, _KEYS[0]), (low, _KEYS[1])):
            hashes[start : start + _BLOCK] = hash_array(block, hash_key=key, categorize=False)
    return TextKeys(high, low)


class TextVectors:
    """Remember the vectors of texts in one space.

    Parameters
    ----------
    store : Store
        Where they are kept.
    space : str
        A digest of all that decides a vector besides its text: model, length limit, normalisation.
    """

    def __init__(self, store: Store, space: str) -> None:
        self._store, self._space = store, space

    def lookup(self, keys: TextKeys) -> tuple[HalfMatrix, BoolVector]:
        """Return the vectors of the texts that are known, in their order, and which those are.

        Parameters
        ----------
        keys : TextKeys
            Of n texts, from `text_keys`.

        Returns
        -------
        tuple
            Rows of shape (number known, dimensions), float16, as they were added to the last bit; (0, 0) if none is known. And a mask of
            shape (n,).
        """
        parts = list(self.matches(keys))
        found = np.zeros(len(keys), bool)
        for positions, _ in parts:
            found[positions] = True
        return _in_order(parts, found), found

    def matches(self, keys: TextKeys) -> Iterator[tuple[IntVector, HalfMatrix]]:
        """Yield the same in parts: positions among the keys, and their rows; no position comes twice."""
        order = np.argsort(keys.high, kind="stable")
        wanted = keys.take(order)
        for _, known, rows in self._shards():
            queries, places = _matches(wanted, known)
            for start in range(0, len(queries), _BLOCK):
                yield order[queries[start : start + _BLOCK]], rows[places[start : start + _BLOCK]]
            left = np.ones(len(wanted), bool)
            left[queries] = False
            order, wanted = order[left], wanted.take(np.flatnonzero(left))

    def add(self, keys: TextKeys, rows: HalfMatrix) -> None:
        """Remember vectors, shape (n, dimensions), float16.

        Vectors take at most half of the store. Where that is full of vectors used within a day, the new ones are forgotten.
        """
        if len(keys) == 0:
            return
        order = np.argsort(keys.high, kind="stable")
        self._put(keys.take(order), rows[order])
        self._put_together()

    def _put(self, keys: TextKeys, rows: HalfMatrix) -> bool:
        if not self._store.trim(KIND, self._store.limit // 2 - rows.nbytes, _IDLE_SECONDS):
            return False
        shard = {"high": keys.high, "low": keys.low, "rows": np.ascontiguousarray(rows, np.float16)}
        return self._store.put(KIND, f"{self._space} {uuid.uuid4().hex}", shard)

    def _shards(self) -> Iterator[tuple[str, TextKeys, HalfMatrix]]:
        """Yield the entry, keys in rising order, and vectors of each shard, the oldest first: what was added first holds."""
        for key in self._store.keys(KIND, any_code=True):
            if key.startswith(f"{self._space} "):
                found = self._store.get(KIND, key, any_code=True)
                if found is not None:
                    yield key, TextKeys(found["high"], found["low"]), found["rows"]

    def _put_together(self) -> None:
        small = [one for one in self._shards() if one[2].nbytes < _SMALL_BYTES]
        if len(small) < _MANY:
            return
        keys = TextKeys(np.concatenate([one[1].high for one in small]), np.concatenate([one[1].low for one in small]))
        order = np.argsort(keys.high, kind="stable")
        if self._put(keys.take(order), np.concatenate([one[2] for one in small])[order]):
            for key, _, _ in small:
                self._store.delete(KIND, key)


def _matches(wanted: TextKeys, known: TextKeys) -> tuple[IntVector, IntVector]:
    """Return positions among the wanted and the known keys, both in rising order of their high halves, of those that are equal.

    Two known texts with equal high halves, one chance in ten million among two million texts, count as unknown but for the first.
    """
    if len(known) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    places = np.minimum(np.searchsorted(known.high, wanted.high), len(known) - 1)
    same = (known.high[places] == wanted.high) & (known.low[places] == wanted.low)
    return np.flatnonzero(same), places[same]


def _in_order(parts: list[tuple[IntVector, HalfMatrix]], found: BoolVector) -> HalfMatrix:
    if not parts:
        return np.zeros((0, 0), np.float16)
    rows = np.empty((int(found.sum()), parts[0][1].shape[1]), np.float16)
    places = np.cumsum(found) - 1
    for queries, values in parts:
        rows[places[queries]] = values
    return rows
