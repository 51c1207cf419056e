"""The curves that need no measuring: looked up at as many budgets as one likes to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from craft_core.arrays import IntVector
from craft_core.budgets.cells import running_cells
from craft_core.budgets.curve import BudgetCurve
from craft_core.budgets.prefixes import BudgetNumbers, Prefixes
from craft_core.problem import Problem
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Craft

__all__ = ["looked_up_curve", "share_curve"]


def looked_up_curve(
    found: Prefixes,
    selector: Craft,
    problem: Problem,
    budgets: IntVector,
    lipschitz: float,
    held_out: str,
    progress: Progress = silent,
) -> BudgetCurve:
    """Look up every curve that is not measured, over these budgets.

    Parameters
    ----------
    found : Prefixes
        The ranked pool of the problem.
    selector : Craft
        Shares the budgets.
    problem : Problem
        The clusters.
    budgets : IntVector
        Shape (k,): ascending.
    lipschitz : float
        L of the bound.
    held_out : str
        What the coverage was taken on, in words; without held-out texts it is left out.
    progress : Progress
        Called for each budget.
    """
    allocations, numbers = [], []
    for number, budget in enumerate(budgets):
        progress(number / len(budgets), f"Looking up a budget of {budget:,} pairs")
        allocations.append(selector.allocate(problem, int(budget)))
        numbers.append(found.at(allocations[-1]))
    values = {name: np.array([read(one) for one in numbers]) for name, read in _READ.items()}
    values["bound"] = np.array([found.bound(allocation, lipschitz).total for allocation in allocations])
    values["bound_low"] = np.array([found.low_bound(allocation, lipschitz).total for allocation in allocations])
    if all(one.coverage is not None for one in numbers):
        values |= {f"{name}_covered": np.array([getattr(one.coverage, name) for one in numbers]) for name in _COVERED}
    return BudgetCurve(budgets, values, held_out)


def share_curve(problem: Problem, selector: Craft, budgets: IntVector, lipschitz: float, progress: Progress = silent) -> BudgetCurve:
    """Look up `kl`, both ends of the bound and `starved`, which need no texts, for a problem not ranked yet; arguments as above."""
    ranking = selector.rank(problem, part(progress, 0.0, 0.5))
    cells = running_cells(problem, ranking, part(progress, 0.5, 1.0))
    allocations = [selector.allocate(problem, int(budget)) for budget in budgets]
    both = [cells.bounds(one, lipschitz) for one in allocations]
    values = {
        "kl": np.array([high.discrete for _, high in both]),
        "bound": np.array([high.total for _, high in both]),
        "bound_low": np.array([low.total for low, _ in both]),
        "starved": np.array([float(one.starved.sum()) for one in allocations]),
    }
    return BudgetCurve(budgets, values, "")


_READ: Mapping[str, Callable[[BudgetNumbers], float]] = {
    "kl": lambda one: one.kl,
    "starved": lambda one: float(one.starved),
    "tokens": lambda one: float(one.tokens),
}
_COVERED = ("source_tokens", "source_bigrams", "target_tokens", "target_bigrams")
