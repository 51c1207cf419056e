"""What a cell can hide: the residual of the KL bound, three ways, and the bound itself (our derivation).

P and Q are the laws of validation and selected sources, P_c and Q_c their parts in cell c. The chain rule gives
KL(P || Q) = KL(p || q) + sum_c p_c KL(P_c || Q_c). Assume that P_c and Q_c live on the same part of the cell, and that r = log(dP_c/dQ_c)
is L-Lipschitz there: |r(x) - r(y)| <= L ||x - y|| for any two points of it. With D_c the diameter of that part and V_c = E||X - mean||^2
under P_c, each of these bounds KL(P_c || Q_c) = E r, all means under P_c:

* linear: r oscillates by at most L D_c, and E e^-r = 1, so r <= L D_c everywhere and E r with it;
* Hoeffding: log E e^-r <= -E r + (L D_c)^2 / 8 (Hoeffding's lemma), and its left side is 0;
* Bennett: log E e^-r <= -E r + Var(r) phi(L D_c), phi(b) = (e^b - 1 - b) / b^2, because E r - r <= L D_c. And
  Var(r) = E (r(X) - r(X'))^2 / 2 <= L^2 E ||X - X'||^2 / 2 = L^2 V_c, for X' drawn like X.

If Q_c had mass where P_c has none, E e^-r would be below 1 and none of the three would hold: there the log-ratio is not Lipschitz.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from craft_core.arrays import FloatVector, frozen
from craft_core.bound.divergence import covered_kl, kl_divergence

__all__ = ["RESIDUALS", "KLBound", "bennett_residual", "hoeffding_residual", "kl_bound", "linear_residual"]

RESIDUALS = ("linear", "hoeffding", "bennett")
"""The names of the three residuals."""


@dataclass(frozen=True, eq=False)
class KLBound:
    """Hold the bound on KL(P || Q) and its terms, in nats.

    It is about the law of sources only; stage two has no bound. It holds if log(dP/dQ) is finite and L-Lipschitz wherever a cell carries
    either law, and if shares, diameters and variances are those of the laws. Diameters of samples are smaller; variances are
    estimated by `law_variance`.

    Attributes
    ----------
    lipschitz : float
        L, in nats per unit of distance.
    discrete : float
        KL(p || q) of the shares; infinite where p has mass and q has none.
    covered : float
        KL(p' || q) with p' the part of p that q reaches, scaled to sum 1; equal to `discrete` where q reaches all of p.
    shares : FloatVector
        Shape (n_clusters,): p'.
    linear, hoeffding, bennett : FloatVector
        Shape (n_clusters,): the three residuals of each cell.
    """

    lipschitz: float
    discrete: float
    covered: float
    shares: FloatVector
    linear: FloatVector
    hoeffding: FloatVector
    bennett: FloatVector

    def __post_init__(self) -> None:
        for array in (self.shares, self.linear, self.hoeffding, self.bennett):
            frozen(array)

    @cached_property
    def residual(self) -> FloatVector:
        """R_c: the smallest of the three in each cell."""
        return np.minimum(np.minimum(self.linear, self.hoeffding), self.bennett)

    @cached_property
    def contributions(self) -> FloatVector:
        """p'_c R_c of each cell; they sum to the residual term of the bound."""
        return self.shares * self.residual

    @property
    def residual_sum(self) -> float:
        """Sum of p'_c R_c."""
        return float(self.contributions.sum())

    def residual_of(self, name: str) -> float:
        """Return sum_c p'_c of one of `RESIDUALS` alone."""
        reached = self.shares > 0  # where nothing is, an infinite residual counts for nothing
        return float((self.shares[reached] * getattr(self, name)[reached]).sum())

    @property
    def total(self) -> float:
        """The bound on KL(P || Q); infinite where q misses a part of p."""
        return self.discrete + self.residual_sum

    @property
    def covered_total(self) -> float:
        """The bound for the part of validation that the selection reaches; equal to `total` where it reaches all of it."""
        return self.covered + self.residual_sum


def kl_bound(p: FloatVector, q: FloatVector, diameters: FloatVector, variances: FloatVector, lipschitz: float) -> KLBound:
    """Bound KL(P || Q) from shares, diameters and variances of the cells.

    Parameters
    ----------
    p, q : FloatVector
        Shape (n_clusters,): shares of the first and the second law. For the reverse direction pass (q, p).
    diameters : FloatVector
        Shape (n_clusters,): D_c, or upper bounds of it, in the units of the vectors.
    variances : FloatVector
        Shape (n_clusters,): V_c under the first law.
    lipschitz : float
        L of log(dP/dQ) on each cell, at least 0, in nats per unit of distance.
    """
    kept = np.where(q > 0, p, 0.0)
    shares = kept / kept.sum() if kept.sum() > 0 else kept
    spread = lipschitz * np.asarray(diameters, dtype=np.float64)
    return KLBound(
        lipschitz,
        kl_divergence(p, q),
        covered_kl(p, q),
        shares,
        linear_residual(spread),
        hoeffding_residual(spread),
        bennett_residual(spread, lipschitz**2 * np.asarray(variances, dtype=np.float64)),
    )


def linear_residual(spread: FloatVector) -> FloatVector:
    """Return L D_c, for a spread of L D_c; the kind of residual the paper's abstract speaks of."""
    return np.asarray(spread, dtype=np.float64).copy()


def hoeffding_residual(spread: FloatVector) -> FloatVector:
    """Return (L D_c)^2 / 8; smaller than the linear residual as soon as L D_c < 8."""
    return np.asarray(spread, dtype=np.float64) ** 2 / 8


def bennett_residual(spread: FloatVector, variance: FloatVector) -> FloatVector:
    """Return (L^2 V_c) phi(L D_c), phi(b) = (e^b - 1 - b) / b^2; for a variance of L^2 V_c and a spread of L D_c."""
    b = np.asarray(spread, dtype=np.float64)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        # below 1e-3 the difference would lose its digits; four terms of the series are exact there
        phi = np.where(b < 1e-3, 0.5 + b / 6 + b**2 / 24 + b**3 / 120, (np.expm1(b) - b) / b**2)
        return np.where(variance > 0, variance * phi, 0.0)
