"""What changes between two budgets: who enters, who leaves, and from which clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector, frozen
from craft_core.whatif import Ranking

__all__ = ["Between", "between", "stretches"]


@dataclass(frozen=True, eq=False)
class Between:
    """Hold the difference of two selections from one ranking.

    Attributes
    ----------
    entering, leaving : IntVector
        Pool positions that only the second, and only the first, selection holds; cluster after cluster, best first.
    entered, left : IntVector
        Shape (n_clusters,): how many of them each cluster has. A cluster can lose pairs to a larger budget by rounding only.
    """

    entering: IntVector
    leaving: IntVector
    entered: IntVector
    left: IntVector

    def __post_init__(self) -> None:
        for array in (self.entering, self.leaving, self.entered, self.left):
            frozen(array)


def between(ranking: Ranking, first: Allocation, second: Allocation) -> Between:
    """Return what enters and leaves from the first allocation to the second; the work grows with what changes, not with the budgets."""
    entering, leaving = stretches(ranking, first.counts, second.counts), stretches(ranking, second.counts, first.counts)
    change = second.counts - first.counts
    return Between(entering, leaving, np.maximum(change, 0), np.maximum(-change, 0))


def stretches(ranking: Ranking, begins: IntVector, ends: IntVector) -> IntVector:
    """Return the pool positions ranked from begins[c] to before ends[c] in every cluster c; none where begins[c] >= ends[c].

    Parameters
    ----------
    ranking : Ranking
        The ranked pool.
    begins, ends : IntVector
        Shape (n_clusters,): ranks inside the clusters, counted from 0.
    """
    lengths = np.maximum(ends - begins, 0)
    # the i-th pair of a stretch stands at starts[c] + begins[c] + i
    offsets = ranking.starts[:-1] + begins - (np.cumsum(lengths) - lengths)
    return ranking.order[np.repeat(offsets, lengths) + np.arange(int(lengths.sum()))]
