"""TAROT: after whitening, the nearest pool pair of every validation pair, then the second nearest, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.allocate import check_budget
from craft_core.arrays import FloatMatrix, FloatVector, IntVector
from craft_core.joint import check_wanted, joint_rows, largest
from craft_core.params import check, param
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import unit_rows

__all__ = ["Tarot", "best_layers", "layers", "potentials", "whiten"]


@dataclass(frozen=True)
class Tarot:
    """Select the pool pairs nearest to each validation pair, in layers of one for each, after whitening the vectors.

    Layers are added whole while they fit; from the one that does not, those pairs that optimal transport to the validation set finds
    farthest from it (the largest Sinkhorn dual potentials). Source: Feng, Nie, Liu and Alahi, "TAROT: Targeted Data Selection via Optimal
    Transport" (ICML 2025, arXiv 2412.00420), the selection of fixed size; it agrees with the authors' code. Adapted: it works on the joint
    vectors of source and target, where the original works on gradients of a trained model, so this is TAROT's rule and not its features.

    Notes
    -----
    The cost lies in the whitening, (N + M) * d^2, and in the exact neighbours, M * N * d. Memory: the whitened joint vectors (213 MB for
    104,000 pairs of 512 dimensions), blocks of 64 MB, 4 bytes for each neighbour of the M * R in R layers, and about 40 M^2 bytes for the
    transport.
    """

    name: ClassVar[str] = "tarot"
    needs: ClassVar[tuple[str, ...]] = ("vectors",)
    draws: ClassVar[bool] = False

    blur: float = param(0.01, low=0.001, high=1.0, help="Length below which the optimal transport for the last layer is blurred.")

    def __post_init__(self) -> None:
        check(self)

    def select(self, problem: Problem, budget: int, rng: np.random.Generator, progress: Progress = silent) -> Selection:
        """Return the layers in order; nothing is random, so `rng` is not used.

        A score is minus the number of the layer; in the layer that is not complete the potential, scaled to less than 1, is part of it.

        Raises
        ------
        ParameterError
            For a budget below 1.
        DataError
            If no validation pair has vectors.
        """
        check_budget(budget)
        check_wanted(problem, self.name)
        available, wanted = problem.available, problem.wanted
        pool, validation = joint_rows(problem.pool, available, part(progress, 0.0, 0.1)), joint_rows(problem.validation, wanted)
        whiten(pool, validation, part(progress, 0.1, 0.5))
        layer = layers(pool, validation, budget, part(progress, 0.5, 0.9))
        progress(0.9, "Choosing from the last layer")
        chosen, scores = best_layers(layer, pool, validation, budget, self.blur)
        return Selection(available[chosen], scores, np.ones(len(chosen), dtype=np.float32))


def whiten(pool: FloatMatrix, validation: FloatMatrix, progress: Progress = silent) -> None:
    """Whiten the rows of both together and scale them to length 1, in place.

    With the covariance S + 1e-5 I = L L^T of all rows, a row becomes (x - mean) L^-T. Sums and L are in float64.
    """
    mean, square = np.zeros(pool.shape[1]), np.zeros((pool.shape[1], pool.shape[1]))
    for rows, share in _blocks(pool, validation):
        progress(0.5 * share, "Whitening the vectors")
        exact = rows.astype(np.float64)
        mean += exact.sum(axis=0)
        with one_thread():
            square += exact.T @ exact
    mean /= len(pool) + len(validation)
    square /= len(pool) + len(validation)
    factor = np.linalg.cholesky(square - np.outer(mean, mean) + _RIDGE * np.eye(len(mean)))
    matrix = np.linalg.inv(factor).T.astype(np.float32)
    for rows, share in _blocks(pool, validation):
        progress(0.5 + 0.5 * share, "Whitening the vectors")
        with one_thread():
            rows[:] = unit_rows((rows - mean.astype(np.float32)) @ matrix)


def layers(pool: FloatMatrix, validation: FloatMatrix, budget: int, progress: Progress = silent) -> IntVector:
    """Return the layer of each pool row: r where it is the r-th nearest of some validation row (the smallest such r, from 0).

    Parameters
    ----------
    pool, validation : FloatMatrix
        Unit rows, shapes (N, d) and (M, d).
    budget : int
        Rows wanted: layers are told apart until they hold as many.

    Returns
    -------
    IntVector
        Shape (N,); N for a row whose layer was not needed.
    """
    n, deepest = len(pool), 0
    layer = np.full(n, n)
    depth = _DEPTH_FACTOR * -(-budget // len(validation)) + 1  # near validation rows share neighbours, so it takes more than budget / M
    while deepest < n and np.count_nonzero(layer < n) < budget:
        deepest, depth = min(depth, n), 2 * depth
        near = _nearest(pool, validation, deepest, progress)
        for rank in range(deepest - 1, -1, -1):
            layer[near[:, rank]] = rank
    return layer


def potentials(rows: FloatMatrix, validation: FloatMatrix, blur: float) -> FloatVector:
    """Return the Sinkhorn dual potential of each row for optimal transport of all rows, equally weighted, to the validation rows.

    Cost sqrt(2 - 2 cos). The temperature falls from the squared diameter of the bounding box by factors of 4 to blur^2, with averaged
    symmetric updates and a last full one (Feydy 2020; the schedule of the library the authors call, which stops before convergence, so the
    schedule is part of the method).

    Parameters
    ----------
    rows, validation : FloatMatrix
        Unit rows, shapes (n, d) and (m, d).
    blur : float
        Length.

    Returns
    -------
    FloatVector
        Shape (n,), float64.
    """
    with one_thread():
        cost = np.sqrt(np.abs(2.0 - 2.0 * (rows @ validation.T).astype(np.float64)))
    spread = np.maximum(rows.max(axis=0), validation.max(axis=0)) - np.minimum(rows.min(axis=0), validation.min(axis=0))
    temperatures = _temperatures(max(float(np.linalg.norm(spread)), blur), blur)
    f = _softmin(temperatures[0], cost, np.zeros(cost.shape[1]))
    g = _softmin(temperatures[0], cost.T, np.zeros(cost.shape[0]))
    for temperature in temperatures:
        f, g = (f + _softmin(temperature, cost, g)) / 2.0, (g + _softmin(temperature, cost.T, f)) / 2.0
    return _softmin(temperatures[-1], cost, g)


def best_layers(layer: IntVector, pool: FloatMatrix, validation: FloatMatrix, budget: int, blur: float) -> tuple[IntVector, FloatMatrix]:
    """Return the positions and scores of `budget` rows: all of the layers that fit, then the largest potentials of the next."""
    sizes = np.bincount(layer[layer < len(pool)])
    n_complete = int(np.searchsorted(np.cumsum(sizes), budget, side="right"))
    whole = np.flatnonzero(layer < n_complete)
    whole = whole[np.argsort(layer[whole], kind="stable")]
    scores, left = -layer[whole].astype(np.float32), budget - len(whole)
    split = np.flatnonzero(layer == n_complete)
    if left == 0 or len(split) == 0:
        return whole, scores
    potential = potentials(pool[split], validation, blur)
    order = np.argsort(-potential, kind="stable")[:left]
    behind = (potential.max() - potential[order]) / (1.0 + np.ptp(potential))
    return np.concatenate([whole, split[order]]), np.concatenate([scores, -(n_complete + behind).astype(np.float32)])


def _nearest(pool: FloatMatrix, validation: FloatMatrix, depth: int, progress: Progress) -> npt.NDArray[np.int32]:
    near = np.empty((len(validation), depth), dtype=np.int32)
    step = max(1, _BLOCK_NUMBERS // len(pool))
    for start in range(0, len(validation), step):
        progress(start / len(validation), "Finding the nearest pool pairs")
        with one_thread():
            products = validation[start : start + step] @ pool.T
        near[start : start + step] = largest(products, depth)
    return near


def _temperatures(diameter: float, blur: float) -> list[float]:
    between = np.exp(np.arange(2 * np.log(diameter), 2 * np.log(blur), 2 * np.log(0.5)))
    return [diameter**2, *between.tolist(), blur**2]


def _softmin(temperature: float, cost: npt.NDArray[np.float64], other: FloatVector) -> FloatVector:
    """-temperature * log mean_j exp((other_j - cost_ij) / temperature)."""
    exponents = (other - cost) / temperature
    top = exponents.max(axis=1)
    exponents -= top[:, None]
    np.exp(exponents, out=exponents)
    found: FloatVector = -temperature * (top + np.log(exponents.mean(axis=1)))
    return found


def _blocks(pool: FloatMatrix, validation: FloatMatrix) -> list[tuple[FloatMatrix, float]]:
    """Return views of all rows, in blocks, each with the share of the pool that lies before it."""
    blocks = [(pool[start : start + _BLOCK_ROWS], start / len(pool)) for start in range(0, len(pool), _BLOCK_ROWS)]
    return [*blocks, *((validation[start : start + _BLOCK_ROWS], 1.0) for start in range(0, len(validation), _BLOCK_ROWS))]


_RIDGE = 1e-5
_BLOCK_ROWS = 8_192
_BLOCK_NUMBERS = 2**24  # products held at a time: 64 MB
_DEPTH_FACTOR = 3
