"""How times grow with the number of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Growth", "growth_of"]

_LINEAR = (0.9, 1.1)  # exponents; 0.9 is 7.9 times as long for ten times the pairs, 1.1 is 12.6 times


@dataclass(frozen=True)
class Growth:
    """Hold how a number grows with the pairs: as pairs ** exponent.

    Attributes
    ----------
    overall : float
        The exponent over all sizes: the slope of log number over log pairs, by least squares.
    last : float
        The exponent between the two largest sizes.
    fixed, per_pair : float
        The number as fixed + per_pair * pairs, neither below 0, by least squares of relative errors.
    """

    overall: float
    last: float
    fixed: float
    per_pair: float

    @property
    def verdict(self) -> str:
        """Whether the two largest sizes look linear, in words."""
        if self.last > _LINEAR[1]:
            return "more than linear"
        return "linear" if self.last >= _LINEAR[0] else "less than linear: what does not grow with the pool still counts"

    def sentence(self) -> str:
        """Say of seconds how they grow; as a line only where they are one, as work that stops growing at some size makes none."""
        line = f" As a line: {self.fixed:.2f} s + {1e6 * self.per_pair:.2f} s a million pairs." if self.verdict == "linear" else ""
        return (
            f"Ten times the pairs take {10**self.last:.1f} times as long, going by the two largest sizes ({10**self.overall:.1f} by all): "
            f"{self.verdict}.{line}"
        )


def growth_of(numbers: Mapping[int, float]) -> Growth | None:
    """Return how a number grows.

    Parameters
    ----------
    numbers : Mapping of int to float
        By number of pairs. None is returned for fewer than two sizes, or where a number is not above 0.
    """
    if len(numbers) < 2 or min(numbers.values()) <= 0:
        return None
    pairs = np.array(sorted(numbers), dtype=np.float64)
    values = np.array([numbers[int(size)] for size in pairs])
    x, y = np.log(pairs), np.log(values)
    fixed, per_pair = _line(pairs, values)
    return Growth(float(np.polyfit(x, y, 1)[0]), float((y[-1] - y[-2]) / (x[-1] - x[-2])), fixed, per_pair)


def _line(pairs: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Minimise the sum of (1 - (fixed + per_pair * pairs) / value) ** 2 over numbers that are not negative."""
    from scipy.optimize import nnls

    scale = pairs.max()  # so that both unknowns are of the order of the values
    (fixed, slope), _ = nnls(np.stack([1 / values, pairs / scale / values], axis=1), np.ones(len(values)))
    return float(fixed), float(slope / scale)
