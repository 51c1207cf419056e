"""What a selector sees, what it returns, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.cluster import Clustering
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
    """

    indices: IntVector
    scores: FloatVector
    weights: FloatVector

    def __post_init__(self) -> None:
        for array in (self.indices, self.scores, self.weights):
            frozen(array)

    def __len__(self) -> int:
        return len(self.indices)


class Selector(Protocol):
    """A method. It *is* its parameters: a frozen dataclass with a name."""

    name: ClassVar[str]

    def select(self, problem: Problem, budget: int, rng: np.random.Generator) -> Selection:
        """Return min(budget, available) distinct pairs, best first; deterministic in (problem, parameters, rng)."""
        ...
