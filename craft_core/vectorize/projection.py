"""Counts times a table: how counted texts become unit rows."""

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
from craft_core.vectorize.protocol import Vectors, unit_rows
from craft_core.vectorize.sides import filled, gather, texts_of

__all__ = ["Fit", "Projection", "project_sides"]


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
