"""How far a map can be trusted around each of its points (Venna and Kaski 2001)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.errors import DataError, ParameterError
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread

__all__ = ["continuity", "trustworthiness"]

_BLOCK_NUMBERS = 2**22  # distances held at a time: 16 MB of float32


def trustworthiness(rows: FloatMatrix, xy: FloatMatrix, k: int = 15, progress: Progress = silent) -> FloatVector:
    r"""Return for each point how true its neighbours on the map are: 1 where all are, 0 where they could not be farther away.

    With r(i, j) the rank of j among the neighbours of i in vector space, 1 for the nearest, and the sum over the k nearest of i on the map,

        1 - 2 / (k (2n - 3k - 1)) * \sum_j max(0, r(i, j) - k)

    The mean over the points is the trustworthiness of the map as Venna and Kaski (2001) and scikit-learn define it.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, d): the vectors that were drawn.
    xy : FloatMatrix
        Shape (n, 2): where they were drawn.
    k : int
        Neighbours looked at, at least 1. Where there are fewer than 2 k other points, half of these are looked at, rounded down: beyond, no
        point could be wrong in all its neighbours and the number would lose its lower end. With fewer than 3 points there is nothing to
        get wrong, and all numbers are 1.
    progress : Progress
        Called between blocks of points.

    Returns
    -------
    FloatVector
        Shape (n,), float64, in [0, 1].

    Raises
    ------
    DataError
        If there are not as many points as vectors.
    ParameterError
        If k is below 1.

    Notes
    -----
    Exact. n**2 * (d + k) operations; the memory is two blocks of 16 MB and 8 bytes for each point and neighbour. Points equally far share
    the lower rank.
    """
    k = _check(rows, xy, k)
    if k == 0:
        return frozen(np.ones(len(rows)))
    return frozen(1 - _intrusion(rows, _nearest(xy, k, part(progress, 0.0, 0.05)), part(progress, 0.05, 1.0)))


def continuity(rows: FloatMatrix, xy: FloatMatrix, k: int = 15, progress: Progress = silent) -> FloatVector:
    """Return for each point how many of its true neighbours the map kept near: `trustworthiness` with vectors and map exchanged.

    Parameters, result and errors are those of `trustworthiness`; 1 where all k nearest vectors are among the k nearest on the map.
    """
    k = _check(rows, xy, k)
    if k == 0:
        return frozen(np.ones(len(rows)))
    # float64: on a map, unlike among unit vectors, neighbours can be much nearer to one another than to the origin
    return frozen(1 - _intrusion(xy.astype(np.float64), _nearest(rows, k, part(progress, 0.0, 0.6)), part(progress, 0.6, 1.0)))


def _check(rows: FloatMatrix, xy: FloatMatrix, k: int) -> int:
    if k < 1:
        raise ParameterError(f"The number of neighbours must be at least 1. Got {k:,}.")
    if len(rows) != len(xy):
        raise DataError(f"There are {len(rows):,} vectors but {len(xy):,} points on the map. Give one point a vector.")
    return min(k, max(len(rows) - 1, 0) // 2)


def _intrusion(rows: npt.NDArray[np.floating[Any]], neighbours: IntVector, progress: Progress) -> FloatVector:
    """Return by how much the ranks of the given neighbours exceed k, as a share of the most that is possible, shape (n,)."""
    n, k = neighbours.shape
    half_norms: FloatVector = 0.5 * np.einsum("ij,ij->i", rows, rows)
    excess: FloatVector = np.empty(n)
    step = max(1, _BLOCK_NUMBERS // n)
    with one_thread():
        for start in range(0, n, step):
            progress(start / n, "Comparing the map with the vectors")
            # half the squared distance, less what is the same for all rows of a point: ||y||^2 / 2 - x.y
            distances = half_norms - rows[start : start + step] @ rows.T
            distances[np.arange(len(distances)), start + np.arange(len(distances))] = np.inf
            excess[start : start + step] = [
                _excess(one, near, k) for one, near in zip(distances, neighbours[start : start + step], strict=True)
            ]
    excess /= k * (2 * n - 3 * k - 1) / 2
    return excess


def _excess(distances: FloatVector, neighbours: IntVector, k: int) -> int:
    """Return the sum over the neighbours of max(0, rank - k); those nearer are counted, which needs no sorting."""
    return sum(max(0, int(np.count_nonzero(distances < own)) + 1 - k) for own in distances[neighbours])


def _nearest(points: FloatMatrix, k: int, progress: Progress) -> npt.NDArray[np.int64]:
    """Return the k nearest others of each point, shape (n, k)."""
    from sklearn.neighbors import NearestNeighbors

    found = np.empty((len(points), k), dtype=np.int64)
    with one_thread():
        # without the points themselves the model leaves each out of its own neighbours, but only for all at once
        model = NearestNeighbors(n_neighbors=k + 1).fit(points)
        step = max(1, _BLOCK_NUMBERS // len(points))
        for start in range(0, len(points), step):
            progress(start / len(points), "Looking for neighbours")
            near = model.kneighbors(points[start : start + step], return_distance=False)
            own = start + np.arange(len(near))[:, None]
            near[(near != own).all(axis=1), -1] = own[(near != own).all(axis=1), 0]  # crowded out by duplicates: the last one goes
            found[start : start + step] = near[near != own].reshape(len(near), k)
    return found
