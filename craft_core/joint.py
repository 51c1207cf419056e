"""Both sides of a pair as one point: [source; target] / sqrt(2), for methods that know no sides."""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.errors import DataError
from craft_core.problem import Problem
from craft_core.progress import Progress, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["check_wanted", "joint_products", "joint_rows", "largest", "nearest_pool"]

_BLOCK_ROWS = 65_536
_BLOCK_NUMBERS = 2**24  # products held at a time: 64 MB


def check_wanted(problem: Problem, owner: str) -> None:
    """Raise DataError, naming the method, where no validation pair has vectors, so that there is nothing to be near to."""
    if not len(problem.wanted):
        raise DataError(f"The method {owner} needs a validation pair with vectors on both sides, and there is none. Add validation pairs.")


def joint_rows(pairs: EncodedPairs, positions: IntVector, progress: Progress = silent) -> FloatMatrix:
    """Return the joint vectors of the pairs at these positions, shape (n, source + target dimensions), of length 1 or zero.

    `progress` is called between blocks; raising from it cancels.
    """
    half = pairs.sources.shape[1]
    rows = np.empty((len(positions), half + pairs.targets.shape[1]), dtype=np.float32)
    for start in range(0, len(positions), _BLOCK_ROWS):
        progress(start / len(positions), "Joining the sides")
        block = positions[start : start + _BLOCK_ROWS]
        rows[start : start + len(block), :half] = pairs.sources[block]
        rows[start : start + len(block), half:] = pairs.targets[block]
        rows[start : start + len(block)] *= np.float32(np.sqrt(0.5))
    return rows


def joint_products(rows: EncodedPairs, others: EncodedPairs) -> FloatMatrix:
    """Return the inner products of joint vectors, shape (n, m), without joining the sides: the mean of the two sides' products."""
    products = rows.sources @ others.sources.T
    products += rows.targets @ others.targets.T
    products *= np.float32(0.5)
    return products


def nearest_pool(problem: Problem, k: int, progress: Progress = silent) -> tuple[IntVector, FloatMatrix]:
    """Return the nearest available pool pairs of each validation pair, by inner product of joint vectors.

    Parameters
    ----------
    problem : Problem
        Vectors; pool pairs in no cluster are left out, and so are validation pairs without vectors.
    k : int
        How many; capped at the pairs available.

    Returns
    -------
    positions : IntVector
        Shape (m, k): pool positions, nearest first, ties by lower position; m validation pairs in the order of `problem.wanted`.
    products : FloatMatrix
        Shape (m, k), float32: their inner products; the Euclidean distance of unit rows is sqrt(2 - 2 * product).

    Notes
    -----
    Exact. m * N * d multiply-adds; memory is the answer, 12 bytes a neighbour, and a block of 64 MB.
    """
    available, wanted = problem.available, problem.wanted
    pool = (
        problem.pool
        if len(available) == len(problem.pool)
        else EncodedPairs(problem.pool.sources[available], problem.pool.targets[available])
    )
    k = min(k, len(available))
    positions, found = np.empty((len(wanted), k), dtype=np.int64), np.empty((len(wanted), k), dtype=np.float32)
    step = max(1, _BLOCK_NUMBERS // max(len(available), 1))
    for start in range(0, len(wanted), step):
        progress(start / len(wanted), "Finding the nearest pool pairs")
        stop = min(start + step, len(wanted))
        with one_thread():
            products = joint_products(problem.validation.take(wanted[start:stop]), pool)
        near = largest(products, k)
        positions[start:stop], found[start:stop] = available[near], np.take_along_axis(products, near, axis=1)
    return positions, found


def largest(values: FloatMatrix, k: int) -> IntVector:
    """Return the columns of the k largest values of each row, shape (n, k), largest first, ties by lower column."""
    k = min(k, values.shape[1])
    if k == 0:
        return np.zeros((len(values), 0), dtype=np.int64)
    cut = np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k]
    rows, columns = np.nonzero(values >= cut[:, None])  # k of each row, and those that tie with the last of them
    order = np.lexsort((columns, -values[rows, columns], rows))
    first = np.searchsorted(rows, np.arange(len(values)))  # `rows` rises, and sorting by it first leaves it as it is
    found: IntVector = columns[order][first[:, None] + np.arange(k)].astype(np.int64)
    return found
