"""TSDS: optimal transport from validation to pool with a brake on near-duplicates, and a draw from the probabilities it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar

import numpy as np

from craft_core.allocate import check_budget
from craft_core.arrays import FloatMatrix, FloatVector, IntVector
from craft_core.draws import gumbel
from craft_core.joint import check_wanted, joint_products, joint_rows, nearest_pool
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Densities", "Tsds", "sweep"]

Density = Callable[[IntVector], FloatVector]
"""Gives the density of the pool pairs at some positions."""


@dataclass(frozen=True)
class Tsds:
    """Select by a draw from the cheapest way to move the validation set onto the pool, where near-duplicates share one place.

    Each validation pair spreads its mass over its nearest pool pairs; `alpha` weighs nearness against spread, and a pair among many
    near-duplicates may take only its part of what a single pair may take. Source: Liu, Karbasi and Rekatsinas, "TSDS: Data Selection for
    Task-Specific Model Finetuning" (NeurIPS 2024, arXiv 2410.11303); the probabilities agree with the authors' code. As there, densities
    are taken among the pairs that are one of the `max_k` neighbours of some validation pair. Ours: joint vectors, `transport_scale` 1 for
    unit rows instead of 5, distinct pairs (the n largest of log probability plus Gumbel noise, where the original may draw a pair twice),
    and, where fewer pairs have a probability than the budget asks for, the next neighbours, round by round.

    Notes
    -----
    The cost lies in the exact neighbours (M * N * d) and above all in the density estimate; it is made only for the pairs the answer
    depends on, and `sigma` 0 leaves it out. Memory: 12 bytes for each of the M * max_k neighbours and for a while five times that, a copy
    of the vectors of those that are neighbours, blocks of 64 MB.
    """

    name: ClassVar[str] = "tsds"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = True

    alpha: float = param(0.5, low=0.0, high=1.0, help="Weight of nearness to validation; the rest, 1 - alpha, is the weight of spread.")
    transport_scale: float = param(
        1.0, low=1e-6, high=1e6, help="Divides distances before they are weighed against spread (C in the paper)."
    )
    sigma: float = param(0.75, low=0.0, high=2.0, help="Distance below which two pairs count as near-duplicates; 0 leaves them alone.")
    max_k: int = param(
        5_000, low=1, high=1_000_000, help="Nearest pool pairs looked at for each validation pair (a tenth of the pool at most)."
    )
    kde_k: int = param(1_000, low=1, high=1_000_000, help="Near-duplicates counted for each pool pair (a tenth of the pool at most).")

    def __post_init__(self) -> None:
        check(self)

    def probabilities(self, problem: Problem, progress: Progress = silent) -> FloatVector:
        """Return the probability of each pool pair, shape (N,); they sum to 1."""
        neighbours, products = self._neighbours(problem, part(progress, 0.0, 0.3))
        return self._probabilities(problem, neighbours, products, part(progress, 0.3, 1.0))

    def support(self, problem: Problem) -> int:
        """Return how many pool pairs have a probability; a budget beyond it is filled with next neighbours."""
        return int(np.count_nonzero(self.probabilities(problem)))

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return a draw without replacement, then next neighbours; scores are log probabilities, and below them for those that fill.

        Raises
        ------
        ParameterError
            For a budget below 1.
        DataError
            If no validation pair has vectors.
        """
        check_budget(budget)
        neighbours, products = self._neighbours(problem, part(progress, 0.0, 0.3))
        probabilities = self._probabilities(problem, neighbours, products, part(progress, 0.3, 0.9))
        support = np.flatnonzero(probabilities)
        logs = np.log(probabilities[support])
        order = np.argsort(-(logs + gumbel(problem.pool_keys[support], rng)), kind="stable")[:budget]
        indices, scores = support[order], logs[order]
        notes: tuple[str, ...] = ()
        if len(indices) < min(budget, len(problem.available)):
            fill = _fill(problem, neighbours, indices, min(budget, len(problem.available)) - len(indices), part(progress, 0.9, 1.0))
            notes = (f"Only {len(support):,} pairs have a probability under tsds; {len(fill):,} more are next neighbours.",)
            indices = np.concatenate([indices, fill])
            scores = np.concatenate([scores, logs.min() - 1.0 - np.arange(len(fill)) / len(fill)])
        return Selection(indices, scores.astype(np.float32), np.ones(len(indices), dtype=np.float32), notes)

    def _neighbours(self, problem: Problem, progress: Progress) -> tuple[IntVector, FloatMatrix]:
        check_wanted(problem, self.name)
        return nearest_pool(problem, min(self.max_k, _tenth(problem)), progress)

    def _probabilities(self, problem: Problem, neighbours: IntVector, products: FloatMatrix, progress: Progress) -> FloatVector:
        distances = np.sqrt(np.maximum(2.0 - 2.0 * products.astype(np.float64), 0.0))
        density: Density = _ones
        if self.sigma > 0:
            density = Densities(problem.pool, np.unique(neighbours), self.sigma, min(self.kde_k, _tenth(problem)), progress)
        masses = sweep(neighbours, distances, density, self.alpha / self.transport_scale, 1.0 - self.alpha)
        near = neighbours[:, : masses.shape[1]]
        probabilities: FloatVector = np.bincount(near.ravel(), masses.ravel(), minlength=len(problem.pool)).astype(np.float64)
        return probabilities


def sweep(neighbours: IntVector, distances: FloatVector, density: Density, nearness: float, spread: float) -> FloatVector:
    """Solve TSDS's transport problem exactly, asking for the density of as few pool pairs as the answer needs.

    Minimise nearness * sum gamma_ij d_ij + spread * M * max rho_j gamma_ij over couplings gamma in which each of M validation pairs gives
    1/M to its K neighbours. For a cap gamma_ij <= 1 / (M s rho_j) every validation pair fills its neighbours in order, so only s is sought.
    Neighbour k of validation pair i is full when s reaches the breakpoint c_ik = sum over l <= k of 1 / rho_l; from there on mass moves to
    the next one, and the slope of the cost grows by nearness * (d_{i,k+1} - d_ik) * c_ik. The best s is the first breakpoint where the
    slope is at least spread * M.

    Parameters
    ----------
    neighbours, distances : arrays
        Shape (M, K): pool positions, nearest first, and their distances.
    density : callable
        Gives rho_j >= 1 for an array of pool positions.
    nearness, spread : float
        alpha / C and 1 - alpha.

    Returns
    -------
    FloatVector
        Shape (M, k): the mass of the first k <= K neighbours; the others have none. Each row sums to 1/M.

    Notes
    -----
    A breakpoint that is not known can only bring the stop nearer. So the first few densities give an upper bound of s, and only the
    validation pairs whose breakpoints end before it need further ones.
    """
    m, k = neighbours.shape
    depth = np.full(m, min(_FIRST_DEPTH, k - 1))
    while True:
        is_known = np.arange(depth.max()) < depth[:, None]
        inverse = np.full(is_known.shape, np.inf)
        inverse[is_known] = 1.0 / density(neighbours[:, : depth.max()][is_known])
        points = np.cumsum(inverse, axis=1)
        stop = _stop(points, distances, nearness, spread * m)
        is_short = (np.max(points, axis=1, initial=0.0, where=is_known) < stop) & (depth < k - 1)
        if not is_short.any():
            break
        depth[is_short] = np.minimum(depth[is_short] + -(-depth[is_short] // 4), k - 1)
    if np.isinf(stop):  # never too dear: every pair spreads over all its neighbours, and the last one takes the rest
        stop = np.max(points, initial=1e-300)
    filled = np.ones((m, points.shape[1] + 1))
    filled[:, :-1] = np.minimum(points / stop, 1.0)
    masses: FloatVector = np.diff(filled, axis=1, prepend=0.0) / m
    return masses


def _stop(points: FloatVector, distances: FloatVector, nearness: float, spread: float) -> float:
    """Return the first breakpoint from which on the slope is not below `spread`, infinity if there is none."""
    is_known = np.isfinite(points)
    breakpoints = points[is_known]
    order = np.argsort(breakpoints)
    steps = np.diff(distances[:, : points.shape[1] + 1], axis=1)[is_known] * breakpoints
    enough = np.flatnonzero(nearness * np.cumsum(steps[order]) >= spread)
    return float(breakpoints[order[enough[0]]]) if len(enough) else np.inf


class Densities:
    """Give rho_j = sum of max(0, 1 - distance^2 / sigma^2) over the kde_k nearest of some pool pairs, j among them; found when asked for.

    Parameters
    ----------
    pool : EncodedPairs
        Any rows; they need not have length 1.
    others : IntVector
        Distinct pool positions: the pairs that count.
    sigma : float
        Above 0.
    kde_k : int
        How many count at most.
    progress : Progress
        Called between blocks.
    """

    def __init__(self, pool: EncodedPairs, others: IntVector, sigma: float, kde_k: int, progress: Progress = silent) -> None:
        self.pool, self.others, self.sigma, self.kde_k, self.progress = pool, others, sigma, min(kde_k, len(others)), progress
        self.known = np.full(len(pool), np.nan)

    def __call__(self, positions: IntVector) -> FloatVector:
        """Return the density of the pairs at these positions, shape as given, at least 1; each is computed once."""
        missing = np.unique(positions[np.isnan(self.known[positions])])
        for start in range(0, len(missing), _ROWS):
            share, text = start / len(missing), f"Estimating the density around {len(missing):,} pairs"
            with one_thread():
                block = missing[start : start + _ROWS]
                self.known[block] = self._estimate(block, partial(self.progress, share, text))
        found: FloatVector = self.known[positions]
        return found

    @cached_property
    def _columns(self) -> FloatMatrix:
        columns = np.ones((len(self.others), self.pool.sources.shape[1] + self.pool.targets.shape[1] + 2), dtype=np.float32)
        for start in range(0, len(columns), _TOLD_ROWS):
            self.progress(0.0, "Joining the sides of the pairs that count")
            rows = joint_rows(self.pool, self.others[start : start + _TOLD_ROWS])
            columns[start : start + len(rows), :-2] = rows
            columns[start : start + len(rows), -2] = -_half_squares(rows)
        return columns

    def _rows(self, positions: IntVector) -> FloatMatrix:
        """Return rows whose product with a column is x.y - |y|^2 / 2 + (sigma^2 - |x|^2) / 2 = (sigma^2 - distance^2) / 2."""
        rows = joint_rows(self.pool, positions)
        return np.column_stack([rows, np.ones(len(rows), dtype=np.float32), np.float32(self.sigma**2 / 2) - _half_squares(rows)])

    def _estimate(self, positions: IntVector, told: Callable[[], None]) -> FloatVector:
        told()
        rows, columns = self._rows(positions), self._columns
        totals, counts = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
        for start in range(0, len(columns), _TILE):  # tiles stay in the processor's cache, a block of all columns does not
            if start % _TOLD_ROWS == 0:
                told()
            kernel = rows @ columns[start : start + _TILE].T
            np.maximum(kernel, 0.0, out=kernel)
            totals += kernel.sum(axis=1)
            counts += np.count_nonzero(kernel, axis=1)
        # where at most kde_k lie within sigma they are all summed, without sorting; elsewhere only the nearest kde_k count
        crowded, rest = np.flatnonzero(counts > self.kde_k), len(columns) - self.kde_k
        step = max(1, _BLOCK_NUMBERS // len(columns))
        for block in (crowded[start : start + step] for start in range(0, len(crowded), step)):
            told()
            totals[block] = np.maximum(np.partition(rows[block] @ columns.T, rest, axis=1)[:, rest:], 0.0).sum(axis=1)
        return np.maximum(totals * (2.0 / self.sigma**2), 1.0)  # the pair itself counts 1; rounding must not take it away


def _half_squares(rows: FloatMatrix) -> FloatMatrix:
    halves: FloatMatrix = np.float32(0.5) * np.einsum("ij,ij->i", rows, rows)
    return halves


def _ones(positions: IntVector) -> FloatVector:
    return np.ones(len(positions))


def _tenth(problem: Problem) -> int:
    return max(1, len(problem.available) // 10)


def _fill(problem: Problem, neighbours: IntVector, taken: IntVector, count: int, progress: Progress) -> IntVector:
    """Return further pairs: the nearest neighbours of all validation pairs, then the second ones, ..., then those nearest to any."""
    is_free = np.zeros(len(problem.pool), dtype=bool)
    is_free[problem.available] = True
    is_free[taken] = False
    rounds = neighbours.T[is_free[neighbours.T]]
    distinct, first = np.unique(rounds, return_index=True)
    fill = distinct[np.argsort(first)][:count]
    is_free[fill] = False
    rest = np.flatnonzero(is_free)
    if len(fill) == count:
        return fill
    order = np.argsort(-_closeness(problem, rest, progress), kind="stable")
    return np.concatenate([fill, rest[order][: count - len(fill)]])


def _closeness(problem: Problem, positions: IntVector, progress: Progress) -> FloatMatrix:
    """Return the largest product of each of these pool pairs with a validation pair."""
    wanted, best = problem.validation.take(problem.wanted), np.empty(len(positions), dtype=np.float32)
    step = max(1, _BLOCK_NUMBERS // len(wanted))
    for start in range(0, len(positions), step):
        progress(start / len(positions), "Filling the budget with next neighbours")
        block = positions[start : start + step]
        with one_thread():
            products = joint_products(EncodedPairs(problem.pool.sources[block], problem.pool.targets[block]), wanted)
        best[start : start + step] = products.max(axis=1)
    return best


_BLOCK_NUMBERS = 2**24  # products held at a time: 64 MB
_ROWS, _TILE = 512, 1024  # densities estimated at a time, and the pairs they are compared with at a time
_TOLD_ROWS = 64 * _TILE  # compared between two reports of progress
_FIRST_DEPTH = 2  # neighbours of each validation pair whose density is asked for at first
