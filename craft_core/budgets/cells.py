"""Diameters along a ranking: how large each cell's validation points and best pairs are together, for any budget."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from craft_core.allocate import Allocation
from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.bound import KLBound, cell_geometry, kl_bound, law_variance
from craft_core.problem import Problem
from craft_core.progress import Progress, silent
from craft_core.score import cluster_means
from craft_core.whatif import Ranking

__all__ = ["RunningCells", "running_cells"]

_BLOCK_ROWS = 4_096  # a few megabytes at a time, which stay near the processor


@dataclass(frozen=True, eq=False)
class RunningCells:
    """Hold bounds of the diameter of every cell that has validation points, along a ranking, in the units of the source vectors.

    The points of a cell stand in a row: its validation points, then its pool pairs, best first.

    Attributes
    ----------
    validation_ends : IntVector
        Shape (n_clusters,): the place of the last validation point of each cell; -1 in cells without one, which never give a pair.
    low, high : FloatVector
        Shape (places,), float32: bounds of the largest distance between any two points of the cell up to this place, from the last
        validation point on. They never fall along a cell.
    variance : FloatVector
        Shape (n_clusters,): mean squared distance of the cell's validation points to their mean.
    """

    validation_ends: IntVector
    low: FloatVector
    high: FloatVector
    variance: FloatVector

    def __post_init__(self) -> None:
        for array in (self.validation_ends, self.low, self.high, self.variance):
            frozen(array)

    def diameters(self, counts: IntVector) -> tuple[FloatVector, FloatVector]:
        """Return bounds, shapes (n_clusters,), of each cell's diameter with its best counts[c] pairs; 0 in cells without validation."""
        known = self.validation_ends >= 0
        last = (self.validation_ends + counts)[known]
        low, high = np.zeros((2, len(counts)))
        low[known], high[known] = self.low[last], self.high[last]
        return low, high

    def bounds(self, allocation: Allocation, lipschitz: float) -> tuple[KLBound, KLBound]:
        """Return the bound on KL(P || Q) with the lower and with the upper bounds of the diameters; with exact ones it lies between."""
        shares = allocation.validation_share, allocation.selected_share
        low, high = (
            kl_bound(*shares, diameters, law_variance(self.variance, allocation.validation_counts, diameters), lipschitz)
            for diameters in self.diameters(allocation.counts)
        )
        return low, high


def running_cells(problem: Problem, ranking: Ranking, progress: Progress = silent) -> RunningCells:
    """Bound the diameters along a ranking; one pass over the source vectors of the cells that have validation points.

    Each cell has three fixed anchors: its center, the mean of its validation points, and the validation point farthest from that mean. By
    the triangle inequality no two points are farther apart than the two largest distances from an anchor together; the smallest sum is
    taken. The last anchor is a point of the cell and the second a mean of points of it, so no distance from either is above the diameter.
    (On 104,000 English-Hindi pairs in 100 clusters the upper bounds were 1.31 to 1.39 times the diameter, the lower ones at least 0.93;
    without the centers the upper ones were 1.31 to 1.45.)
    """
    clustering = problem.clustering
    labels, rows, n_clusters = clustering.validation_labels, problem.validation.sources, clustering.n_clusters
    geometry = cell_geometry(rows, labels, rows[:0], labels[:0], n_clusters)
    own = np.flatnonzero(labels >= 0)
    own = own[np.argsort(labels[own], kind="stable")]
    wanted = clustering.validation_counts
    pairs = ranking.order[np.repeat(wanted > 0, np.diff(ranking.starts))]
    begins, places, pair_places = _places(wanted, np.diff(ranking.starts))
    means, _ = cluster_means(rows, labels, n_clusters)
    anchors = (means, _farthest(rows, labels, own, means), clustering.centers)
    distances = np.empty((len(anchors), len(own) + len(pairs)), dtype=np.float32)
    distances[:, places] = _distances(rows, own, labels, anchors, silent)
    distances[:, pair_places] = _distances(problem.pool.sources, pairs, clustering.pool_labels, anchors, progress)
    low, high = _running_bounds(distances, begins)
    return RunningCells(np.where(wanted > 0, begins[:-1] + wanted - 1, -1), low, high, geometry.variance)


def _places(wanted: IntVector, supply: IntVector) -> tuple[IntVector, IntVector, IntVector]:
    """Return where each cell begins in the row of points, and the places of the validation points and of the pool pairs, by cell."""
    supply = np.where(wanted > 0, supply, 0)
    begins = np.concatenate([[0], np.cumsum(wanted + supply)]).astype(np.int64)
    is_pair = np.repeat(np.tile([False, True], len(wanted)), np.column_stack([wanted, supply]).ravel())
    return begins, np.flatnonzero(~is_pair), np.flatnonzero(is_pair)


def _farthest(rows: FloatMatrix, labels: LabelVector, own: IntVector, means: FloatMatrix) -> FloatMatrix:
    """Return the point of each cell that is farthest from its mean; zero where there is none. `own` are the points, by cell."""
    farthest = np.zeros_like(means)
    by_distance = own[np.lexsort((_distances(rows, own, labels, (means,), silent)[0], labels[own]))]
    farthest[labels[by_distance]] = rows[by_distance]  # the last one written stays
    return farthest


def _distances(
    rows: FloatMatrix, positions: IntVector, labels: LabelVector, anchors: tuple[FloatMatrix, ...], progress: Progress
) -> FloatMatrix:
    """Return the distances of the rows at these positions to the anchors of their own cells, shape (anchors, positions), blockwise."""
    distances = np.empty((len(anchors), len(positions)), dtype=np.float32)
    for start in range(0, len(positions), _BLOCK_ROWS):
        progress(start / len(positions), "Measuring the cells along the ranking")
        block = positions[start : start + _BLOCK_ROWS]
        points, cells = rows[block], labels[block]
        for number, anchor in enumerate(anchors):
            difference = points - anchor[cells]
            distances[number, start : start + len(block)] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def _running_bounds(distances: FloatMatrix, begins: IntVector) -> tuple[FloatVector, FloatVector]:
    """Turn distances to the anchors into running bounds of the diameter, cell by cell; only the first two anchors give lower bounds."""
    low, high = np.zeros((2, distances.shape[1]), dtype=np.float32)
    for begin, end in pairwise(begins.tolist()):
        if end == begin:
            continue
        own = distances[:, begin:end]
        largest = np.maximum.accumulate(own, axis=1)
        # a point is the second largest so far if it comes below the largest, or if it pushes the largest down
        second = np.zeros_like(own)
        second[:, 1:] = np.maximum.accumulate(np.minimum(own[:, 1:], largest[:, :-1]), axis=1)
        low[begin:end] = largest[:2].max(axis=0)
        # float32 distances carry rounding of about 1e-7; the bounds must not cross because of it
        high[begin:end] = np.maximum((largest + second).min(axis=0), low[begin:end])
    return low.copy(), high.copy()
