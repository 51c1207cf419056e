"""What a vectorizer that counts terms is fitted on: a sample of texts, and in how many texts of the pool each term occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import pyarrow as pa

from craft_core.arrays import IntVector
from craft_core.progress import Progress
from craft_core.vectorize.counts import Counter
from craft_core.vectorize.projection import Projection

__all__ = ["CountsTerms", "SideSample"]


@dataclass(frozen=True, eq=False)
class SideSample:
    """Hold the sampled texts of one side.

    Attributes
    ----------
    pool, validation : pyarrow.LargeStringArray
        The texts with the smallest content keys, in the order of their keys.
    name : str
        What messages call the side, such as "pool's sources".
    """

    pool: pa.LargeStringArray
    validation: pa.LargeStringArray
    name: str


class CountsTerms(Protocol):
    """A vectorizer that is fitted side by side, on a sample and on counts: so a pool that comes in parts gives what it gives in one.

    Attributes
    ----------
    name : str
        As `Vectorizer`.
    counts_pool : bool
        Whether the texts of the whole pool are counted; if not, those of its sample are.
    sample_rows : int
        Pairs of the pool, and of the validation set, in the sample.
    """

    name: ClassVar[str]
    counts_pool: ClassVar[bool]

    @property
    def sample_rows(self) -> int:
        """Pairs of the pool, and of the validation set, in the sample."""
        ...

    def counter(self, sample: SideSample) -> Counter:
        """Return what counts the terms whose frequencies are wanted."""
        ...

    def fit_side(
        self, sample: SideSample, counter: Counter, frequencies: IntVector, n_texts: int, seed: int, progress: Progress
    ) -> Projection:
        """Return the projection of one side, given in how many of `n_texts` texts each term of the counter occurs."""
        ...
