"""Stage two: how well each pool pair fits the validation targets of its cluster.

The score is minus the conditional expected distance from a pool target to the validation targets of the same cluster. With squared
distances the mean target of a cluster is all that matters: the regression of target on source cluster, hence "Clustered Regression".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from craft_core.arrays import FloatMatrix, FloatVector, LabelVector, frozen
from craft_core.cluster import BLOCK_ROWS
from craft_core.errors import ParameterError
from craft_core.problem import Problem
from craft_core.progress import Progress, silent

__all__ = ["DISTANCES", "Scorer", "cluster_means", "score_pool", "scorer_of"]

DISTANCES = ("squared", "euclidean")
"""The distances `score_pool` knows."""

Scorer = Callable[[FloatMatrix, LabelVector], FloatVector]
"""Scores pairs by their target vectors, shape (n, dimensions), and clusters, shape (n,); see `scorer_of`."""


def score_pool(problem: Problem, distance: str = "squared", shrinkage: float = 0.0, progress: Progress = silent) -> FloatVector:
    """Score every pool pair against the validation targets of its cluster; higher is better.

    Parameters
    ----------
    problem : Problem
        Vectors and clusters.
    distance, shrinkage
        See `scorer_of`.
    progress : Progress
        Called between blocks; raising from it cancels.

    Returns
    -------
    FloatVector
        Shape (N,), float32, at most 0. Minus infinity where the cluster holds no validation pair or the pair is in no cluster.
    """
    clustering = problem.clustering
    score = scorer_of(problem.validation.targets, clustering.validation_labels, clustering.n_clusters, distance, shrinkage)
    scores = np.empty(len(problem.pool), dtype=np.float32)
    for start in range(0, len(scores), BLOCK_ROWS):
        progress(start / len(scores), "Scoring the pool")
        block = slice(start, start + BLOCK_ROWS)
        scores[block] = score(problem.pool.targets[block], clustering.pool_labels[block])
    return frozen(scores)


def scorer_of(targets: FloatMatrix, labels: LabelVector, n_clusters: int, distance: str = "squared", shrinkage: float = 0.0) -> Scorer:
    """Return what scores pool pairs against validation targets; a pair's score depends on that pair alone, to the last bit.

    Parameters
    ----------
    targets : FloatMatrix
        Shape (M, dimensions): of the validation pairs.
    labels : LabelVector
        Shape (M,): their clusters; -1 is left out.
    n_clusters : int
        How many clusters there are.
    distance : {"squared", "euclidean"}
        The mean squared or the exact mean Euclidean distance. On unit rows their ranks nearly agree: on 104,000 English-Hindi pairs in 100
        clusters the rank correlation inside a cluster was 0.9998 in the median, 0.978 at the lowest.
    shrinkage : float
        Weight, in validation pairs, of the whole validation set beside the cluster's own pairs: a cluster of m pairs is scored by
        (m * own + shrinkage * whole) / (m + shrinkage). 0 is off.

    Raises
    ------
    ParameterError
        For an unknown distance.
    """
    if distance not in _SCORERS:
        raise ParameterError(f"There is no distance {distance!r}. There are: {', '.join(DISTANCES)}.")
    return _SCORERS[distance](targets, labels, n_clusters, shrinkage)


def cluster_means(rows: FloatMatrix, labels: LabelVector, n_clusters: int) -> tuple[FloatMatrix, FloatVector]:
    """Return the mean row of each cluster, zero where it is empty, and its number of rows; rows labelled -1 are left out."""
    inside = np.flatnonzero(labels >= 0)
    ones = np.ones(len(inside), dtype=np.float32)
    member = sp.csr_array((ones, (labels[inside], inside)), shape=(n_clusters, len(rows)))
    counts = np.bincount(labels[inside], minlength=n_clusters).astype(np.float32)
    means = np.asarray(member @ rows / np.maximum(counts, 1)[:, None], dtype=np.float32)
    return means, counts


class _Squared:
    """mean_u ||t - u||^2 = ||t||^2 - 2 t.mu_c + mean_u ||u||^2: one product with the (shrunk) mean target of the cluster."""

    def __init__(self, targets: FloatMatrix, labels: LabelVector, n_clusters: int, shrinkage: float) -> None:
        means, counts = cluster_means(targets, labels, n_clusters)
        norms = np.einsum("ij,ij->i", targets, targets)[:, None]
        squares = cluster_means(norms, labels, n_clusters)[0][:, 0]
        inside = labels >= 0
        weight = (counts / np.maximum(counts + shrinkage, 1e-30))[:, None]
        self._means = weight * means + (1 - weight) * targets[inside].mean(axis=0)
        self._squares = weight[:, 0] * squares + (1 - weight[:, 0]) * norms[inside].mean()
        self._counts = counts

    def __call__(self, targets: FloatMatrix, labels: LabelVector) -> FloatVector:
        products = np.einsum("ij,ij->i", targets, self._means[labels])
        distances = np.einsum("ij,ij->i", targets, targets) - 2 * products + self._squares[labels]
        scored = (labels >= 0) & (self._counts[labels] > 0)
        return np.where(scored, -np.maximum(distances, 0), -np.inf).astype(np.float32)


class _Euclidean:
    """Mean over u of ||t - u||, exact, for each cluster's pool targets against its validation targets."""

    def __init__(self, targets: FloatMatrix, labels: LabelVector, n_clusters: int, shrinkage: float) -> None:
        self._shrinkage = shrinkage
        self._everyone = targets[labels >= 0]
        self._own = {int(c): targets[labels == c] for c in np.unique(labels[labels >= 0])}

    def __call__(self, targets: FloatMatrix, labels: LabelVector) -> FloatVector:
        scores = np.full(len(targets), -np.inf, dtype=np.float32)
        for c in np.unique(labels):
            own = self._own.get(int(c))
            if own is not None:
                rows = np.flatnonzero(labels == c)
                scores[rows] = -self._shrunk(targets[rows], own)
        return scores

    def _shrunk(self, rows: FloatMatrix, own: FloatMatrix) -> FloatVector:
        mean = _mean_distance(rows, own)
        if self._shrinkage > 0:
            mean = (len(own) * mean + self._shrinkage * _mean_distance(rows, self._everyone)) / (len(own) + self._shrinkage)
        return mean


def _mean_distance(rows: FloatMatrix, to: FloatMatrix) -> FloatVector:
    """Return each row's mean distance to others; blocks of one shape, as a product of matrices sums in another order in another shape."""
    step = max(8, min(256, _EUCLIDEAN_PRODUCTS // len(to) // 8 * 8))
    means = np.empty(len(rows), dtype=np.float32)
    to_squares = np.einsum("ij,ij->i", to, to)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        n_rows = len(block)
        if n_rows < step:
            block = np.concatenate([block, np.zeros((step - n_rows, rows.shape[1]), rows.dtype)])
        squares = np.einsum("ij,ij->i", block, block)[:, None] + to_squares - 2 * (block @ to.T)
        means[start : start + step] = np.sqrt(np.maximum(squares, 0)).mean(axis=1)[:n_rows]
    return means


_EUCLIDEAN_PRODUCTS = 2**21  # distances worked on at a time, 8 MB and as much again twice
_SCORERS: dict[str, Callable[[FloatMatrix, LabelVector, int, float], Scorer]] = {"squared": _Squared, "euclidean": _Euclidean}
