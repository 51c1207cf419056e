"""Texts in, sparse rows out: how often each known term occurs in each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse

from craft_core.arrays import FloatVector, IntVector
from craft_core.progress import Progress
from craft_core.vectorize.blocks import in_order, text_blocks
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
        found = pc.index_in(pa.array(keys), value_set=pa.array(self.keys))
        places: IntVector = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return places


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
        terms = self.analyzer.terms(texts)
        columns = self.index.columns(terms.keys)
        # One number for text and term; sorting it brings repeats together and puts every row in an order of its own, whatever the block.
        cells = ((terms.rows << 32) | columns)[columns >= 0]
        cells.sort()
        first = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]])) if len(cells) else np.zeros(0, np.int64)
        repeats = np.diff(np.append(first, len(cells))).astype(np.float32)
        if self.sublinear:
            repeats = 1 + np.log(repeats)
        cells = cells[first]
        starts = np.searchsorted(cells, np.arange(len(texts) + 1, dtype=np.int64) << 32)
        indices = (cells & 0xFFFF_FFFF).astype(np.int32)
        return scipy.sparse.csr_matrix((repeats, indices, starts.astype(np.int32)), shape=(len(texts), self.index.size))

    def counts_of(self, parts: Sequence[pa.LargeStringArray], progress: Progress) -> Any:
        """Return the counts of several arrays of texts, one after the other, as one matrix."""
        blocks = [texts.slice(start, stop - start) for texts in parts for start, stop in text_blocks(texts)]
        rows = list(in_order(self.counts, blocks, progress, "Counting terms"))
        return scipy.sparse.vstack([self.counts(parts[0][:0]), *rows], format="csr")


def document_frequencies(counter: Counter, texts: pa.LargeStringArray, progress: Progress) -> IntVector:
    """Return in how many of the texts each term occurs, shape (size,); the order of the texts makes no difference."""

    def count(block: tuple[int, int]) -> IntVector:
        indices = counter.counts(texts.slice(block[0], block[1] - block[0])).indices
        return np.bincount(indices, minlength=counter.index.size)

    total = np.zeros(counter.index.size, np.int64)
    for one in in_order(count, text_blocks(texts), progress, "Counting terms"):
        total += one
    return total


def smooth_idf(frequencies: IntVector, n_texts: int) -> FloatVector:
    """Return ln((1 + n) / (1 + df)) + 1, scikit-learn's smooth inverse document frequency, shape (size,), float64."""
    return np.log((1 + n_texts) / (1 + frequencies)) + 1
