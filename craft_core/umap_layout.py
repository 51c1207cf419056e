"""UMAP with what umap-learn leaves out: exact neighbours from faiss, progress and cancelling at each epoch, and cheap placing of new rows."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, frozen
from craft_core.progress import Progress, part, silent

__all__ = ["PLACING", "Umap", "blocks", "fit_umap"]

PLACING = "Placing pairs on the map"

_BLOCK_ROWS = 2_048  # 15 neighbours in 256 dimensions are then 32 MB


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
            for start, block, inner in blocks(rows, progress, PLACING):
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
            tqdm_kwds=_epochs(progress, epochs, PLACING),
        )
        return placed


def fit_umap(
    rows: FloatMatrix, start: FloatMatrix, seed: int, n_neighbors: int, min_dist: float, n_epochs: int, progress: Progress = silent
) -> Umap:
    """Lay rows out by UMAP; `craft_core.project.umap_layout` says how and takes care of small sets.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, dimensions).
    start : FloatMatrix
        Shape (n, 2): where the rows begin; only relative places count.
    seed, n_neighbors, min_dist, n_epochs, progress
        As in `umap_layout`; n_neighbors below n.
    """
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


def blocks(rows: FloatMatrix, progress: Progress, text: str) -> Iterator[tuple[int, FloatMatrix, Progress]]:
    """Yield (first row, rows, progress) of each block of rows, having reported the text."""
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
    for start, block, _ in blocks(rows, progress, "Looking for neighbours"):
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
