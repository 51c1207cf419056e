"""Home: what this is, choose data, where the run stands."""

import streamlit as st

from craft_core.figures import pipeline_figure
from pages.shared import home, results, room, session, views

with room.frame(
    "CRAFT",
    "Choose, out of a large corpus, the few training pairs that resemble the text you care about — and see why each was chosen.",
    needs_data=False,
):
    views.plot(
        pipeline_figure(dark=views.is_dark()),
        "The pipeline: texts become vectors, source vectors are cut into clusters, the clusters share the budget like the validation set, "
        "the best-fitting pairs of each are selected, and the selection is measured.",
        "pipeline",
    )
    if results.is_open():
        results.draw()
    elif session.current_given() is None:
        st.markdown(home.WELCOME)
        home.go_on()
        room.doors()
        results.offer()
    else:
        home.state()
        home.results()
        results.compare()
        with st.container(horizontal=True):
            for page, label, icon in room.PAGES[1:]:
                st.page_link(page, label=label, icon=icon)
    home.kept()
    with st.expander("The idea in six sentences"):
        st.markdown(room.IDEA)
