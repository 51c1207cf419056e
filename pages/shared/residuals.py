"""Where the residual of the bound comes from, cluster by cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.bound import KLBound
from craft_core.figures import residual_scatter
from craft_core.sweep import SweepPoint
from pages.shared import bound_stages, clusters, stages, views

_SCATTER, _CLUSTER, _SEEN = "residual_scatter", "bound_cluster", "bound_points_seen"


def cells(lipschitz: float, direction: str) -> None:
    """Draw the clusters by diameter and share of the residual; a chosen one shows its pairs."""
    data, task, point = stages.data(), stages.problem(), bound_stages.point()
    found, words = point.bound(lipschitz, direction), stages.labels()
    share = found.contributions / max(found.residual_sum, 1e-300)
    order = [int(c) for c in np.argsort(-share, kind="stable") if found.shares[c] > 0]
    chosen = _chosen_cluster(order)
    st.markdown(
        "Where the residual comes from: each mark is a cluster, as large as its validation share. Upper right: wide clusters that matter. "
        "Click one, or choose it from the list, to read its pairs."
    )
    figure = residual_scatter(found, point.cells.diameter_high, point.allocation, words[0], chosen, dark=views.is_dark())
    alt = "Clusters by diameter and by their share of the residual; the size of a mark is the cluster's validation share."
    st.plotly_chart(figure, theme=None, key=_SCATTER, alt=alt, on_select="rerun", selection_mode="points", config=dict(views.PLOT_CONFIG))
    names = bound_stages.names()
    picked = st.selectbox(
        "Cluster, the largest share of the residual first",
        [None, *order],
        index=0 if chosen is None else order.index(chosen) + 1,
        format_func=lambda c: "choose one" if c is None else f"{names[c]}: {share[c]:.1%} of the residual",
        key=f"{_CLUSTER}_list.{chosen}",
    )
    if picked != chosen:
        _choose(picked)
        st.rerun()
    _cell_table(point, found, direction, share, order, names)
    if chosen is not None:
        clusters.pairs_of(data, task, chosen)


def _chosen_cluster(order: list[int]) -> int | None:
    """Return the cluster chosen last, by a click or from the list, if the clusters are still the same."""
    event: Any = st.session_state.get(_SCATTER) or {}
    points = event.get("selection", {}).get("points", [])
    seen = [(one["x"], one["y"]) for one in points]
    if seen and seen != st.session_state.get(_SEEN):
        _choose(int(points[0]["customdata"][0]))
    st.session_state[_SEEN] = seen  # the event stays when the list is used next, and must not win over it
    problem, chosen = st.session_state.get(_CLUSTER, (None, None))
    return chosen if problem == stages.problem_key() and chosen in order else None


def _choose(cluster: int | None) -> None:
    st.session_state[_CLUSTER] = (stages.problem_key(), cluster)


def _cell_table(point: SweepPoint, found: KLBound, direction: str, share: np.ndarray, order: list[int], names: list[str]) -> None:
    cells, allocation = point.cells, point.allocation
    table = pd.DataFrame(
        {
            "cluster": [names[c] for c in order],
            "share of the residual": share[order],
            "residual (nats)": found.residual[order],
            "linear": found.linear[order],
            "Hoeffding": found.hoeffding[order],
            "Bennett": found.bennett[order],
            "diameter, at least": cells.diameter_low[order],
            "diameter, at most": cells.diameter_high[order],
            "variance": point.variances(direction)[order],
            "validation share": allocation.validation_share[order],
            "selected share": allocation.selected_share[order],
            "starved": allocation.starved[order],
        }
    )
    with st.expander("The same numbers as a table"):
        st.dataframe(table, hide_index=True, column_config=views.columns_of(table))
        st.caption(
            f"Variance: of the {'validation' if direction == 'forward' else 'selected'} sources' law, estimated from the m pairs in the "
            "cluster (sum of squares over m − 1); with fewer than 2 of them half the squared diameter, which no law exceeds."
        )
