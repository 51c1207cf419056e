"""CRAFT weighted: herding with importance weights as prizes, on pairs whose sides belong together (ours)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from craft_core.alignment import LEAST_AUC, Alignment, alignment
from craft_core.allocate import ALLOCATION_RULES, Allocation, allocate, check_budget
from craft_core.arrays import BoolVector, FloatVector, IntVector, frozen
from craft_core.cluster import Clustering
from craft_core.herd import herd, n_candidates
from craft_core.importance import MOST_BUCKETS, log_weights
from craft_core.joint import joint_rows
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.vector_importance import vector_log_weights
from craft_core.whatif import Ranking, rank, reordered, take

__all__ = ["CraftWeighted"]

_SUPPLIES: WeakKeyDictionary[Clustering, tuple[Alignment, float, IntVector]] = WeakKeyDictionary()  # the last that was asked for


@dataclass(frozen=True)
class CraftWeighted:
    r"""Select by CRAFT's clusters and shares; inside a cluster, spread like validation and worded like validation (our extension).

    Two views of a pair say different things: its vector says what it is about, its words say from which kind of text it comes. With V the
    law of validation, Q that of the pool and S that of the selection, the method descends greedily on

        energy distance(S, V) - 2 weight * E_S[log w]

    in each cluster. The first term, over joint vectors, is what herding lowers: it keeps the choice as wide as validation. In the second, w
    is the ratio p_V / p_Q of two models, one of validation and one of the pool, and E_S[log w] = KL(S || p_Q) - KL(S || p_V): it draws the
    choice to where it is like validation and unlike the pool. As log w we take the sum of two views, that of DSIR's bags of n-grams and,
    times `vector_weight`, that of a logistic regression on vectors (see `importance` and `vector_importance`). Bounded by the first term
    and by the shares of the clusters, it cannot fill the budget with the few most typical texts, as DSIR does when the budget is small.
    Since neither term sees whether two sides belong together, pairs that look mispaired (see `alignment`) come last. What a cluster gives
    contains what it gives when it gives fewer.
    """

    name: ClassVar[str] = "craft-weighted"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = False

    allocation: str = param("water-fill", choices=ALLOCATION_RULES, help="How the budget is shared over the clusters, as for craft.")
    weight: float = param(
        0.02, low=0.0, high=1.0, help="What a nat of log importance weight is worth, in distance between unit vectors; 0 is herding alone."
    )
    vector_weight: float = param(
        2.0, low=0.0, high=100.0, help="What a nat of evidence from vectors counts beside one from words; 0 looks at words alone."
    )
    n_buckets: int = param(10_000, low=2, high=MOST_BUCKETS, help="Hash buckets a side that words and pairs of words are counted in.")
    least_alignment: float = param(
        0.7, low=0.0, high=1.0, help="Pairs that look like a pair with a smaller probability come last; 0 looks at none."
    )

    def __post_init__(self) -> None:
        check(self)

    def rank(self, problem: Problem, progress: Progress = silent) -> Ranking:
        """Order the pool inside each cluster; the order holds for every budget. Raises DataError where there are no texts."""
        return self._ranked(problem, problem.clustering.supply, progress)

    def allocate(self, problem: Problem, budget: int) -> Allocation:
        """Share a budget over the clusters: first what their well-aligned pairs can give, then, if that is too little, the others."""
        clustering = problem.clustering
        wanted, supply = clustering.validation_counts, self._paired_supply(problem)
        first = allocate(self.allocation, wanted, supply, budget)
        counts = first.counts
        if first.shortfall:
            counts = counts + allocate(self.allocation, wanted, clustering.supply - supply, first.shortfall).counts
        return replace(first, counts=counts, supply=clustering.supply)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the chosen pairs; nothing is random, so `rng` is not used. Fewer than the budget where the covered supply is smaller."""
        check_budget(budget)
        self._paired(problem, part(progress, 0.0, 0.4))  # kept for what follows, which would learn it in silence
        allocation = self.allocate(problem, budget)
        return take(self._ranked(problem, allocation.counts, progress), allocation)

    def _log_weights(self, problem: Problem, progress: Progress) -> FloatVector:
        """Return the log importance weight of each pool pair, shape (N,), float32: from words, and from vectors where they count."""
        weights = log_weights(*problem.texts(self.name), self.n_buckets, part(progress, 0.0, 0.7))
        if self.vector_weight:
            weights = weights + self.vector_weight * vector_log_weights(problem, part(progress, 0.7, 1.0))
        return weights.astype(np.float32)

    def _paired(self, problem: Problem, progress: Progress = silent) -> BoolVector:
        if self.least_alignment == 0:
            return np.ones(len(problem.pool), dtype=bool)
        return alignment(problem, self.name, progress).paired(self.least_alignment)

    def _notes(self, problem: Problem, paired: BoolVector) -> tuple[str, ...]:
        """Say how many pairs were put last, or that nobody can tell which."""
        if self.least_alignment == 0:
            return ()
        auc = alignment(problem, self.name).auc
        if auc < LEAST_AUC:
            note = f"Pairs and exchanged pairs can hardly be told apart here (AUC {auc:.2f}), so none was put last for looking mispaired."
        else:
            available = problem.available
            n_last = int((~paired[available]).sum())
            note = (
                f"{n_last:,} of {len(available):,} pool pairs look mispaired (probability of being a pair below {self.least_alignment:g})."
            )
        return (note,)

    def _paired_supply(self, problem: Problem) -> IntVector:
        """Return how many pairs of each cluster do not look mispaired, shape (n_clusters,); counted once for all budgets."""
        clustering = problem.clustering
        if self.least_alignment == 0:
            return clustering.supply
        found, kept = alignment(problem, self.name), _SUPPLIES.get(clustering)
        if kept is None or kept[0] is not found or kept[1] != self.least_alignment:
            labels = clustering.pool_labels
            inside = found.paired(self.least_alignment) & (labels >= 0)
            supply = np.bincount(labels[inside], minlength=clustering.n_clusters).astype(np.int64)
            kept = _SUPPLIES[clustering] = (found, self.least_alignment, frozen(supply))
        return kept[2]

    def _ranked(self, problem: Problem, counts: IntVector, progress: Progress) -> Ranking:
        clustering = problem.clustering
        paired = self._paired(problem, part(progress, 0.0, 0.4))
        weights = self._log_weights(problem, part(progress, 0.4, 0.6))
        # a pair that looks mispaired stands behind every other one of its cluster
        scores = np.where(paired, weights, weights - 2 * np.float32(np.abs(weights).max(initial=0) + 1))
        ranked = replace(rank(scores, clustering.pool_labels, clustering.n_clusters), notes=self._notes(problem, paired))
        supply = self._paired_supply(problem)

        def order(cluster: int, members: IntVector, count: int) -> IntVector:
            seen = members[: min(n_candidates(count), int(supply[cluster]))]
            wanted = joint_rows(problem.validation, np.flatnonzero(clustering.validation_labels == cluster))
            return herd(joint_rows(problem.pool, seen), wanted, count, self.weight * weights[seen])

        return reordered(ranked, np.minimum(counts, supply) * (clustering.validation_counts > 0), order, part(progress, 0.6, 1.0))
