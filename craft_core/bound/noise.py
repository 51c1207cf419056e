"""How much of KL(p || q) is chance: the noise floor of the shares and a bootstrap band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.errors import DataError

__all__ = ["ShareNoise", "share_noise"]


@dataclass(frozen=True, eq=False)
class ShareNoise:
    """Hold what chance alone does to KL(p || q) when validation is a sample of M pairs.

    It assumes that validation pairs are drawn independently. The selected shares q are held fixed.

    Attributes
    ----------
    floor : float
        (n_clusters - 1) / (2 M), in nats: the mean of KL(empirical || true shares) of M draws to first order in 1 / M (half a chi-square
        with n_clusters - 1 degrees of freedom, over M). All clusters count, those without a validation pair too. It reads too high where
        M is small against n_clusters: the mean never exceeds log(1 + (n_clusters - 1) / M).
    low, high : float
        The central 90 % of KL(p* || q) over bootstrap resamples p* of the validation pairs, in nats; covered part where q misses some of
        p, nan where it misses all. Where p and q are close the whole band lies above KL(p || q), by about the floor: resampling
        adds the same noise again.
    resamples : FloatVector
        Sorted KL of the resamples; those that q does not reach at all are left out.
    """

    floor: float
    low: float
    high: float
    resamples: FloatVector

    def __post_init__(self) -> None:
        frozen(self.resamples)


def share_noise(validation_counts: IntVector, q: FloatVector, rng: np.random.Generator, n_resamples: int = 200) -> ShareNoise:
    """Return the noise floor and a bootstrap band of KL(p || q).

    Parameters
    ----------
    validation_counts : IntVector
        Shape (n_clusters,): validation pairs in each cluster; at least one in all.
    q : FloatVector
        Shape (n_clusters,): selected shares, held fixed.
    rng : numpy.random.Generator
        Of the resamples.
    n_resamples : int
        How many.

    Raises
    ------
    DataError
        If there is no validation pair.
    """
    total = int(validation_counts.sum())
    if total < 1:
        raise DataError("The noise of the shares needs at least 1 validation pair in a cluster. Got 0.")
    held = validation_counts > 0
    drawn = rng.multinomial(total, validation_counts[held] / total, size=n_resamples)
    resamples = np.sort(_covered_kls(drawn / total, np.asarray(q, dtype=np.float64)[held]))
    low, high = np.quantile(resamples, (0.05, 0.95)) if len(resamples) else (np.nan, np.nan)
    return ShareNoise((len(validation_counts) - 1) / (2 * total), float(low), float(high), resamples)


def _covered_kls(p: FloatVector, q: FloatVector) -> FloatVector:
    """Return KL(p' || q) of every row of p, p' its part that q reaches, scaled to sum 1; rows that q does not reach are left out."""
    p, q = p[:, q > 0], q[q > 0]
    covered = p.sum(axis=1)
    p, covered = p[covered > 0], covered[covered > 0]
    terms = p * np.log(np.where(p > 0, p, q) / q)
    divergences: FloatVector = np.maximum(terms.sum(axis=1) / covered - np.log(covered), 0.0)
    return divergences
