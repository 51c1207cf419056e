"""Where pairs are drawn on a map: two coordinates a pair, by PCA at once or by UMAP when it is ready.

A layout is fitted on a bounded sample and then places any further rows, so that a selection or a whole pool can be put on the same map.
Coordinates are for looking only: nothing is computed from them, and those of UMAP may differ between machines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Protocol

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.errors import DataError, ParameterError
from craft_core.progress import Progress, part, silent
from craft_core.umap_layout import PLACING, Umap, blocks, fit_umap

__all__ = ["DRAW_LIMIT", "LAYOUTS", "Layout", "Pca", "Projection", "Umap", "fit_pca", "project", "sample_rows", "umap_layout", "warm_up"]

DRAW_LIMIT = 20_000
"""Rows a layout is fitted on, and pool rows that are drawn, at most: a browser sends every point of a lasso back."""

_LEAST_ROWS = 5


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
        for start, block, _ in blocks(rows, progress, PLACING):
            xy[start : start + len(block)] = (block - self.mean) @ self.directions.T
        return xy


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
    layout, xy = _FITS[method](rows, fitted, seed, progress)
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
        return pca  # too few rows for a neighbour graph to say anything, or all of them on one line
    return fit_umap(rows, start, seed, min(n_neighbors, len(rows) - 1), min_dist, n_epochs, progress)


@cache
def warm_up() -> None:
    """Compile UMAP on a few rows, once a process: to be called in the background while somebody reads, as it takes some ten seconds."""
    rows = np.random.default_rng(0).standard_normal((32, 4)).astype(np.float32)
    umap_layout(rows, seed=0, n_epochs=2).place(rows[:2])


def _project_pca(rows: FloatMatrix, fitted: IntVector, seed: int, progress: Progress) -> tuple[Layout, FloatMatrix]:
    layout = fit_pca(rows[fitted])
    return layout, layout.place(rows, progress)


def _project_umap(rows: FloatMatrix, fitted: IntVector, seed: int, progress: Progress) -> tuple[Layout, FloatMatrix]:
    layout = umap_layout(rows[fitted], seed, progress=part(progress, 0.0, 0.9))
    if not isinstance(layout, Umap):
        return layout, layout.place(rows)
    xy = np.empty((len(rows), 2), dtype=np.float32)
    xy[fitted] = layout.xy
    rest = np.delete(np.arange(len(rows)), fitted)
    xy[rest] = layout.place(rows[rest], part(progress, 0.9, 1.0))
    return layout, xy


_FITS = {"pca": _project_pca, "umap": _project_umap}

LAYOUTS = tuple(_FITS)
"""The methods `project` knows."""
