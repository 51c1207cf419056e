"""Allocation: who gives how many, who ran out, what was chosen, and how good it is."""

import streamlit as st

from pages.shared import allocations, room, stages, views

TABS = ["Shares", "Quota and count", "Starvation ledger", "Chosen and just missed", "Distance to held-out pairs"]

with room.frame(
    "Allocation",
    "How the budget is shared over the clusters, where it could not be met, and what was chosen. "
    "Change the budget in the sidebar, and open a tab for each question.",
):
    task, (_, allocation) = stages.problem(), stages.selection()
    allocations.headline(allocation)
    views.warnings(stages.warnings())
    labels = stages.labels()
    # only the open tab is computed, so that a new budget shows at once
    shares, counts, starved, examples, quality = st.tabs(TABS, key="allocation_tab", on_change="rerun")
    if shares.open:
        with shares:
            allocations.shares(allocation, labels)
    elif counts.open:
        with counts:
            allocations.counts(allocation, labels)
    elif starved.open:
        with starved:
            allocations.starvation_ledger_view(stages.data(), task, allocation, labels, stages.ranking() is not None)
    elif examples.open:
        with examples:
            allocations.examples(stages.data(), task, allocation, stages.ranking(), labels)
    else:
        with quality:
            allocations.quality(stages.diagnostics())
