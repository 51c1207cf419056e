"""The sidebar: every choice of a run, in the order the data take."""

from __future__ import annotations

import streamlit as st

from craft_core.cluster import KMeans
from craft_core.selectors import SELECTORS, about
from craft_core.vectorize import VECTORIZERS
from pages.shared import forms
from pages.shared.session import begin, change, current_config, current_given, generation
from pages.shared.work import forget_stops


def sidebar() -> None:
    """Draw the choices of a run. Cheap ones act at once, dear ones when applied."""
    given = current_given()
    if given is None:
        st.sidebar.caption("The choices of a run are made here, once data are loaded: budget, method, vectors and clusters.")
        return
    with st.sidebar:
        st.caption("Data")
        st.text(given.label)
        _budget()
        _method()
        _vectors_and_clusters()


def _budget() -> None:
    shown = st.number_input(
        "Budget (pairs)",
        **begin(f"budget.{generation()}", current_config().budget),  # the slider of the Budget page moves this number too
        min_value=1,
        step=100,
        help="How many pairs to choose out of the pool.",
        on_change=_set_budget,
    )
    # a page left open sends it to a server that was started again, which runs no callback
    if shown is not None and shown != current_config().budget:
        _set_budget()


def _set_budget() -> None:
    budget = st.session_state[f"budget.{generation()}"]
    if budget is not None and budget >= 1:  # the browser's own limit can be bypassed
        change(budget=int(budget))


def _method() -> None:
    config = current_config()
    with st.expander("Method"):
        names = tuple(SELECTORS)
        name = st.selectbox("Method", names, index=names.index(config.selector.name), key=f"selector.{generation()}", help=_METHOD_HELP)
        st.caption(about(SELECTORS[name]))
        current = config.selector if config.selector.name == name else None
        selector = forms.fields(SELECTORS[name], current, f"{name}.{generation()}")
    if repr(selector) != repr(config.selector):
        change(selector=selector)


def _vectors_and_clusters() -> None:
    config = current_config()
    with st.expander("Vectors and clusters", expanded=False):
        names = tuple(VECTORIZERS)
        number = generation()
        name = st.selectbox(
            "Vectorizer", names, index=names.index(config.vectorizer.name), key=f"vectorizer.{number}", help="How texts become vectors."
        )
        with st.form(f"vectors_and_clusters.{number}", border=False):
            current = config.vectorizer if config.vectorizer.name == name else None
            st.markdown("**Clusters**")
            clustering = forms.fields(KMeans, config.clustering, f"k-means.{number}")
            st.markdown(f"**{name}**")
            vectorizer = forms.fields(VECTORIZERS[name], current, f"{name}.{number}")
            st.markdown("**Chance**")
            seed = st.number_input(
                "Seed", min_value=0, value=config.seed, step=1, help="The same data, settings and seed give the same result."
            )
            if st.form_submit_button("Apply", type="primary", width="stretch"):
                change(vectorizer=vectorizer, clustering=clustering, seed=int(seed))
                forget_stops()
                st.rerun()


_METHOD_HELP = (
    "How pairs are chosen: the paper's method (craft), our extensions of it, each of its parts alone, and methods of others. "
    "The page Compare sets them side by side."
)
