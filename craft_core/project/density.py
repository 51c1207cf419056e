"""How many pairs lie where on a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.errors import ParameterError

__all__ = ["Density", "density"]


@dataclass(frozen=True, eq=False)
class Density:
    """Hold how many pairs lie in each cell of a grid over a map.

    Attributes
    ----------
    counts : IntVector
        Shape (ny, nx): pairs in each cell, the lowest row first.
    x_edges, y_edges : FloatVector
        Shapes (nx + 1,) and (ny + 1,), ascending: where the cells begin and end, in the units of the map.
    """

    counts: IntVector
    x_edges: FloatVector
    y_edges: FloatVector

    def __post_init__(self) -> None:
        for array in (self.counts, self.x_edges, self.y_edges):
            frozen(array)


def density(xy: FloatMatrix, bins: int = 200) -> Density:
    """Count the pairs in square cells that cover the map.

    Parameters
    ----------
    xy : FloatMatrix
        Shape (n, 2): places; a row with a NaN is in no cell.
    bins : int
        Cells along the longer side of the map, at least 1; the shorter side has as many as fit.

    Raises
    ------
    ParameterError
        For less than one cell.
    """
    if bins < 1:
        raise ParameterError(f"The density of a map needs at least 1 cell along its longer side. Got {bins}.")
    xy = xy[np.isfinite(xy).all(axis=1)].astype(np.float64)
    low, high = (xy.min(axis=0), xy.max(axis=0)) if len(xy) else (np.zeros(2), np.zeros(2))
    cell = float((high - low).max()) / bins or 1.0
    nx, ny = (max(1, int(np.ceil(round(side / cell, 6)))) for side in high - low)
    # a pair on the upper edge belongs to the last cell
    column = np.minimum(((xy[:, 0] - low[0]) / cell).astype(np.int64), nx - 1)
    row = np.minimum(((xy[:, 1] - low[1]) / cell).astype(np.int64), ny - 1)
    counts = np.bincount(row * nx + column, minlength=nx * ny).reshape(ny, nx)
    return Density(counts, low[0] + cell * np.arange(nx + 1), low[1] + cell * np.arange(ny + 1))
