"""What of a selection is chance, on the Budget page: the same choice made again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.allocate import Allocation
from craft_core.describe import cluster_name
from craft_core.figures import frequency_counts, frequency_figure, spread_figure
from craft_core.stability import Repeats, Stability
from pages.shared import budget_stages, curves, forms, stages, views
from pages.shared.session import change, current_config, generation


def draw(now: int, then: int, lipschitz: float, labels: tuple[tuple[str, ...], ...]) -> None:
    """Draw the form and, once runs are asked for, what stayed the same over them."""
    st.markdown(
        "Clusters are found from a random start. Here the choice is made again with other seeds: what every run chooses does not hang on "
        "chance. Vectors are kept; only the clusters and what follows from them are made again."
    )
    pressed, asked = _form(), current_config().stability.is_asked
    ready, running = stages.is_repeated()
    if not asked or not (ready or running or pressed):
        st.info(
            "Not made for these choices yet: press *Repeat the selection*."
            if asked
            else "Not asked for yet: set a number of further seeds, 4 for example, and repeat.",
            icon=":material/info:",
        )
        return
    found = stages.stability()
    _, allocation = stages.selection()
    _headline(found, allocation)
    left, right = st.columns(2)
    with left:
        _frequency(found)
    with right:
        _spread(found, labels)
    _runs(found)
    _bands(now, then, lipschitz, found)


def _form() -> bool:
    config = current_config()
    with st.form(f"repeats.{generation()}"):
        repeats = forms.fields(Repeats, config.stability, f"repeats.{generation()}")
        st.caption(
            "This becomes part of the recipe: the export gets a column with the share of the runs that choose each pair, and repeats the "
            "selection for it. 0 further seeds take it out again."
        )
        pressed = st.form_submit_button("Repeat the selection", type="primary")
    if pressed:
        change(stability=repeats)
        st.session_state.pop("stopped", None)
    return pressed


def _headline(found: Stability, allocation: Allocation) -> None:
    n_runs = len(found.runs)
    times = frequency_counts(found.frequency, n_runs)
    others = slice(1, None)
    views.metrics(
        [
            (
                "Chosen in every run",
                f"{times[-1] / max(allocation.size, 1):.1%}",
                f"{times[-1]:,} of the {allocation.size:,} chosen pairs are chosen in all {n_runs} runs.",
            ),
            ("Chosen in any run", f"{times.sum():,}", "Pairs that at least one run chooses."),
            (
                "Overlap with your run",
                f"{found.jaccard[others].mean():.1%}",
                "Jaccard index: pairs that both choose, out of those that either chooses; mean over the further runs.",
            ),
            (
                "Likeness of the clusters",
                f"{found.rand[others].mean():.3f}",
                "Adjusted Rand index with your run's clusters, mean over the further runs: 1 for the same clusters, about 0 by chance.",
            ),
        ]
    )


def _frequency(found: Stability) -> None:
    n_runs = len(found.runs)
    st.markdown("**How often a pair is chosen**")
    st.caption("The last bar: pairs that every run chooses.")
    table = pd.DataFrame({"chosen in runs": np.arange(1, n_runs + 1), "pairs": frequency_counts(found.frequency, n_runs)})
    figure = frequency_figure(found.frequency, n_runs, dark=views.is_dark())
    views.plot(figure, "How many pairs are chosen in one run, in two, and so on.", "frequency", table)


def _spread(found: Stability, labels: tuple[tuple[str, ...], ...]) -> None:
    st.markdown("**Pairs from the largest clusters of your run**")
    st.caption("How many pairs each run takes from where your run has a cluster: from the least to the most.")
    order = np.argsort(-found.counts[0], kind="stable")
    table = pd.DataFrame(
        {
            "cluster": [cluster_name(int(c), labels) for c in order],
            "your run": found.counts[0][order],
            "least": found.counts.min(axis=0)[order],
            "most": found.counts.max(axis=0)[order],
        }
    )
    figure = spread_figure(found.counts, labels, top=10, dark=views.is_dark())
    views.plot(figure, "Least and most pairs over the runs, for the clusters that give most.", "spread", table)


def _runs(found: Stability) -> None:
    st.markdown("**The runs**")
    seeds, n_clusters = zip(*found.runs, strict=True)
    views.rows(
        {
            "run": ["your run", *(f"run {number}" for number in range(2, len(found.runs) + 1))],
            "seed": seeds,
            "clusters": n_clusters,
            "adjusted Rand index": np.round(found.rand, 3),
            "overlap (Jaccard)": np.round(found.jaccard, 3),
        },
        height="content",
    )


def _bands(now: int, then: int, lipschitz: float, found: Stability) -> None:
    st.markdown("**The spread on the curves**")
    if budget_stages.every_budget() is None:
        st.caption("Only for a method that ranks.")
        return
    ready, running = budget_stages.spread_state()
    if not ready:
        st.markdown(
            f"The curves over budgets can be made for each of the {len(found.runs)} runs; the band then is from the least to the most."
        )
    if ready or curves.asked("Show the spread on the curves", "measure_spread") or running:
        runs = budget_stages.curves_of_runs(lipschitz)
        if not ready:
            st.rerun()  # the button has done its work
        curves.in_twos(curves.panels(runs[0], now, then, runs))
        with st.expander("The same numbers as a table"):
            for one, curve in zip(found.runs, runs, strict=True):
                st.caption(f"Seed {one[0]}, {one[1]:,} clusters")
                st.dataframe(curves.curve_table(curve), hide_index=True)
