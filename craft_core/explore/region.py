"""Regions: sets of pairs, drawn on a map or made in another way, and how many pairs of each cluster they hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from craft_core.arrays import BoolVector, FloatMatrix, FloatVector, IntVector, LabelVector, frozen
from craft_core.cluster import Clustering
from craft_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["HOW", "Region", "RegionCounts", "box", "count", "counts_table", "difference", "inside", "intersection", "region_of", "union"]

HOW = ("lasso", "box", "search", "cluster", "neighbours")
"""The ways a region is made."""

_LEAST_CORNERS = 3
_TITLES = {"pool": "pool", "validation": "validation", "selected": "chosen"}  # of the columns, by layer


@dataclass(frozen=True, eq=False)
class Region:
    """Hold a set of pairs that somebody marked.

    Attributes
    ----------
    name : str
        What people call it.
    how : str
        One of `HOW`.
    pool, validation : IntVector
        Positions in the cleaned corpora, ascending and distinct.
    polygon : FloatMatrix or None
        Shape (corners, 2): what was drawn; None where nothing was.
    map : str or None
        The key of the map it was drawn on: on another map the polygon means nothing.

    Raises
    ------
    DataError
        For a way to make a region that there is not.
    """

    name: str
    how: str
    pool: IntVector
    validation: IntVector
    polygon: FloatMatrix | None = None
    map: str | None = None

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise DataError(f"There is no way {self.how!r} to make a region. There are: {', '.join(HOW)}.")
        for array in (self.pool, self.validation, self.polygon):
            if array is not None:
                frozen(array)


@dataclass(frozen=True, eq=False)
class RegionCounts:
    """Hold how many pairs of a region there are, by layer and by cluster; only pairs that are in a cluster count.

    Attributes
    ----------
    pool, validation, selected : tuple of int
        Pairs in the region and pairs in all.
    by_cluster : dict of str to (IntVector, IntVector)
        By layer: shapes (n_clusters,), pairs in the region and pairs in all.
    """

    pool: tuple[int, int]
    validation: tuple[int, int]
    selected: tuple[int, int]
    by_cluster: dict[str, tuple[IntVector, IntVector]]

    def __post_init__(self) -> None:
        for both in self.by_cluster.values():
            for array in both:
                frozen(array)


def inside(polygon: FloatMatrix, xy: FloatMatrix) -> BoolVector:
    """Return whether points lie inside a polygon, by the even-odd rule.

    A point is inside if a ray from it to the right crosses an odd number of edges. An edge owns its lower end, not its upper one, and no
    edge is crossed by a point that lies on it: regions that share an edge share no pair and leave none out.

    Parameters
    ----------
    polygon : FloatMatrix
        Shape (corners, 2), at least 3; it is closed by itself and may cross itself.
    xy : FloatMatrix
        Shape (n, 2).

    Returns
    -------
    BoolVector
        Shape (n,).

    Raises
    ------
    DataError
        For fewer than 3 corners, or corners or points that are not finite.

    Notes
    -----
    All in double precision. The points are sorted by height once, so that each edge looks only at those beside it: n log n, plus n times
    the number of edges at the same height.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or len(corners) < _LEAST_CORNERS:
        raise DataError(f"A region needs at least {_LEAST_CORNERS} corners. Got {len(corners)}.")
    if not (np.isfinite(corners).all() and np.isfinite(xy).all()):
        raise DataError("A region and the places of its pairs must be finite numbers. Draw it again, or on another map.")
    near = _near(corners, xy)
    near = near[np.argsort(xy[near, 1])]
    found = np.zeros(len(xy), dtype=bool)
    found[near] = _odd(corners, xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64))
    return found


def box(x0: float, x1: float, y0: float, y1: float) -> FloatMatrix:
    """Return the corners of a box, shape (4, 2); the ends may be given in either order."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)


def region_of(name: str, how: str, polygon: FloatMatrix, map: str, pool_xy: FloatMatrix, validation_xy: FloatMatrix) -> Region:
    """Return the region a polygon marks on a map. Raises as `inside` and `Region`."""
    pool, validation = (np.flatnonzero(inside(polygon, xy)) for xy in (pool_xy, validation_xy))
    return Region(name, how, pool, validation, np.array(polygon, dtype=np.float64), map)


def union(one: Region, other: Region) -> Region:
    """Return the pairs that are in either region, called "one or other"; no polygon belongs to it."""
    return _combined(one, other, "or", _either)


def intersection(one: Region, other: Region) -> Region:
    """Return the pairs that are in both regions, called "one and other"; no polygon belongs to it."""
    return _combined(one, other, "and", lambda a, b: np.intersect1d(a, b, assume_unique=True))


def difference(one: Region, other: Region) -> Region:
    """Return the pairs of one region that are not in the other, called "one without other"; no polygon belongs to it."""
    return _combined(one, other, "without", lambda a, b: np.setdiff1d(a, b, assume_unique=True))


def count(region: Region, clustering: Clustering, selected: IntVector) -> RegionCounts:
    """Count the pairs of a region, of all and of each cluster.

    Parameters
    ----------
    region : Region
        What to count.
    clustering : Clustering
        Of the same pairs.
    selected : IntVector
        Positions of the chosen pool pairs, in any order.
    """
    marked = np.zeros(len(clustering.pool_labels), dtype=bool)
    marked[region.pool] = True
    n, pool, validation = clustering.n_clusters, clustering.pool_labels, clustering.validation_labels
    by_cluster = {
        "pool": (_counted(pool[region.pool], n), clustering.supply),
        "validation": (_counted(validation[region.validation], n), clustering.validation_counts),
        "selected": (_counted(pool[selected[marked[selected]]], n), _counted(pool[selected], n)),
    }
    sums = {layer: (int(some.sum()), int(total.sum())) for layer, (some, total) in by_cluster.items()}
    return RegionCounts(sums["pool"], sums["validation"], sums["selected"], by_cluster)


def counts_table(counts: RegionCounts, names: Sequence[str]) -> pd.DataFrame:
    """Return one row a cluster that has any pair in the region, the most pool pairs first.

    Parameters
    ----------
    counts : RegionCounts
        Of the region.
    names : sequence of str
        What the clusters are called.

    Returns
    -------
    pandas.DataFrame
        cluster; pool, validation and chosen, each as "47 of 412"; pool pairs in the region, as a number to sort by.
    """
    import pandas as pd

    found = counts.by_cluster
    some = np.sum([marked for marked, _ in found.values()], axis=0) > 0
    order = np.lexsort((-found["validation"][0], -found["pool"][0]))  # stable: among equals by cluster
    shown = order[some[order]]
    columns: dict[str, list[str] | IntVector] = {"cluster": [names[c] for c in shown]}
    for layer, title in _TITLES.items():
        marked, total = found[layer]
        columns[title] = [f"{marked[c]:,} of {total[c]:,}" for c in shown]
    columns["pool pairs in the region"] = found["pool"][0][shown]
    return pd.DataFrame(columns)


def _near(corners: npt.NDArray[np.float64], xy: FloatMatrix) -> IntVector:
    """Return the points in the polygon's box."""
    (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
    x, y = xy[:, 0], xy[:, 1]
    return np.flatnonzero((x >= left) & (x <= right) & (y >= low) & (y < high))


def _odd(corners: npt.NDArray[np.float64], x: FloatVector, y: FloatVector) -> BoolVector:
    """Return whether a ray to the right crosses an odd number of edges; the points ascend by height."""
    odd = np.zeros(len(x), dtype=bool)
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # always from the lower end: the same edge drawn the other way decides alike
        (ax, ay), (bx, by) = (one, other) if one[1] < other[1] else (other, one)
        start, stop = np.searchsorted(y, (ay, by))
        if start < stop:  # so the edge is not level
            # the cross product, not the edge's x at this height: a division would round where whole numbers do not
            odd[start:stop] ^= (x[start:stop] - ax) * (by - ay) < (y[start:stop] - ay) * (bx - ax)
    return odd


def _combined(one: Region, other: Region, word: str, combine: Callable[[IntVector, IntVector], IntVector]) -> Region:
    pool, validation = combine(one.pool, other.pool), combine(one.validation, other.validation)
    return Region(f"{one.name} {word} {other.name}", one.how, pool, validation)


def _either(one: IntVector, other: IntVector) -> IntVector:
    """Return what is in either of two ascending lists: np.union1d takes ten times as long for a million."""
    merged = np.sort(np.concatenate([one, other]), kind="stable")
    return merged[np.concatenate([[True], merged[1:] != merged[:-1]])] if len(merged) else merged


def _counted(labels: LabelVector, n_clusters: int) -> IntVector:
    return np.bincount(labels[labels >= 0], minlength=n_clusters).astype(np.int64)
