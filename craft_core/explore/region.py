"""Regions: sets of pairs, drawn on a map or made in another way, and how many pairs of each cluster they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from craft_core.arrays import BoolVector, FloatMatrix, IntVector, LabelVector, frozen
from craft_core.cluster import Clustering
from craft_core.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["HOW", "Region", "RegionCounts", "count", "counts_table", "inside", "region_of"]

HOW = ("lasso", "box", "search", "cluster", "neighbours")
"""The ways a region is made."""

_LEAST_CORNERS = 3


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


def inside(polygon: FloatMatrix, xy: FloatMatrix) -> BoolVector:
    """Return whether points lie inside a polygon, by the even-odd rule.

    A point is inside if a ray from it to the right crosses an odd number of edges; an edge owns its lower end, not its upper one. All in
    double precision. The points are sorted by height once, so that each edge looks only at the points beside it: a million points and
    three hundred corners take a few tenths of a second.

    Parameters
    ----------
    polygon : FloatMatrix
        Shape (corners, 2), at least 3; it is closed by itself and may cross itself.
    xy : FloatMatrix
        Shape (n, 2).

    Raises
    ------
    DataError
        For fewer than 3 corners, or corners or points that are not finite.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or len(corners) < _LEAST_CORNERS:
        raise DataError(f"A region needs at least {_LEAST_CORNERS} corners. Got {len(corners)}.")
    if not (np.isfinite(corners).all() and np.isfinite(xy).all()):
        raise DataError("A region and the places of its pairs must be finite numbers.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    near = near[np.argsort(xy[near, 1], kind="stable")]
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    odd = np.zeros(len(near), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        start, stop = np.searchsorted(y, (min(ay, by), max(ay, by)))
        if start < stop:  # so the edge is not level
            odd[start:stop] ^= x[start:stop] < ax + (y[start:stop] - ay) / (by - ay) * (bx - ax)
    found = np.zeros(len(xy), dtype=bool)
    found[near] = odd
    return found


def region_of(name: str, how: str, polygon: FloatMatrix, map: str, pool_xy: FloatMatrix, validation_xy: FloatMatrix) -> Region:
    """Return the region a polygon marks on a map. Raises as `inside`."""
    pool, validation = (np.flatnonzero(inside(polygon, xy)) for xy in (pool_xy, validation_xy))
    return Region(name, how, pool, validation, np.array(polygon, dtype=np.float64), map)


def count(region: Region, clustering: Clustering, selected: IntVector) -> RegionCounts:
    """Count the pairs of a region, of all and of each cluster.

    Parameters
    ----------
    region : Region
        What to count.
    clustering : Clustering
        Of the same pairs.
    selected : IntVector
        Positions of the chosen pool pairs.
    """
    marked = np.zeros(len(clustering.pool_labels), dtype=bool)
    marked[region.pool] = True
    n, pool, validation = clustering.n_clusters, clustering.pool_labels, clustering.validation_labels
    by_cluster = {
        "pool": (_counted(pool[region.pool], n), _counted(pool, n)),
        "validation": (_counted(validation[region.validation], n), _counted(validation, n)),
        "selected": (_counted(pool[selected[marked[selected]]], n), _counted(pool[selected], n)),
    }
    sums = {layer: (int(some.sum()), int(all_of_it.sum())) for layer, (some, all_of_it) in by_cluster.items()}
    return RegionCounts(sums["pool"], sums["validation"], sums["selected"], by_cluster)


def counts_table(counts: RegionCounts, names: Sequence[str]) -> pd.DataFrame:
    """Return one row a cluster that has any pair in the region, the most pool pairs first.

    Parameters
    ----------
    counts : RegionCounts
        Of the region.
    names : sequence of str
        What the clusters are called.
    """
    import pandas as pd

    found = counts.by_cluster
    some = np.array([marked for marked, _ in found.values()]).sum(axis=0) > 0
    order = np.lexsort((np.arange(len(some)), -found["validation"][0], -found["pool"][0]))
    shown = order[some[order]]
    columns: dict[str, list[str] | IntVector] = {"cluster": [names[c] for c in shown]}
    for layer, (marked, total) in found.items():
        columns[layer] = [f"{marked[c]:,} of {total[c]:,}" for c in shown]
    columns["pool pairs in the region"] = found["pool"][0][shown]
    return pd.DataFrame(columns)


def _counted(labels: LabelVector, n_clusters: int) -> IntVector:
    return np.bincount(labels[labels >= 0], minlength=n_clusters).astype(np.int64)
