"""Clusters: the map of the pool, what each cluster is about, and a closer look at regions and pairs."""

import streamlit as st

from pages.shared import cards, clusters, explorer, map_controls, maps, regions, room, searches, stages
from pages.shared.guard import guard
from pages.shared.upkeep import keep_fragment

BELOW = {explorer.CLUSTERS: clusters.table, explorer.REGION: regions.draw, explorer.SEARCH: searches.draw, explorer.PAIR: cards.draw}


@st.fragment
def explore() -> None:
    """Draw the map and what is open below it; a gesture on the map runs this part of the page alone."""
    with guard():
        explorer.open_tab()
        maps.show(map_controls.controls())
        tab = st.segmented_control("Below the map", explorer.TABS, required=True, key=explorer.TAB, persist_state="session")
        BELOW[str(tab)]()
        keep_fragment("Clusters")


with room.frame("Clusters", "The pool cut into clusters of similar source sentences, on a map together with the validation set."):
    clusters.headline(stages.problem(), stages.selection()[1])
    view = map_controls.current()
    maps.prepare(view)
    explore()
    maps.finish(view)
