"""The companion without assumptions: a bound on the transport distance W1 between the two finite sets of sources (our derivation)."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.bound.divergence import total_variation
from craft_core.bound.geometry import EXACT_POINTS, cell_geometry
from craft_core.errors import DataError
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread

__all__ = ["W1_LIMIT", "Transport", "exact_w1", "transport_bound"]

W1_LIMIT = 2_000
"""Rows on each side up to which W1 itself is computed."""

_BLOCK_ROWS = 1_024
_MAX_STEPS = 10_000_000  # of the network simplex; 2,000 rows on a side take a few hundred thousand


@dataclass(frozen=True, eq=False)
class Transport:
    """Hold W1 <= sum_c min(p_c, q_c) w_c + D * TV(p, q), in units of the vectors; it holds for the finite sets without any assumption.

    Attributes
    ----------
    shared : FloatVector
        Shape (n_clusters,): min(p_c, q_c), the mass that can stay in its cell.
    cross : FloatVector
        Shape (n_clusters,): largest distance between a validation and a selected point of the cell (or an upper bound of it); 0 where
        either is missing.
    means : FloatVector
        Shape (n_clusters,): mean_P ||x - m_c|| + mean_Q ||x - m_c||, m_c the mean of all points of the cell; 0 where either is missing.
    diameter : float
        D: largest distance between any two points (or an upper bound of it).
    total_variation : float
        TV(p, q): the mass that must change its cell.
    """

    shared: FloatVector
    cross: FloatVector
    means: FloatVector
    diameter: float
    total_variation: float

    def __post_init__(self) -> None:
        for array in (self.shared, self.cross, self.means):
            frozen(array)

    @property
    def within(self) -> FloatVector:
        """min(p_c, q_c) w_c of each cell, w_c the smaller of `cross` and `means`."""
        return self.shared * np.minimum(self.cross, self.means)

    @property
    def between(self) -> float:
        """D * TV(p, q)."""
        return self.diameter * self.total_variation

    @property
    def total(self) -> float:
        """The bound on W1."""
        return float(self.within.sum()) + self.between


def transport_bound(
    validation: FloatMatrix,
    validation_labels: LabelVector,
    selected: FloatMatrix,
    selected_labels: LabelVector,
    n_clusters: int,
    progress: Progress = silent,
) -> Transport:
    """Bound W1 between validation and selected sources, each row with equal mass; rows labelled -1 are left out.

    The bound is the cost of one plan: in each cell as much mass as both sides have there stays, spread over all couples of the cell (they
    are at most the largest cross distance apart, and on average at most the two mean distances to any one point); the rest, TV(p, q) in
    all, goes anywhere, at most D far. So it needs no assumption about laws.

    Parameters
    ----------
    validation, selected : FloatMatrix
        Source rows, shapes (M, d) and (n, d).
    validation_labels, selected_labels : LabelVector
        Their clusters; -1 is left out.
    n_clusters : int
        Number of cells.
    progress : Progress
        Called for each cell; raising from it cancels.

    Raises
    ------
    DataError
        If a side has no row in any cluster.
    """
    one, one_labels = _by_cell(validation, validation_labels, "validation")
    other, other_labels = _by_cell(selected, selected_labels, "selected")
    one_counts, other_counts = (np.bincount(labels, minlength=n_clusters) for labels in (one_labels, other_labels))
    p, q = one_counts / len(one), other_counts / len(other)
    cross, means = _widths(one, one_counts, other, other_counts, part(progress, 0.0, 0.8))
    sides = one, np.zeros_like(one_labels), other, np.zeros_like(other_labels)
    everything = cell_geometry(*sides, 1, EXACT_POINTS, part(progress, 0.8, 1.0))
    return Transport(np.minimum(p, q), cross, means, float(everything.diameter_high[0]), total_variation(p, q))


def exact_w1(validation: FloatMatrix, selected: FloatMatrix) -> float | None:
    """Return W1 between two sets of rows, each row with equal mass, by POT's network simplex; None above `W1_LIMIT` rows on a side.

    Raises
    ------
    DataError
        If a set is empty.
    """
    if not len(validation) or not len(selected):
        raise DataError(f"W1 needs at least 1 row on each side. Got {len(validation):,} and {len(selected):,}.")
    if max(len(validation), len(selected)) > W1_LIMIT:
        return None
    for backend in ("PYTORCH", "TENSORFLOW", "JAX", "CUPY"):  # importing torch takes a second and more, and numpy is all there is to solve
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")
    import ot
    from scipy.spatial.distance import cdist

    return float(ot.emd2([], [], cdist(validation.astype(np.float64), selected.astype(np.float64)), numItermax=_MAX_STEPS))


def _by_cell(rows: FloatMatrix, labels: LabelVector, side: str) -> tuple[FloatMatrix, LabelVector]:
    """Return the rows that have a cluster, sorted by it."""
    inside = np.flatnonzero(labels >= 0)
    if not len(inside):
        raise DataError(f"A transport bound needs at least 1 {side} pair in a cluster. Got 0.")
    order = inside[np.argsort(labels[inside], kind="stable")]
    return rows[order], labels[order]


def _widths(
    one: FloatMatrix, one_counts: IntVector, other: FloatMatrix, other_counts: IntVector, progress: Progress
) -> tuple[FloatVector, FloatVector]:
    """Return `cross` and `means` of every cell, for rows sorted by cell."""
    cross, means = np.zeros(len(one_counts)), np.zeros(len(one_counts))
    one_ends, other_ends = np.cumsum(one_counts), np.cumsum(other_counts)
    with one_thread():
        for c in np.flatnonzero((one_counts > 0) & (other_counts > 0)):
            progress(c / len(cross), "Bounding the transport distance")
            own = one[one_ends[c] - one_counts[c] : one_ends[c]].astype(np.float64)
            theirs = other[other_ends[c] - other_counts[c] : other_ends[c]].astype(np.float64)
            center = (own.sum(axis=0) + theirs.sum(axis=0)) / (len(own) + len(theirs))
            own -= center
            theirs -= center
            radii, their_radii = np.linalg.norm(own, axis=1), np.linalg.norm(theirs, axis=1)
            means[c] = radii.mean() + their_radii.mean()
            exact = len(own) + len(theirs) <= EXACT_POINTS
            cross[c] = _farthest(own, theirs) if exact else radii.max() + their_radii.max()
    return cross, means


def _farthest(one: FloatVector, other: FloatVector) -> float:
    """Return the largest distance between a row of one and a row of the other, blockwise."""
    squares = np.einsum("ij,ij->i", other, other)
    largest = 0.0
    for start in range(0, len(one), _BLOCK_ROWS):
        block = one[start : start + _BLOCK_ROWS]
        products = block @ other.T
        products *= -2
        products += squares
        products += np.einsum("ij,ij->i", block, block)[:, None]
        row, column = np.unravel_index(np.argmax(products), products.shape)
        largest = max(largest, float(np.linalg.norm(block[row] - other[column])))
    return largest
