"""CRAFT: share the budget over clusters like the validation set, then take what fits each cluster's validation targets best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import ALLOCATION_RULES, Allocation, allocate
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.score import DISTANCES, score_pool
from craft_core.whatif import Ranking, rank, take

__all__ = ["Craft"]


@dataclass(frozen=True)
class Craft:
    """Share the budget over source clusters like validation, then take in each the pairs whose targets fit its validation targets best.

    CRAFT (arXiv 2604.22693) as we read its abstract: stage one gives each cluster its validation share of the budget, stage two takes the
    pairs whose targets are nearest in expectation to the cluster's validation targets. The allocation under limited supply, `kl-optimal`
    and the shrinkage are ours.
    """

    name: ClassVar[str] = "craft"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = False

    allocation: str = param(
        "water-fill",
        choices=ALLOCATION_RULES,
        help="How the budget is shared: in proportion to validation, what full clusters lack passed on (water-fill), or unit by unit "
        "where it lowers KL(validation || selected) most (kl-optimal).",
    )
    distance: str = param("squared", choices=DISTANCES, help="Distance between a pool target and the validation targets of its cluster.")
    shrinkage: float = param(
        0.0,
        low=0.0,
        high=1e6,
        help="Weight, in validation pairs, of the whole validation set beside a cluster's own pairs when targets are scored; 0 is off.",
    )

    def __post_init__(self) -> None:
        check(self)

    def rank(self, problem: Problem, progress: Progress = silent) -> Ranking:
        """Order the pool inside each cluster; the order holds for every budget."""
        scores = score_pool(problem, self.distance, self.shrinkage, progress)
        return rank(scores, problem.clustering.pool_labels, problem.clustering.n_clusters)

    def allocate(self, problem: Problem, budget: int) -> Allocation:
        """Share a budget over the clusters."""
        return allocate(self.allocation, problem.clustering.validation_counts, problem.clustering.supply, budget)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs; nothing is random, so `rng` is not used. Fewer than the budget where the covered supply is smaller."""
        return take(self.rank(problem, progress), self.allocate(problem, budget))
