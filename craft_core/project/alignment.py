"""Two maps of the same pairs laid over each other, as far as turning, mirroring, moving and scaling can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, FloatVector, frozen
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.project.layouts import Layout
from craft_core.project.projections import Projection

__all__ = ["Aligned", "Alignment", "align", "aligned"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Hold how one map is laid over another, and how far its points still are from where they were.

    Attributes
    ----------
    centre, new_centre : FloatVector
        Shape (2,): the middle of the map before and after.
    turn : array of float64
        Shape (2, 2), orthogonal: rotates, and mirrors where that fits better.
    scale : float
        Above 0: it gives both maps the same spread.
    moved : FloatVector
        Shape (n,): distance of each point from its place on the reference, as a share of the longer side of the reference.
    """

    centre: FloatVector
    new_centre: FloatVector
    turn: npt.NDArray[np.float64]
    scale: float
    moved: FloatVector

    def __post_init__(self) -> None:
        for array in (self.centre, self.new_centre, self.turn, self.moved):
            frozen(array)

    def apply(self, xy: FloatMatrix) -> FloatMatrix:
        """Return places of the map, shape (n, 2), laid over the reference."""
        return _transformed(xy, self.centre, self.new_centre, self.turn, self.scale)

    @property
    def median_moved(self) -> float:
        """How far the median point moved, as a share of the longer side of the reference."""
        return float(np.median(self.moved))


def align(xy: FloatMatrix, reference: FloatMatrix) -> Alignment:
    """Lay a map over another by orthogonal Procrustes (Schönemann 1966): the turn that makes the squared distances least.

    Both maps get the same spread around their middle. The scale of least squares would shrink a map the more the less it fits, and so make
    the points move less than a reader sees them move.

    Parameters
    ----------
    xy, reference : FloatMatrix
        Shape (n, 2): places of the same n pairs on two maps.

    Raises
    ------
    DataError
        If the maps have different numbers of pairs, or all pairs of one lie on one spot.
    """
    from scipy.linalg import orthogonal_procrustes

    if len(xy) != len(reference):
        raise DataError(f"The maps show {len(xy):,} and {len(reference):,} pairs. Align two maps of the same pairs.")
    centre, new_centre = _middle(xy), _middle(reference)
    own, wanted = xy - centre, reference - new_centre
    spreads = float(np.linalg.norm(own)), float(np.linalg.norm(wanted))
    if not min(spreads) > 0.0:
        raise DataError("All pairs of a map lie on one spot, so there is nothing to align. Choose other pairs to draw.")
    turn, _ = orthogonal_procrustes(own, wanted)
    scale = spreads[1] / spreads[0]
    apart = _transformed(xy, centre, new_centre, turn, scale) - reference
    side = float(np.ptp(reference, axis=0).max())
    return Alignment(centre, new_centre, turn, scale, np.hypot(apart[:, 0], apart[:, 1]) / side)


@dataclass(frozen=True, eq=False)
class Aligned:
    """Place rows as a layout does, then lay them over another map.

    Attributes
    ----------
    layout : Layout
        Of the map that was aligned.
    alignment : Alignment
        Onto the other.
    """

    name: ClassVar[str] = "aligned"

    layout: Layout
    alignment: Alignment

    def place(self, rows: FloatMatrix, progress: Progress = silent) -> FloatMatrix:
        """Return coordinates of further rows, shape (n, 2), in the units of the other map."""
        return self.alignment.apply(self.layout.place(rows, progress))


def aligned(projection: Projection, reference: Projection) -> Projection:
    """Lay a projection over another of the same rows, such as UMAP with another seed.

    Its layout is an `Aligned`, whose alignment says how far the pairs moved: those of the pool first, then those of validation.

    Raises
    ------
    DataError
        If the two do not draw the same pairs, or all pairs of one lie on one spot.
    """
    drawn = len(projection.pool_positions)
    if not np.array_equal(projection.pool_positions, reference.pool_positions):
        raise DataError(
            "The two maps draw different pairs of the pool. Make both with the same seed, and change only the seed of the layout."
        )
    own, wanted = (np.concatenate([one.pool_xy, one.validation_xy]) for one in (projection, reference))
    alignment = align(own, wanted)
    xy = alignment.apply(own)
    layout = Aligned(projection.layout, alignment)
    return replace(projection, layout=layout, pool_xy=xy[:drawn].copy(), validation_xy=xy[drawn:].copy())


def _middle(xy: FloatMatrix) -> npt.NDArray[np.float64]:
    middle: npt.NDArray[np.float64] = xy.sum(axis=0, dtype=np.float64) / max(len(xy), 1)
    return middle


def _transformed(xy: FloatMatrix, centre: FloatVector, new_centre: FloatVector, turn: npt.NDArray[np.float64], scale: float) -> FloatMatrix:
    x, y = (xy - centre).T  # the sums are written out: those of a matrix product may round differently for one row than for many
    columns = [scale * (x * turn[0, axis] + y * turn[1, axis]) + new_centre[axis] for axis in range(2)]
    return np.stack(columns, axis=1).astype(np.float32)
