"""Who is best, and who is as good as the best: means and spreads over seeds, and overlaps of the choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from craft_core.arrays import FloatVector
from craft_core.compare.measures import MEASURES, Measure
from craft_core.compare.run import Comparison

__all__ = ["Cell", "measured", "overlaps", "standing"]


@dataclass(frozen=True)
class Cell:
    """Hold what a method reached on one measure at one budget.

    Attributes
    ----------
    mean, spread : float
        Mean and standard deviation over seeds; the spread is 0 with one seed, and both are nan where nothing was measured.
    n_seeds : int
        Seeds it was measured with.
    is_best, is_tied : bool
        Whether it has the best mean, and whether it lies within noise of it: nearer to the best than twice the standard error of the
        difference of two means.
    """

    mean: float
    spread: float
    n_seeds: int
    is_best: bool = False
    is_tied: bool = False


def measured(found: Comparison) -> tuple[Measure, ...]:
    """Return the measures that any trial has a number for."""
    return tuple(one for one in MEASURES if any(np.isfinite(trial.marks[one.name]) for trial in found.trials))


def standing(found: Comparison, measure: Measure, budget: int) -> dict[str, Cell]:
    """Return what every method reached on a measure at a budget, best and ties marked.

    With a single seed nothing is known of the noise, and only equal numbers tie. Where neither way is better nothing is marked.
    """
    plain = {one.name: _cell([trial.marks[measure.name] for trial in found.of(one.name, budget)]) for one in found.plan.selectors}
    known = {name: cell for name, cell in plain.items() if np.isfinite(cell.mean)}
    if not measure.better or not known:
        return plain
    sign = 1 if measure.better == "low" else -1
    best = min(known, key=lambda name: sign * known[name].mean)
    top = known[best]
    noise = {name: 2 * np.hypot(_error(cell), _error(top)) for name, cell in known.items()}
    marked = {
        name: Cell(cell.mean, cell.spread, cell.n_seeds, name == best, name != best and abs(cell.mean - top.mean) <= noise[name])
        for name, cell in known.items()
    }
    return plain | marked


def overlaps(found: Comparison, budget: int) -> FloatVector:
    """Return the Jaccard overlap of the choices of every two methods with the first seed, shape (methods, methods), 1 on the diagonal."""
    chosen = [found.of(one.name, budget)[0].chosen for one in found.plan.selectors]
    table = np.ones((len(chosen), len(chosen)))
    for a, one in enumerate(chosen):
        for b, other in enumerate(chosen[:a]):
            shared = len(np.intersect1d(one, other, assume_unique=True))
            table[a, b] = table[b, a] = shared / max(len(one) + len(other) - shared, 1)
    return table


def _cell(values: Sequence[float]) -> Cell:
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return Cell(float("nan"), float("nan"), 0)
    return Cell(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0, len(known))


def _error(cell: Cell) -> float:
    return cell.spread / float(np.sqrt(max(cell.n_seeds, 1)))
