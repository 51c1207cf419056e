"""Loops over the bytes of texts, compiled when first wanted, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from craft_core.arrays import IntVector

__all__ = ["compiled", "utf8"]


def compiled(function: Callable[..., Any], *arguments: str) -> Callable[..., Any]:
    """Compile a function for one signature, once and for all threads: while it runs, others do too.

    Parameters
    ----------
    function : callable
        Loops over arrays of numbers. Its sums keep their order, so that they come out the same on every run.
    arguments : str
        What each argument is: a scalar ("int64"), an array that is read ("in uint8") or one that is written ("out uint64"); a number behind
        it is the number of dimensions where that is not 1. Arrays must be in C order and aligned.

    Returns
    -------
    callable
        The compiled function.
    """
    import numba

    def kind(argument: str) -> Any:
        use, *rest = argument.split()
        if not rest:
            return getattr(numba, use)
        return numba.types.Array(getattr(numba, rest[0]), int(rest[1]) if rest[1:] else 1, "C", readonly=use == "in")

    signature = tuple(map(kind, arguments))
    done: Callable[..., Any]
    try:
        done = numba.njit(signature, nogil=True, cache=True)(function)
    except RuntimeError:  # neither this folder nor the user's can be written: compiled again by the next process
        done = numba.njit(signature, nogil=True)(function)
    return done


def utf8(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], IntVector]:
    """Return the bytes of all texts, one after the other, and where each begins and the last one ends, shape (n + 1,)."""
    _, offsets, data = texts.buffers()
    if offsets is None or len(texts) == 0:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    ends = np.frombuffer(offsets, np.int64, len(texts) + 1, texts.offset * 8)
    characters = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return characters, np.require(ends, requirements=["ALIGNED"])
