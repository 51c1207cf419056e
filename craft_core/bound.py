"""Divergence between validation and selected shares, and the size of the cells the bound is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.cluster import BLOCK_ROWS
from craft_core.score import cluster_means

__all__ = ["CellGeometry", "cell_geometry", "covered_kl", "kl_divergence", "total_variation"]


def kl_divergence(p: FloatVector, q: FloatVector) -> float:
    """Return KL(p || q) = sum_c p_c log(p_c / q_c) in nats; infinite where p has mass and q has none."""
    mass = p > 0
    if (q[mass] <= 0).any():
        return float("inf")
    # rounding can leave -1e-17 between equal shares; the divergence itself is never negative
    return max(float((p[mass] * np.log(p[mass] / q[mass])).sum()), 0.0)


def covered_kl(p: FloatVector, q: FloatVector) -> float:
    """Return KL(p' || q) in nats, where p' is p without the clusters q does not reach, scaled to sum 1; nan where q reaches none.

    This is the divergence of what can be compared at all; show it together with the uncovered mass.
    """
    kept = np.where(q > 0, p, 0.0)
    return kl_divergence(kept / kept.sum(), q) if kept.sum() > 0 else float("nan")


def total_variation(p: FloatVector, q: FloatVector) -> float:
    """Return the total variation distance, half the sum of |p_c - q_c|, in [0, 1]: the share of pairs that sit in the wrong cluster."""
    return 0.5 * float(np.abs(p - q).sum())


@dataclass(frozen=True, eq=False)
class CellGeometry:
    """Hold the size of each cell, all shapes (n_clusters,); 0 where a cell has no point, in the units of the source vectors.

    Attributes
    ----------
    diameter_low, diameter_high : FloatVector
        Two-sided bounds of D_c, the largest distance between any two points (validation or selected) of the cell. A diameter of a sample
        is below the diameter of the distribution it came from.
    variance : FloatVector
        V_c: mean squared distance of the cell's validation points to their mean.
    points : IntVector
        Validation and selected points in the cell.
    """

    diameter_low: FloatVector
    diameter_high: FloatVector
    variance: FloatVector
    points: IntVector

    def __post_init__(self) -> None:
        for array in (self.diameter_low, self.diameter_high, self.variance, self.points):
            frozen(array)


def cell_geometry(
    validation: FloatMatrix, validation_labels: LabelVector, selected: FloatMatrix, selected_labels: LabelVector, n_clusters: int
) -> CellGeometry:
    """Bound the diameter of every cell and compute its validation variance.

    Parameters
    ----------
    validation, selected : FloatMatrix
        Source rows, shapes (M, d) and (n, d).
    validation_labels, selected_labels : LabelVector
        Their clusters; -1 is left out.
    n_clusters : int
        Number of cells.
    """
    labels = np.concatenate([validation_labels, selected_labels])
    inside = np.flatnonzero(labels >= 0)
    order = inside[np.argsort(labels[inside], kind="stable")]
    rows, labels = np.concatenate([validation, selected])[order], labels[order]
    low, high = _diameter_bounds(rows, labels, n_clusters)
    means, _ = cluster_means(validation, validation_labels, n_clusters)
    own = validation_labels >= 0
    squares = ((validation[own] - means[validation_labels[own]]) ** 2).sum(axis=1)
    counts = np.bincount(validation_labels[own], minlength=n_clusters)
    variance = np.bincount(validation_labels[own], weights=squares, minlength=n_clusters) / np.maximum(counts, 1)
    return CellGeometry(low, high, variance, np.bincount(labels, minlength=n_clusters).astype(np.int64))


def _diameter_bounds(rows: FloatMatrix, labels: LabelVector, n_clusters: int) -> tuple[FloatVector, FloatVector]:
    """Bound each cell's diameter with three sweeps over its rows, which are sorted by label.

    Any distance between two points is a lower bound: the sweeps go from the mean to its farthest point a, from a to its farthest point b,
    and from b to its farthest. Upper bounds by the triangle inequality: the two largest distances to the mean together; twice the largest
    distance from a.
    """
    means, _ = cluster_means(rows, labels, n_clusters)
    from_mean = _distances(rows, means, labels)
    cells, last = _last_of_each(labels)
    by_radius = np.lexsort((from_mean, labels))
    farthest, second = by_radius[last], by_radius[np.maximum(last - 1, 0)]
    alone = np.concatenate([[True], labels[last[1:] - 1] != labels[last[1:]]]) if len(last) else np.zeros(0, bool)
    if len(last) and last[0] > 0:
        alone[0] = False
    two_radii = np.where(alone, 0.0, from_mean[farthest] + from_mean[second])
    low, high = np.zeros(n_clusters), np.zeros(n_clusters)
    anchors = np.zeros((n_clusters, rows.shape[1]), dtype=np.float32)
    for _ in range(2):
        anchors[cells] = rows[farthest]
        from_anchor = _distances(rows, anchors, labels)
        farthest = np.lexsort((from_anchor, labels))[last]
        sweep = from_anchor[farthest]
        low[cells] = np.maximum(low[cells], sweep)
        two_radii = np.minimum(two_radii, 2 * sweep)
    # float32 distances carry rounding of about 1e-7; the bounds must not cross because of it
    high[cells] = np.maximum(two_radii, low[cells])
    return low, high


def _distances(rows: FloatMatrix, to: FloatMatrix, labels: LabelVector) -> FloatVector:
    """Return the distance of each row to the point of its own cell, blockwise."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK_ROWS):
        stop = start + BLOCK_ROWS
        difference = (rows[start:stop] - to[labels[start:stop]]).astype(np.float64)
        distances[start:stop] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def _last_of_each(labels: LabelVector) -> tuple[LabelVector, IntVector]:
    """Return the clusters that occur in sorted labels, and the position of each one's last row."""
    cells, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    return cells, (starts + counts - 1).astype(np.int64)
