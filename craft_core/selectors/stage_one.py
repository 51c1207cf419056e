"""Stage one alone: CRAFT's clusters and shares, and chance inside them. An ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.draws import uniforms
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.whatif import rank, take

__all__ = ["StageOne"]


@dataclass(frozen=True)
class StageOne:
    """Share the budget over clusters like CRAFT, then draw at random inside each: what stage one alone is worth (an ablation)."""

    name: ClassVar[str] = "stage-one"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = True

    allocation: str = param("water-fill", choices=ALLOCATION_RULES, help="How the budget is shared over the clusters, as for craft.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs; the scores are random. Fewer than the budget where the covered supply is smaller."""
        clustering = problem.clustering
        allocation = allocate(self.allocation, clustering.validation_counts, clustering.supply, budget)
        drawn = uniforms(problem.pool_keys, rng).astype(np.float32)
        return take(rank(drawn, clustering.pool_labels, clustering.n_clusters), allocation)
