"""Counts times a table: how counted texts become unit rows, for both sides and all corpora."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.arrays import FloatMatrix, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.blocks import in_order, text_blocks
from craft_core.vectorize.counts import Counter
from craft_core.vectorize.protocol import EncodedPairs, Vectors, unit_rows

__all__ = ["Fit", "Projection", "vectorize_sides"]


@dataclass(frozen=True, eq=False)
class Projection:
    """Turn texts into the unit rows of their counts times a table; an `Encoder`.

    Attributes
    ----------
    counter : Counter
        What is counted.
    table : numpy.ndarray or scipy.sparse.csr_matrix
        Shape (terms, dimensions), float32: one row a term, its weight (IDF) included.
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
            product = self.counter.counts(texts.slice(block[0], block[1] - block[0])) @ self.table
            vectors[block[0] : block[1]] = unit_rows(product if isinstance(product, np.ndarray) else product.toarray())

        for _ in in_order(project, text_blocks(texts), progress, text):
            pass
        return frozen(vectors)


Fit = Callable[[pa.LargeStringArray, pa.LargeStringArray, str, Progress], Projection]
"""Fits one side: the pool's texts, the validation texts, the name of the side, progress."""


def vectorize_sides(pool: Corpus, validation: Corpus, test: Corpus | None, fit: Fit, progress: Progress) -> Vectors:
    """Fit a projection for each side and apply it to every corpus."""
    source, sources = _side(
        [pool.sources, validation.sources, test.sources if test else None], fit, f"{pool.name} sources", part(progress, 0, 0.5)
    )
    target, targets = _side(
        [pool.targets, validation.targets, test.targets if test else None], fit, f"{pool.name} targets", part(progress, 0.5, 1)
    )
    pairs = [None if one is None or two is None else EncodedPairs(one, two) for one, two in zip(sources, targets, strict=True)]
    return Vectors(pairs[0], pairs[1], pairs[2], source, target)
