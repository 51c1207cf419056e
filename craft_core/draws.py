"""Random numbers that belong to the pairs: the same pair draws the same number wherever it stands in the pool."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatVector, IntVector

__all__ = ["drawn_first", "gumbel", "uniforms", "uniforms_of"]

_STEPS = tuple((np.uint64(shift), np.uint64(factor)) for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)))


def uniforms(keys: npt.NDArray[np.uint64], rng: np.random.Generator) -> FloatVector:
    """Return a number in (0, 1) for each key.

    Parameters
    ----------
    keys : array of uint64
        Shape (n,): content keys; equal keys get equal numbers.
    rng : numpy.random.Generator
        Gives 64 bits that are mixed with every key, so that each call draws anew.

    Returns
    -------
    FloatVector
        Shape (n,), float64. The mixing is that of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    return uniforms_of(keys, rng.integers(2**64, dtype=np.uint64))


def uniforms_of(keys: npt.NDArray[np.uint64], lot: np.uint64) -> FloatVector:
    """Return the same for 64 bits that were drawn before: pairs that come in parts draw as they would together."""
    mixed = keys ^ lot
    for shift, factor in _STEPS:
        mixed = (mixed ^ (mixed >> shift)) * factor
    mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52  # a bit more would round the largest up to 1


def drawn_first(numbers: FloatVector, size: int) -> IntVector:
    """Return the positions of the `size` smallest numbers, smallest first, ties by position; all where there are fewer."""
    if size >= len(numbers):
        return np.argsort(numbers, kind="stable")
    last = np.partition(numbers, size - 1)[size - 1]
    likely = np.flatnonzero(numbers <= last)
    return likely[np.argsort(numbers[likely], kind="stable")[:size]]


def gumbel(keys: npt.NDArray[np.uint64], rng: np.random.Generator) -> FloatVector:
    """Return standard Gumbel noise for each key: the n largest of log p + noise are n draws without replacement (Yellott 1977)."""
    noise: FloatVector = -np.log(-np.log(uniforms(keys, rng)))
    return noise
