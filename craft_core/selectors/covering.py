"""Covering: few pool pairs that together come near every validation pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from craft_core.allocate import check_budget
from craft_core.arrays import BoolVector, FloatVector, IntVector
from craft_core.corpus.sample import sample_positions
from craft_core.joint import check_wanted, joint_products
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Cover", "Covering", "cover_of", "greedy_cover"]


@dataclass(frozen=True, eq=False)
class Cover:
    """Hold which pool pair covers which validation pair.

    Attributes
    ----------
    rows : IntVector
        Shape (n,): the available pool positions, nearest to any validation pair first, then by content key.
    products : FloatVector
        Shape (n,), float32: the inner product of each with its nearest validation pair.
    covers : scipy.sparse.csr_matrix
        Shape (m, n), bool: whether the pool pair `rows[j]` is within the radius of the i-th wanted validation pair.
    """

    rows: IntVector
    products: FloatVector
    covers: Any


@dataclass(frozen=True)
class Covering:
    """Take as few pairs as come near every validation pair once, then twice, and so on until the budget is full.

    Covering-based demonstration selection of BATCHER (Fan et al., ICDE 2024, arXiv 2312.03987): a pool pair covers a validation pair
    within a distance, and greedy set cover takes the pair that covers the most validation pairs not yet covered. Distances are Euclidean,
    of joint vectors. Ours are the further rounds, in which every validation pair must be covered once more by another pair (what covered
    it by the way counts), and the rule for equal gains: the pair nearest to any validation pair. When all that covers is taken, the rest
    are the pairs nearest to any validation pair.

    A pair's weight is the number of validation pairs it newly covered when it was taken, 1 for the rest; its score is the number it
    covers at all.

    Notes
    -----
    m * N * d multiply-adds, and a pass over N gains for each pair taken. Memory is 10 bytes for each covered couple, at the 8th percentile
    0.8 bytes * m * N: 42 MB for 500 validation pairs and 104,000 pool pairs, 400 MB for a million; 1.5 times that while it is built. The
    percentile is that of at most 20,000 pool pairs (those with the smallest content keys; fewer above 1,600 validation pairs) against
    all validation pairs.
    """

    name: ClassVar[str] = "covering"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = False

    percentile: float = param(
        8.0, low=0.01, high=50.0, help="The radius within which a pair covers, as the percentage of all distances that are smaller."
    )
    radius: float | None = param(
        None, low=0.0, high=2.0, help="The radius itself, as a distance between vectors of length 1; automatic takes the percentile."
    )

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the pairs in the order they were taken; nothing is random, so `rng` is not used.

        Raises
        ------
        ParameterError
            For a budget below 1.
        DataError
            If no validation pair has vectors.
        """
        check_budget(budget)
        check_wanted(problem, self.name)
        cover = cover_of(problem, self.least_product(problem), part(progress, 0.0, 0.8))
        taken, newly = greedy_cover(cover.covers, budget, part(progress, 0.8, 1.0))
        is_left = np.ones(len(cover.rows), dtype=bool)
        is_left[taken] = False
        rest = np.flatnonzero(is_left)[: budget - len(taken)]
        chosen = np.concatenate([taken, rest])
        weights = np.concatenate([newly, np.ones(len(rest))]).astype(np.float32)
        scores = np.bincount(cover.covers.indices, minlength=len(cover.rows))[chosen]
        beyond = int((_row_sizes(cover.covers) == 0).sum())
        notes = (f"{beyond:,} of {len(problem.wanted):,} validation pairs have no pool pair within the radius.",) if beyond else ()
        return Selection(cover.rows[chosen], scores.astype(np.float32), weights, notes)

    def uncoverable(self, problem: Problem) -> IntVector:
        """Return the positions of the validation pairs that have vectors and no available pool pair within the radius, ascending."""
        check_wanted(problem, self.name)
        covers = cover_of(problem, self.least_product(problem)).covers
        return np.asarray(problem.wanted[_row_sizes(covers) == 0])

    def least_product(self, problem: Problem) -> float:
        """Return the inner product from which on a pair covers: the distance of unit rows is sqrt(2 - 2 * product)."""
        if self.radius is not None:
            return 1 - 0.5 * self.radius**2
        return percentile_product(problem, self.percentile)


def percentile_product(problem: Problem, percentile: float) -> float:
    """Return the inner product that this percentage of all couples, at least one, exceeds; see `Covering` for the sample.

    It lies half way between two neighbouring products, so that no rounding decides on which side a couple lies.
    """
    available, wanted = problem.available, problem.wanted
    if not len(available):
        return 1.0
    size = max(_LEAST_SAMPLE, min(_MOST_SAMPLE, _SAMPLE_NUMBERS // len(wanted)))
    sample = available[sample_positions(problem.pool_keys[available], size)]
    with one_thread():
        products = joint_products(_side(problem.validation, wanted), _side(problem.pool, sample)).ravel()
    inside = len(products) - max(1, int(len(products) * percentile / 100))
    if inside == 0:
        return float(products[0]) - _MARGIN
    products.partition([inside - 1, inside])
    return 0.5 * (float(products[inside - 1]) + float(products[inside]))


def cover_of(problem: Problem, least_product: float, progress: Progress = silent) -> Cover:
    """Return which available pool pair has at least this inner product with which wanted validation pair."""
    available, wanted = problem.available, problem.wanted
    pool = _side(problem.pool, available) if len(available) < len(problem.pool) else problem.pool
    best = np.full(len(available), -np.inf, dtype=np.float32)
    columns, counts = [], [np.zeros(1, dtype=np.int64)]
    step = max(1, _BLOCK_NUMBERS // max(len(available), 1))
    for start in range(0, len(wanted), step):
        progress(start / len(wanted), "Finding the pool pairs near each validation pair")
        with one_thread():
            products = joint_products(_side(problem.validation, wanted[start : start + step]), pool)
        np.maximum(best, products.max(axis=0), out=best)
        for row in products >= np.float32(least_product):
            found = np.flatnonzero(row).astype(np.int32)
            columns.append(found)
            counts.append(np.array([len(found)]))
    progress(1.0, _ORDERING)
    order = np.lexsort((problem.pool_keys[available], -best))
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    progress(1.0, _ORDERING)
    indices = places[np.concatenate(columns)]
    progress(1.0, _ORDERING)
    starts = np.cumsum(np.concatenate(counts))
    covers = scipy.sparse.csr_matrix((np.ones(len(indices), dtype=bool), indices, starts), shape=(len(wanted), len(order)))
    return Cover(available[order], best[order], covers)


def greedy_cover(covers: Any, count: int, progress: Progress = silent) -> tuple[IntVector, IntVector]:
    """Return the columns greedy set cover takes, in order, and how many open rows each covered when it was taken.

    A row is open in round r while fewer than r of its columns are taken; round r ends when no row that has an untaken column is open.

    Parameters
    ----------
    covers : scipy.sparse.csr_matrix
        Shape (m, n), bool: which column covers which row.
    count : int
        Columns at most; fewer are returned where no untaken column covers anything. Equal gains go to the lower column.

    Notes
    -----
    The first round takes at most 1 + 1/2 + ... + 1/k times the fewest columns that cover all that can be, with k the most rows one
    column covers (Johnson 1974, Lovász 1975, Chvátal 1979). Work: an argmax over n a column taken, and every entry of an open row twice
    a round.
    """
    progress(0.0, "Covering the validation pairs")
    by_column, supply = covers.tocsc(), _row_sizes(covers)
    times = np.zeros(covers.shape[0], dtype=np.int64)  # how many of its columns are taken, for each row
    is_open, is_taken = np.zeros(covers.shape[0], dtype=bool), np.zeros(covers.shape[1], dtype=bool)
    gains = np.zeros(covers.shape[1], dtype=np.int64)
    taken: list[int] = []
    newly: list[int] = []
    while len(taken) < count:
        if not is_open.any():
            progress(len(taken) / count, "Covering the validation pairs")
            is_open = _next_round(times, supply)
            if not is_open.any():
                break
            gains = np.bincount(covers[is_open].indices, minlength=covers.shape[1])
            gains[is_taken] = 0
        if len(taken) % _STEPS == 0:
            progress(len(taken) / count, "Covering the validation pairs")
        pick = int(np.argmax(gains))
        rows = by_column.indices[by_column.indptr[pick] : by_column.indptr[pick + 1]]
        closed = rows[is_open[rows]]
        for row in closed:
            gains[covers.indices[covers.indptr[row] : covers.indptr[row + 1]]] -= 1  # below 0 for taken columns, which do no harm
        times[rows] += 1
        is_open[closed], is_taken[pick] = False, True
        taken.append(pick)
        newly.append(len(closed))
    return np.array(taken, dtype=np.int64), np.array(newly, dtype=np.int64)


def _next_round(times: IntVector, supply: IntVector) -> BoolVector:
    """Return which rows are covered least often among those that still have an untaken column."""
    unfinished = times < supply
    return np.asarray(unfinished & (times == times[unfinished].min(initial=np.iinfo(np.int64).max)))


def _row_sizes(covers: Any) -> IntVector:
    return np.asarray(np.diff(covers.indptr), dtype=np.int64)


def _side(pairs: EncodedPairs, positions: IntVector) -> EncodedPairs:
    """Return the vectors alone at these positions."""
    return EncodedPairs(pairs.sources[positions], pairs.targets[positions])


_BLOCK_NUMBERS = 2**24  # products held at a time: 64 MB
_SAMPLE_NUMBERS = 2**25
_MOST_SAMPLE, _LEAST_SAMPLE = 20_000, 1_000
_MARGIN = 1e-6
_ORDERING = "Ordering the pool pairs near validation"
_STEPS = 64  # pairs taken between two reports of progress: a tenth of a second in a million
