"""What Home says of the run: where it stands, and what came out."""

from __future__ import annotations

import streamlit as st

from craft_core.export import label_table
from pages.shared import arrival, history, record, runs, stages, storage, views
from pages.shared.record import Last
from pages.shared.session import RUN_AT_ONCE, current_config, current_given
from pages.shared.work import forget_stops

WELCOME = """
- **What you will see.** A small, well-chosen part of a large collection of sentence pairs, and for each pair the reason it was chosen.
- **What you do.** Load a large *pool* and a small *validation* set like the text you care about, and say how many pairs you want.
- **What you get.** The chosen pairs as a file, what they are worth beside a random choice, and everything needed to repeat it.
"""


def go_on() -> None:
    """Offer what this browser's visitor had open."""
    last: Last | None = st.session_state.get(arrival.OFFER)
    if last is None or last.data not in record.library():
        return
    config = record.config_of(last)
    label = record.library()[last.data]["label"]
    with st.container(border=True, key="go_on_box"):
        st.markdown("**Go on where you were**")
        st.text(f"{label}, {config.clustering.n_clusters:,} clusters, budget {config.budget:,} ({runs.when(last.when)})")
        st.button("Go on", type="primary", key="go_on_where", icon=":material/history:", on_click=arrival.go_on, args=(last,))


def kept() -> None:
    """Draw the runs of this session, and what is kept on disk."""
    history.note()  # the run just computed is to be in the list
    if history.runs() or current_given() is not None:
        runs.draw()
    with st.expander("What is kept, and where"):
        storage.draw()


def state() -> None:
    """Draw the data, the choices, and which stages are computed for them."""
    given, config = current_given(), current_config()
    st.header("Where the run stands", anchor=False)
    choices = f"{config.vectorizer.name} · {config.clustering.n_clusters:,} clusters · budget {config.budget:,}"
    st.text(f"{given.label if given else 'No data'} · {choices}")


def results() -> None:
    """Draw what came out, computing it if the user asked for it; else say what is still to compute."""
    missing = [stage for stage, is_done in stages.progress_of_run() if not is_done]
    if missing and not st.session_state.get(RUN_AT_ONCE):
        st.text(f"Not computed yet for these choices: {', '.join(missing)}.")
        if st.button("Compute everything", type="primary", key="compute_all", icon=":material/play_arrow:"):
            st.session_state[RUN_AT_ONCE] = True
            forget_stops()
            st.rerun()
        return
    report = stages.report()
    st.session_state.pop(RUN_AT_ONCE, None)  # only now: a run that was interrupted goes on
    energy, anchors = report.diagnostics.energy, report.diagnostics.anchors
    views.metrics(
        [
            ("Pool pairs", f"{len(report.data.pool):,}", "After cleaning."),
            ("Validation pairs", f"{len(report.data.validation):,}", "What the selection should resemble."),
            ("Chosen", f"{len(report.selection):,}", f"For a budget of {report.config.budget:,}."),
            (
                "Distance vs random",
                f"{energy.joint / anchors.random.joint:.0%}" if energy and anchors and anchors.random.joint > 0 else "–",
                f"Joint energy distance to {report.diagnostics.held_out}, as a share of a random selection's (100 %); smaller is better.",
            ),
        ]
    )
    views.warnings(report.warnings)
    shares = label_table(report)
    if shares:
        st.markdown("**Who is among the chosen**, beside the pool and the validation set. The method does not look at these columns.")
        views.label_shares(shares)
