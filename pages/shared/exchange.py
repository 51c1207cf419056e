"""What changes between two budgets, and what training costs, on the Budget page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.budgets import BudgetNumbers, Cost, Prefixes, Price, between, cost
from craft_core.describe import cluster_name
from craft_core.experiment import LoadedData
from craft_core.figures import between_figure
from craft_core.whatif import Ranking
from pages.shared import forms, views

_EXAMPLES = 8


def exchange(data: LoadedData, ranking: Ranking, now: Allocation, then: Allocation, labels: tuple[tuple[str, ...], ...]) -> None:
    """Draw who enters and who leaves from the other budget to this one, and from which clusters."""
    changed = between(ranking, then, now)
    st.markdown(
        f"From **{then.size:,}** to **{now.size:,}** pairs, **{len(changed.entering):,} pairs enter** and "
        f"**{len(changed.leaving):,} leave**."
    )
    if not len(changed.entering) + len(changed.leaving):
        st.info("Both budgets choose the same pairs. Move the slider, or compare with another budget.", icon=":material/info:")
        return
    if len(changed.leaving) and len(changed.entering):
        st.caption("Inside a cluster the order is the same for every budget, so pairs leave only where the rounding takes a place away.")
    table = pd.DataFrame(
        {"cluster": [cluster_name(c, labels) for c in range(len(now.counts))], "enter": changed.entered, "leave": changed.left}
    )
    moved = np.argsort(-(changed.entered + changed.left), kind="stable")[: int(((changed.entered + changed.left) > 0).sum())]
    views.plot(
        between_figure(changed, labels, dark=views.is_dark()),
        "Pairs that enter and leave in the clusters that change most.",
        "between",
        table.iloc[moved],
    )
    _exchanged(data, ranking, now, then, moved, labels)


def _exchanged(
    data: LoadedData, ranking: Ranking, now: Allocation, then: Allocation, moved: np.ndarray, labels: tuple[tuple[str, ...], ...]
) -> None:
    by_name = {cluster_name(int(c), labels): int(c) for c in moved}
    name = st.selectbox("Examples from the cluster", list(by_name), key="between_cluster", help="Sorted by how many pairs change.")
    cluster = by_name[name]
    low, high = sorted((int(then.counts[cluster]), int(now.counts[cluster])))
    part = ranking.members(cluster)[low:high]
    verb = "enter" if now.counts[cluster] > then.counts[cluster] else "leave"
    n_shown = min(_EXAMPLES, len(part))
    st.markdown(f"**{len(part):,} pairs {verb}: ranks {low + 1:,} to {high:,} of the {len(ranking.members(cluster)):,} in this cluster**")
    st.caption(f"Showing {n_shown:,} of them, evenly over these ranks, the best first.")
    shown = part[np.linspace(0, len(part) - 1, n_shown).astype(np.int64)]
    views.pairs(data.pool, shown, {"score": ranking.scores[shown]})


def costs(found: Prefixes, now: BudgetNumbers, then: BudgetNumbers) -> None:
    """Draw what training on the selection costs, beside the budget it is compared with and the whole pool."""
    st.markdown(
        "What fine-tuning on these pairs costs, against the whole pool. Fill in what you know; a price of 0 means that it is not known."
    )
    with st.container(border=True), st.container(horizontal=True):
        price = _price()
    supply = now.allocation.supply
    whole = found.at(Allocation(max(int(supply.sum()), 1), supply, supply, now.allocation.validation_counts))
    rows = {f"this budget ({now.allocation.size:,} pairs)": now}
    if then.allocation.size != now.allocation.size:
        rows[f"compared with ({then.allocation.size:,} pairs)"] = then
    rows[f"whole pool ({whole.allocation.size:,} pairs)"] = whole
    found_costs = {name: cost(one.allocation.size, one.tokens, price) for name, one in rows.items()}
    mine, all_of_it = found_costs[next(iter(rows))], found_costs[next(reversed(rows))]
    if mine.tokens:
        st.markdown(
            f"Training on this budget reads **{all_of_it.tokens / mine.tokens:,.1f} times less** text than training on the whole pool."
        )
    if then.allocation.size != now.allocation.size:
        _say_difference(now, then, found_costs)
    table = pd.DataFrame(
        [
            {
                "train on": name,
                "words": f"{rows[name].tokens:,}",
                "tokens over all epochs": f"{one.tokens:,.0f}",
                "steps": f"{one.steps:,}",
                "money": "–" if one.money is None else f"{one.money:,.2f}",
                "time": "–" if one.seconds is None else _duration(one.seconds),
            }
            for name, one in found_costs.items()
        ]
    )
    st.dataframe(table, hide_index=True, height="content")
    st.caption("Words are counted on both sides. Pool pairs without any word the vectorizer knows are left out.")


def _say_difference(now: BudgetNumbers, then: BudgetNumbers, costs: Mapping[str, Cost]) -> None:
    """Say what the step from the other budget to this one costs."""
    here, there = list(costs.values())[:2]
    said = [
        f"{now.allocation.size - then.allocation.size:+,} pairs",
        f"{here.tokens - there.tokens:+,.0f} tokens over all epochs",
        f"{here.steps - there.steps:+,} steps",
    ]
    if here.money is not None and there.money is not None:
        said.append(f"{here.money - there.money:+,.2f} in your currency")
    if here.seconds is not None and there.seconds is not None:
        longer = here.seconds - there.seconds
        said.append(f"{_duration(abs(longer))} {'more' if longer >= 0 else 'less'}")
    st.markdown(f"**This budget against the one it is compared with:** {', '.join(said)}.")


def _price() -> Price:
    price = forms.fields(Price, st.session_state.get("price"), "price")
    st.session_state["price"] = price
    return price


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"
