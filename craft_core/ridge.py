"""The ridge regression from source to target vectors: a translator that needs no training run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from craft_core.arrays import IntVector
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["Matrix64", "ridge_map"]

Matrix64 = npt.NDArray[np.float64]

_BLOCK_ROWS = 4_096


def ridge_map(pairs: EncodedPairs, penalty: float = 1.0, positions: IntVector | None = None) -> Matrix64:
    """Return the map W that solves (X'X + penalty I) W = X'Y on these pairs, shape (source dimensions, target dimensions).

    Parameters
    ----------
    pairs : EncodedPairs
        X are its sources and Y its targets.
    penalty : float
        Above 0.
    positions : IntVector, optional
        The pairs to learn from, all of them by default; read a block at a time, so that no copy of the vectors is made.
    """
    gram = penalty * np.eye(pairs.sources.shape[1])
    cross = np.zeros((pairs.sources.shape[1], pairs.targets.shape[1]))
    n = len(pairs) if positions is None else len(positions)
    for start in range(0, n, _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS) if positions is None else positions[start : start + _BLOCK_ROWS]
        sources = pairs.sources[rows].astype(np.float64)
        gram += sources.T @ sources
        cross += sources.T @ pairs.targets[rows]
    return np.linalg.solve(gram, cross).astype(np.float64, copy=False)
