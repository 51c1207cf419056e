"""The budget on a slider, in pairs, words or percent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from craft_core.budgets import Prefixes, budget_for_tokens, covered_supply
from craft_core.problem import Problem
from craft_core.selectors import Craft
from pages.shared.session import begin, change, current_config

UNITS = PAIRS, WORDS, PERCENT = "pairs", "words of both sides", "% of the pool"
_ROUND = (*range(10, 20), *range(20, 40, 2), *range(40, 60, 5), *range(60, 100, 10))  # the round numbers of a decade, in tenths


@dataclass(frozen=True, eq=False)
class Scale:
    """Turn budgets into positions of the slider and back, in one unit.

    Attributes
    ----------
    unit : str
        Of the positions.
    steps : tuple of float
        Round positions, ascending, from few pairs to all that can be chosen.
    to_position, to_budget : callable
        Between a budget in pairs and a position.
    """

    unit: str
    steps: tuple[float, ...]
    to_position: Callable[[int], float]
    to_budget: Callable[[float], int]

    def position(self, budget: int) -> float:
        """Return the round position that gives this budget, or else the exact one."""
        exact = self.to_position(budget)
        near = min(self.steps, key=lambda step: abs(step - exact), default=exact)
        return near if self.to_budget(near) == budget else exact

    def shown(self, position: float) -> str:
        """Return a position as people read it."""
        return f"{position:.3g} %" if self.unit == PERCENT else f"{position:,.0f}"


def scale_of(unit: str, found: Prefixes, selector: Craft, task: Problem) -> Scale:
    """Return the scale of the slider in a unit."""
    most = covered_supply(task)
    least, n_pool = min(10, most), len(task.pool)

    def words(budget: int) -> float:
        return float(found.at(selector.allocate(task, max(budget, 1))).tokens)

    if unit == WORDS:
        return Scale(
            unit, round_steps(words(least), words(most)), words, lambda position: budget_for_tokens(found, selector, task, int(position))
        )
    if unit == PERCENT:
        low, high = (100 * budget / n_pool for budget in (least, most))
        return Scale(
            unit, round_steps(low, high), lambda budget: 100 * budget / n_pool, lambda position: max(round(position * n_pool / 100), 1)
        )
    return Scale(unit, round_steps(least, most), float, int)


def round_steps(low: float, high: float) -> tuple[float, ...]:
    """Return the round numbers from low to high, about evenly spaced on a logarithmic axis, and high itself."""
    first, last = int(np.floor(np.log10(max(low, 1e-6)))), int(np.ceil(np.log10(max(high, 1e-6))))
    steps = [float(f"{digits}e{decade - 1}") for decade in range(first, last + 1) for digits in _ROUND]
    return (*(step for step in steps if low <= step < high), high)


def choose(found: Prefixes, selector: Craft, task: Problem) -> tuple[int, int]:
    """Draw the slider, and return the budget of the session and the one it is compared with, in pairs."""
    budget = current_config().budget
    left, middle, right = st.columns([5, 2, 2], vertical_alignment="top")
    with middle:
        unit = _unit()
    with right:
        compared = _compared(budget)
    scale = scale_of(unit, found, selector, task)
    most = covered_supply(task)
    here, there = (scale.position(min(one, most)) for one in (budget, compared))
    with left:
        _slider(scale, here, sorted({*scale.steps, here, there}))
        if budget > most:
            st.caption(f"The budget is {budget:,} pairs, but only {most:,} can be chosen: the slider ends there.")
    return budget, compared


def _slider(scale: Scale, here: float, positions: list[float]) -> None:
    if len(positions) == 1:  # a browser cannot draw a slider that goes nowhere
        st.text(f"Only one budget can be chosen: {scale.shown(here)} {scale.unit}.")
        return
    st.select_slider(
        f"Budget ({scale.unit})",
        options=positions,
        **begin("budget_slider", here),
        format_func=scale.shown,
        on_change=_slide,
        args=(scale,),
        help="The budget of this session, the same as at the side. It ends where no further pair can be chosen.",
    )


def _unit() -> str:
    begun = UNITS.index(st.session_state.get("budget_unit", PAIRS))
    return str(st.selectbox("Unit", UNITS, index=begun, key="budget_unit", help="What the slider counts in."))


def _compared(budget: int) -> int:
    meaning = "Every difference below is against this budget; at first the one you came with."
    begun = st.session_state.get("budget_compared", budget)
    return int(st.number_input("Compare with (pairs)", min_value=1, value=begun, step=100, key="budget_compared", help=meaning))


def _slide(scale: Scale) -> None:
    change(budget=scale.to_budget(float(st.session_state["budget_slider"])))
