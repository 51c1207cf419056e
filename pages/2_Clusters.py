"""Clusters: the map of the pool, and what each cluster is about."""

import streamlit as st

from pages.shared import clusters, maps, room, stages

with room.frame("Clusters", "The pool cut into clusters of similar source sentences, on a map together with the validation set."):
    data, task, (chosen, allocation) = stages.data(), stages.problem(), stages.selection()
    clusters.headline(task, allocation)
    maps.draw(data, task, chosen, allocation)
    st.subheader("What each cluster is about", anchor=False)
    clusters.table(data, task, allocation)
