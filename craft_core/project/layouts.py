"""The layouts of a map: two coordinates for any row, by PCA at once or by UMAP when it is ready."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Protocol

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, frozen
from craft_core.errors import DataError
from craft_core.progress import Progress, silent
from craft_core.umap_layout import PLACING, blocks, fit_umap

__all__ = ["Layout", "Pca", "fit_pca", "umap_layout", "warm_up"]

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
        """Return coordinates of rows, shape (n, 2), in units of the vectors; a row's do not depend on the rows it came with."""
        xy = np.empty((len(rows), 2), dtype=np.float32)
        middle = self.directions @ self.mean
        for start, block, _ in blocks(rows, progress, PLACING):
            # not a matrix product, which rounds differently for one row than for many
            xy[start : start + len(block)] = np.einsum("ij,kj->ik", block, self.directions) - middle
        return xy


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
