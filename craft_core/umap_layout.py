"""UMAP (McInnes, Healy and Melville 2018, arXiv 1802.03426) that can be watched, stopped, and asked for the place of new rows.

The neighbour graph is umap-learn's. The neighbours come from faiss, exact and without half a minute of compiling. The loop that lays the
graph out is ours, because umap-learn's is one call that nobody can stop.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, IntVector, frozen
from craft_core.progress import Progress, part, silent

__all__ = ["PLACING", "Umap", "blocks", "fit_umap"]

PLACING = "Placing pairs on the map"

_BLOCK_ROWS = 2_048  # 15 neighbours in 256 dimensions are then 32 MB
_NEGATIVES = 5  # random rows a row is pushed away from each time it is pulled to a neighbour; umap-learn's default
_MAX_STEP = 4.0  # the gradient along one axis is cut here, as in umap-learn


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
        for start, block, inner in blocks(rows, progress, PLACING):
            xy[start : start + len(block)] = self._place_block(block, inner)
        return xy

    def _place_block(self, block: FloatMatrix, progress: Progress) -> FloatMatrix:
        nearest, weights = _memberships(self.rows, block, self.n_neighbors, progress)
        # a new row begins at the weighted mean of its neighbours; then it moves for a third of the epochs at a quarter of the step, as
        # umap-learn's transform does, while the finished layout stays
        xy: FloatMatrix = np.einsum("ij,ijk->ik", weights / weights.sum(axis=1, keepdims=True), self.xy[nearest]).astype(np.float32)
        heads = np.repeat(np.arange(len(block)), nearest.shape[1])
        graph = _Graph(heads, nearest.ravel(), weights.ravel().astype(np.float64))
        states = np.full(len(block), _mixed(self.seed, 0), dtype=np.uint64)  # the same chance for every row, whatever block it is in
        _lay_out(xy, self.xy.copy(), graph, states, max(1, self.n_epochs // 3), 0.25, self.curve, progress, PLACING)
        return xy


def fit_umap(
    rows: FloatMatrix, start: FloatMatrix, seed: int, n_neighbors: int, min_dist: float, n_epochs: int, progress: Progress = silent
) -> Umap:
    """Lay rows out; `craft_core.project.umap_layout` says how, and takes care of small sets.

    Parameters
    ----------
    rows : FloatMatrix
        Shape (n, dimensions).
    start : FloatMatrix
        Shape (n, 2), not constant in either column: where the rows begin; only relative places count.
    seed, n_neighbors, min_dist, n_epochs, progress
        As in `umap_layout`; n_neighbors below n.
    """
    nearest, distances = _neighbours(rows, n_neighbors, part(progress, 0.0, 0.1))
    with _umap_alone(progress):
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set

        progress(0.1, "Weighing neighbours")
        random = np.random.RandomState(seed % 2**32)  # the only kind umap-learn takes
        fuzzy = fuzzy_simplicial_set(rows, n_neighbors, random, "euclidean", knn_indices=nearest, knn_dists=distances)[0].tocoo()
        a, b = find_ab_params(1.0, min_dist)
    curve = (float(a), float(b))
    graph = _Graph(fuzzy.row.astype(np.int64), fuzzy.col.astype(np.int64), fuzzy.data / fuzzy.data.max(initial=0.0))
    low, high = start.min(axis=0), start.max(axis=0)
    xy = np.ascontiguousarray(10.0 * (start - low) / (high - low), dtype=np.float32)  # umap-learn's usual extent
    states = np.array([_mixed(seed, row) for row in range(len(rows))], dtype=np.uint64)
    _lay_out(xy, xy, graph, states, n_epochs, 1.0, curve, part(progress, 0.2, 1.0), "Laying out the map")
    return Umap(rows.copy(), xy, n_neighbors, n_epochs, seed, curve)


def blocks(rows: FloatMatrix, progress: Progress, text: str) -> Iterator[tuple[int, FloatMatrix, Progress]]:
    """Yield (first row, rows, progress) of each block of rows, having reported the text."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        inner = part(progress, start / len(rows), min(start + _BLOCK_ROWS, len(rows)) / len(rows))
        inner(0.0, text)
        yield start, np.ascontiguousarray(rows[start : start + _BLOCK_ROWS]), inner


@dataclass(frozen=True, eq=False)
class _Graph:
    """Edges from moving rows (heads) to rows they are pulled to (tails), with weights in [0, 1]."""

    heads: IntVector
    tails: IntVector
    weights: npt.NDArray[np.float64]


def _lay_out(
    xy: FloatMatrix,
    others: FloatMatrix,
    graph: _Graph,
    states: npt.NDArray[np.uint64],
    n_epochs: int,
    step: float,
    curve: tuple[float, float],
    progress: Progress,
    text: str,
) -> None:
    """Move xy in place, epoch by epoch with a falling step; `others` moves along only where it is xy itself."""
    drawn = graph.weights * n_epochs >= 1.0  # the others would not be drawn once
    heads, tails, weights = graph.heads[drawn], graph.tails[drawn], graph.weights[drawn]
    epoch_of = _compiled_epoch()
    for epoch in range(n_epochs):
        progress(epoch / n_epochs, text)
        epoch_of(xy, others, heads, tails, weights, states, epoch, step * (1.0 - epoch / n_epochs), *curve, others is xy)


@cache
def _compiled_epoch() -> Callable[..., None]:
    import numba

    compiled: Callable[..., None] = numba.njit(nogil=True, fastmath=True)(_epoch)
    return compiled


def _epoch(
    xy: FloatMatrix,
    others: FloatMatrix,
    heads: IntVector,
    tails: IntVector,
    weights: npt.NDArray[np.float64],
    states: npt.NDArray[np.uint64],
    epoch: int,
    step: float,
    a: float,
    b: float,
    moves_tails: bool,
) -> None:  # pragma: no cover - compiled, so no tool sees its lines run
    """Walk once over the edges: stochastic gradient descent on the cross entropy of the two graphs (their section 3.2)."""
    for edge in range(len(heads)):
        # an edge of weight w is drawn in a share w of the epochs, evenly spread
        if int((epoch + 1) * weights[edge]) == int(epoch * weights[edge]):
            continue
        row, other = heads[edge], tails[edge]
        squared = (xy[row, 0] - others[other, 0]) ** 2 + (xy[row, 1] - others[other, 1]) ** 2
        if squared > 0.0:
            pull = -2.0 * a * b * squared ** (b - 1.0) / (1.0 + a * squared**b)
            for axis in range(2):
                move = step * min(max(pull * (xy[row, axis] - others[other, axis]), -_MAX_STEP), _MAX_STEP)
                xy[row, axis] += move
                if moves_tails:
                    others[other, axis] -= move
        for _ in range(_NEGATIVES):
            state = states[row]  # xorshift (Marsaglia 2003)
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            states[row] = state
            other = np.int64(state % np.uint64(len(others)))
            squared = (xy[row, 0] - others[other, 0]) ** 2 + (xy[row, 1] - others[other, 1]) ** 2
            if squared > 0.0:
                push = 2.0 * b / ((0.001 + squared) * (1.0 + a * squared**b))
                for axis in range(2):
                    xy[row, axis] += step * min(max(push * (xy[row, axis] - others[other, axis]), -_MAX_STEP), _MAX_STEP)


def _mixed(seed: int, row: int) -> int:
    """Return 64 bits that look random and are not zero, which xorshift could not leave."""
    x = (seed * 0x9E3779B97F4A7C15 + (row + 1) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 31)) * 0x94D049BB133111EB) % 2**64
    return (x ^ (x >> 29)) or 1


def _search(rows: FloatMatrix, queries: FloatMatrix, n_neighbors: int) -> tuple[IntVector, FloatMatrix]:
    import faiss

    _, nearest = faiss.knn(queries, np.ascontiguousarray(rows), n_neighbors)
    # distances again, row by row: those of faiss differ in the last bits with the rows that are asked for together
    apart = rows[nearest] - queries[:, None]
    squared = np.einsum("ijk,ijk->ij", apart, apart)
    return nearest, np.sqrt(squared)


def _neighbours(rows: FloatMatrix, n_neighbors: int, progress: Progress) -> tuple[IntVector, FloatMatrix]:
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


def _memberships(rows: FloatMatrix, block: FloatMatrix, n_neighbors: int, progress: Progress) -> tuple[IntVector, FloatMatrix]:
    """Return each new row's neighbours among the fitted rows, and how strongly it belongs to each, in (0, 1]."""
    nearest, distances = _search(rows, block, n_neighbors)
    with _umap_alone(progress):
        from umap.umap_ import compute_membership_strengths, smooth_knn_dist

        sigmas, rhos = smooth_knn_dist(distances, float(n_neighbors), local_connectivity=0.0)
        strengths: Any = compute_membership_strengths(nearest.astype(np.int32), distances, sigmas, rhos, bipartite=True)[2]
    return nearest, strengths.reshape(nearest.shape)


_umap_lock = threading.Lock()


@contextmanager
def _umap_alone(progress: Progress) -> Iterator[None]:
    """Import umap and hold others off: on some machines numba's threads end the process when two callers enter them at once."""
    while not _umap_lock.acquire(timeout=0.2):
        progress(0.0, "Waiting for another map")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)  # its optional half
            import umap  # noqa: F401
        yield
    finally:
        _umap_lock.release()
