"""Stage one, first half: k-means on source vectors, and a cluster for every pool and validation pair."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.corpus.sample import sample_positions
from craft_core.errors import DataError, ParameterError
from craft_core.params import check, param
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread
from craft_core.vectorize.protocol import Vectors

__all__ = ["BLOCK_ROWS", "LEAST_SAMPLE", "Clustering", "KMeans", "assign", "cluster", "fit_centers", "sample_size"]

BLOCK_ROWS = 16_384
"""Rows handled at a time by each thread, at most."""

_BLOCK_PRODUCTS = 2**22  # numbers a thread works on at a time, 16 MB twice, however many clusters there are
_ROUND_PRODUCTS = 2 * 10**10  # multiplications between two reports of k-means, half a second of a slow core
_MOST_ROWS, _LEAST_ROWS = 2_048, 256  # rows of one product of matrices
_THREADS = 2

LEAST_SAMPLE = 32_768
"""Pool rows k-means sees at least: with few clusters, 256 points a center left one giant cluster and 5 % more inertia."""


@dataclass(frozen=True)
class KMeans:
    """Choose how the source vectors are cut into clusters."""

    name: ClassVar[str] = "k-means"

    n_clusters: int = param(100, low=1, high=65_536, help="Number of clusters the source vectors are cut into.")
    fit_on: str = param(
        "joint",
        choices=("joint", "validation", "pool"),
        help="Which source vectors place the centers: validation plus a pool sample (joint), validation alone, or a pool sample alone.",
    )
    n_iterations: int = param(20, low=1, high=1000, help="Rounds of k-means.")
    points_per_center: int = param(
        256, low=1, high=100_000, help="Pool rows sampled for each center when k-means is fitted (at least 32,768 in all)."
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, eq=False)
class Clustering:
    """Hold the clusters of a pool and a validation set.

    Attributes
    ----------
    centers : FloatMatrix
        Shape (n_clusters, source dimensions).
    pool_labels, validation_labels : LabelVector
        Shapes (N,) and (M,): the nearest center of each pair; -1 for a pair that has a side without any known term.
    """

    centers: FloatMatrix
    pool_labels: LabelVector
    validation_labels: LabelVector

    def __post_init__(self) -> None:
        for array in (self.centers, self.pool_labels, self.validation_labels):
            frozen(array)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are, empty ones included."""
        return len(self.centers)

    @cached_property
    def supply(self) -> IntVector:
        """Pool pairs in each cluster, shape (n_clusters,)."""
        return frozen(_sizes(self.pool_labels, self.n_clusters))

    @cached_property
    def validation_counts(self) -> IntVector:
        """Validation pairs in each cluster, shape (n_clusters,)."""
        return frozen(_sizes(self.validation_labels, self.n_clusters))

    @property
    def validation_share(self) -> FloatVector:
        """Validation share p_c of each cluster, shape (n_clusters,); sums to 1."""
        return self.validation_counts / max(int(self.validation_counts.sum()), 1)


def cluster(vectors: Vectors, pool_keys: npt.NDArray[np.uint64], kmeans: KMeans, seed: int, progress: Progress = silent) -> Clustering:
    """Fit k-means on source vectors and label every pool and validation pair.

    Parameters
    ----------
    vectors : Vectors
        Of pool and validation.
    pool_keys : array of uint64
        Shape (N,): content keys of the pool; the rows with the smallest keys are the sample, so that the pool's order does not matter.
    kmeans : KMeans
        How to cut.
    seed : int
        Of the first centers.

    Raises
    ------
    DataError
        If no validation pair or no pool pair has vectors.
    ParameterError
        If there are more clusters than rows to fit them on.
    """
    usable, wanted = ~vectors.pool.zero, ~vectors.validation.zero
    if not usable.any() or not wanted.any():
        empty = "pool" if not usable.any() else "validation set"
        raise DataError(
            f"No pair of the {empty} has a known term on both sides, so there is nothing to cluster. Choose another vectorizer."
        )
    rows = _fit_rows(vectors, pool_keys, usable, wanted, kmeans)
    centers = fit_centers(rows, kmeans, seed, part(progress, 0.0, 0.5))
    labels = assign(vectors.pool.sources, centers, part(progress, 0.5, 1.0))
    pool_labels = np.where(usable, labels, -1).astype(np.int32)
    validation_labels = np.where(wanted, assign(vectors.validation.sources, centers), -1).astype(np.int32)
    progress(1.0, "Clusters ready")
    return Clustering(centers, pool_labels, validation_labels)


def fit_centers(rows: FloatMatrix, kmeans: KMeans, seed: int, progress: Progress = silent) -> FloatMatrix:
    """Return the centers k-means finds for the rows it is fitted on, shape (n_clusters, dimensions).

    Progress is told between rounds, at least every second or so, and raising from it stops the work.

    Raises
    ------
    ParameterError
        If there are more clusters than rows.
    """
    import faiss

    if kmeans.n_clusters > len(rows):
        raise ParameterError(
            f"The 'n_clusters' parameter of k-means must be at most {len(rows):,}, the number of rows it is fitted on ({kmeans.fit_on}). "
            f"Got {kmeans.n_clusters:,}."
        )
    # some rounds at a time: a call costs as much as two rounds, and the centers are the same however rounds are put together
    at_once = max(1, _ROUND_PRODUCTS // max(1, rows.size * kmeans.n_clusters))
    centers, done = None, 0
    with one_thread():
        while done < kmeans.n_iterations:
            progress(done / kmeans.n_iterations, "Placing the cluster centers")
            n_rounds = min(at_once, kmeans.n_iterations - done)
            # faiss would sample again above max_points_per_centroid; the sample is ours, so that the pool's order does not matter
            fitted = faiss.Kmeans(
                rows.shape[1],
                kmeans.n_clusters,
                niter=n_rounds,
                seed=seed % 2**31,
                min_points_per_centroid=1,
                max_points_per_centroid=max(1, -(-len(rows) // kmeans.n_clusters)),
            )
            fitted.train(rows, init_centroids=centers)
            centers, done = np.array(fitted.centroids, dtype=np.float32), done + n_rounds
    return np.asarray(centers, dtype=np.float32)


def assign(rows: FloatMatrix, centers: FloatMatrix, progress: Progress = silent) -> LabelVector:
    """Return the nearest center of each row, shape (n,), blockwise; ties go to the lower center.

    A row's label depends on the row and the centers alone, to the last bit, not on the rows around it: all blocks have one shape, as a
    product of matrices sums in another order where the shape is another.
    `progress` is called between blocks, in the thread of the caller; raising from it drops the blocks not yet begun.
    """
    labels = np.empty(len(rows), dtype=np.int32)
    # ||x - c||^2 = ||x||^2 - 2 (x.c - ||c||^2 / 2), and the first term is the same for every center
    half_norms = 0.5 * np.einsum("ij,ij->i", centers, centers)
    size = _LEAST_ROWS * max(1, min(_MOST_ROWS, _BLOCK_PRODUCTS // len(centers)) // _LEAST_ROWS)

    def label(start: int) -> None:
        block = rows[start : start + size]
        n_rows = len(block)
        if n_rows < size:
            block = np.concatenate([block, np.zeros((size - n_rows, rows.shape[1]), rows.dtype)])
        products = block @ centers.T
        products -= half_norms
        labels[start : start + size] = np.argmax(products, axis=1)[:n_rows]

    starts = range(0, len(rows), size)
    threads = ThreadPoolExecutor(_THREADS)
    try:
        with one_thread():
            for number, _ in enumerate(threads.map(label, starts)):
                progress((number + 1) / len(starts), "Giving every pair its cluster")
    finally:
        threads.shutdown(cancel_futures=True)
    return labels


def _fit_rows(
    vectors: Vectors, pool_keys: npt.NDArray[np.uint64], usable: BoolVector, wanted: BoolVector, kmeans: KMeans
) -> npt.NDArray[np.float32]:
    parts = []
    if kmeans.fit_on != "pool":
        parts.append(vectors.validation.sources[wanted])
    if kmeans.fit_on != "validation":
        candidates = np.flatnonzero(usable)
        parts.append(vectors.pool.sources[candidates[sample_positions(pool_keys[candidates], sample_size(kmeans))]])
    return np.ascontiguousarray(np.concatenate(parts))


def sample_size(kmeans: KMeans) -> int:
    """Return how many pool rows k-means is fitted on, where there are so many and it is fitted on the pool at all."""
    return max(LEAST_SAMPLE, kmeans.points_per_center * kmeans.n_clusters)


def _sizes(labels: LabelVector, n_clusters: int) -> IntVector:
    return np.bincount(labels[labels >= 0], minlength=n_clusters).astype(np.int64)
