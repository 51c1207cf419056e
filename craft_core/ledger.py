"""The starvation ledger: which clusters ran out, who took over, and which validation pairs have no pool pair near them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.cluster import BLOCK_ROWS
from craft_core.problem import Problem
from craft_core.progress import Progress, silent

__all__ = ["Isolated", "Ledger", "isolated_validation", "starvation_ledger"]


@dataclass(frozen=True, eq=False)
class Ledger:
    """Hold both sides of the account, in pairs.

    Attributes
    ----------
    starved : IntVector
        Clusters whose supply is below their quota, the largest gap first.
    missing : FloatVector
        Quota less supply of each of them.
    receiving : IntVector
        Clusters that give more than their quota rounded up, the largest surplus first.
    surplus : FloatVector
        Count less quota of each of them.
    shortfall : int
        Pairs that nobody could take over.
    """

    starved: IntVector
    missing: FloatVector
    receiving: IntVector
    surplus: FloatVector
    shortfall: int

    def __post_init__(self) -> None:
        for array in (self.starved, self.missing, self.receiving, self.surplus):
            frozen(array)


@dataclass(frozen=True, eq=False)
class Isolated:
    """Hold the validation pairs that are farthest from the pool.

    Attributes
    ----------
    positions : IntVector
        Validation pairs, the loneliest first.
    nearest : IntVector
        Position of the nearest pool pair of each.
    similarity : FloatVector
        Cosine of their sources, in [-1, 1].
    """

    positions: IntVector
    nearest: IntVector
    similarity: FloatVector

    def __post_init__(self) -> None:
        for array in (self.positions, self.nearest, self.similarity):
            frozen(array)


def starvation_ledger(allocation: Allocation) -> Ledger:
    """Return who ran out and who took over the rest of the quota."""
    gap = allocation.quota - allocation.supply
    extra = allocation.counts - allocation.quota
    starved = _largest_first(gap, allocation.starved)
    receiving = _largest_first(extra, extra >= 1)
    return Ledger(starved, gap[starved], receiving, extra[receiving], allocation.shortfall)


def isolated_validation(problem: Problem, limit: int = 50, progress: Progress = silent) -> Isolated:
    """Find the validation pairs whose source is least like any pool source: "collect data like these".

    Parameters
    ----------
    problem : Problem
        Vectors and clusters; pairs in no cluster are left out on both sides.
    limit : int
        How many to return at most.
    progress : Progress
        Called between blocks of the pool; the work is N * M products, the memory a block.
    """
    wanted = np.flatnonzero(problem.clustering.validation_labels >= 0)
    queries = problem.validation.sources[wanted]
    best, nearest = np.full(len(wanted), -np.inf, dtype=np.float32), np.zeros(len(wanted), dtype=np.int64)
    rows = max(256, min(BLOCK_ROWS, 2**24 // max(len(wanted), 1)))  # 64 MB of products at a time
    for start in range(0, len(problem.pool), rows):
        progress(start / len(problem.pool), "Looking for the nearest pool pairs")
        products = problem.pool.sources[start : start + rows] @ queries.T
        products[problem.clustering.pool_labels[start : start + rows] < 0] = -np.inf
        top = products.argmax(axis=0)
        value = products[top, np.arange(len(wanted))]
        better = value > best
        best[better], nearest[better] = value[better], start + top[better]
    order = np.argsort(best, kind="stable")[:limit]
    return Isolated(wanted[order], nearest[order], best[order])


def _largest_first(values: FloatVector, among: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> IntVector:
    found = np.flatnonzero(among)
    return found[np.argsort(-values[found], kind="stable")].astype(np.int64)
