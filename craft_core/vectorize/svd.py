"""The few directions that hold most of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from craft_core.threads import one_thread

__all__ = ["main_directions"]

_OVERSAMPLE = 32
_ROUNDS = 4
_SMALLEST = 1e-5  # relative to the largest; below it a singular value is rounding error

Matrix = npt.NDArray[np.float64]


def main_directions(matrix: Any, dimensions: int, seed: int) -> Matrix:
    """Return the leading right singular vectors of a sparse matrix, by scikit-learn's randomised SVD.

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
    LU between the rounds: on 20,000 English sentences and 256 directions it took 1.4 s where QR took 1.7 s, both for the same quality.
    One BLAS thread: with two on a busy machine the same call took 19 to 44 s.
    """
    from sklearn.utils.extmath import randomized_svd

    size = min(dimensions, *matrix.shape)
    with one_thread():
        _, values, rows = randomized_svd(
            matrix, size, n_oversamples=_OVERSAMPLE, n_iter=_ROUNDS, power_iteration_normalizer="LU", random_state=seed % 2**32
        )
    kept = values > _SMALLEST * max(values.max(initial=0.0), np.finfo(np.float64).tiny)
    directions: Matrix = rows[kept].T
    return directions
