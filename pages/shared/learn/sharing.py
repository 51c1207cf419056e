"""Scene 3: sharing the budget."""

from __future__ import annotations

import numpy as np
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.figures import sharing_figure
from craft_core.ledger import starvation_ledger
from craft_core.selectors import Craft
from craft_core.toy import Setting, Shortage, first_shortage
from pages.shared import views
from pages.shared.learn import story, toys

_CELLS = 8
_ASKED = 4


def show(seed: int) -> bool:
    """Draw supply, quota and count, and ask which cell runs out first."""
    picture, talk = story.halves()
    with talk:
        budget = st.slider(
            "Budget (pairs)", 100, 4_000, 600, 100, key="budget", bind="query-params", help="How many of the 4,000 pool pairs to choose."
        )
    part = toys.cells(Setting(seed=seed), _CELLS)
    allocation = Craft().allocate(part.problem, int(story.within("budget", budget, 100, 4_000)))
    first = first_shortage(part)
    state = story.state_of(3, seed)  # the answer holds for every budget, so the slider may move after it
    revealed = story.is_revealed(state)
    with picture:
        views.plot(
            sharing_figure(allocation, first if revealed else None, dark=views.is_dark()),
            f"Supply, quota and pairs given of {_CELLS} cells at a budget of {budget:,} pairs.",
            "sharing",
            toys.table(allocation),
        )
        if revealed:
            _ledger(allocation, first)
    asked = sorted({first.cell, *np.argsort(-allocation.validation_counts, kind="stable")[:_ASKED].tolist()})
    share = f"{allocation.validation_share[first.cell]:.1%}"
    with talk:
        return story.predict(
            story.Question(
                "Let the budget grow. Which of these cells runs out first?",
                tuple(f"cell {cell}" for cell in asked),
                (asked.index(first.cell),),
                f"Cell {first.cell} is the first to run out, at a budget of **{first.budget:,} pairs**: its quota, {share} of the budget, "
                f"passes its supply of {allocation.supply[first.cell]:,} pairs. Below that budget every cell meets its quota; above it the "
                "others take over in proportion to their own shares.",
            ),
            state,
        )


def _ledger(allocation: Allocation, first: Shortage) -> None:
    ledger = starvation_ledger(allocation)
    st.markdown(f"**Who ran out and who took over, at a budget of {allocation.budget:,} pairs**")
    if not len(ledger.starved):
        st.caption(f"No cell has run out yet: move the slider above {first.budget:,} pairs.")
        return
    views.rows(
        {
            "cell": ledger.starved,
            "quota": allocation.quota[ledger.starved],
            "supply": allocation.supply[ledger.starved],
            "missing": ledger.missing,
        }
    )
    if len(ledger.receiving):
        views.rows(
            {
                "cell": ledger.receiving,
                "quota": allocation.quota[ledger.receiving],
                "count": allocation.counts[ledger.receiving],
                "more": ledger.surplus,
            }
        )
    if ledger.shortfall:
        st.caption(f"Nobody could take over {ledger.shortfall:,} pairs: the budget falls short by them.")
