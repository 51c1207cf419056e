"""Sensitivity sampling: draw pairs in proportion to what they may cost a translator, and weigh them so that sums stay true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse

from craft_core.allocate import check_budget
from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.corpus.sample import sample_positions
from craft_core.draws import uniforms
from craft_core.errors import ParameterError
from craft_core.joint import joint_rows
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.ridge import ridge_map
from craft_core.threads import one_thread

__all__ = ["Draw", "Sensitivity", "SensitivityReport", "draw_distinct", "report", "upper_bounds"]

MAX_LEARNT = 20_000
"""Pool pairs the ridge translator learns from; of a larger pool those with the smallest content keys."""


@dataclass(frozen=True, eq=False)
class Draw:
    """Hold what was drawn.

    Attributes
    ----------
    indices : IntVector
        Distinct pool positions, in the order they first came up.
    repeats : IntVector
        How often each came up; 0 for a pair that can never come up and only fills the budget.
    bounds : FloatVector
        The upper bound of each one's loss, float64.
    total : float
        T, the sum of the upper bounds over the available pool; a pair comes up with probability bound / T at each draw.
    """

    indices: IntVector
    repeats: IntVector
    bounds: FloatVector
    total: float

    def __post_init__(self) -> None:
        for array in (self.indices, self.repeats, self.bounds):
            frozen(array)

    @property
    def n_draws(self) -> int:
        """How many draws were made, s."""
        return int(self.repeats.sum())

    @property
    def weights(self) -> FloatVector:
        """The weights repeats / (s p), so that the weighted sum of any loss estimates its sum over the pool; 0 for mere filling."""
        drawn = self.repeats > 0
        weights = np.zeros(len(self.repeats))
        weights[drawn] = self.repeats[drawn] * (self.total / (self.n_draws * self.bounds[drawn]))
        return weights


@dataclass(frozen=True)
class SensitivityReport:
    """Hold how much a draw says about the whole pool.

    Attributes
    ----------
    total : float
        T, the sum of the upper bounds over the available pool.
    n_draws, n_distinct : int
        Draws made, and the distinct pairs among them.
    effective_size : float
        (sum w)^2 / sum w^2: so many equally weighted pairs would have the same spread.
    epsilon : float
        Solves s = ln(2/delta) (2 + 2 epsilon/3) / epsilon^2 for the s draws made.
    error_bar : float
        epsilon * T: with probability 1 - delta the weighted sum of the losses is this close to their sum over the pool (Bernstein),
        provided that no pair's loss is above its upper bound and that s was fixed beforehand. Here s is the number of draws until the
        budget was full, so the bar is a guide.
    """

    total: float
    n_draws: int
    n_distinct: int
    effective_size: float
    epsilon: float
    error_bar: float


@dataclass(frozen=True)
class Sensitivity:
    """Draw pairs at random, the more often the more a simple translator may err on them, and weigh them to stand for the whole pool.

    Clustering-based sensitivity sampling (Axiotis et al., ICML 2024, arXiv 2402.17327). It ignores validation: its aim is the whole pool
    in few pairs, and here it shows what aiming at validation adds. The loss is computed for one pair a cluster only, the one nearest to
    the middle c; every other pair e of the cluster has at most loss(c) + lambda ||e - c||^2 if the loss grows no faster than that, and is
    drawn with probability in proportion to this bound.

    Ours are the stand-ins: the clusters are those of the run, of source vectors, while distances are those of joint vectors; the loss is
    the squared error of a ridge regression from source to target vectors, learnt on at most 20,000 pool pairs; lambda is one number for
    all clusters (with 1, the loss of 1.2 % of 102,000 English-Hindi pairs is above its bound). The paper draws a fixed number of times
    with replacement; here drawing goes on until the budget is full of distinct pairs, so the number of draws s is an outcome. A pair drawn
    r times has the weight r / (s p), scaled to mean 1; its score is its bound.

    Notes
    -----
    Three passes over the joint vectors, a block at a time, and one solution of a system of the source dimensions. Memory is a few numbers
    a pool pair and blocks of 16,384 joint rows. Drawing takes N log N steps however large the budget is.
    """

    name: ClassVar[str] = "sensitivity"
    needs: ClassVar[tuple[str, ...]] = ("vectors", "clusters")
    draws: ClassVar[bool] = True

    distance_weight: float = param(
        1.0,
        low=0.0,
        high=1e6,
        help="How fast a pair's loss may grow with its squared distance from the middle of its cluster; 0 trusts the middle alone.",
    )

    def __post_init__(self) -> None:
        check(self)

    def draw(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Draw:
        """Draw until min(budget, available) distinct pairs came up, for `report`. Raises ParameterError for a budget below 1."""
        check_budget(budget)
        rows, bounds = upper_bounds(problem, self.distance_weight, progress)
        drawn, repeats = draw_distinct(bounds, problem.pool_keys[rows], budget, rng)
        return Draw(rows[drawn], repeats, bounds[drawn], float(bounds.sum()))

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the pairs in the order they first came up. Raises ParameterError for a budget below 1."""
        draw = self.draw(problem, budget, rng, progress)
        weights, drawn = draw.weights, draw.repeats > 0
        scale = weights[drawn].mean() if drawn.any() else 1.0
        relative = np.where(drawn, weights / scale, 1.0)  # a pair that only fills the budget counts like an average one
        return Selection(draw.indices, draw.bounds.astype(np.float32), relative.astype(np.float32), _notes(report(draw)))


def _notes(found: SensitivityReport) -> tuple[str, ...]:
    draws = f"sensitivity drew {found.n_draws:,} times for {found.n_distinct:,} distinct pairs"
    bound = (
        f"If its bound of {found.total:,.0f} on the pool's loss holds, the weighted choice estimates it within {found.epsilon:.0%} of that"
    )
    return f"{draws} (effective sample size {found.effective_size:,.0f}).", f"{bound}, with probability 95 %."


def upper_bounds(problem: Problem, distance_weight: float, progress: Progress = silent) -> tuple[IntVector, FloatVector]:
    """Return the available pool positions, in an order made of their contents, and the upper bound of each one's loss.

    Returns
    -------
    rows : IntVector
        Shape (n,): by cluster, then by content key.
    bounds : FloatVector
        Shape (n,), float64: loss(c) + distance_weight * ||e - c||^2, with c the pair of the cluster nearest to its mean joint vector.
    """
    available, keys = problem.available, problem.pool_keys
    order = np.lexsort((keys[available], problem.clustering.pool_labels[available]))
    rows = available[order]
    _, cells = np.unique(problem.clustering.pool_labels[rows], return_inverse=True)  # rising, without empty clusters
    with one_thread():
        middles = _middles(problem, rows, cells, part(progress, 0.0, 0.6))
        progress(0.6, "Learning a ridge translator")
        losses = _losses(problem, middles, available[sample_positions(keys[available], MAX_LEARNT)])
        squares = _squares(problem, rows, cells, joint_rows(problem.pool, middles), part(progress, 0.8, 1.0))
    return rows, losses[cells] + distance_weight * squares


def draw_distinct(bounds: FloatVector, keys: npt.NDArray[np.uint64], count: int, rng: np.random.Generator) -> tuple[IntVector, IntVector]:
    """Draw rows with replacement, in proportion to their bounds, until `count` distinct ones came up.

    Parameters
    ----------
    bounds : FloatVector
        Shape (n,), at least 0.
    keys : array of uint64
        Shape (n,): content keys, so that the same rows are drawn in whatever order they stand.
    count : int
        Capped at n. Rows with a bound of (nearly) 0 never come up; where only they are left they fill the count, in random order.

    Returns
    -------
    rows, repeats : IntVector
        The rows in the order they first came up, and how often each did until the last of them came up for the first time.

    Notes
    -----
    Not a loop over draws but the same law in one go: let row i come up at the events of a Poisson process of rate p_i. The first event is
    exponential, the rows by first event are the order of coming up, the count-th one ends the draw at time t, and row i has come up
    1 + Poisson(p_i (t - its first)) times by then (our derivation; the first step is the exponential form of Yellott's race).
    """
    mean = bounds.mean() if len(bounds) else 0.0
    possible = bounds > _NEVER * mean
    rates = np.where(possible, bounds / mean if mean > 0 else 0.0, 1.0)
    firsts = -np.log(uniforms(keys, rng)) / rates
    rows = np.lexsort((firsts, ~possible))[:count].astype(np.int64)
    drawn = rows[possible[rows]]
    repeats = np.zeros(len(rows), dtype=np.int64)
    if len(drawn):
        repeats[: len(drawn)] = 1 + rng.poisson(rates[drawn] * (firsts[drawn[-1]] - firsts[drawn]))
    return rows, repeats


def report(draw: Draw, delta: float = 0.05) -> SensitivityReport:
    """Return how much a draw says about the whole pool, with an error bar that holds with probability 1 - delta.

    Raises
    ------
    ParameterError
        If delta is not between 0 and 1, or nothing was drawn.
    """
    if not 0 < delta < 1:
        raise ParameterError(f"The 'delta' parameter of the error bar must lie between 0 and 1. Got {delta!r}.")
    if draw.n_draws == 0:
        raise ParameterError("There is no error bar for a draw without any pair.")
    weights = draw.weights
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    epsilon = error_share(draw.n_draws, delta)
    return SensitivityReport(draw.total, draw.n_draws, int((draw.repeats > 0).sum()), effective, epsilon, epsilon * draw.total)


def error_share(n_draws: int, delta: float) -> float:
    """Return the epsilon of s = ln(2/delta) (2 + 2 epsilon/3) / epsilon^2."""
    # the positive root of s epsilon^2 - (2a/3) epsilon - 2a
    a = float(np.log(2 / delta))
    return (a / 3 + float(np.sqrt(a * a / 9 + 2 * a * n_draws))) / n_draws


def _middles(problem: Problem, rows: IntVector, cells: IntVector, progress: Progress) -> IntVector:
    """Return for each cluster the position of the pair nearest to its mean joint vector, ties by content key."""
    means = _means(problem, rows, cells, part(progress, 0.0, 0.5))
    products = np.empty(len(rows), dtype=np.float32)
    for block in _blocks(len(rows), part(progress, 0.5, 1.0)):
        # rows have length 1, so the nearest has the largest product
        products[block] = np.einsum("ij,ij->i", joint_rows(problem.pool, rows[block]), means[cells[block]])
    by_product = np.lexsort((-products, cells))  # stable: equal products stay by key
    return rows[by_product[np.searchsorted(cells, np.arange(len(means)))]]


def _means(problem: Problem, rows: IntVector, cells: IntVector, progress: Progress) -> FloatMatrix:
    sizes = np.bincount(cells)
    sums = np.zeros((len(sizes), problem.pool.sources.shape[1] + problem.pool.targets.shape[1]))
    for block in _blocks(len(rows), progress):
        joint = joint_rows(problem.pool, rows[block])
        starts = np.flatnonzero(np.diff(cells[block], prepend=-1))
        # a matrix with a row of ones for each cluster of the block: forty times as fast as np.add.reduceat
        ones = scipy.sparse.csr_matrix((np.ones(len(joint), np.float32), np.arange(len(joint)), np.append(starts, len(joint))))
        sums[cells[block][starts]] += ones @ joint
    return (sums / sizes[:, None]).astype(np.float32)


def _losses(problem: Problem, middles: IntVector, learnt: IntVector) -> FloatVector:
    errors = problem.pool.sources[middles] @ ridge_map(problem.pool, positions=learnt) - problem.pool.targets[middles]
    return np.asarray(np.einsum("ij,ij->i", errors, errors))


def _squares(problem: Problem, rows: IntVector, cells: IntVector, middles: FloatMatrix, progress: Progress) -> FloatVector:
    """Return the squared distance of each pair to the middle of its cluster, shape (n,), float64."""
    squares = np.empty(len(rows))
    for block in _blocks(len(rows), progress):
        apart = joint_rows(problem.pool, rows[block])
        apart -= middles[cells[block]]
        squares[block] = np.einsum("ij,ij->i", apart, apart)
    return squares


def _blocks(n: int, progress: Progress) -> Iterator[slice]:
    for start in range(0, n, _BLOCK_ROWS):
        progress(start / n, "Measuring distances to the middle of each cluster")
        yield slice(start, min(start + _BLOCK_ROWS, n))


_NEVER = 1e-9
_BLOCK_ROWS = 16_384
