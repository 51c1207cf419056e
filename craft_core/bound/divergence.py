"""Divergences between the validation shares p and the selected shares q of the clusters."""

from __future__ import annotations

import numpy as np

from craft_core.arrays import FloatVector

__all__ = ["covered_kl", "kl_divergence", "total_variation"]


def kl_divergence(p: FloatVector, q: FloatVector) -> float:
    """Return KL(p || q) = sum_c p_c log(p_c / q_c) in nats; infinite where p has mass and q has none."""
    mass = p > 0
    if (q[mass] <= 0).any():
        return float("inf")
    # rounding can leave -1e-17 between equal shares; the divergence itself is never negative
    return max(float((p[mass] * (np.log(p[mass]) - np.log(q[mass]))).sum()), 0.0)


def covered_kl(p: FloatVector, q: FloatVector) -> float:
    """Return KL(p' || q) in nats, where p' is p without the clusters q does not reach, scaled to sum 1; nan where q reaches none.

    This is the divergence of what can be compared at all; show it together with the uncovered mass.
    """
    kept = np.where(q > 0, p, 0.0)
    return kl_divergence(kept / kept.sum(), q) if kept.sum() > 0 else float("nan")


def total_variation(p: FloatVector, q: FloatVector) -> float:
    """Return the total variation distance, half the sum of |p_c - q_c|, in [0, 1]: the share of pairs that sit in the wrong cluster."""
    return 0.5 * float(np.abs(p - q).sum())
