"""What is true of the cells of a toy: masses, divergences and sizes by numerical integration and from the cells' own corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatVector, LabelVector, frozen
from craft_core.bound import EXACT_POINTS, KLBound, cell_geometry, covered_kl, kl_bound, kl_divergence
from craft_core.toy.laws import Law, Points, grid, lipschitz, steepness

__all__ = ["Truth", "cell_truth", "polygons"]


@dataclass(frozen=True, eq=False)
class Truth:
    """Hold what is true of each cell, all shapes (n_clusters,).

    P is the law of validation sources, R that of pool sources. Stage one alone, with a random choice inside the cells, selects by the law
    Q(x) = q_c R(x) / R(cell of x): so its conditionals are those of R, and everything here is known whatever the shares q are.

    Attributes
    ----------
    wanted, offered : FloatVector
        P and R of each cell, summed over the grid.
    inside : FloatVector
        KL(P_c || R_c) in nats, summed over the grid.
    diameters : FloatVector
        Largest distance between two points of the cell, which is a convex polygon: between two of its corners.
    variances : FloatVector
        Mean squared distance to the mean under P_c, summed over the grid.
    lipschitz : float
        Largest slope of log(P / R) on the square, in nats per unit of distance: L_c of no cell is larger.
    slopes : FloatVector
        Largest slope inside each cell.
    """

    wanted: FloatVector
    offered: FloatVector
    inside: FloatVector
    diameters: FloatVector
    variances: FloatVector
    lipschitz: float
    slopes: FloatVector

    def __post_init__(self) -> None:
        for array in (self.wanted, self.offered, self.inside, self.diameters, self.variances, self.slopes):
            frozen(array)

    @property
    def inside_sum(self) -> float:
        """Sum of P(c) KL(P_c || R_c): what no shares can mend."""
        return float((self.wanted * self.inside).sum())

    def kl(self, q: FloatVector) -> float:
        """Return KL(P || Q) for selected shares q, by the chain rule; infinite where a cell with mass gets nothing."""
        return kl_divergence(self.wanted, q) + self.inside_sum

    def covered_kl(self, q: FloatVector) -> float:
        """Return KL(P' || Q) with P' the part of P in the cells that q reaches, scaled to mass 1."""
        kept = np.where(q > 0, self.wanted, 0.0)
        return covered_kl(self.wanted, q) + float((kept * self.inside).sum() / kept.sum())

    def missed(self, q: FloatVector) -> float:
        """Return the mass of P in the cells that q does not reach, in [0, 1]."""
        return float(self.wanted[q <= 0].sum())

    def bound(self, q: FloatVector) -> KLBound:
        """Bound KL(P || Q) as the app does, with what only a toy knows: true shares, the cells' own diameters, the true L."""
        return kl_bound(self.wanted, q, self.diameters, self.variances, self.lipschitz)


def cell_truth(wanted: Law, offered: Law, labels: LabelVector, corners: Sequence[Points]) -> Truth:
    """Integrate over the cells.

    Parameters
    ----------
    wanted, offered : Law
        P and R.
    labels : LabelVector
        Shape (SIDE ** 2,): the cell of each point of the grid.
    corners : sequence of Points
        The corners of each cell, as `polygons` gives them.
    """
    n = len(corners)
    p, r = _sums(wanted.masses, labels, n), _sums(offered.masses, labels, n)
    gain = _sums(wanted.masses * np.log(wanted.masses / offered.masses), labels, n)
    filled = p > 0  # a cell smaller than the grid's step has no point of it
    mass, beside = np.where(filled, p, 1.0), np.where(filled, r, 1.0)
    # sum of P/p log((P/p) / (R/r)) = (sum of P log(P/R)) / p - log(p / r)
    inside = np.where(filled, gain / mass - np.log(mass / beside), 0.0)
    steepest = np.zeros(n)
    np.maximum.at(steepest, labels, steepness(wanted, offered))
    return Truth(p, r, inside, _diameters(corners), _variances(wanted.masses, labels, mass, n), lipschitz(wanted, offered), steepest)


def polygons(centers: Points) -> list[Points]:
    """Return the corners of the cells of k-means on the unit square, in turn around each cell.

    The centers are mirrored at the four sides; then the Voronoi cells of the centers themselves end exactly at the sides.
    """
    from scipy.spatial import Voronoi

    x, y = centers[:, 0], centers[:, 1]
    mirrored = [np.column_stack(one) for one in ((-x, y), (2 - x, y), (x, -y), (x, 2 - y))]
    found = Voronoi(np.concatenate([centers, *mirrored]))
    return [_in_turn(found.vertices[found.regions[found.point_region[c]]]) for c in range(len(centers))]


def _in_turn(corners: Points) -> Points:
    around = corners - corners.mean(axis=0)
    turned: Points = np.clip(corners[np.argsort(np.arctan2(around[:, 1], around[:, 0]))], 0.0, 1.0)
    return turned


def _diameters(corners: Sequence[Points]) -> FloatVector:
    labels = np.repeat(np.arange(len(corners)), [len(one) for one in corners]).astype(np.int32)
    points = np.concatenate(list(corners)).astype(np.float32)
    none, no_label = np.zeros((0, 2), np.float32), np.zeros(0, np.int32)
    return cell_geometry(points, labels, none, no_label, len(corners), exact_points=EXACT_POINTS).diameter_high


def _variances(masses: FloatVector, labels: LabelVector, mass: FloatVector, n: int) -> FloatVector:
    points = grid()
    first = [_sums(masses * points[:, axis], labels, n) / mass for axis in (0, 1)]
    second = _sums(masses * np.square(points).sum(axis=1), labels, n) / mass
    return np.maximum(second - first[0] ** 2 - first[1] ** 2, 0.0)


def _sums(values: FloatVector, labels: LabelVector, n: int) -> FloatVector:
    sums: npt.NDArray[np.float64] = np.bincount(labels, weights=values, minlength=n).astype(np.float64)
    return sums
