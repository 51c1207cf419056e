"""The curves over budgets on the Budget page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.budgets import CURVES, KNEE_RULE, BudgetCurve
from craft_core.figures import PANELS, curve_figure
from pages.shared import budget_stages, views

_COVERAGE_HELP = "Share of the running words, and of the pairs of neighbouring words, of the held-out texts that occur in the chosen pairs."


def draw(now: int, then: int, lipschitz: float, exact: Mapping[int, float]) -> None:
    """Draw the curves that can be looked up, and those that are measured once the user asks for them."""
    beside = "" if now == then else f" Dotted line: {then:,} pairs."
    st.caption(
        f"One quantity a panel, over all budgets. Solid line: {now:,} pairs.{beside} Diamond: the knee, beyond which more pairs buy less."
    )
    known, measured = budget_stages.looked_up(lipschitz), budget_stages.measured_curve_if_ready()
    draws = panels(known, now, then, exact=exact)
    draws += [_measure] if measured is None else panels(measured, now, then, anchors=budget_stages.measured_curve()[1])
    in_twos(draws)
    notes = [KNEE_RULE]
    if measured is not None:
        notes.append(f"Dots: measured on {measured.held_out}; the lines between them are interpolated.")
    st.caption(" ".join(notes))
    with st.expander("The same numbers as a table"):
        for curve in (known, *([] if measured is None else [measured])):
            st.dataframe(curve_table(curve), hide_index=True)


def _measure() -> None:
    st.markdown("**Energy distance and stand-ins for fine-tuning**")
    st.markdown(
        "These have to be measured on held-out pairs, budget by budget: seconds for a hundred thousand pairs, minutes for millions. "
        "You can stop it, or go on elsewhere."
    )
    if budget_stages.is_curve_stopped() and not asked("Measure the curves", "measure_curves"):
        return
    budget_stages.measured_curve()
    st.rerun()  # the numbers above the tabs can use them now


def asked(label: str, key: str) -> bool:
    """Draw a button that starts long work, also where it was stopped before; return whether it was pressed."""
    pressed = st.button(label, type="primary", key=key, icon=":material/play_arrow:")
    if pressed:
        st.session_state.pop("stopped", None)
    return pressed


def panels(
    curve: BudgetCurve,
    now: int,
    then: int,
    runs: Sequence[BudgetCurve] = (),
    anchors: Mapping[str, float] | None = None,
    exact: Mapping[int, float] | None = None,
) -> list[Callable[[], None]]:
    """Return what draws each panel for which there are curves."""
    known = {panel: names for panel, names in PANELS.items() if all(name in curve.values for name in names)}
    beside: dict[str, dict[str, Any]] = {"energy": {"anchors": anchors}, "bound": {"exact": exact}}
    return [partial(_panel, curve, panel, names, now, then, runs, beside.get(panel, {})) for panel, names in known.items()]


def in_twos(draws: Sequence[Callable[[], None]]) -> None:
    """Draw panels, two in a row where there is room."""
    for start in range(0, len(draws), 2):
        for column, one in zip(st.columns(2), draws[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                one()


def _panel(
    curve: BudgetCurve,
    panel: str,
    names: Sequence[str],
    now: int,
    then: int,
    runs: Sequence[BudgetCurve],
    beside: Mapping[str, Any],
) -> None:
    one = CURVES[names[0]]
    several = panel == "coverage"
    title, unit = ("Words of held-out texts covered", "%") if several else (one.label, one.unit)
    st.markdown(f"**{title}** ({unit})" + {"lower": " · lower is better", "higher": " · higher is better"}.get(one.better, ""))
    st.caption(f"{_COVERAGE_HELP} Held out: {curve.held_out}." if several else one.help)
    if not any(np.isfinite(curve.values[name]).any() for name in names):
        st.text("There are too few held-out pairs to measure this." if not _is_infinite(curve, names) else "Infinite at every budget.")
        return
    figure = curve_figure(curve, names, now, then, runs, **beside, dark=views.is_dark())
    alt = f"{title} over budgets from {int(curve.budgets[0]):,} to {int(curve.budgets[-1]):,} pairs."
    views.plot(figure, alt, f"curve.{panel}.{len(runs)}")
    if "bound_low" in names and not runs:
        dots = " The dots are exact." if beside.get("exact") else ""
        st.caption(
            f"The bound lies in the band, as diameters are known between two bounds.{dots} The page *KL bound* narrows it for one budget."
        )
    if _is_infinite(curve, names):
        st.caption("Where there is no line it is infinite: a cluster with validation pairs got none.")


def _is_infinite(curve: BudgetCurve, names: Sequence[str]) -> bool:
    return any(bool(np.isinf(curve.values[name]).any()) for name in names)


def curve_table(curve: BudgetCurve) -> pd.DataFrame:
    """Return one row a budget, one column a curve; shares in percent."""
    columns = {"budget (pairs)": curve.budgets}
    for name, values in curve.values.items():
        one = CURVES[name]
        columns[f"{one.label} ({one.unit})"] = np.round(values * (100 if one.unit == "%" else 1), 4)
    return pd.DataFrame(columns)
