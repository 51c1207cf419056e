"""The few directions that hold most of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

__all__ = ["main_directions"]

_OVERSAMPLE = 10
_ROUNDS = 4
_SMALLEST = 1e-10  # relative to the largest; below it a squared singular value is rounding error

Matrix = npt.NDArray[np.float64]


def main_directions(matrix: Any, dimensions: int, seed: int) -> Matrix:
    """Return the leading right singular vectors of a sparse matrix, by randomised subspace iteration.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        Shape (n, m), float64.
    dimensions : int
        How many directions to find. There are fewer if the rank of the matrix is lower; then they span all of its rows exactly.
    seed : int
        For the random start.

    Returns
    -------
    numpy.ndarray
        Shape (m, at most `dimensions`), float64, orthonormal columns, the most important first.

    Notes
    -----
    Halko, Martinsson and Tropp, "Finding structure with randomness" (SIAM Review 2011), algorithm 4.4. A basis is made orthonormal by
    the eigenvectors of its Gram matrix, in double precision: five times as fast as QR on a tall matrix, and it drops null directions.

    The dense products run in one thread: a second one saves a quarter of the time on an idle machine and, because it waits by spinning,
    costs ten times as much on a busy one. It also makes the result independent of the number of cores.
    """
    with threadpool_limits(1, user_api="blas"):
        return _iterate(matrix, dimensions, seed)


def _iterate(matrix: Any, dimensions: int, seed: int) -> Matrix:
    size = min(dimensions + _OVERSAMPLE, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis = _orthonormal(matrix @ np.random.default_rng(seed).standard_normal((matrix.shape[1], size)))
    for _ in range(_ROUNDS):
        basis = _orthonormal(matrix @ _orthonormal(transposed @ basis))
    return _orthonormal(transposed @ basis)[:, :dimensions]


def _orthonormal(matrix: Matrix) -> Matrix:
    """Return an orthonormal basis of the columns: the left singular vectors, those of the largest singular values first."""
    squares, rotation = np.linalg.eigh(matrix.T @ matrix)
    kept = squares > _SMALLEST * max(squares.max(initial=0.0), np.finfo(np.float64).tiny)
    result: Matrix = matrix @ (rotation[:, kept] / np.sqrt(squares[kept]))[:, ::-1]
    return result
