"""Uniform allocation: CRAFT's clusters and stage two, but every cluster with validation pairs gives the same. An ablation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import allocate
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.score import DISTANCES, score_pool
from craft_core.whatif import rank, take

__all__ = ["UniformAllocation"]


@dataclass(frozen=True)
class UniformAllocation:
    """Choose inside clusters like CRAFT, but let all clusters with validation pairs give as many: what shares are worth (an ablation)."""

    name: ClassVar[str] = "uniform-allocation"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = False

    distance: str = param("squared", choices=DISTANCES, help="Distance between a pool target and the validation targets of its cluster.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs; nothing is random, so `rng` is not used. Fewer than the budget where the covered supply is smaller."""
        clustering = problem.clustering
        same = (clustering.validation_counts > 0).astype(np.int64)
        scores = score_pool(problem, self.distance, progress=progress)
        return take(rank(scores, clustering.pool_labels, clustering.n_clusters), allocate("water-fill", same, clustering.supply, budget))
