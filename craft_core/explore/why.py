"""Why this pair? Where a pair stands in its cluster, what it is near to, and at which budget it enters the selection."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, frozen
from craft_core.explore.neighbours import Neighbours, nearest, pair_at
from craft_core.problem import Problem, Selection, Selector
from craft_core.whatif import Ranking

__all__ = ["Entry", "Why", "WhyValidation", "entry", "why", "why_validation"]

_SHOWN = 3  # neighbours on a card


@dataclass(frozen=True)
class Entry:
    """Hold the budgets that take a pair.

    Attributes
    ----------
    enters : int or None
        The smallest budget that takes it; None where none does.
    stays : int or None
        The smallest budget from which on every one takes it. It differs from `enters` where the rounding of shares gives a cluster one pair
        fewer although the budget grows; between the two, some budgets take the pair.
    """

    enters: int | None
    stays: int | None


@dataclass(frozen=True, eq=False)
class Why:
    """Hold what is to be said of a pool pair.

    Attributes
    ----------
    position : int
        In the pool.
    cluster : int
        Its cluster; -1 for a pair in none, of which nothing else is known.
    rank : int or None
        Its place in the cluster, 1 for the first that is taken; None where the method does not order the pool.
    supply, validation_count : int
        Pool pairs and validation pairs in the cluster.
    score : float or None
        What the order rests on; None where the method has none for this pair.
    percentile : float or None
        Percent of the cluster's pool pairs that score no higher, in (0, 100]; None where the score is missing or infinite.
    is_chosen : bool
        Whether it is in the selection.
    place : int or None
        Its place in the selection, 1 for the first; None if it was not chosen.
    budget, size : int
        Pairs asked for and pairs chosen.
    count : int
        Pairs that the cluster gives.
    quota : float
        Pairs it would give if its supply had no end.
    center_distance : float or None
        Euclidean distance of the source to the center of the cluster.
    target_distance : float or None
        Mean Euclidean distance of the target to the cluster's validation targets; None where there are none.
    nearest_validation : Neighbours
        The validation pairs with the nearest sources, at most 3.
    nearest_target_distances : FloatVector
        Euclidean distances of the targets of those to the target of the pair.
    entry : Entry or None
        The budgets that take it; None where that cannot be told without choosing again.
    reason : str
        Why no budget is known that takes it, a sentence; empty where one is.
    """

    position: int
    cluster: int
    rank: int | None
    supply: int
    validation_count: int
    score: float | None
    percentile: float | None
    is_chosen: bool
    place: int | None
    budget: int
    size: int
    count: int
    quota: float
    center_distance: float | None
    target_distance: float | None
    nearest_validation: Neighbours
    nearest_target_distances: FloatVector
    entry: Entry | None
    reason: str

    def __post_init__(self) -> None:
        frozen(self.nearest_target_distances)


@dataclass(frozen=True, eq=False)
class WhyValidation:
    """Hold what is to be said of a validation pair.

    Attributes
    ----------
    position : int
        In the validation set.
    cluster : int
        Its cluster; -1 for a pair in none.
    supply, validation_count, count : int
        Pool pairs and validation pairs in the cluster, and pairs that it gives.
    nearest_pool : Neighbours
        The pool pairs with the nearest sources, at most 3.
    nearest_target_distances : FloatVector
        Euclidean distances of the targets of those to the target of the pair.
    is_chosen : BoolVector
        Whether each of those is in the selection.
    """

    position: int
    cluster: int
    supply: int
    validation_count: int
    count: int
    nearest_pool: Neighbours
    nearest_target_distances: FloatVector
    is_chosen: BoolVector

    def __post_init__(self) -> None:
        frozen(self.nearest_target_distances)
        frozen(self.is_chosen)


def entry(count_at: Callable[[int], int], rank: int, largest: int, window: int) -> Entry:
    """Find the budgets at which a cluster's count reaches a rank, exactly, without trying them all.

    Parameters
    ----------
    count_at : callable
        What the cluster gives at a budget of 1 to `largest`.
    rank : int
        Of the pair in its cluster, 1 for the first.
    largest : int
        The budget at which all that can be given is given.
    window : int
        How far from a budget where the count passes the rank another such budget can be, in pairs: 0 if the counts never fall when the
        budget grows.

    Notes
    -----
    Bisection finds a budget with a count below the rank just before and not below it there; then the window on both sides is tried. The
    counts of water-filling lie within 1 of the real-valued solution, which never falls, so the count can be on either side of the rank r
    only while that solution is between r - 1 and r. It rises by at least the cluster's validation share a pair, hence for at most 1 / share
    budgets: ``ceil(M / validation_count)`` is a window (our derivation). The counts of kl-optimal never fall: 0.
    """
    if largest < 1 or count_at(largest) < rank:
        return Entry(None, None)
    crossing = 1 + bisect_left(range(1, largest + 1), True, key=lambda budget: count_at(budget) >= rank)
    before, after = range(max(1, crossing - window), crossing), range(min(crossing + window, largest), crossing, -1)
    enters = next((budget for budget in before if count_at(budget) >= rank), crossing)
    stays = next((budget + 1 for budget in after if count_at(budget) < rank), crossing)
    return Entry(enters, stays)


def why(problem: Problem, selection: Selection, allocation: Allocation, selector: Selector, ranking: Ranking | None, position: int) -> Why:
    """Say of a pool pair where it stands, what it is near to, and which budgets take it.

    Parameters
    ----------
    problem : Problem
        Vectors and clusters.
    selection, allocation : Selection, Allocation
        The chosen pairs, and what each cluster gave.
    selector : Selector
        The method that chose them.
    ranking : Ranking or None
        The pool in the method's order; None for a method that has none, where `rank` and `entry` stay empty.
    position : int
        Of the pair in the pool.

    Raises
    ------
    ParameterError
        If the pool has no such pair.
    """
    pair = pair_at(problem, position, "pool")
    clustering = problem.clustering
    cluster = int(clustering.pool_labels[position])
    place = _first(selection.indices == position)
    rank = None if ranking is None or cluster < 0 else _first(ranking.members(cluster) == position)
    score = _score(selection, ranking, position, place)
    found, reason = _entry(problem, selector, cluster, rank)
    near = nearest(problem.validation.sources, pair.sources[0], _SHOWN, clustering.validation_labels >= 0)
    is_inside = cluster >= 0
    own = problem.validation.targets[clustering.validation_labels == cluster] if is_inside else pair.targets[:0]
    return Why(
        position=position,
        cluster=cluster,
        rank=rank,
        supply=int(clustering.supply[cluster]) if is_inside else 0,
        validation_count=len(own),
        score=score,
        percentile=_percentile(ranking, cluster, score),
        is_chosen=place is not None,
        place=place,
        budget=allocation.budget,
        size=len(selection),
        count=int(allocation.counts[cluster]) if is_inside else 0,
        quota=float(allocation.quota[cluster]) if is_inside else 0.0,
        center_distance=float(_distances(clustering.centers[[cluster]], pair.sources)[0]) if is_inside else None,
        target_distance=float(_distances(own, pair.targets).mean()) if len(own) else None,
        nearest_validation=near,
        nearest_target_distances=_distances(problem.validation.targets[near.positions], pair.targets),
        entry=found,
        reason=reason,
    )


def why_validation(problem: Problem, selection: Selection, allocation: Allocation, position: int) -> WhyValidation:
    """Say of a validation pair what its cluster gives, and whether the pool pairs nearest to it were chosen.

    Raises
    ------
    ParameterError
        If the validation set has no such pair.
    """
    pair = pair_at(problem, position, "validation")
    clustering = problem.clustering
    cluster = int(clustering.validation_labels[position])
    near = nearest(problem.pool.sources, pair.sources[0], _SHOWN, clustering.pool_labels >= 0)
    sizes = (clustering.supply, clustering.validation_counts, allocation.counts)
    supply, validation_count, count = (int(one[cluster]) if cluster >= 0 else 0 for one in sizes)
    away = _distances(problem.pool.targets[near.positions], pair.targets)
    return WhyValidation(position, cluster, supply, validation_count, count, near, away, np.isin(near.positions, selection.indices))


def _entry(problem: Problem, selector: Selector, cluster: int, rank: int | None) -> tuple[Entry | None, str]:
    """Return which budgets take a pair, and why none is known where that is so."""
    wanted = problem.clustering.validation_counts
    allocate: Callable[[Problem, int], Allocation] | None = getattr(selector, "allocate", None)
    if cluster < 0:
        return Entry(None, None), "One of its sides has no known term."
    if not wanted[cluster] and allocate is not None:
        return Entry(None, None), "No validation pair is in its cluster."
    if rank is None or allocate is None:
        return None, f"The method {selector.name} does not order the pool once for all budgets."
    largest = int(problem.clustering.supply[wanted > 0].sum())
    is_monotone = getattr(selector, "allocation", "") == "kl-optimal"
    window = 0 if is_monotone else -int(-wanted.sum() // wanted[cluster])
    return entry(lambda budget: int(allocate(problem, budget).counts[cluster]), rank, largest, window), ""


def _score(selection: Selection, ranking: Ranking | None, position: int, place: int | None) -> float | None:
    if ranking is not None:
        return float(ranking.scores[position])
    return None if place is None else float(selection.scores[place - 1])


def _percentile(ranking: Ranking | None, cluster: int, score: float | None) -> float | None:
    if ranking is None or cluster < 0 or score is None or not np.isfinite(score):
        return None
    return 100 * float((ranking.scores[ranking.members(cluster)] <= score).mean())


def _first(is_it: BoolVector) -> int | None:
    """Return the place of the first that is, counted from 1."""
    places = np.flatnonzero(is_it)
    return int(places[0]) + 1 if len(places) else None


def _distances(rows: FloatMatrix, to: FloatMatrix) -> FloatVector:
    """Return the Euclidean distance of each row to the one row of `to`, float64: the same vector is at distance 0."""
    distances: FloatVector = np.linalg.norm(rows.astype(np.float64) - to.astype(np.float64), axis=1)
    return distances
