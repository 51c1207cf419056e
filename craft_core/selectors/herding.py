"""Herding: CRAFT's clusters and budget shares, but inside a cluster the pairs that together look like its validation targets (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.arrays import FloatMatrix, FloatVector, IntVector
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.score import score_pool
from craft_core.threads import one_thread
from craft_core.whatif import Ranking, rank, take

__all__ = ["Herding"]


@dataclass(frozen=True)
class Herding:
    """Select like CRAFT, but spread the choice inside each cluster (our extension).

    CRAFT takes the targets nearest to the cluster's validation targets, so its choice is narrower than validation. Herding takes one pair
    after the other: the next is the one with the smallest mean distance to the validation targets less its mean distance to the targets
    already taken, a greedy descent on the energy distance (after Welling 2009 and Chen, Welling and Smola 2010).
    """

    name: ClassVar[str] = "herding"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = False

    allocation: str = param("water-fill", choices=ALLOCATION_RULES, help="How the budget is shared over the clusters, as for craft.")
    candidates_per_pair: int = param(
        8, low=1, high=1_000, help="Best-scored pairs looked at in a cluster for each pair it gives (at least 200 in all)."
    )

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs, in each cluster in the order they were taken; nothing is random, so `rng` is not used."""
        clustering = problem.clustering
        allocation = allocate(self.allocation, clustering.validation_counts, clustering.supply, budget)
        ranking = rank(score_pool(problem), clustering.pool_labels, clustering.n_clusters)
        order = ranking.order.copy()
        with one_thread():
            for c in np.flatnonzero(allocation.counts):
                count, members = int(allocation.counts[c]), ranking.members(int(c))
                candidates = np.sort(members[: max(self.candidates_per_pair * count, _LEAST_CANDIDATES)])
                wanted = problem.validation.targets[clustering.validation_labels == c]
                taken = herd(problem.pool.targets[candidates], wanted, count)
                order[ranking.starts[c] : ranking.starts[c] + count] = candidates[taken]
        # behind the pairs taken the order repeats some of them: it is cut there by the allocation and never read
        return take(Ranking(order, ranking.starts, ranking.scores), allocation)


def herd(candidates: FloatMatrix, wanted: FloatMatrix, count: int) -> IntVector:
    """Return the positions of `count` candidates in the order they are taken.

    Parameters
    ----------
    candidates, wanted : FloatMatrix
        Target rows, shapes (n, d) and (m, d).
    count : int
        At most n. Each step costs one product of the candidates with the pair just taken; ties go to the lower position.
    """
    squares = np.einsum("ij,ij->i", candidates, candidates)
    near = np.zeros(len(candidates))
    for row in wanted:
        near += _distances(candidates, squares, row) / len(wanted)
    apart, taken = np.zeros(len(candidates)), np.empty(count, dtype=np.int64)
    is_free = np.ones(len(candidates), dtype=bool)
    for step in range(count):
        gain = near - apart / max(step, 1)
        taken[step] = np.argmin(np.where(is_free, gain, np.inf))
        is_free[taken[step]] = False
        apart += _distances(candidates, squares, candidates[taken[step]])
    return taken


def _distances(rows: FloatMatrix, squares: FloatVector, to: FloatMatrix) -> FloatVector:
    found: FloatVector = np.sqrt(np.maximum(squares - 2 * (rows @ to) + to @ to, 0))
    return found


_LEAST_CANDIDATES = 200
