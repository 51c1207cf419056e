"""The bound against n_clusters: the same data cut into more and more clusters, everything else kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.bound import EXACT_POINTS, CellGeometry, KLBound, kl_bound, law_variance
from craft_core.bound.residual import RESIDUALS
from craft_core.cluster import KMeans, cluster
from craft_core.discrepancy import Energy
from craft_core.errors import ParameterError
from craft_core.measure import cells_of, held_out_energy, realised_allocation, select
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import Vectors

__all__ = [
    "DIRECTIONS",
    "SATURATED",
    "SweepPoint",
    "TradeOff",
    "largest_l",
    "point_of",
    "saturation",
    "sweep",
    "sweep_grid",
    "sweep_point",
    "sweep_table",
    "trade_off",
]

DIRECTIONS = ("forward", "reverse")
"""KL(validation || selected) and KL(selected || validation)."""

SATURATED = 0.8
"""Ratio of diameters above which more clusters do not make them smaller in any useful way; see `saturation`."""

T = TypeVar("T")

_NEAR_THE_BEST = 1.1
_SIDES = ("source", "target", "joint")
_LARGEST_L = 1e6


@dataclass(frozen=True, eq=False)
class SweepPoint:
    """Hold what one number of clusters gives; small, as no vectors are kept. The bound follows from it for every L.

    Attributes
    ----------
    n_clusters : int
        Clusters asked for.
    allocation : Allocation
        What each cluster gave.
    cells : CellGeometry
        Sizes of the cells over validation and selected sources, exact where a cell has at most `EXACT_POINTS` points.
    energy : Energy or None
        Distance of the selection to held-out pairs; None where there are too few, or where it was not measured.
    seconds : float
        Wall time of clustering, selecting and measuring.
    """

    n_clusters: int
    allocation: Allocation
    cells: CellGeometry
    energy: Energy | None = None
    seconds: float = 0.0

    def bound(self, lipschitz: float, direction: str = "forward") -> KLBound:
        """Return the bound at this L, with the upper bounds of the diameters; KL(P || Q), or KL(Q || P) for "reverse"."""
        return self._bound(lipschitz, direction, self.cells.diameter_high)

    def low_bound(self, lipschitz: float, direction: str = "forward") -> KLBound:
        """Return what the bound would be with the lower bounds of the diameters; the same where all diameters are exact."""
        return self._bound(lipschitz, direction, self.cells.diameter_low)

    @property
    def is_exact(self) -> bool:
        """Whether all diameters are exact."""
        return bool((self.cells.diameter_low == self.cells.diameter_high).all())

    @property
    def inertia(self) -> float:
        """Sum of squared distances of the validation sources to the mean of their cell, M * sum p_c V_c: k-means inertia on validation."""
        return float((self.allocation.validation_counts * self.cells.variance).sum())

    @property
    def floor(self) -> float:
        """(n_clusters - 1) / (2 M): what the noise of the shares alone gives, in nats."""
        return (self.n_clusters - 1) / (2 * max(int(self.allocation.validation_counts.sum()), 1))

    def left_out(self, direction: str = "forward") -> float:
        """Return the first law's share of the clusters where the second has no pair: the divergence is infinite, the bound about the rest.

        Forward that is validation in clusters that give nothing, in reverse chosen pairs in clusters without validation.
        """
        first, second = self._ways(direction, self.allocation.validation_counts, self.allocation.counts)
        return float(first[second == 0].sum() / max(int(first.sum()), 1))

    def variances(self, direction: str = "forward") -> FloatVector:
        """Return V_c as `bound` takes it, shape (n_clusters,): estimated by `law_variance` under the first law."""
        return self._variances(direction, self.cells.diameter_high)

    @property
    def mean_diameter(self) -> tuple[float, float]:
        """Mean of D_c weighted by validation share: with the lower and with the upper bounds."""
        p = self.allocation.validation_share
        return float((p * self.cells.diameter_low).sum()), float((p * self.cells.diameter_high).sum())

    def _bound(self, lipschitz: float, direction: str, diameters: FloatVector) -> KLBound:
        p, q = self._ways(direction, self.allocation.validation_share, self.allocation.selected_share)
        return kl_bound(p, q, diameters, self._variances(direction, diameters), lipschitz)

    def _variances(self, direction: str, diameters: FloatVector) -> FloatVector:
        variance, _ = self._ways(direction, self.cells.variance, self.cells.selected_variance)
        counts, _ = self._ways(direction, self.allocation.validation_counts, self.allocation.counts)
        return law_variance(variance, counts, diameters)

    @staticmethod
    def _ways(direction: str, validation: T, selected: T) -> tuple[T, T]:
        """Return what belongs to the first law and what to the second."""
        if direction not in DIRECTIONS:
            raise ParameterError(f"There is no direction {direction!r}. There are: {', '.join(DIRECTIONS)}.")
        return (validation, selected) if direction == "forward" else (selected, validation)


@dataclass(frozen=True, eq=False)
class TradeOff:
    """Hold the curve that chooses n_clusters: noise of the shares plus leading order of the residual (ours).

    Attributes
    ----------
    n_clusters : IntVector
        Shape (k,): the sweep's grid, ascending.
    noise, residual : FloatVector
        Shape (k,): (n_clusters - 1) / (2 M), and (L^2 / 2) * inertia / M, in nats.
    best : int
        n_clusters at the minimum of their sum. Between two points of the grid both terms are interpolated, linearly in log(n_clusters).
    low, high : int
        The range, within that of the grid, whose sum is within a tenth of the minimum: the suggestion.
    """

    n_clusters: IntVector
    noise: FloatVector
    residual: FloatVector
    best: int
    low: int
    high: int

    def __post_init__(self) -> None:
        for array in (self.n_clusters, self.noise, self.residual):
            frozen(array)

    @property
    def total(self) -> FloatVector:
        """The sum of both terms, shape (k,), in nats."""
        return self.noise + self.residual

    @property
    def is_at_an_end(self) -> bool:
        """Whether the minimum is the first or the last point: then the best n_clusters may lie outside the grid."""
        return self.best in (int(self.n_clusters[0]), int(self.n_clusters[-1]))


def sweep_grid(n_validation: int, n_rows: int, points: int = 9) -> tuple[int, ...]:
    """Return a geometric grid of n_clusters, from 2 to where a cluster has about 2 validation pairs; distinct and ascending.

    Parameters
    ----------
    n_validation : int
        Validation pairs, M.
    n_rows : int
        Rows k-means is fitted on: it cannot make more clusters than that.
    points : int
        How many at most.
    """
    high = max(1, min(n_validation // 2, n_rows))
    low = min(2, high)
    return tuple(sorted({int(one) for one in np.rint(np.geomspace(low, high, points))}))


def point_of(problem: Problem, selection: Selection, budget: int, progress: Progress = silent) -> SweepPoint:
    """Return what the bound is made of for a selection, whichever method made it; nothing is measured on held-out pairs."""
    with one_thread():
        cells = cells_of(problem, selection, EXACT_POINTS, progress)
    return SweepPoint(problem.clustering.n_clusters, realised_allocation(problem, selection, budget), cells)


def sweep_point(
    vectors: Vectors, pool_keys: np.ndarray, kmeans: KMeans, selector: Selector, budget: int, seed: int, progress: Progress = silent
) -> SweepPoint:
    """Cluster, select and measure with one number of clusters: `kmeans.n_clusters`. Arguments as those of the stages of a run."""
    start = time.perf_counter()
    clustering = cluster(vectors, pool_keys, kmeans, seed, part(progress, 0.0, 0.6))
    problem = Problem(vectors.pool, vectors.validation, clustering)
    progress(0.6, "Selecting")
    selection = select(problem, selector, budget, seed, part(progress, 0.6, 0.7))
    point = point_of(problem, selection, budget, part(progress, 0.7, 0.8))
    progress(0.8, "Measuring the distance to held-out pairs")
    energy = held_out_energy(problem, selection, vectors.test, selector, budget, seed, part(progress, 0.8, 1.0))
    return replace(point, energy=energy, seconds=time.perf_counter() - start)


def sweep(
    vectors: Vectors,
    pool_keys: np.ndarray,
    kmeans: KMeans,
    selector: Selector,
    budget: int,
    seed: int,
    grid: tuple[int, ...],
    progress: Progress = silent,
) -> Iterator[SweepPoint]:
    """Yield one point after the other of a grid of n_clusters, everything else kept."""
    for number, n_clusters in enumerate(grid):
        now = part(progress, number / len(grid), (number + 1) / len(grid))
        yield sweep_point(vectors, pool_keys, replace(kmeans, n_clusters=n_clusters), selector, budget, seed, now)


def trade_off(points: tuple[SweepPoint, ...], lipschitz: float) -> TradeOff:
    """Weigh the noise of more clusters against the residual of fewer; points ascending, at least one."""
    grid = np.array([point.n_clusters for point in points], dtype=np.int64)
    n_validation = np.array([max(int(point.allocation.validation_counts.sum()), 1) for point in points])
    noise = np.array([point.floor for point in points])
    residual = 0.5 * lipschitz**2 * np.array([point.inertia for point in points]) / n_validation
    between = np.unique(np.concatenate([grid, np.rint(np.geomspace(grid[0], grid[-1], 2_000)).astype(np.int64)]))
    # the noise is known exactly in between; inertia falls nearly on a line against log(n_clusters)
    total = (between - 1) / (2 * n_validation[0]) + np.interp(np.log(between), np.log(grid), residual)
    near = between[total <= _NEAR_THE_BEST * total.min()]
    return TradeOff(grid, noise, residual, int(between[total.argmin()]), int(near[0]), int(near[-1]))


def sweep_table(points: tuple[SweepPoint, ...], lipschitz: float, direction: str = "forward") -> dict[str, list[float | int | None]]:
    """Return the numbers of a sweep at this L as named columns, one row a point; divergences in nats, covered part of validation."""
    bounds = [point.bound(lipschitz, direction) for point in points]
    energies = {side: [None if one.energy is None else float(getattr(one.energy, side)) for one in points] for side in _SIDES}
    return {
        "n_clusters": [one.n_clusters for one in points],
        "with validation": [int((one.allocation.validation_counts > 0).sum()) for one in points],
        "left out": [one.left_out(direction) for one in points],
        "KL of shares": [one.covered for one in bounds],
        **{f"{name} residual": [one.residual_of(name) for one in bounds] for name in RESIDUALS},
        "residual": [one.residual_sum for one in bounds],
        "bound": [one.covered_total for one in bounds],
        "noise floor": [one.floor for one in points],
        "diameter, at least": [one.mean_diameter[0] for one in points],
        "diameter, at most": [one.mean_diameter[1] for one in points],
        "inertia / M": [one.inertia / max(int(one.allocation.validation_counts.sum()), 1) for one in points],
        **{f"energy, {side}": values for side, values in energies.items()},
        "seconds": [one.seconds for one in points],
    }


def largest_l(point: SweepPoint, nats: float, direction: str = "forward") -> float:
    """Return the largest L at which the bound is at most so many nats.

    Where the selection misses a part of validation, this is about the bound for the covered part. 0 where the shares alone exceed it at
    every L, infinite where the clusters have no size.
    """

    def is_above(lipschitz: float) -> bool:
        return not point.bound(lipschitz, direction).covered_total <= nats

    if is_above(0.0):
        return 0.0
    if not is_above(_LARGEST_L):
        return float("inf")
    low, high = 1e-9, _LARGEST_L
    while high / low > 1 + 1e-6:  # the bound rises with L
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return low


def saturation(points: tuple[SweepPoint, ...]) -> float:
    """Return the mean diameter with the most clusters over that with the fewest; near 1 where cutting finer does not make cells smaller.

    Distances between unit rows that share nothing, as most TF-IDF rows, are all sqrt(2): then a single far pair keeps a cell wide.
    """
    first, last = points[0].mean_diameter[0], points[-1].mean_diameter[0]  # the lower bounds: exact ones lie just above them
    return last / first if first > 0 else 1.0
