"""Allocation: who gives how many, who ran out, what was chosen, and how good it is."""

import streamlit as st

from pages.shared import allocations, session, stages, views

with session.frame("Allocation", "How the budget is shared over the clusters, where it could not be met, and what was chosen."):
    task, (chosen, allocation) = stages.problem(), stages.selection()
    allocations.headline(allocation)
    views.warnings(stages.report().warnings)
    labels = stages.words()
    shares, counts, starved, examples, quality = st.tabs(
        ["Shares", "Quota and count", "Starvation ledger", "Chosen and just missed", "Distance to held-out pairs"]
    )
    with shares:
        allocations.shares(allocation, labels)
    with counts:
        allocations.counts(allocation, labels)
    with starved:
        allocations.starvation_ledger_view(stages.data(), task, allocation, labels)
    with examples:
        allocations.examples(stages.data(), task, allocation, stages.ranking(), labels)
    with quality:
        allocations.quality(stages.diagnostics())
