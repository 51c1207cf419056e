"""Herding: CRAFT's clusters and budget shares, but inside a cluster the pairs that together look like its validation targets (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import ALLOCATION_RULES, Allocation, allocate
from craft_core.herd import herd, n_candidates
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.score import score_pool
from craft_core.whatif import Ranking, rank, reordered, take

__all__ = ["Herding"]


@dataclass(frozen=True)
class Herding:
    """Select like CRAFT, but spread the choice inside each cluster (our extension).

    CRAFT takes the targets nearest to the cluster's validation targets, so its choice is narrower than validation. Herding takes one pair
    after the other: the next is the one with the smallest mean distance to the validation targets less its mean distance to the targets
    already taken, a greedy descent on the energy distance (see `herd`). What a cluster gives contains what it gives when it gives fewer.
    """

    name: ClassVar[str] = "herding"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = False

    allocation: str = param("water-fill", choices=ALLOCATION_RULES, help="How the budget is shared over the clusters, as for craft.")

    def __post_init__(self) -> None:
        check(self)

    def rank(self, problem: Problem, progress: Progress = silent) -> Ranking:
        """Order the pool inside each cluster; the order holds for every budget."""
        return self._ranked(problem, problem.clustering.supply, progress)

    def allocate(self, problem: Problem, budget: int) -> Allocation:
        """Share a budget over the clusters, as CRAFT does."""
        return allocate(self.allocation, problem.clustering.validation_counts, problem.clustering.supply, budget)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs; nothing is random, so `rng` is not used. Fewer than the budget where the covered supply is smaller."""
        allocation = self.allocate(problem, budget)
        return take(self._ranked(problem, allocation.counts, progress), allocation)

    def _ranked(self, problem: Problem, counts: np.ndarray, progress: Progress) -> Ranking:
        """Order the first `counts` pairs of each cluster by herding, the others behind them by score."""
        labels = problem.clustering.validation_labels

        def order(cluster: int, members: np.ndarray, count: int) -> np.ndarray:
            wanted = problem.validation.targets[labels == cluster]
            return herd(problem.pool.targets[members[: n_candidates(count)]], wanted, count)

        ranked = rank(score_pool(problem, progress=part(progress, 0.0, 0.3)), problem.clustering.pool_labels, problem.clustering.n_clusters)
        return reordered(ranked, counts * (problem.clustering.validation_counts > 0), order, part(progress, 0.3, 1.0))
