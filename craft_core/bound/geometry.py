"""The size of the cells the bound is made of: diameters and variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.cluster import BLOCK_ROWS
from craft_core.progress import Progress, silent
from craft_core.score import cluster_means
from craft_core.threads import one_thread

__all__ = ["EXACT_POINTS", "CellGeometry", "cell_geometry", "law_variance"]

EXACT_POINTS = 5_000
"""Points of a cell up to which its diameter is computed exactly, if asked for."""

_BLOCK_POINTS = 512  # rows whose distances are worked on at a time: 20 MB for the largest exact cell


@dataclass(frozen=True, eq=False)
class CellGeometry:
    """Hold the size of each cell, all shapes (n_clusters,); 0 where a cell has no point, in the units of the source vectors.

    Attributes
    ----------
    diameter_low, diameter_high : FloatVector
        Two-sided bounds of D_c, the largest distance between any two points (validation or selected) of the cell. A diameter of a sample
        is below the diameter of the distribution it came from.
    variance : FloatVector
        Mean squared distance of the cell's validation points to their mean; the law's V_c is estimated from it, see `law_variance`.
    selected_variance : FloatVector
        The same of its selected points, for the reverse direction.
    points : IntVector
        Validation and selected points in the cell.
    """

    diameter_low: FloatVector
    diameter_high: FloatVector
    variance: FloatVector
    selected_variance: FloatVector
    points: IntVector

    def __post_init__(self) -> None:
        for array in (self.diameter_low, self.diameter_high, self.variance, self.selected_variance, self.points):
            frozen(array)


def cell_geometry(
    validation: FloatMatrix,
    validation_labels: LabelVector,
    selected: FloatMatrix,
    selected_labels: LabelVector,
    n_clusters: int,
    exact_points: int = 0,
    progress: Progress = silent,
) -> CellGeometry:
    """Bound or compute the diameter of every cell, and its variances.

    Parameters
    ----------
    validation, selected : FloatMatrix
        Source rows, shapes (M, d) and (n, d).
    validation_labels, selected_labels : LabelVector
        Their clusters; -1 is left out.
    n_clusters : int
        Number of cells.
    exact_points : int
        Cells of at most this many points get their exact diameter (both bounds are then equal); `EXACT_POINTS` is the usual choice, 0
        gives bounds for all. Time is quadratic in it, memory linear.
    progress : Progress
        Called before each cell whose exact diameter is looked for.
    """
    labels = np.concatenate([validation_labels, selected_labels])
    inside = np.flatnonzero(labels >= 0)
    order = inside[np.argsort(labels[inside], kind="stable")]
    rows, labels = np.concatenate([validation, selected])[order], labels[order]
    low, high = _diameter_bounds(rows, labels, n_clusters)
    points = np.bincount(labels, minlength=n_clusters).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(points)])
    with one_thread():
        for c in np.flatnonzero((points <= exact_points) & (low < high)):
            progress(c / n_clusters, "Measuring the clusters")
            low[c] = high[c] = _diameter(rows[starts[c] : starts[c + 1]], low[c])
    variance = _variance(validation, validation_labels, n_clusters)
    return CellGeometry(low, high, variance, _variance(selected, selected_labels, n_clusters), points)


def law_variance(variance: FloatVector, counts: IntVector, diameters: FloatVector) -> FloatVector:
    """Estimate V_c of the laws from m points a cell: m / (m - 1) times the points' own, which is unbiased.

    Without the factor a finer cut looks better than it is. Where a cell has fewer than two points nothing is known of its spread, and
    D_c^2 / 2 is taken, which no law of that diameter exceeds: V_c is half the mean squared distance of two independent points.
    """
    known = variance * counts / np.maximum(counts - 1, 1)
    return np.where(counts > 1, known, 0.5 * np.square(diameters))


def _diameter(rows: FloatMatrix, low: float) -> float:
    """Return the largest distance between two rows, given that some two are `low` apart.

    By the triangle inequality a couple farther apart than `low` has radii (distances to the mean) that sum to more: rows are taken
    farthest first, against those within reach only. float64, so that no couple hides in the rounding of the products.
    """
    points = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    squares = np.einsum("ij,ij->i", points, points)
    order = np.argsort(-squares)
    points, squares = points[order], squares[order]
    radii = np.sqrt(squares)
    for start in range(0, len(points), _BLOCK_POINTS):
        reach = int(np.searchsorted(-radii, radii[start] - low))
        if reach <= start:
            break
        block, others = points[start : min(start + _BLOCK_POINTS, reach)], slice(start, reach)
        products = block @ points[others].T
        products *= -2
        products += squares[others]
        products += squares[start : start + len(block), None]
        one, other = np.unravel_index(np.argmax(products), products.shape)
        low = max(low, float(np.linalg.norm(block[one] - points[others][other])))
    return low


def _variance(rows: FloatMatrix, labels: LabelVector, n_clusters: int) -> FloatVector:
    """Return the mean squared distance of each cell's rows to their mean; 0 where there are none."""
    means, _ = cluster_means(rows, labels, n_clusters)
    squares = _distances(rows[labels >= 0], means, labels[labels >= 0]) ** 2
    counts = np.bincount(labels[labels >= 0], minlength=n_clusters)
    return np.bincount(labels[labels >= 0], weights=squares, minlength=n_clusters) / np.maximum(counts, 1)


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
    # the bounds must not cross because of rounding
    high[cells] = np.maximum(two_radii, low[cells])
    return low, high


def _distances(rows: FloatMatrix, to: FloatMatrix, labels: LabelVector) -> FloatVector:
    """Return the distance of each row to the point of its own cell, blockwise."""
    distances = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK_ROWS):
        stop = start + BLOCK_ROWS
        difference = np.subtract(rows[start:stop], to[labels[start:stop]], dtype=np.float64)
        distances[start:stop] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def _last_of_each(labels: LabelVector) -> tuple[LabelVector, IntVector]:
    """Return the clusters that occur in sorted labels, and the position of each one's last row."""
    cells, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    return cells, (starts + counts - 1).astype(np.int64)
