"""Stage one, second half: how many pairs each cluster gives.

Everything is counted in whole numbers, so the same clusters and budget give the same counts on every machine.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from craft_core.arrays import BoolVector, FloatVector, IntVector, frozen
from craft_core.errors import ParameterError

__all__ = ["ALLOCATION_RULES", "Allocation", "allocate", "ceilings", "check_budget"]

ALLOCATION_RULES = ("water-fill", "kl-optimal")
"""The rules `allocate` knows."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """Hold how many pairs each cluster gives.

    Attributes
    ----------
    budget : int
        Pairs asked for, n.
    counts : IntVector
        Shape (n_clusters,): pairs allocated; never above the supply.
    supply : IntVector
        Shape (n_clusters,): pool pairs in each cluster.
    validation_counts : IntVector
        Shape (n_clusters,): validation pairs in each cluster.
    """

    budget: int
    counts: IntVector
    supply: IntVector
    validation_counts: IntVector

    def __post_init__(self) -> None:
        frozen(self.counts)

    @property
    def size(self) -> int:
        """Pairs allocated in all."""
        return int(self.counts.sum())

    @property
    def shortfall(self) -> int:
        """Pairs of the budget that no cluster with validation pairs could give."""
        return self.budget - self.size

    @property
    def validation_share(self) -> FloatVector:
        """Validation share p_c of each cluster; sums to 1."""
        return self.validation_counts / max(int(self.validation_counts.sum()), 1)

    @property
    def supply_share(self) -> FloatVector:
        """Share of the pool's pairs in each cluster; sums to 1."""
        return self.supply / max(int(self.supply.sum()), 1)

    @property
    def selected_share(self) -> FloatVector:
        """Selected share q_c of each cluster; sums to 1 unless nothing was allocated."""
        return self.counts / max(self.size, 1)

    @property
    def quota(self) -> FloatVector:
        """Pairs each cluster would give if its supply had no end, n * p_c."""
        return self.budget * self.validation_share

    @property
    def uncovered(self) -> float:
        """Uncovered mass U: the validation share of the clusters without any supply."""
        return float(self.validation_share[self.supply == 0].sum())

    @property
    def starved(self) -> BoolVector:
        """Whether a cluster ran out: it gave all it has, and that is less than its quota; the rest goes to others or falls short."""
        starved: BoolVector = (self.counts == self.supply) & (self.supply < self.quota)
        return starved


def check_budget(budget: int) -> None:
    """Raise ParameterError unless the budget is a whole number of at least 1."""
    if not isinstance(budget, int | np.integer) or isinstance(budget, bool) or budget < 1:
        raise ParameterError(f"The budget must be a whole number of at least 1 pair. Got {budget!r}.")


def allocate(rule: str, validation_counts: IntVector, supply: IntVector, budget: int) -> Allocation:
    """Divide a budget among the clusters.

    Parameters
    ----------
    rule : {"water-fill", "kl-optimal"}
        See `_water_fill` and `_kl_optimal`.
    validation_counts, supply : IntVector
        Shape (n_clusters,): validation pairs and pool pairs in each cluster.
    budget : int
        Pairs wanted, at least 1. Where the clusters that hold validation pairs have fewer, all of those are taken.

    Raises
    ------
    ParameterError
        For an unknown rule or a budget below 1.
    """
    check_budget(budget)
    if rule not in _RULES:
        raise ParameterError(f"There is no allocation rule {rule!r}. There are: {', '.join(ALLOCATION_RULES)}.")
    covered = np.where(validation_counts > 0, supply, 0).astype(np.int64)
    total = min(int(budget), int(covered.sum()))
    counts = _RULES[rule](validation_counts.astype(np.int64), covered, total)
    return Allocation(int(budget), counts, supply, validation_counts)


def ceilings(rule: str, validation_counts: IntVector, supply: IntVector, budget: int) -> IntVector:
    """Return the most pairs each cluster can be given if only part of the pool has been seen, whatever the rest holds.

    More supply anywhere can only lower what another cluster is given: lambda falls, or the gain of the last unit given rises (our
    derivation; see `_water_fill` and `_kl_optimal`). So the supply seen so far bounds every allocation that can still come.

    Parameters
    ----------
    rule, validation_counts, budget
        As `allocate` has them.
    supply : IntVector
        Shape (n_clusters,): pool pairs seen so far.

    Returns
    -------
    IntVector
        Shape (n_clusters,): at most the budget; 0 where there is no validation pair.
    """
    wanted = validation_counts.astype(np.int64)
    covered = np.where(wanted > 0, supply, 0).astype(np.int64)
    if int(covered.sum()) <= budget:
        return np.where(wanted > 0, budget, 0).astype(np.int64)
    most = np.minimum(_CEILINGS[rule](wanted, covered, int(budget)), budget)
    return np.where(wanted > 0, most, 0).astype(np.int64)


def _water_fill_ceilings(wanted: IntVector, supply: IntVector, total: int) -> IntVector:
    _, _, rest, mass = _filled(wanted, supply, total)
    ceiling: IntVector = rest * wanted // mass + 1 if mass else np.full_like(wanted, total)  # the remainder gives one more at most
    return ceiling


def _kl_optimal_ceilings(wanted: IntVector, supply: IntVector, total: int) -> IntVector:
    is_open = (wanted > 0) & (supply > 0)
    if total < int(is_open.sum()):
        return np.ones_like(wanted)
    low, _ = _common_gain(wanted, supply, total, is_open)
    return _units_above(low, wanted, np.full_like(supply, total), wanted > 0)


def _water_fill(wanted: IntVector, supply: IntVector, total: int) -> IntVector:
    """Give count_c = min(supply_c, lambda * p_c) with lambda such that the counts sum to the total, rounded by largest remainder.

    The real-valued solution is the exact minimiser of KL(p || q) under the caps: the derivative of -p_c log(count_c) is the same,
    -1/lambda, in every cluster that is not full (Karush-Kuhn-Tucker; our derivation).
    """
    counts, is_open, rest, mass = _filled(wanted, supply, total)
    if mass:
        floors, remainders = np.divmod(rest * wanted, mass)
        counts[is_open] = floors[is_open]
        left = total - int(counts.sum())
        ranked = np.lexsort((np.arange(len(counts)), -remainders, ~is_open))
        counts[ranked[:left]] += 1
    return counts


def _filled(wanted: IntVector, supply: IntVector, total: int) -> tuple[IntVector, BoolVector, int, int]:
    """Fill the clusters that get all they have; return their counts, which others are open, and lambda * p_c of these as two numbers.

    An open cluster gets rest * wanted_c / mass, in which the two numbers are the rest of the total and what open clusters want of it.
    """
    counts = np.zeros_like(supply)
    is_open = (wanted > 0) & (supply > 0)
    while True:
        rest, mass = total - int(counts.sum()), int(wanted[is_open].sum())
        # lambda * p_c >= supply_c, in whole numbers
        full = is_open & (rest * wanted >= supply * mass)
        if not full.any():
            return counts, is_open, rest, mass
        counts[full] = supply[full]
        is_open &= ~full


def _kl_optimal(wanted: IntVector, supply: IntVector, total: int) -> IntVector:
    """Give each unit to the cluster where it lowers KL(p || q) most.

    A unit gains p_c * log((count_c + 1) / count_c), the first one of a cluster infinitely much. The gains of a cluster
    fall with its count, so greedy is the exact integer minimiser (our derivation). All units above a common gain are given at once, found
    by bisection; only the last few are given one by one.
    """
    is_open = (wanted > 0) & (supply > 0)
    if total < int(is_open.sum()):
        # not even one each: every choice leaves an infinite KL, so the largest shares come first
        ranked = np.lexsort((np.arange(len(wanted)), -wanted, ~is_open))
        counts = np.zeros_like(supply)
        counts[ranked[:total]] = 1
        return counts
    _, high = _common_gain(wanted, supply, total, is_open)
    counts = _units_above(high, wanted, supply, is_open)
    heap = [(-_gain(int(wanted[c]), int(counts[c])), int(c)) for c in np.flatnonzero(is_open & (counts < supply))]
    heapq.heapify(heap)
    for _ in range(total - int(counts.sum())):
        _, c = heapq.heappop(heap)
        counts[c] += 1
        if counts[c] < supply[c]:
            heapq.heappush(heap, (-_gain(int(wanted[c]), int(counts[c])), c))
    return counts


def _common_gain(wanted: IntVector, supply: IntVector, total: int, is_open: BoolVector) -> tuple[float, float]:
    """Return two gains next to each other: units above the first are more than the total, those above the second are not."""
    low, high = 0.0, float(wanted.max(initial=0)) + 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if int(_units_above(middle, wanted, supply, is_open).sum()) > total:
            low = middle
        else:
            high = middle
    return low, high


def _units_above(gain: float, wanted: IntVector, supply: IntVector, is_open: BoolVector) -> IntVector:
    # p log((m + 1) / m) > g  <=>  m < 1 / expm1(g / p); with the first, infinite unit that makes ceil(1 / expm1(g / p)) units
    with np.errstate(over="ignore", divide="ignore"):
        units = np.ceil(1.0 / np.expm1(gain / np.maximum(wanted, 1)))
    return np.where(is_open, np.minimum(np.maximum(units, 1.0), supply), 0).astype(np.int64)


def _gain(wanted: int, count: int) -> float:
    return wanted * float(np.log1p(1.0 / count))


_RULES = {"water-fill": _water_fill, "kl-optimal": _kl_optimal}
_CEILINGS = {"water-fill": _water_fill_ceilings, "kl-optimal": _kl_optimal_ceilings}
