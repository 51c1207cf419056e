"""UMAP (McInnes, Healy and Melville 2018, arXiv 1802.03426) that can be watched, stopped, and asked for the place of new rows.

The neighbour graph is umap-learn's. The neighbours come from faiss, exact and without half a minute of compiling. The loop that lays the
graph out is ours, because umap-learn's is one call that nobody can stop. So is the way a new row gets its place, because umap-learn's moves
it by chance and takes minutes for a million rows.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, IntVector, frozen
from craft_core.progress import Progress, part, silent
from craft_core.threads import one_thread

__all__ = ["PLACING", "Umap", "blocks", "fit_umap"]

PLACING = "Placing pairs on the map"

_BLOCK_ROWS = 2_048  # 15 neighbours in 256 dimensions are then 32 MB
_NEGATIVES = 5  # random rows a row is pushed away from each time it is pulled to a neighbour; umap-learn's default
_MAX_STEP = 4.0  # the gradient along one axis is cut here, as in umap-learn
_FEW_ROWS = 2_000  # fitted rows up to which all of them are compared with a new row
_PROBES = 12  # cells of fitted rows, nearest first, that are searched for the neighbours of a new row
_SHIFTS = 3  # steps of a new row from the best of its neighbours to where they gather
_HALVINGS = 30  # of the interval in which the reach of a row's neighbourhood lies


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
        """Return coordinates of further rows, shape (n, 2): where a row's neighbours gather on the map.

        A row begins at the neighbour that most of the others lie near, and moves three times to their middle, the nearer ones counting more
        (mean shift; Comaniciu and Meer 2002), with UMAP's own measure of near. The mean of all neighbours would lie between the groups that
        they are in. There is no chance in it, and a row's place does not depend on the rows it came with.

        Only the fitted rows of the twelve nearest of some 4 sqrt(n) cells are compared: of 15 neighbours found, 14 are the true ones.
        """
        xy = np.empty((len(rows), 2), dtype=np.float32)
        with one_thread():
            for start, block, _ in blocks(rows, progress, PLACING):
                nearest, distances = self._cells.search(block, min(self.n_neighbors, len(self.rows)))
                xy[start : start + len(block)] = _gathered(self.xy[nearest], _memberships(distances), self.curve)
        return xy

    @cached_property
    def _cells(self) -> _Cells:
        return _Cells(self.rows)


class _Cells:
    """Find nearest rows among the fitted ones, those of the cells around a row only."""

    def __init__(self, rows: FloatMatrix) -> None:
        import faiss

        n_cells = int(4 * np.sqrt(len(rows))) if len(rows) > _FEW_ROWS else 1
        with one_thread():  # k-means on several may round differently
            kmeans = faiss.Kmeans(rows.shape[1], n_cells, niter=10, seed=1, min_points_per_centroid=1, max_points_per_centroid=len(rows))
            kmeans.train(rows)
            self._centres = np.ascontiguousarray(kmeans.centroids)
            self._quantizer = faiss.IndexFlatL2(rows.shape[1])
            self._quantizer.add(self._centres)
            self._index = faiss.IndexIVFFlat(self._quantizer, rows.shape[1], n_cells)
            self._index.add(rows)
        self._index.nprobe = min(_PROBES, n_cells)
        self._search: Any = self._index.search_preassigned  # the types that faiss comes with are those of its C++ half

    def search(self, block: FloatMatrix, n_neighbors: int) -> tuple[IntVector, FloatMatrix]:
        """Return positions of the nearest rows and their distances, both of shape (n, n_neighbors), nearest first."""
        cells, squared = self._nearest_cells(block)
        squared, nearest = self._search(block, n_neighbors, cells, squared)
        squared[nearest < 0] = np.inf  # the cells held fewer rows than were asked for
        return np.maximum(nearest, 0), np.sqrt(squared)

    def _nearest_cells(self, block: FloatMatrix) -> tuple[IntVector, FloatMatrix]:
        # faiss compares many rows by a matrix product, whose last bits differ with the rows that are asked for together; so it gives some
        # cells more than are needed, and those are compared again row by row
        n_probes = self._index.nprobe
        _, found = self._quantizer.search(block, min(n_probes + 4, len(self._centres)))
        found.sort(axis=1)
        apart = self._centres[found] - block[:, None]
        squared = np.einsum("ijk,ijk->ij", apart, apart)
        order = squared.argsort(axis=1, kind="stable")[:, :n_probes]
        return np.take_along_axis(found, order, axis=1), np.take_along_axis(squared, order, axis=1)


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
    _lay_out(xy, graph, states, n_epochs, curve, part(progress, 0.2, 1.0))
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
    xy: FloatMatrix, graph: _Graph, states: npt.NDArray[np.uint64], n_epochs: int, curve: tuple[float, float], progress: Progress
) -> None:
    """Move xy in place, epoch by epoch with a falling step."""
    drawn = graph.weights * n_epochs >= 1.0  # the others would not be drawn once
    heads, tails, weights = graph.heads[drawn], graph.tails[drawn], graph.weights[drawn]
    epoch_of = _compiled_epoch()
    for epoch in range(n_epochs):
        progress(epoch / n_epochs, "Laying out the map")
        epoch_of(xy, heads, tails, weights, states, epoch, 1.0 - epoch / n_epochs, *curve)


@cache
def _compiled_epoch() -> Callable[..., None]:
    import numba

    compiled: Callable[..., None] = numba.njit(nogil=True, fastmath=True)(_epoch)
    return compiled


def _epoch(
    xy: FloatMatrix,
    heads: IntVector,
    tails: IntVector,
    weights: npt.NDArray[np.float64],
    states: npt.NDArray[np.uint64],
    epoch: int,
    step: float,
    a: float,
    b: float,
) -> None:  # pragma: no cover - compiled, so no tool sees its lines run
    """Walk once over the edges: stochastic gradient descent on the cross entropy of the two graphs (their section 3.2)."""
    for edge in range(len(heads)):
        # an edge of weight w is drawn in a share w of the epochs, evenly spread
        if int((epoch + 1) * weights[edge]) == int(epoch * weights[edge]):
            continue
        row, other = heads[edge], tails[edge]
        squared = (xy[row, 0] - xy[other, 0]) ** 2 + (xy[row, 1] - xy[other, 1]) ** 2
        if squared > 0.0:
            pull = -2.0 * a * b * squared ** (b - 1.0) / (1.0 + a * squared**b)
            for axis in range(2):
                move = step * min(max(pull * (xy[row, axis] - xy[other, axis]), -_MAX_STEP), _MAX_STEP)
                xy[row, axis] += move
                xy[other, axis] -= move
        for _ in range(_NEGATIVES):
            state = states[row]  # xorshift (Marsaglia 2003)
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            states[row] = state
            other = np.int64(state % np.uint64(len(xy)))
            squared = (xy[row, 0] - xy[other, 0]) ** 2 + (xy[row, 1] - xy[other, 1]) ** 2
            if squared > 0.0:
                push = 2.0 * b / ((0.001 + squared) * (1.0 + a * squared**b))
                for axis in range(2):
                    xy[row, axis] += step * min(max(push * (xy[row, axis] - xy[other, axis]), -_MAX_STEP), _MAX_STEP)


def _mixed(seed: int, row: int) -> int:
    """Return 64 bits that look random and are not zero, which xorshift could not leave."""
    x = (seed * 0x9E3779B97F4A7C15 + (row + 1) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 31)) * 0x94D049BB133111EB) % 2**64
    return (x ^ (x >> 29)) or 1


def _neighbours(rows: FloatMatrix, n_neighbors: int, progress: Progress) -> tuple[IntVector, FloatMatrix]:
    """Return each row's neighbours, itself first, which faiss does not promise among equal rows."""
    import faiss

    nearest = np.empty((len(rows), n_neighbors), dtype=np.int64)
    distances = np.zeros((len(rows), n_neighbors), dtype=np.float32)
    for start, block, _ in blocks(rows, progress, "Looking for neighbours"):
        _, found = faiss.knn(block, rows, n_neighbors)
        apart = rows[found] - block[:, None]  # distances again: those of faiss come from a matrix product, too coarse for rows nearly equal
        far = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart))
        own = np.arange(start, start + len(block))[:, None]
        others = found != own
        others[others.all(axis=1), -1] = False  # itself was not among them: the farthest makes room
        stop = start + len(block)
        nearest[start:stop] = np.hstack([own, found[others].reshape(len(block), -1)])
        distances[start:stop, 1:] = far[others].reshape(len(block), -1)
    return nearest, distances


def _memberships(distances: FloatMatrix) -> FloatMatrix:
    """Return how strongly each row belongs to its neighbours, in [0, 1], as UMAP weighs them (their section 3.1).

    It is exp(-distance / reach), with the reach that makes the sum over the neighbours log2 of their number.
    """
    wanted = np.log2(max(distances.shape[1], 2))
    low = np.zeros((len(distances), 1), dtype=np.float32)
    high, reach = np.full_like(low, np.inf), np.ones_like(low)
    for _ in range(_HALVINGS):
        too_far = np.exp(-distances / reach).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(too_far, low, reach), np.where(too_far, reach, high)
        reach = np.where(np.isinf(high), 2 * low, (low + high) / 2)
    strengths: FloatMatrix = np.exp(-distances / reach)
    return strengths


def _gathered(places: FloatMatrix, weights: FloatMatrix, curve: tuple[float, float]) -> FloatMatrix:
    """Return where most of each row's neighbours lie together, shape (n, 2); `Umap.place` says how."""
    best = np.stack([_near(places, places[:, i], weights, curve).sum(axis=1) for i in range(places.shape[1])], axis=1).argmax(axis=1)
    xy: FloatMatrix = places[np.arange(len(places)), best]
    for _ in range(_SHIFTS):
        pull = _near(places, xy, weights, curve)
        xy = np.einsum("ij,ijk->ik", pull, places) / pull.sum(axis=1, keepdims=True)
    return xy


def _near(places: FloatMatrix, xy: FloatMatrix, weights: FloatMatrix, curve: tuple[float, float]) -> FloatMatrix:
    apart = places - xy[:, None]
    near: FloatMatrix = weights / (1.0 + np.float32(curve[0]) * (apart[..., 0] ** 2 + apart[..., 1] ** 2) ** np.float32(curve[1]))
    return near


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
