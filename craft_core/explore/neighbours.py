"""True neighbours: the pairs nearest to a pair or a vector in vector space, wherever a map has put them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, frozen
from craft_core.errors import ParameterError
from craft_core.problem import Problem
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["LAYERS", "SIDES", "Neighbours", "nearest", "neighbours_of"]

LAYERS = ("pool", "validation")
"""Where a pair can be."""
SIDES = ("source", "target", "both")
"""What can be compared: a side, or both as one joint vector."""

_BLOCK_ROWS = 16_384
_UNIT_ROUNDING = 2.0**-24  # of a float32 product, relative

Sides = list[tuple[FloatMatrix, FloatVector]]  # the rows of a side and what they are compared with


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Hold the nearest rows, nearest first, ties by position.

    Attributes
    ----------
    positions : IntVector
        Shape (k,): their places among the rows.
    similarities : FloatVector
        Shape (k,): cosine, in [-1, 1]; of joint vectors, the mean of the cosines of both sides.
    distances : FloatVector
        Shape (k,): Euclidean distance of unit vectors, in [0, 2]; 0 for the same vector.
    """

    positions: IntVector
    similarities: FloatVector
    distances: FloatVector

    def __post_init__(self) -> None:
        for array in (self.positions, self.similarities, self.distances):
            frozen(array)

    def __len__(self) -> int:
        return len(self.positions)


def nearest(
    rows: FloatMatrix, query: FloatVector, k: int = 10, usable: BoolVector | None = None, leave_out: int | None = None
) -> Neighbours:
    """Return the rows nearest to a vector, exactly.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, d), of length 1 or zero; may be read-only and mapped from a file. It is not copied.
    query : FloatVector
        Shape (d,), of length 1 or zero; nothing is near to a zero vector.
    k : int
        How many, at least 0; fewer where there are fewer.
    usable : BoolVector, optional
        Shape (n,): which rows may be returned. Rows that are all zero never are.
    leave_out : int, optional
        A position that is not returned: that of the query itself.

    Raises
    ------
    ParameterError
        If k is negative.

    Notes
    -----
    n * d multiply-adds in float32 and 8 bytes a row; then the few rows that rounding could have misplaced are measured again in float64,
    so that the same vector is at distance 0 and the order does not depend on the library that multiplies.
    """
    return _nearest([(rows, query)], k, usable, leave_out)


def neighbours_of(problem: Problem, position: int, layer: str, k: int = 10, side: str = "source") -> tuple[Neighbours, Neighbours]:
    """Return the nearest pool pairs and the nearest validation pairs of a pair; the pair itself is left out, its duplicates are not.

    Parameters
    ----------
    problem : Problem
        Vectors and clusters; pairs in no cluster are nobody's neighbours.
    position : int
        Of the pair in its layer.
    layer : {"pool", "validation"}
        Where the pair is.
    k : int
        How many of each.
    side : {"source", "target", "both"}
        What is compared; "both" compares joint vectors, whose cosine is the mean of the cosines of both sides.

    Returns
    -------
    pool, validation : Neighbours
        Both empty if what is compared of the pair is all zero.

    Raises
    ------
    ParameterError
        For a layer, a side or a position that there is not.
    """
    pair = pair_at(problem, position, layer)
    if side not in SIDES:
        raise ParameterError(f"There is no side {side!r}. There are: {', '.join(SIDES)}.")
    parts = [name for name in ("source", "target") if side in (name, "both")]
    clustering = problem.clustering
    labelled = ((problem.pool, clustering.pool_labels), (problem.validation, clustering.validation_labels))
    pool, validation = (
        _nearest([(_side(pairs, one), _side(pair, one)[0]) for one in parts], k, labels >= 0, position if layer == name else None)
        for name, (pairs, labels) in zip(LAYERS, labelled, strict=True)
    )
    return pool, validation


def pair_at(problem: Problem, position: int, layer: str) -> EncodedPairs:
    """Return the vectors of one pair. Raises ParameterError for a layer or a position that there is not."""
    if layer not in LAYERS:
        raise ParameterError(f"There is no layer {layer!r}. There are: {', '.join(LAYERS)}.")
    name, pairs = ("pool", problem.pool) if layer == "pool" else ("validation set", problem.validation)
    if not 0 <= position < len(pairs):
        raise ParameterError(f"The {name} has {len(pairs):,} pairs, counted from 0. Got position {position:,}.")
    return EncodedPairs(pairs.sources[position : position + 1], pairs.targets[position : position + 1])


def _side(pairs: EncodedPairs, side: str) -> FloatMatrix:
    return pairs.sources if side == "source" else pairs.targets


def _nearest(sides: Sides, k: int, usable: BoolVector | None, leave_out: int | None) -> Neighbours:
    if k < 0:
        raise ParameterError(f"The number of neighbours must be at least 0. Got {k:,}.")
    if not all(query.any() for _, query in sides):
        return Neighbours(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    found = _candidates(_products(sides, usable, leave_out), sides, k)
    squares = np.minimum(_squares(sides, found), 4.0)
    order = np.lexsort((found, squares))[:k]
    return Neighbours(found[order].astype(np.int64), 1 - squares[order] / 2, np.sqrt(squares[order]))


def _products(sides: Sides, usable: BoolVector | None, leave_out: int | None) -> npt.NDArray[np.float32]:
    """Return the mean inner product over the sides, shape (n,), float32; minus infinity where a row may not be returned."""
    with one_thread():
        products = sum(rows @ query.astype(rows.dtype, copy=False) for rows, query in sides)
    products = np.asarray(products, dtype=np.float32) / np.float32(len(sides))
    if usable is not None:
        products[~usable] = -np.inf
    if leave_out is not None:
        products[leave_out] = -np.inf
    return products


def _candidates(products: npt.NDArray[np.float32], sides: Sides, k: int) -> IntVector:
    """Return the positions, ascending, of all rows that are among the k nearest or that rounding keeps from being told from them."""
    found = _above(products, k, sides)
    # A zero row is found by its product, 0, which a row at a right angle shares; only where such a product is among the largest does it
    # matter which it is, and only then are rows looked at.
    doubtful = found[np.abs(products[found]) <= _slack(sides)]
    if len(doubtful):
        every = np.flatnonzero(np.abs(products) <= _slack(sides))
        products[every[~_is_nonzero(sides, every)]] = -np.inf
        found = _above(products, k, sides)
    return found


def _above(products: npt.NDArray[np.float32], k: int, sides: Sides) -> IntVector:
    k = min(k, len(products))
    if k == 0:
        return np.zeros(0, dtype=np.int64)
    cut = np.partition(products, len(products) - k)[len(products) - k]
    return np.flatnonzero((products >= cut - _slack(sides)) & (products > -np.inf))


def _slack(sides: Sides) -> np.float32:
    """Return how far two float32 products can be misplaced against each other: d roundings each of sums below 1 (Higham 2002, 3.5)."""
    return np.float32(2 * _UNIT_ROUNDING * (max(rows.shape[1] for rows, _ in sides) + 2))


def _is_nonzero(sides: Sides, positions: IntVector) -> BoolVector:
    found = np.ones(len(positions), dtype=bool)
    for start in range(0, len(positions), _BLOCK_ROWS):
        block = positions[start : start + _BLOCK_ROWS]
        for rows, _ in sides:
            found[start : start + _BLOCK_ROWS] &= rows[block].any(axis=1)
    return found


def _squares(sides: Sides, positions: IntVector) -> FloatVector:
    """Return the squared distance, the mean over the sides, shape (n,), float64."""
    total = np.zeros(len(positions))
    for start in range(0, len(positions), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        for rows, query in sides:
            away = rows[positions[block]].astype(np.float64) - query.astype(np.float64)
            total[block] += np.einsum("ij,ij->i", away, away) / len(sides)
    return total
