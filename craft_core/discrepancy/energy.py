"""The energy distance of a selection to pairs it was not selected with, and what it is to be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatMatrix, IntVector
from craft_core.errors import DataError
from craft_core.vectorize.protocol import EncodedPairs

__all__ = [
    "MAX_ROWS",
    "Anchors",
    "Energy",
    "Means",
    "energy_distance",
    "energy_of",
    "half_against_half",
    "mean_between",
    "mean_energy",
    "mean_within",
    "sample_pairs",
    "sampled",
]

Means = npt.NDArray[np.float64]
"""Mean distances of source, target and joint vectors, shape (3,)."""

MAX_ROWS = 4_096
"""Rows of a set that are compared at most; a larger set is sampled, which the result says."""

_BLOCK_ROWS = 1_024


@dataclass(frozen=True)
class Energy:
    """Hold the energy distance of source, target and joint vectors.

    Unbiased estimates: near zero they can be negative, and are shown as they are. Units are those of the vectors (unit rows).
    """

    source: float
    target: float
    joint: float


@dataclass(frozen=True)
class Anchors:
    """Hold what an energy distance is to be compared with.

    Attributes
    ----------
    half_against_half : Energy
        Mean absolute value between random halves of the held-out set: what noise alone gives.
    random : Energy
        Mean over random selections of the same size.
    pool : Energy
        The whole pool (a sample of it, if it is large).
    """

    half_against_half: Energy
    random: Energy
    pool: Energy


def energy_distance(one: EncodedPairs, other: EncodedPairs) -> Energy:
    """Return 2 E||X - Y|| - E||X - X'|| - E||Y - Y'|| for source, target and joint vectors, unbiased.

    The joint vector of a pair is [source; target] / sqrt(2), so its squared distance is the mean of the two sides'. Time and memory are
    quadratic and blockwise in the rows given: pass at most `MAX_ROWS` through `sample_pairs`.

    Raises
    ------
    DataError
        If a set has fewer than two pairs.
    """
    return energy_of(mean_between(one, other), mean_within(one), mean_within(other))


def energy_of(between: Means, within: Means, other_within: Means) -> Energy:
    """Return the energy distance of two sets, given their mean distances, for sets that are compared with several others."""
    return Energy(*(float(value) for value in 2 * between - within - other_within))


def mean_between(one: EncodedPairs, other: EncodedPairs) -> Means:
    """Return E||X - Y||, shape (3,): of source, target and joint vectors. Raises DataError if a set has fewer than two pairs."""
    for pairs in (one, other):
        if len(pairs) < 2:
            raise DataError(f"An energy distance needs at least 2 pairs on each side. Got {len(pairs)}.")
    return _distance_sums(one, other, same=False) / (len(one) * len(other))


def mean_within(pairs: EncodedPairs) -> Means:
    """Return E||X - X'||, unbiased, shape (3,): of source, target and joint vectors. Raises DataError for fewer than two pairs."""
    if len(pairs) < 2:
        raise DataError(f"An energy distance needs at least 2 pairs on each side. Got {len(pairs)}.")
    return _distance_sums(pairs, pairs, same=True) / (len(pairs) * (len(pairs) - 1))


def half_against_half(pairs: EncodedPairs, rng: np.random.Generator, repeats: int = 10) -> Energy:
    """Return the mean absolute energy distance between random halves of one set: the noise floor at half its size."""
    found = []
    for _ in range(repeats):
        order = rng.permutation(len(pairs))
        middle = len(order) // 2
        found.append(energy_distance(pairs.take(order[:middle]), pairs.take(order[middle:])))
    return Energy(*(float(np.mean([abs(getattr(one, side)) for one in found])) for side in ("source", "target", "joint")))


def mean_energy(found: Sequence[Energy]) -> Energy:
    """Return the mean of several energy distances, side by side."""
    return Energy(*(float(np.mean([getattr(one, side) for one in found])) for side in ("source", "target", "joint")))


def sample_pairs(pairs: EncodedPairs, positions: IntVector, rng: np.random.Generator, limit: int = MAX_ROWS) -> EncodedPairs:
    """Return the pairs at these positions, or a random sample of `limit` of them."""
    return pairs.take(sampled(positions, rng, limit))


def sampled(positions: IntVector, rng: np.random.Generator, limit: int = MAX_ROWS) -> IntVector:
    """Return these positions or, sorted, a random sample of `limit` of them."""
    return np.sort(rng.choice(positions, limit, replace=False)) if len(positions) > limit else positions


def _distance_sums(one: EncodedPairs, other: EncodedPairs, *, same: bool) -> Means:
    """Sum the distances of all couples: source, target, joint. With `same`, a pair and itself count as exactly 0 apart."""
    sums = np.zeros(3)
    for start in range(0, len(one), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(one))
        begin = start if same else 0  # of a symmetric matrix the upper half is enough, counted twice
        source = _squares(one.sources[start:stop], other.sources[begin:])
        target = _squares(one.targets[start:stop], other.targets[begin:])
        if same:
            np.fill_diagonal(source, 0)
            np.fill_diagonal(target, 0)
        for side, squares in enumerate((source, target, 0.5 * (source + target))):
            distances = np.sqrt(squares)
            sums[side] += distances.sum(dtype=np.float64)
            if same:
                sums[side] += distances[:, stop - start :].sum(dtype=np.float64)
    return sums


def _squares(rows: FloatMatrix, to: FloatMatrix) -> FloatMatrix:
    squares: FloatMatrix = np.einsum("ij,ij->i", rows, rows)[:, None] + np.einsum("ij,ij->i", to, to) - 2 * (rows @ to.T)
    return np.maximum(squares, 0, out=squares)
