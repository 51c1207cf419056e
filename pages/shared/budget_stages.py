"""The stages of the Budget page, each computed once; what is looked up for one budget needs no stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from craft_core.allocate import Allocation
from craft_core.bound import KLBound
from craft_core.budgets import (
    CURVES,
    EXACT_ROWS,
    BudgetCurve,
    BudgetNumbers,
    Prefixes,
    budget_curve,
    budget_grid,
    covered_supply,
    energy_anchors,
    looked_up_curve,
    prefixes,
    share_curve,
)
from craft_core.experiment import check_chosen
from craft_core.holdout import HoldOut, hold_out
from craft_core.problem import Problem
from craft_core.progress import Progress, part
from craft_core.selectors import Craft
from craft_core.sweep import SweepPoint, point_of
from craft_core.whatif import take
from pages.shared import stages
from pages.shared.keeping import PLAIN
from pages.shared.session import current_config
from pages.shared.work import compute, is_ready, is_running, key_of, was_stopped

_DRAWN_BUDGETS = 40  # of the curves that are looked up
_CURVE, _SHARES, _SPREAD = "Measuring the curves", "Shares of every run", "Energy distances of every run"


def selector() -> Craft:
    """Return the method, one that ranks; every such method shares its budget and ranks as Craft does."""
    chosen: Any = current_config().selector
    return chosen  # type: ignore[no-any-return]


def held_out() -> HoldOut:
    """Return what a selection is measured on: the same halves of validation, where there is no test set, as for the diagnostics."""
    task, rows, seed = stages.problem(), stages.vectors(), current_config().seed
    return compute("Held-out pairs", stages.problem_key(), lambda _: hold_out(task, rows.test, np.random.default_rng([seed, 2])))


def every_budget() -> Prefixes | None:
    """Return the ranked pool ready for every budget, or None for a method that does not rank."""
    task, loaded, ranked = stages.problem(), stages.data(), stages.ranking()
    if ranked is None:
        return None
    method = selector()

    def work(progress: Progress) -> Prefixes:
        check_chosen(take(ranked, method.allocate(task, 1)))
        return prefixes(task, ranked, loaded.pool, loaded.test, progress)

    return compute("Preparing every budget", stages.ranking_key(), work, PLAIN, stages.wait_for("prefixes"))


@dataclass(frozen=True)
class Bounds:
    """Hold the bound at one budget with lower and with upper bounds of the diameters; the same object twice where they are exact."""

    low: KLBound
    high: KLBound

    @property
    def is_exact(self) -> bool:
        """Whether the diameters are exact."""
        return self.low is self.high


def bounds_at(found: Prefixes, budgets: tuple[BudgetNumbers, ...], lipschitz: float) -> list[Bounds]:
    """Return the bounds at some budgets; up to `EXACT_ROWS` pairs with exact diameters, in milliseconds.

    All of them are exact or none is: an exact bound cannot be compared with one that uses bounds of the diameters. A cell of more than
    `EXACT_POINTS` pairs has no exact diameter.
    """
    task = stages.problem()
    if max(one.allocation.size for one in budgets) + len(task.validation) <= EXACT_ROWS:
        points = [_point(found, task, one.allocation) for one in budgets]
        if all(point.is_exact for point in points):
            known = [point.bound(lipschitz) for point in points]
            return [Bounds(one, one) for one in known]
    return [Bounds(found.low_bound(one.allocation, lipschitz), found.bound(one.allocation, lipschitz)) for one in budgets]


def _point(found: Prefixes, task: Problem, allocation: Allocation) -> SweepPoint:
    return compute(
        "Exact diameters",
        key_of(stages.ranking_key(), allocation.budget),
        lambda progress: point_of(task, take(found.ranking, allocation), allocation.budget, progress),
    )


def looked_up(lipschitz: float) -> BudgetCurve:
    """Return the curves over budgets that need no measuring, for a method that ranks."""
    task, found, words, method = stages.problem(), every_budget(), held_out().words, selector()
    budgets = budget_grid(covered_supply(task), points=_DRAWN_BUDGETS)
    return compute(
        "Curves over budgets",
        key_of(stages.ranking_key(), lipschitz),
        lambda progress: looked_up_curve(found, method, task, budgets, lipschitz, words, progress),  # type: ignore[arg-type]
    )


def measured_curve() -> tuple[BudgetCurve, Mapping[str, float]]:
    """Return the curves over budgets that are measured on held-out pairs, for a method that ranks, and anchors of the energy distance."""
    loaded, task, held, config = stages.data(), stages.problem(), held_out(), current_config()
    names = tuple(name for name, one in CURVES.items() if one.is_measured or ("covered" in name and not held.from_test))

    def work(progress: Progress) -> tuple[BudgetCurve, Mapping[str, float]]:
        budgets, rng = budget_grid(covered_supply(task)), np.random.default_rng([config.seed, 3])
        texts = loaded.pool, loaded.validation, loaded.test
        # none of these curves depends on L
        curve = budget_curve(held, config.selector, *texts, budgets, 0.0, rng, names, part(progress, 0, 0.95))  # type: ignore[arg-type]
        return curve, energy_anchors(held, rng, part(progress, 0.95, 1))

    return compute(_CURVE, _curve_key(), work, PLAIN, stages.wait_for("curves"))


def measured_curve_if_ready() -> BudgetCurve | None:
    """Return the measured curves if they are there for the present choices."""
    return measured_curve()[0] if is_ready(_CURVE, _curve_key()) else None


def anchors_if_ready() -> Mapping[str, float]:
    """Return what energy distances are to be compared with if they are there for the present choices."""
    return measured_curve()[1] if is_ready(_CURVE, _curve_key()) else {}


def is_curve_stopped() -> bool:
    """Return whether the user stopped the measuring of the curves."""
    return was_stopped(_CURVE, _curve_key())


def _curve_key() -> str:
    return key_of(stages.ranking_key(), "measured curve")


def curves_of_runs(lipschitz: float) -> tuple[BudgetCurve, ...]:
    """Return the curves of every run that stability compares, for a method that ranks; the run itself first.

    Shares and bound are of all of validation, as the curves above; only the energy distance is measured on held-out pairs, once for
    every L and every budget.
    """
    shares, energies = _shares_of_runs(lipschitz), _energies_of_runs()
    return tuple(
        BudgetCurve(one.budgets, {**one.values, **other.values}, other.held_out) for one, other in zip(shares, energies, strict=True)
    )


def _shares_of_runs(lipschitz: float) -> tuple[BudgetCurve, ...]:
    runs, method, budgets = stages.repeated_clusters().problems, selector(), budget_grid(covered_supply(stages.problem()))

    def work(progress: Progress) -> tuple[BudgetCurve, ...]:
        return tuple(share_curve(task, method, budgets, lipschitz, _turn(progress, number, runs)) for number, task in enumerate(runs))

    return compute(_SHARES, key_of(_runs_key(), lipschitz), work, PLAIN, stages.wait_for("shares of runs"))


def _energies_of_runs() -> tuple[BudgetCurve, ...]:
    loaded, rows, config, runs = stages.data(), stages.vectors(), current_config(), stages.repeated_clusters().problems
    budgets = budget_grid(covered_supply(stages.problem()))

    def work(progress: Progress) -> tuple[BudgetCurve, ...]:
        found = []
        for number, task in enumerate(runs):
            held = hold_out(task, rows.test, np.random.default_rng([config.seed, 2]))
            texts, rng = (loaded.pool, loaded.validation, loaded.test), np.random.default_rng([config.seed, 3])
            now = _turn(progress, number, runs)
            found.append(budget_curve(held, config.selector, *texts, budgets, 0.0, rng, ("energy",), now))  # type: ignore[arg-type]
        return tuple(found)

    return compute(_SPREAD, _runs_key(), work, PLAIN, stages.wait_for("energies of runs"))


def _turn(progress: Progress, number: int, runs: tuple[Problem, ...]) -> Progress:
    return part(progress, number / len(runs), (number + 1) / len(runs))


def _runs_key() -> str:
    """Return the key of the clusterings that stability compares: they do not depend on the budget."""
    return key_of(stages.ranking_key(), current_config().stability)


def spread_state() -> tuple[bool, bool]:
    """Return whether the energy distances of every run are there, and whether they are being measured."""
    return is_ready(_SPREAD, _runs_key()), is_running(_SPREAD, _runs_key())
