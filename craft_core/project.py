"""Where pairs are drawn on a map: two coordinates a pair, by PCA at once or by UMAP when it is ready.

A layout is fitted on a bounded sample and then places any further rows, so that a selection or a whole pool can be put on the same map.
Coordinates are for looking only: nothing is computed from them, and those of UMAP may differ between machines.
"""

from __future__ import annotations

import io
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.errors import DataError, ParameterError
from craft_core.progress import Progress, part, silent

__all__ = ["DRAW_LIMIT", "LAYOUTS", "Layout", "Pca", "Projection", "Umap", "fit_pca", "project", "sample_rows", "umap_layout", "warm_up"]

DRAW_LIMIT = 20_000
"""Rows a layout is fitted on, and pool rows that are drawn, at most: a browser sends every point of a lasso back."""

LAYOUTS = ("pca", "umap")
"""The methods `project` knows."""

_BLOCK_ROWS = 2_048
_PLACING = "Placing pairs on the map"
_LEAST_ROWS = 5  # below this a neighbour graph says nothing, and UMAP is PCA


class Layout(Protocol):
    """A fitted map: it gives any row of the same space its place."""

    name: ClassVar[str]

    def place(self, rows: FloatMatrix, progress: Progress = silent) -> FloatMatrix:
        """Return coordinates of further rows, shape (n, 2)."""
        ...


@dataclass(frozen=True, eq=False)
class Pca:
    """Place rows on the two directions of largest variance.

    Attributes
    ----------
    mean : FloatVector
        Shape (dimensions,).
    directions : FloatMatrix
        Shape (2, dimensions), orthonormal; the entry of largest size is positive, which settles the sign.
    explained : FloatVector
        Shape (2,): share of the variance along each direction, in [0, 1].
    """

    name: ClassVar[str] = "pca"

    mean: FloatVector
    directions: FloatMatrix
    explained: FloatVector

    def __post_init__(self) -> None:
        for array in (self.mean, self.directions, self.explained):
            frozen(array)

    def place(self, rows: FloatMatrix, progress: Progress = silent) -> FloatMatrix:
        """Return coordinates of rows, shape (n, 2), in units of the vectors."""
        xy = np.empty((len(rows), 2), dtype=np.float32)
        for start, block, _ in _blocks(rows, progress, _PLACING):
            xy[start : start + len(block)] = (block - self.mean) @ self.directions.T
        return xy


@dataclass(frozen=True, eq=False)
class Umap:
    """Place rows beside their nearest neighbours on a finished UMAP layout.

    Attributes
    ----------
    rows : FloatMatrix
        Shape (n, dimensions): what the layout was fitted on.
    xy : FloatMatrix
        Shape (n, 2): where those rows are.
    n_neighbors, n_epochs, seed : int
        As fitted.
    curve : tuple of float
        (a, b) of 1 / (1 + a * distance^(2b)), how likely two points at a distance on the map are to be neighbours.
    """

    name: ClassVar[str] = "umap"

    rows: FloatMatrix
    xy: FloatMatrix
    n_neighbors: int
    n_epochs: int
    seed: int
    curve: tuple[float, float]

    def __post_init__(self) -> None:
        frozen(self.rows)
        frozen(self.xy)

    def place(self, rows: FloatMatrix, progress: Progress = silent) -> FloatMatrix:
        """Return coordinates of further rows, shape (n, 2); where a row comes to lie does not depend on the rows it came with."""
        xy = np.empty((len(rows), 2), dtype=np.float32)
        with _umap_alone(progress):
            for start, block, inner in _blocks(rows, progress, _PLACING):
                xy[start : start + len(block)] = self._place_block(block, inner)
        return xy

    def _place_block(self, block: FloatMatrix, progress: Progress) -> FloatMatrix:
        from umap.layouts import optimize_layout_euclidean

        nearest, weights = _memberships(self.rows, block, self.n_neighbors)
        # a new row begins at the weighted mean of its neighbours; then it moves for a third of the epochs at a quarter of the step, as
        # umap-learn's transform does, while the finished layout stays
        xy = np.einsum("ij,ijk->ik", weights / weights.sum(axis=1, keepdims=True), self.xy[nearest]).astype(np.float32)
        epochs = max(1, self.n_epochs // 3)
        edges = weights.ravel() * epochs >= 1.0  # the others would not be drawn once
        placed: FloatMatrix = optimize_layout_euclidean(
            xy,
            self.xy.copy(),
            np.repeat(np.arange(len(block), dtype=np.int32), nearest.shape[1])[edges],
            nearest.ravel()[edges].astype(np.int32),
            epochs,
            len(self.rows),
            1.0 / weights.ravel()[edges].astype(np.float64),  # against a weight of 1, not the block's largest, so that blocks do not matter
            *self.curve,
            np.random.default_rng(self.seed).integers(-(2**31), 2**31, 3),
            initial_alpha=0.25,
            tqdm_kwds=_epochs(progress, epochs, _PLACING),
        )
        return placed


@dataclass(frozen=True, eq=False)
class Projection:
    """Hold what a map shows.

    Attributes
    ----------
    layout : Pca or Umap
        Places further rows, such as a selection.
    pool_positions : IntVector
        Pool rows that are drawn, ascending: all of them, or a simple random sample of those that are in a cluster.
    pool_xy, validation_xy : FloatMatrix
        Shapes (len(pool_positions), 2) and (M, 2), float32.
    seconds : float
        Wall time it took.
    """

    layout: Layout
    pool_positions: IntVector
    pool_xy: FloatMatrix
    validation_xy: FloatMatrix
    seconds: float

    def __post_init__(self) -> None:
        for array in (self.pool_positions, self.pool_xy, self.validation_xy):
            frozen(array)

    def locate(self, pool: FloatMatrix, positions: IntVector, progress: Progress = silent) -> FloatMatrix:
        """Return coordinates of any pool rows, shape (n, 2): as drawn where they are drawn, placed by the layout where not."""
        at = np.minimum(np.searchsorted(self.pool_positions, positions), max(len(self.pool_positions) - 1, 0))
        drawn = self.pool_positions[at] == positions if len(self.pool_positions) else np.zeros(len(positions), dtype=bool)
        xy = np.empty((len(positions), 2), dtype=np.float32)
        xy[drawn] = self.pool_xy[at[drawn]]
        xy[~drawn] = self.layout.place(pool[positions[~drawn]], progress)
        return xy


def sample_rows(labels: LabelVector, limit: int, seed: int) -> IntVector:
    """Return the rows to draw, ascending: all that are in a cluster, or a simple random sample of `limit` of them."""
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > limit:
        rows = np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
    return rows.astype(np.int64)


def project(
    method: str, pool: FloatMatrix, validation: FloatMatrix, pool_positions: IntVector, seed: int, progress: Progress = silent
) -> Projection:
    """Lay out a pool sample and the validation set together.

    Parameters
    ----------
    method : {"pca", "umap"}
        UMAP takes seconds, and some more when it is called first in a process.
    pool, validation : FloatMatrix
        Shapes (N, dimensions) and (M, dimensions): vectors of one side.
    pool_positions : IntVector
        Pool rows to draw, as `sample_rows` gives them.
    seed : int
        Of the rows that are fitted and of UMAP; PCA has no chance in it where all rows fit.
    progress : Progress
        Called between blocks and epochs; raising from it cancels.

    Raises
    ------
    ParameterError
        For an unknown method.
    DataError
        If there is nothing to draw.
    """
    if method not in LAYOUTS:
        raise ParameterError(f"There is no map method {method!r}. There are: {', '.join(LAYOUTS)}.")
    started = time.perf_counter()
    rows = np.concatenate([pool[pool_positions], validation])
    fitted = sample_rows(np.zeros(len(rows), dtype=np.int32), DRAW_LIMIT, seed)
    if method == "pca":
        xy = (layout := fit_pca(rows[fitted])).place(rows)
    else:
        layout, xy = _fit_and_place(rows, fitted, seed, progress)
    drawn = len(pool_positions)
    return Projection(layout, pool_positions.copy(), xy[:drawn].copy(), xy[drawn:].copy(), time.perf_counter() - started)


def fit_pca(rows: FloatMatrix) -> Pca:
    """Return the two directions of largest variance of the rows.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, dimensions). Where the rows vary in fewer than two directions the others explain nothing.

    Raises
    ------
    DataError
        If there are no rows.
    """
    if not len(rows):
        raise DataError("There are no pairs to draw: every pair has a side without any known term. Choose another vectorizer.")
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    directions = np.zeros((2, rows.shape[1]))
    directions[: min(2, rows.shape[1])] = vectors.T[::-1][:2]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    directions *= np.where(largest < 0, -1.0, 1.0)
    explained = np.zeros(2)
    explained[: min(2, len(variances))] = np.maximum(variances[::-1][:2], 0.0) / max(float(variances.sum()), np.finfo(np.float64).tiny)
    return Pca(mean.astype(np.float32), directions.astype(np.float32), explained)


def umap_layout(
    rows: FloatMatrix, seed: int, n_neighbors: int = 15, min_dist: float = 0.1, n_epochs: int = 200, progress: Progress = silent
) -> Layout:
    """Lay rows out by UMAP (McInnes, Healy and Melville 2018, arXiv 1802.03426), beginning from PCA.

    Neighbours are exact, from faiss: umap-learn's own search would spend half a minute compiling. One thread, so that a seed gives one
    layout on one machine.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, dimensions), at most some 20,000. Below 5 rows the result is their PCA.
    seed : int
        Of the layout.
    n_neighbors : int
        Neighbours of a row, itself included; at most n - 1 are used.
    min_dist : float
        How close two points may lie on the map, in its own units.
    n_epochs : int
        Rounds of the layout.
    progress : Progress
        Called between blocks and between epochs; raising from it cancels.

    Raises
    ------
    DataError
        If there are no rows.
    """
    pca = fit_pca(rows)
    start = pca.place(rows)
    if len(rows) < _LEAST_ROWS or np.ptp(start, axis=0).min() == 0.0:
        return pca  # too few rows, or all of them on one line
    n_neighbors = min(n_neighbors, len(rows) - 1)
    with _umap_alone(progress):
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

        nearest, distances = _neighbours(rows, n_neighbors, part(progress, 0.0, 0.1))
        progress(0.1, "Weighing neighbours")
        random = np.random.RandomState(seed % 2**32)  # the only kind umap-learn takes
        graph = fuzzy_simplicial_set(rows, n_neighbors, random, "euclidean", knn_indices=nearest, knn_dists=distances)[0]
        a, b = find_ab_params(1.0, min_dist)
        layout = {"n_components": 2, "initial_alpha": 1.0, "a": a, "b": b, "gamma": 1.0, "negative_sample_rate": 5, "n_epochs": n_epochs}
        plain = {"metric": "euclidean", "metric_kwds": {}, "densmap": False, "densmap_kwds": {}, "output_dens": False}
        hook = _epochs(part(progress, 0.2, 1.0), n_epochs, "Laying out the map")
        xy, _ = simplicial_set_embedding(rows, graph, init=start, random_state=random, tqdm_kwds=hook, **layout, **plain)
    return Umap(rows.copy(), xy, n_neighbors, n_epochs, seed, (float(a), float(b)))


@cache
def warm_up() -> None:
    """Compile UMAP on a few rows, once a process: to be called in the background while somebody reads, as it takes some ten seconds."""
    rows = np.random.default_rng(0).standard_normal((32, 4)).astype(np.float32)
    umap_layout(rows, seed=0, n_epochs=2).place(rows[:2])


def _fit_and_place(rows: FloatMatrix, fitted: IntVector, seed: int, progress: Progress) -> tuple[Layout, FloatMatrix]:
    layout = umap_layout(rows[fitted], seed, progress=part(progress, 0.0, 0.9))
    if not isinstance(layout, Umap):
        return layout, layout.place(rows)
    xy = np.empty((len(rows), 2), dtype=np.float32)
    xy[fitted] = layout.xy
    rest = np.delete(np.arange(len(rows)), fitted)
    if len(rest):
        xy[rest] = layout.place(rows[rest], part(progress, 0.9, 1.0))
    return layout, xy


def _blocks(rows: FloatMatrix, progress: Progress, text: str) -> Iterator[tuple[int, FloatMatrix, Progress]]:
    for start in range(0, len(rows), _BLOCK_ROWS):
        inner = part(progress, start / len(rows), min(start + _BLOCK_ROWS, len(rows)) / len(rows))
        inner(0.0, text)
        yield start, np.ascontiguousarray(rows[start : start + _BLOCK_ROWS]), inner


def _search(rows: FloatMatrix, queries: FloatMatrix, n_neighbors: int) -> tuple[npt.NDArray[np.int64], FloatMatrix]:
    import faiss

    _, nearest = faiss.knn(queries, np.ascontiguousarray(rows), n_neighbors)
    # distances again, row by row: those of faiss differ in the last bits with the rows that are asked for together
    apart = rows[nearest] - queries[:, None]
    squared = np.einsum("ijk,ijk->ij", apart, apart)
    return nearest, np.sqrt(squared)


def _neighbours(rows: FloatMatrix, n_neighbors: int, progress: Progress) -> tuple[npt.NDArray[np.int64], FloatMatrix]:
    """Return each row's neighbours, itself first, which faiss does not promise among equal rows."""
    nearest = np.empty((len(rows), n_neighbors), dtype=np.int64)
    distances = np.zeros((len(rows), n_neighbors), dtype=np.float32)
    for start, block, _ in _blocks(rows, progress, "Looking for neighbours"):
        found, far = _search(rows, block, n_neighbors)
        own = np.arange(start, start + len(block))[:, None]
        others = found != own
        others[others.all(axis=1), -1] = False  # itself was not among them: the farthest makes room
        stop = start + len(block)
        nearest[start:stop] = np.hstack([own, found[others].reshape(len(block), -1)])
        distances[start:stop, 1:] = far[others].reshape(len(block), -1)
    return nearest, distances


def _memberships(rows: FloatMatrix, block: FloatMatrix, n_neighbors: int) -> tuple[npt.NDArray[np.int64], FloatMatrix]:
    """Return each new row's neighbours among the fitted rows, and how strongly it belongs to each, in (0, 1]."""
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    nearest, distances = _search(rows, block, n_neighbors)
    sigmas, rhos = smooth_knn_dist(distances, float(n_neighbors), local_connectivity=0.0)
    strengths = compute_membership_strengths(nearest.astype(np.int32), distances, sigmas, rhos, bipartite=True)[2]
    return nearest, strengths.reshape(nearest.shape)


_umap_lock = threading.Lock()


@contextmanager
def _umap_alone(progress: Progress) -> Iterator[None]:
    """Import umap and hold others off: on some machines numba's threads stop the process when two callers enter them at once."""
    while not _umap_lock.acquire(timeout=0.2):
        progress(0.0, "Waiting for another map")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)  # its optional half
            import umap  # noqa: F401
        yield
    finally:
        _umap_lock.release()


@dataclass
class _Epochs:
    """Report each epoch of a layout, from inside umap-learn's loop.

    The loop is wrapped in a tqdm bar and offers no other way in. tqdm unpacks ``lock_args`` before it takes its lock and draws, so this
    is given as `lock_args`: unpacking it reports, and raising there leaves the loop with no lock held, as raising while drawing would.
    """

    progress: Progress
    n_epochs: int
    text: str
    done: int = -1  # the bar is drawn once before the first epoch

    def __iter__(self) -> Iterator[Any]:
        self.done += 1
        self.progress(min(max(self.done, 0) / self.n_epochs, 1.0), self.text)
        return iter(())


def _epochs(progress: Progress, n_epochs: int, text: str) -> dict[str, Any]:
    hook = _Epochs(progress, n_epochs, text)
    return {"disable": False, "file": io.StringIO(), "mininterval": 0, "miniters": 1, "lock_args": hook}
