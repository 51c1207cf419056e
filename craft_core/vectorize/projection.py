"""Counts times a table: how counted texts become unit rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import FloatMatrix, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.counts import Counter
from craft_core.vectorize.kernels import FEW, add_dense, add_sparse, count, find, store, tally
from craft_core.vectorize.protocol import Vectors, unit_rows
from craft_core.vectorize.sides import filled, gather, texts_of
from craft_core.vectorize.splitting import join, split_characters, split_words

__all__ = ["Fit", "Projection", "load_kernels", "project_sides"]

_ROWS = 512  # vectors that are made at a time: they stay in the cache of a core until they have length 1


@dataclass(frozen=True, eq=False)
class Projection:
    """Turn texts into the unit rows of their counts times a table; an `Encoder`.

    Attributes
    ----------
    counter : Counter
        What is counted.
    table : numpy.ndarray or scipy.sparse.csr_matrix
        Shape (terms, dimensions), float32: one row a term, its weight (IDF) included. A sparse one has 8 entries in every row.
    """

    counter: Counter
    table: Any

    def __call__(self, texts: pa.LargeStringArray) -> FloatMatrix:
        """Return one row a text, shape (n, dimensions), of length 1 or zero, read-only."""
        return self.encode(texts, silent, "Projecting")

    def encode(self, texts: pa.LargeStringArray, progress: Progress, text: str) -> FloatMatrix:
        """Return the same in blocks, with progress. A row depends on its text alone, to the last bit, not on its neighbours."""
        vectors = np.empty((len(texts), self.table.shape[1]), np.float32)

        def project(block: tuple[int, int]) -> None:
            self.write(texts.slice(block[0], block[1] - block[0]), vectors[block[0] : block[1]])

        for _ in in_order(project, text_blocks(texts), progress, text):
            pass
        return frozen(vectors)

    def write(self, texts: pa.LargeStringArray, vectors: FloatMatrix) -> None:
        """Write the rows of a block of texts, a megabyte or so, into an array of shape (n, dimensions); threads may run side by side.

        Whoever encodes block after block saves time by writing to the same array: memory fresh from the system costs as much as the work.
        """
        multiply, table = self._product
        counts = self.counter.counts(texts)
        for start in range(0, len(texts), _ROWS):
            rows = vectors[start : start + _ROWS]
            multiply(counts.indices, counts.data, counts.indptr[start : start + len(rows) + 1], *table, rows)
            unit_rows(rows)

    @cached_property
    def _product(self) -> tuple[Callable[..., None], list[npt.NDArray[Any]]]:
        """What multiplies counts and the table, and the table as it wants it."""
        if isinstance(self.table, np.ndarray):
            return add_dense(), [np.require(self.table, np.float32, ["C", "A", "E"])]
        shape = (self.table.shape[0], FEW)
        parts = ((self.table.indices, np.int32), (self.table.data, np.float32))
        return add_sparse(), [np.require(array, kind, ["C", "A", "E"]).reshape(shape) for array, kind in parts]


Fit = Callable[[str, Progress], Projection]
"""Fits one side, "source" or "target"."""


def project_sides(pool: Corpus, validation: Corpus, test: Corpus | None, fit: Fit, progress: Progress) -> Vectors:
    """Fit a projection of each side and apply it to all corpora."""
    corpora = filled(pool, validation, test)
    encoders, sides = [], []
    for side, now in (("source", part(progress, 0, 0.5)), ("target", part(progress, 0.5, 1))):
        encoder = fit(side, part(now, 0, 0.5))
        project = part(now, 0.5, 1)
        text = f"Projecting {side}s"
        sides.append([encoder.encode(texts_of(one, side), project if one is pool else silent, text) for one in corpora])
        encoders.append(encoder)
    return gather(corpora, sides[0], sides[1], (encoders[0], encoders[1]))


def load_kernels() -> None:
    """Load all that is compiled between a text and its vector: for a process that is copied into workers."""
    for kernel in (split_words, split_characters, join, store, find, count, tally, add_dense, add_sparse):
        kernel()
