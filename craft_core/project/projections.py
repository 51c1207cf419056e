"""What a map shows: the rows that are drawn, where they lie, and where any other row would lie."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatMatrix, IntVector, LabelVector, frozen
from craft_core.errors import ParameterError
from craft_core.progress import Progress, part, silent
from craft_core.project.layouts import Layout, fit_pca, umap_layout
from craft_core.umap_layout import Umap

__all__ = ["DRAW_LIMIT", "LAYOUTS", "Projection", "place_all", "project", "sample_rows"]

DRAW_LIMIT = 20_000
"""Rows a layout is fitted on, and pool rows that are drawn, at most: a browser sends every point of a lasso back."""

_CHUNK = 32_768  # rows that are copied out of the pool at once


@dataclass(frozen=True, eq=False)
class Projection:
    """Hold what a map shows.

    Attributes
    ----------
    layout : Layout
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
        xy = np.empty((len(positions), 2), dtype=np.float32)
        for start in range(0, len(positions), _CHUNK):  # a copy of all rows of a large pool would not fit beside it
            part_of = part(progress, start / len(positions), min(start + _CHUNK, len(positions)) / len(positions))
            xy[start : start + _CHUNK] = self._locate(pool, positions[start : start + _CHUNK], part_of)
        return xy

    def _locate(self, pool: FloatMatrix, positions: IntVector, progress: Progress) -> FloatMatrix:
        at = np.minimum(np.searchsorted(self.pool_positions, positions), max(len(self.pool_positions) - 1, 0))
        drawn = self.pool_positions[at] == positions if len(self.pool_positions) else np.zeros(len(positions), dtype=bool)
        xy = np.empty((len(positions), 2), dtype=np.float32)
        xy[drawn] = self.pool_xy[at[drawn]]
        xy[~drawn] = self.layout.place(pool[positions[~drawn]], progress)
        return xy


def place_all(projection: Projection, pool: FloatMatrix, progress: Progress = silent) -> FloatMatrix:
    """Return coordinates of every pool row, shape (N, 2), so that a region drawn on the map can be applied to all pairs.

    A row lies exactly where `Projection.locate` puts it, whichever rows are asked for together. Rows that are in no cluster are placed like
    any other: leave them out by their label.

    Parameters
    ----------
    projection : Projection
        The map.
    pool : FloatMatrix
        Shape (N, dimensions): the vectors it was made from.
    progress : Progress
        Called between blocks; raising from it cancels.
    """
    return projection.locate(pool, np.arange(len(pool)), progress)


def sample_rows(labels: LabelVector, limit: int, seed: int) -> IntVector:
    """Return the rows to draw, ascending: all that are in a cluster, or a simple random sample of `limit` of them."""
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > limit:
        rows = np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
    return rows.astype(np.int64)


def project(
    method: str,
    pool: FloatMatrix,
    validation: FloatMatrix,
    pool_positions: IntVector,
    seed: int,
    progress: Progress = silent,
    layout_seed: int | None = None,
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
        Of the rows that are fitted, where there are too many for all.
    progress : Progress
        Called between blocks and epochs; raising from it cancels.
    layout_seed : int or None
        Of UMAP's layout; by default the seed. Two maps that differ in it alone show the same pairs. PCA has no chance in it.

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
    layout, xy = _FITS[method](rows, fitted, seed if layout_seed is None else layout_seed, progress)
    drawn = len(pool_positions)
    return Projection(layout, pool_positions.copy(), xy[:drawn].copy(), xy[drawn:].copy(), time.perf_counter() - started)


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
