"""Names for the arrays that travel between stages, and the one way to make them read-only."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["BoolVector", "FloatMatrix", "FloatVector", "IntVector", "LabelVector", "frozen"]

FloatMatrix = npt.NDArray[np.float32]
"""Rows of vectors, shape (n, dimensions)."""
FloatVector = npt.NDArray[np.floating[Any]]
"""One number an item, shape (n,)."""
IntVector = npt.NDArray[np.int64]
"""Counts or row numbers, shape (n,)."""
LabelVector = npt.NDArray[np.int32]
"""A cluster for each row, shape (n,); -1 for a row that is in none."""
BoolVector = npt.NDArray[np.bool_]
"""A switch for each row, shape (n,)."""

Array = TypeVar("Array", bound=npt.NDArray[Any])


def frozen(array: Array) -> Array:
    """Return the array after making it read-only, so that a result cannot change behind its owner's back."""
    array.flags.writeable = False
    return array
