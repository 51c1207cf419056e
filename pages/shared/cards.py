"""Why this pair? A card for the pair that was picked."""

from __future__ import annotations

import numpy as np
import streamlit as st

from craft_core.describe import cluster_name
from craft_core.explore.cards import sentences, validation_sentences
from craft_core.explore.why import why, why_validation
from pages.shared import explorer, neighbours, stages, views
from pages.shared.session import current_config
from pages.shared.work import compute, key_of


def draw() -> None:
    """Draw the card of the picked pair and its true neighbours, or say how to pick one."""
    _choose()
    picked = explorer.picked()
    if picked is None:
        st.info("Click a point of the map, choose a row of a search, or give the row of a pair here.", icon=":material/ads_click:")
        return
    layer, position = picked
    with st.container(border=True):
        _texts(layer, position)
        if layer == "pool":
            _why_pool(position)
        else:
            _why_validation(position)
    neighbours.draw()


def _choose() -> None:
    """Draw the way to a pair that needs no mouse: its row."""
    data = stages.data()
    with st.form("pick_by_row", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox("Pair of", ["pool", "validation"], key="pick_layer", width=160)
        row = st.number_input("Row of the file, from 0", 0, value=None, step=1, key="pick_row", width=200, placeholder="such as 17")
        asked = st.form_submit_button("Show this pair")
    if asked and row is not None:
        rows = data.validation.rows if layer == "validation" else data.pool.rows
        at = np.flatnonzero(rows == row)
        if not len(at):
            st.warning(f"No {layer} pair came from row {int(row):,}: it was dropped while cleaning, or there is no such row.")
            return
        explorer.pick(str(layer), int(at[0]))
        explorer.again()


def _texts(layer: str, position: int) -> None:
    corpus = stages.data().validation if layer == "validation" else stages.data().pool
    pair = corpus.take(np.array([position]))
    labels = {name: pair.columns.column(name)[0].as_py() for name in pair.columns.column_names}
    st.markdown(f"**Source** · {layer}, row {int(pair.rows[0]):,}")
    st.text(pair.sources[0].as_py())
    st.markdown("**Target**")
    st.text(pair.targets[0].as_py())
    told = [f"{name}: {value}" for name, value in labels.items() if isinstance(value, str | int | float | bool)]
    if told:
        st.text(" · ".join(told))


def _why_pool(position: int) -> None:
    task, (chosen, allocation), ranking, config = stages.problem(), stages.selection(), stages.ranking(), current_config()
    key = key_of(stages.selection_key(), position)
    found = compute("Why this pair", key, lambda _: why(task, chosen, allocation, config.selector, ranking, position))
    for sentence in sentences(found, _name(found.cluster)):
        st.text(sentence)
    near = found.nearest_validation
    if len(near.positions):
        st.markdown("**The validation pairs its source is nearest to**")
        extra = {"similarity": near.similarities, "distance of targets": found.nearest_target_distances}
        views.pairs(stages.data().validation, near.positions, extra, height="content")


def _why_validation(position: int) -> None:
    task, (chosen, allocation) = stages.problem(), stages.selection()
    key = key_of(stages.selection_key(), position)
    found = compute("Why this validation pair", key, lambda _: why_validation(task, chosen, allocation, position))
    for sentence in validation_sentences(found, _name(found.cluster)):
        st.text(sentence)
    near = found.nearest_pool
    if len(near.positions):
        st.markdown("**The pool pairs its source is nearest to**")
        views.pairs(stages.data().pool, near.positions, {"similarity": near.similarities, "chosen": found.is_chosen}, height="content")


def _name(cluster: int) -> str:
    return "" if cluster < 0 else cluster_name(cluster, stages.labels()[0])
