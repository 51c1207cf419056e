"""Compare: every method on the same data, with the same budget and the same clock."""

import streamlit as st

from pages.shared import compare_stages, comparison_tabs, comparisons, pins, room, stages
from pages.shared.guard import guard

TABS = ["Over budgets", "Overlap", "Maps", "Words", "Times", "Pinned runs"]

with room.frame("Compare", "Let methods choose from your data with the same budget and the same clock, and see what each choice is worth."):
    with st.container():  # progress is shown in here
        stages.problem()
    comparisons.form()
    comparisons.methods()
    asked = compare_stages.asked()
    # a comparison that was stopped says so and ends the page, except where pinned runs are looked at
    is_at_pins = st.session_state.get("compare_tab") == TABS[-1]
    is_wanted = asked is not None and not (is_at_pins and compare_stages.is_stopped(asked))
    found = None
    with guard():  # a comparison that fails must not hide the pinned runs
        if is_wanted and asked is not None:
            found = compare_stages.comparison(asked)
    if found is None or asked is None:
        comparisons.waiting()
    else:
        budget = comparisons.budget_of(found)
        comparisons.verdict(found, budget)
        comparisons.table(found, budget)
    over, overlap, maps, words, times, pinned = st.tabs(TABS, key="compare_tab", on_change="rerun")
    if pinned.open:
        with pinned:
            pins.draw()
    elif found is not None and asked is not None:
        if over.open:
            with over:
                comparison_tabs.over_budgets(found)
        elif overlap.open:
            with overlap:
                comparison_tabs.overlap(found, budget)
        elif maps.open:
            with maps:
                comparison_tabs.maps(found, asked, budget)
        elif words.open:
            with words:
                comparison_tabs.words(found, asked, budget)
        elif times.open:
            with times:
                comparison_tabs.times(found)
    else:
        st.caption("These tabs are filled once methods were compared; pinned runs can be looked at any time.")
