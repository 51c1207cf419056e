"""What a selector sees, what it returns, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.cluster import Clustering
from craft_core.corpus.pairs import Corpus
from craft_core.corpus.sample import content_keys
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Problem", "Selection", "Selector"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Hold the one thing every selector sees.

    Attributes
    ----------
    pool, validation : EncodedPairs
        N and M pairs.
    clustering : Clustering
        Of the same pairs. A pair labelled -1 has a side without any known term and must not be selected.
    """

    pool: EncodedPairs
    validation: EncodedPairs
    clustering: Clustering

    @property
    def available(self) -> IntVector:
        """Positions of the pool pairs that may be selected, ascending."""
        return np.flatnonzero(self.clustering.pool_labels >= 0)

    @property
    def wanted(self) -> IntVector:
        """Positions of the validation pairs that have vectors, ascending."""
        return np.flatnonzero(self.clustering.validation_labels >= 0)

    @cached_property
    def pool_keys(self) -> npt.NDArray[np.uint64]:
        """A key for each pool pair, shape (N,), made of what the pair is and not of where it stands, for random numbers (see `draws`)."""
        texts = self.pool.texts
        return frozen(_keys(self.pool.sources) * _MIX + _keys(self.pool.targets)) if texts is None else content_keys(texts, 0)

    def texts(self, owner: str) -> tuple[Corpus, Corpus]:
        """Return the texts of pool and validation. Raises DataError, naming the method that needs them, where there are only vectors."""
        if self.pool.texts is None or self.validation.texts is None:
            raise DataError(f"The method {owner} counts words, but these pairs have vectors and no texts. Choose another method.")
        return self.pool.texts, self.validation.texts

    def in_one_cluster(self) -> Problem:
        """Return the same problem as if there were a single cluster."""
        labels = (np.minimum(one, 0) for one in (self.clustering.pool_labels, self.clustering.validation_labels))
        return Problem(self.pool, self.validation, Clustering(self.clustering.centers[:1], *labels))

    def with_validation(self, positions: IntVector) -> Problem:
        """Return the same problem with only these validation pairs; the centers stay where they are."""
        labels = self.clustering.validation_labels[positions]
        return Problem(self.pool, self.validation.take(positions), Clustering(self.clustering.centers, self.clustering.pool_labels, labels))


@dataclass(frozen=True, eq=False)
class Selection:
    """Hold the one thing every selector returns.

    Attributes
    ----------
    indices : IntVector
        Positions in the (cleaned) pool, distinct, best first.
    scores : FloatVector
        One a chosen pair; higher is better; 0 where the method has none.
    weights : FloatVector
        One a chosen pair; 1 where the method has none.
    notes : tuple of str
        What the method has to say of this choice, one sentence each.
    """

    indices: IntVector
    scores: FloatVector
    weights: FloatVector
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.indices, self.scores, self.weights):
            frozen(array)

    def __len__(self) -> int:
        return len(self.indices)


class Selector(Protocol):
    """A method. It *is* its parameters: a frozen dataclass with a name.

    Attributes
    ----------
    name : str
        What it is called on the command line and in records.
    needs : tuple of str
        What must be built before it can choose: "vectors", "clusters", both or neither.
    draws : bool
        Whether it draws random numbers, so that another seed gives another choice from the same clusters.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    draws: ClassVar[bool]

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return min(budget, available) distinct pairs, best first; deterministic in (problem, parameters, rng).

        Long work calls `progress` between chunks; raising from it cancels.
        """
        ...


_MIX = np.uint64(0x9E3779B97F4A7C15)  # so that a pair and its mirror image have different keys
_KEY_ROWS = 16_384


def _keys(rows: FloatMatrix) -> npt.NDArray[np.uint64]:
    """Hash each row: its bits times odd numbers, modulo 2**64."""
    factors = np.random.default_rng(0).integers(2**64, size=rows.shape[1], dtype=np.uint64) | np.uint64(1)
    keys = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), _KEY_ROWS):
        block = np.ascontiguousarray(rows[start : start + _KEY_ROWS]).view(np.uint32)
        keys[start : start + _KEY_ROWS] = (block * factors).sum(axis=1, dtype=np.uint64)
    return keys
