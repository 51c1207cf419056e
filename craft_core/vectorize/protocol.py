"""What a vectorizer is: corpora in, unit rows out.

A vectorizer *is* its parameters, a frozen dataclass with a ``name``. Its one method returns new objects, so nothing can exist unfitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import pyarrow as pa

from craft_core.arrays import BoolVector, FloatMatrix, IntVector, frozen
from craft_core.corpus.pairs import Corpus
from craft_core.errors import DataError
from craft_core.progress import Progress

__all__ = ["EncodedPairs", "Encoder", "Vectorizer", "Vectors", "unit_rows"]


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """Hold the vectors of a corpus.

    Attributes
    ----------
    sources, targets : FloatMatrix
        Shapes (n, source dimensions) and (n, target dimensions), float32; each row of length 1, or all zero where the text has no known
        term.
    texts : Corpus or None
        The pairs the vectors were made of, in the same order, for methods that count words; None where there are only vectors.
    """

    sources: FloatMatrix
    targets: FloatMatrix
    texts: Corpus | None = None

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise DataError(
                f"There are {len(self.sources):,} source vectors but {len(self.targets):,} target vectors. Give one of each a pair."
            )
        if self.texts is not None and len(self.texts) != len(self.sources):
            raise DataError(f"There are {len(self.sources):,} vectors but {len(self.texts):,} pairs of texts. Give one of each a pair.")
        frozen(self.sources)
        frozen(self.targets)

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def zero(self) -> BoolVector:
        """Whether a pair has a side without any known term, shape (n,): such a pair has no place in a cluster and is never selected."""
        return np.asarray(~(self.sources.any(axis=1) & self.targets.any(axis=1)))

    def take(self, positions: IntVector) -> EncodedPairs:
        """Return the vectors at these positions."""
        return EncodedPairs(self.sources[positions], self.targets[positions], None if self.texts is None else self.texts.take(positions))


class Encoder(Protocol):
    """A fitted vectorizer of one side: it turns further texts into rows of the same space."""

    def __call__(self, texts: pa.LargeStringArray) -> FloatMatrix:
        """Return one row a text, shape (n, dimensions), of length 1 or zero."""
        ...


@dataclass(frozen=True, eq=False)
class Vectors:
    """Hold what a vectorizer returns.

    Attributes
    ----------
    pool, validation : EncodedPairs
        In the order of the corpora.
    test : EncodedPairs or None
        None where there is no test set.
    source_encoder, target_encoder : Encoder or None
        For texts typed by a person; None where vectors came from a file and no text can be encoded.
    """

    pool: EncodedPairs
    validation: EncodedPairs
    test: EncodedPairs | None
    source_encoder: Encoder | None
    target_encoder: Encoder | None


class Vectorizer(Protocol):
    """A way to turn both sides of pairs into vectors."""

    name: ClassVar[str]

    def vectorize(self, pool: Corpus, validation: Corpus, test: Corpus | None, seed: int, progress: Progress) -> Vectors:
        """Fit on the pool (and the validation set), never on the test set; return the vectors of all of them."""
        ...


def unit_rows(matrix: FloatMatrix) -> FloatMatrix:
    """Scale each row to length 1 in place and return the matrix; zero rows stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    matrix /= np.where(norms > 0, norms, np.float32(1))[:, None]
    return matrix
