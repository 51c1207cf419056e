"""KL bound: what the shares and the sizes of the clusters say about the distance between validation and selected sources."""

import streamlit as st

from pages.shared import bounds, discrepancies, residuals, room, sweeps

TABS = ["The bound", "Number of clusters", "Measured", "Clusters", "Transport"]

with room.frame(
    "KL bound",
    "How far the selected sources can be from the validation sources, what the bound is made of, and when it says nothing. "
    "Move L, and read the verdict below the numbers.",
):
    lipschitz, direction = bounds.controls()
    bounds.headline(lipschitz, direction)
    # only the open tab is computed, so that the slider answers at once
    bound, number, measured, clusters, transport = st.tabs(TABS, key="bound_tab", on_change="rerun")
    if bound.open:
        with bound:
            bounds.parts(lipschitz, direction)
    elif number.open:
        with number:
            sweeps.sweep(lipschitz, direction)
    elif measured.open:
        with measured:
            discrepancies.measured(direction)
    elif clusters.open:
        with clusters:
            residuals.cells(lipschitz, direction)
    else:
        with transport:
            discrepancies.transport()
