"""Texts in, sparse rows out: how often each known term occurs in each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.progress import Progress
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.kernels import count, find, store, tally
from craft_core.vectorize.letters import UintVector
from craft_core.vectorize.tokens import Analyzer

__all__ = ["Buckets", "Counter", "TermIndex", "Vocabulary", "document_frequencies", "smooth_idf"]


class TermIndex(Protocol):
    """Numbers for terms: the columns of the counts."""

    @property
    def size(self) -> int:
        """How many columns there are."""
        ...

    def columns(self, keys: UintVector) -> IntVector:
        """Return the column of each term, -1 for a term that is not known."""
        ...


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A list of known terms: a term's column is its place in the list.

    Attributes
    ----------
    keys : UintVector
        Shape (n terms,): the hashes of the terms, all different.
    """

    keys: UintVector

    @property
    def size(self) -> int:
        """How many terms are known."""
        return len(self.keys)

    def columns(self, keys: UintVector) -> IntVector:
        """Return the place of each term in the list, -1 for a term that is not in it."""
        columns = np.empty(len(keys), np.int64)
        find()(np.require(keys, np.uint64, ["C", "A", "E"]), *self._table, columns)
        return columns

    @cached_property
    def _table(self) -> tuple[UintVector, npt.NDArray[np.int32]]:
        """The keys in a hash table with open addressing, at most half full, and their places in the list; -1 where a slot is empty."""
        n_slots = 2 << len(self.keys).bit_length()
        slots, places = np.zeros(n_slots, np.uint64), np.full(n_slots, -1, np.int32)
        store()(np.require(self.keys, np.uint64, ["C", "A", "E"]), slots, places)
        return frozen(slots), frozen(places)


@dataclass(frozen=True)
class Buckets:
    """No list at all: a term's column is the leading bits of its hash, so that every term is known and some share a column."""

    bits: int

    @property
    def size(self) -> int:
        """How many buckets there are: 2 to the number of bits."""
        return 1 << self.bits

    def columns(self, keys: UintVector) -> IntVector:
        """Return the bucket of each term."""
        return (keys >> np.uint64(64 - self.bits)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Counter:
    """Count the known terms of texts.

    Attributes
    ----------
    analyzer : Analyzer
        What a term is.
    index : TermIndex
        Which terms are known, and their columns.
    sublinear : bool
        Whether a count of c is taken as 1 + ln(c).
    """

    analyzer: Analyzer
    index: TermIndex
    sublinear: bool

    def counts(self, texts: pa.LargeStringArray) -> Any:
        """Return a scipy CSR matrix of shape (n texts, size), float32, each row's columns in rising order."""
        keys, starts = self.analyzer.terms_by_text(texts)
        columns = self.index.columns(keys)
        indices, repeats = np.empty(len(columns), np.int32), np.empty(len(columns), np.float32)
        row_starts = np.empty(len(starts), np.int32)
        count()(columns, starts, indices, repeats, row_starts)
        indices, repeats = indices[: row_starts[-1]], repeats[: row_starts[-1]]
        if self.sublinear:
            repeats = 1 + np.log(repeats)
        return scipy.sparse.csr_matrix((repeats, indices, row_starts), shape=(len(texts), self.index.size))

    def counts_of(self, parts: Sequence[pa.LargeStringArray], progress: Progress) -> Any:
        """Return the counts of several arrays of texts, one after the other, as one matrix."""
        blocks = [texts.slice(start, stop - start) for texts in parts for start, stop in text_blocks(texts)]
        rows = list(in_order(self.counts, blocks, progress, "Counting terms"))
        return scipy.sparse.vstack([self.counts(parts[0][:0]), *rows], format="csr")


def document_frequencies(counter: Counter, texts: pa.LargeStringArray, progress: Progress) -> IntVector:
    """Return in how many of the texts each term occurs, shape (size,); the order of the texts makes no difference."""
    totals: list[IntVector] = []  # one a thread, since two could not add to the same one

    def add(block: tuple[int, int]) -> None:
        indices = counter.counts(texts.slice(block[0], block[1] - block[0])).indices
        total = totals.pop() if totals else np.zeros(counter.index.size, np.int64)
        tally()(indices, total)
        totals.append(total)

    for _ in in_order(add, text_blocks(texts), progress, "Counting terms"):
        pass
    return sum(totals, np.zeros(counter.index.size, np.int64))


def smooth_idf(frequencies: IntVector, n_texts: int) -> FloatVector:
    """Return ln((1 + n) / (1 + df)) + 1, scikit-learn's smooth inverse document frequency, shape (size,), float64."""
    return np.log((1 + n_texts) / (1 + frequencies)) + 1
