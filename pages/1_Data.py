"""Data: load corpora, see what was dropped and why."""

import streamlit as st

from pages.shared import loading, reports, room, session, stages, views

with room.frame(
    "Data", "Load a pool to choose from, a validation set to resemble and, if you have one, a test set to report on.", needs_data=False
):
    with st.container(border=True):
        loading.choose_data()
    given = session.current_given()
    if given is not None:
        reports.cleaning_form()  # before the data are read: a rule that leaves nothing can then be taken back
        data = stages.data()
        st.header("What was read", anchor=False)
        st.text(given.label)
        st.dataframe(reports.counts_table(data), hide_index=True)
        for sentence in reports.notes(data):
            st.info(sentence, icon=":material/info:")
        st.header("What was dropped, and why", anchor=False)
        reports.dropped(data)
        st.header("Lengths", anchor=False)
        side = st.segmented_control("Side", ["source", "target"], default="source", key="length_side") or "source"
        figure, quantiles = reports.lengths(data, side, views.is_dark())
        views.plot(figure, f"How long the {side} texts of pool, validation and test are, in characters.", "lengths", quantiles)
        st.header("Pairs", anchor=False)
        reports.browse(data)
        st.page_link("pages/2_Clusters.py", label="Go on to the clusters", icon=":material/arrow_forward:")
