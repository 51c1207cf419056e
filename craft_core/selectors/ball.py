"""Ball: CRAFT's clusters and shares, but inside a cluster at random among the targets that lie where validation's do (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.arrays import FloatMatrix, FloatVector
from craft_core.draws import uniforms
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, silent
from craft_core.score import cluster_means, score_pool
from craft_core.whatif import rank, take

__all__ = ["Ball"]


@dataclass(frozen=True)
class Ball:
    """Select like CRAFT, but inside each cluster at random within a ball around the mean validation target (our extension).

    The ball's radius is the distance from the mean within which 95 % of the cluster's validation targets lie. Where the ball holds too few
    pairs, the nearest outside follow, as CRAFT would take them. Wider than CRAFT, cheaper than herding, and random.
    """

    name: ClassVar[str] = "ball"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = True

    allocation: str = param("water-fill", choices=ALLOCATION_RULES, help="How the budget is shared over the clusters, as for craft.")
    inside: float = param(0.95, low=0.0, high=1.0, help="Share of a cluster's validation targets that the ball holds.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs, those in the ball first. Fewer than the budget where the covered supply is smaller."""
        clustering = problem.clustering
        allocation = allocate(self.allocation, clustering.validation_counts, clustering.supply, budget)
        scores = score_pool(problem, progress=progress)
        is_inside = scores >= self._edges(problem)[clustering.pool_labels]
        # inside the ball a random number between 0 and 1, outside CRAFT's score, which is below 0
        drawn = np.where(is_inside, uniforms(problem.pool_keys, rng), scores).astype(np.float32)
        return take(rank(drawn, clustering.pool_labels, clustering.n_clusters), allocation)

    def _edges(self, problem: Problem) -> FloatVector:
        """Return the score at the edge of each cluster's ball: minus (radius**2 + mean squared distance of its validation targets)."""
        labels, n_clusters = problem.clustering.validation_labels, problem.clustering.n_clusters
        targets = problem.validation.targets
        means, _ = cluster_means(targets, labels, n_clusters)
        from_mean = _squares(targets, means[labels])
        edges = np.full(n_clusters, np.inf)
        for c in np.flatnonzero(problem.clustering.validation_counts):
            own = from_mean[labels == c]
            # the squared score of t is ||t - mean||**2 + mean ||u - mean||**2
            edges[c] = -(np.quantile(own, self.inside) + own.mean())
        return edges


def _squares(rows: FloatMatrix, to: FloatMatrix) -> FloatVector:
    away = rows - to
    squares: FloatVector = np.einsum("ij,ij->i", away, away)
    return squares
