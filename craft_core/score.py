"""Stage two: how well each pool pair fits the validation targets of its cluster.

The score is minus the conditional expected distance from a pool target to the validation targets of the same cluster. With squared
distances the mean target of a cluster is all that matters: the regression of target on source cluster, hence "Clustered Regression".
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from craft_core.arrays import FloatMatrix, FloatVector, LabelVector, frozen
from craft_core.cluster import BLOCK_ROWS
from craft_core.errors import ParameterError
from craft_core.problem import Problem
from craft_core.progress import Progress, silent

__all__ = ["DISTANCES", "cluster_means", "score_pool"]

DISTANCES = ("squared", "euclidean")
"""The distances `score_pool` knows."""


def score_pool(problem: Problem, distance: str = "squared", shrinkage: float = 0.0, progress: Progress = silent) -> FloatVector:
    """Score every pool pair against the validation targets of its cluster; higher is better.

    Parameters
    ----------
    problem : Problem
        Vectors and clusters.
    distance : {"squared", "euclidean"}
        The mean squared or the exact mean Euclidean distance. On unit rows their ranks nearly agree: on 104,000 English-Hindi pairs in 100
        clusters the rank correlation inside a cluster was 0.9998 in the median, 0.978 at the lowest.
    shrinkage : float
        Weight, in validation pairs, of the whole validation set beside the cluster's own pairs: a cluster of m pairs is scored by
        (m * own + shrinkage * whole) / (m + shrinkage). 0 is off.

    Returns
    -------
    FloatVector
        Shape (N,), float32, at most 0. Minus infinity where the cluster holds no validation pair or the pair is in no cluster.
    """
    if distance not in _SCORES:
        raise ParameterError(f"There is no distance {distance!r}. There are: {', '.join(DISTANCES)}.")
    return frozen(_SCORES[distance](problem, shrinkage, progress))


def cluster_means(rows: FloatMatrix, labels: LabelVector, n_clusters: int) -> tuple[FloatMatrix, FloatVector]:
    """Return the mean row of each cluster, zero where it is empty, and its number of rows; rows labelled -1 are left out."""
    inside = np.flatnonzero(labels >= 0)
    ones = np.ones(len(inside), dtype=np.float32)
    member = sp.csr_array((ones, (labels[inside], inside)), shape=(n_clusters, len(rows)))
    counts = np.bincount(labels[inside], minlength=n_clusters).astype(np.float32)
    means = np.asarray(member @ rows / np.maximum(counts, 1)[:, None], dtype=np.float32)
    return means, counts


def _squared(problem: Problem, shrinkage: float, progress: Progress) -> FloatVector:
    """mean_u ||t - u||^2 = ||t||^2 - 2 t.mu_c + mean_u ||u||^2: one product with the (shrunk) mean target of the cluster."""
    targets, labels = problem.validation.targets, problem.clustering.validation_labels
    n_clusters = problem.clustering.n_clusters
    means, counts = cluster_means(targets, labels, n_clusters)
    norms = np.einsum("ij,ij->i", targets, targets)[:, None]
    squares = cluster_means(norms, labels, n_clusters)[0][:, 0]
    inside = labels >= 0
    weight = (counts / np.maximum(counts + shrinkage, 1e-30))[:, None]
    means = weight * means + (1 - weight) * targets[inside].mean(axis=0)
    squares = weight[:, 0] * squares + (1 - weight[:, 0]) * norms[inside].mean()
    scores = np.full(len(problem.pool), -np.inf, dtype=np.float32)
    pool_labels = problem.clustering.pool_labels
    for start in range(0, len(scores), BLOCK_ROWS):
        progress(start / len(scores), "Scoring the pool")
        stop = min(start + BLOCK_ROWS, len(scores))
        block, label = problem.pool.targets[start:stop], pool_labels[start:stop]
        products = np.einsum("ij,ij->i", block, means[label])
        distances = np.einsum("ij,ij->i", block, block) - 2 * products + squares[label]
        scored = (label >= 0) & (counts[label] > 0)
        scores[start:stop][scored] = -np.maximum(distances, 0)[scored]
    return scores


def _euclidean(problem: Problem, shrinkage: float, progress: Progress) -> FloatVector:
    """Mean over u of ||t - u||, exact, for each cluster's pool targets against its validation targets, blockwise."""
    labels = problem.clustering.validation_labels
    everyone = problem.validation.targets[labels >= 0]
    scores = np.full(len(problem.pool), -np.inf, dtype=np.float32)
    order = np.argsort(problem.clustering.pool_labels, kind="stable")
    stops = np.searchsorted(problem.clustering.pool_labels[order], np.arange(problem.clustering.n_clusters + 1))
    for c in np.flatnonzero(problem.clustering.validation_counts):
        progress(c / problem.clustering.n_clusters, "Scoring the pool")
        rows = order[stops[c] : stops[c + 1]]
        own = problem.validation.targets[labels == c]
        step = max(64, _EUCLIDEAN_PRODUCTS // max(len(own), len(everyone) if shrinkage > 0 else 1))
        for start in range(0, len(rows), step):
            block = problem.pool.targets[rows[start : start + step]]
            mean = _mean_distance(block, own)
            if shrinkage > 0:
                mean = (len(own) * mean + shrinkage * _mean_distance(block, everyone)) / (len(own) + shrinkage)
            scores[rows[start : start + step]] = -mean
    return scores


def _mean_distance(rows: FloatMatrix, to: FloatMatrix) -> FloatVector:
    squares = np.einsum("ij,ij->i", rows, rows)[:, None] + np.einsum("ij,ij->i", to, to) - 2 * (rows @ to.T)
    means: FloatVector = np.sqrt(np.maximum(squares, 0)).mean(axis=1)
    return means


_EUCLIDEAN_PRODUCTS = 2**23  # distances worked on at a time, 32 MB and as much again
_SCORES = {"squared": _squared, "euclidean": _euclidean}
