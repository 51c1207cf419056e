"""Herding inside one cluster: one pair after the other, each the one that brings the choice nearest to what is wanted (ours).

The next pair is the one with the smallest mean distance to the validation pairs, less its mean distance to the pairs already taken, less
its prize: a greedy descent on the energy distance (after Welling 2009 and Chen, Welling and Smola 2010), where a prize says what else
speaks for a pair.
"""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatMatrix, FloatVector, IntVector
from craft_core.threads import one_thread

__all__ = ["LEAST_WINDOW", "MOST_HERDED", "WINDOW", "herd", "n_candidates"]

WINDOW = 8
"""Candidates looked at for each pair taken so far, this one included."""
LEAST_WINDOW = 200
"""Candidates looked at from the start."""
MOST_HERDED = 1_024
"""Pairs herded in a cluster at most; the rest follows in the order given, as spread no longer changes much."""

_MOST_WINDOW = 2_048
_TILE = 128  # rows multiplied at a time: always as many, so that a larger budget changes no bit of what a smaller one computes


def n_candidates(count: int) -> int:
    """Return how many candidates `herd` looks at for so many pairs: it is enough to give it these."""
    return min(max(WINDOW * min(count, MOST_HERDED), LEAST_WINDOW), _MOST_WINDOW)


def herd(rows: FloatMatrix, wanted: FloatMatrix, count: int, prizes: FloatVector | None = None) -> IntVector:
    """Return the positions of `count` candidates, 1,024 at most, in the order they are taken.

    The s-th step, counted from 0, looks at the first max(8 (s + 1), 200) candidates, 2,048 at most, so that the first steps do not depend
    on how many follow: the order for a budget begins with the order for every smaller one.

    Parameters
    ----------
    rows : FloatMatrix
        Candidates, shape (n, d), most promising first.
    wanted : FloatMatrix
        Validation pairs, shape (m, d), m at least 1.
    count : int
        At most n.
    prizes : FloatVector or None
        Shape (n,), in units of distance; None for no prizes.

    Notes
    -----
    Ties go to the earlier candidate. Memory: 16 MB of distances at most. Time: n**2 d multiply-adds for n candidates, then n a step.
    """
    count, n_seen = min(count, MOST_HERDED), min(len(rows), n_candidates(count))
    taken = np.empty(count, dtype=np.int64)
    with one_thread():
        near, between = _tables(rows[:n_seen], wanted)
    gain = near if prizes is None else near - prizes[:n_seen]
    apart = np.zeros(n_seen)
    for step in range(count):
        window = min(max(WINDOW * (step + 1), LEAST_WINDOW), n_seen)
        one = int(np.argmin(gain[:window] - apart[:window] / max(step, 1)))
        taken[step], gain[one] = one, np.inf
        apart += between[one]
    return taken


def _tables(rows: FloatMatrix, wanted: FloatMatrix) -> tuple[FloatVector, FloatMatrix]:
    """Return the mean distance of each candidate to the wanted rows, shape (n,), and their distances to one another, shape (n, n)."""
    n_tiles = -(-len(rows) // _TILE)
    tiles = np.zeros((n_tiles, _TILE, rows.shape[1]), dtype=np.float32)
    tiles.reshape(-1, rows.shape[1])[: len(rows)] = rows
    squares = np.einsum("tij,tij->ti", tiles, tiles)
    wanted_squares = np.einsum("ij,ij->i", wanted, wanted)
    near = np.zeros((n_tiles, _TILE))
    apart = np.empty((n_tiles * _TILE, n_tiles * _TILE), dtype=np.float32)
    for a in range(n_tiles):
        near[a] = _distances(tiles[a], squares[a], wanted, wanted_squares).mean(axis=1)
        for b in range(a + 1):
            block = _distances(tiles[a], squares[a], tiles[b], squares[b])
            apart[a * _TILE : (a + 1) * _TILE, b * _TILE : (b + 1) * _TILE] = block
            apart[b * _TILE : (b + 1) * _TILE, a * _TILE : (a + 1) * _TILE] = block.T
    return near.reshape(-1)[: len(rows)], apart[: len(rows), : len(rows)]


def _distances(rows: FloatMatrix, squares: FloatVector, others: FloatMatrix, other_squares: FloatVector) -> FloatMatrix:
    found: FloatMatrix = rows @ others.T
    found *= -2
    found += squares[:, None]
    found += other_squares
    return np.sqrt(np.maximum(found, 0, out=found), out=found)
