"""The frame every page stands in: navigation, settings, the two doors where there are no data, and the guard for a user's mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from pages.shared import arrival, look, session, settings
from pages.shared.guard import guard
from pages.shared.upkeep import Upkeep

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "1 Data", ":material/table_rows:"),
    ("pages/2_Clusters.py", "2 Clusters", ":material/scatter_plot:"),
    ("pages/3_Allocation.py", "3 Allocation", ":material/stacked_bar_chart:"),
    ("pages/4_KL_bound.py", "4 KL bound", ":material/straighten:"),
    ("pages/5_Budget.py", "5 Budget", ":material/tune:"),
    ("pages/6_Compare.py", "6 Compare", ":material/compare_arrows:"),
    ("pages/7_Export.py", "7 Export", ":material/download:"),
    ("pages/8_Learn.py", "8 Learn", ":material/school:"),
)
"""The rooms that are finished: file, name, icon. Numbers are left out for rooms to come."""

IDEA = """
1. You have a large **pool** of (source, target) pairs and a small **validation** set that looks like the text you care about.
2. Source texts become vectors, and k-means cuts them into **clusters** of similar sentences.
3. Each cluster gets its **validation share** of the **budget**; what a cluster lacks, the others give (that rule is ours).
4. Inside a cluster, the pairs whose *targets* are nearest in expectation to the validation targets are taken first.
5. The order inside a cluster does not depend on the budget, so asking for another budget costs milliseconds.
6. The selection is measured on pairs it was not selected with.

CRAFT is described in [arXiv 2604.22693](https://arxiv.org/abs/2604.22693). This app follows our reading of its abstract; what is our own
derivation is marked as ours.
"""


@contextmanager
def frame(title: str, subtitle: str, *, needs_data: bool = True) -> Iterator[None]:
    """Draw what every page begins with, and turn a user's mistake inside it into a sentence.

    Parameters
    ----------
    title, subtitle : str
        The page's name, and one sentence on what can be done there.
    needs_data : bool
        Whether the page is empty without data; then it offers the two doors instead.
    """
    st.set_page_config(page_title=f"{title} · CRAFT", layout="wide")
    look.dress()
    with st.sidebar:
        for page, label, icon in PAGES:
            st.page_link(page, label=label, icon=icon, width="stretch")
        upkeep = Upkeep(title, st.empty(), st.container())
    is_whole = False
    try:
        with guard():
            arrival.arrive(title)
            st.title(title, anchor=False)
            st.markdown(subtitle)
            upkeep.tell(st.container())
            settings.sidebar()
            upkeep.begin()
            if needs_data and session.current_given() is None:
                doors()
                st.stop()
            yield
            is_whole = True
    except StopException:  # the page ended early: for want of data, or because its work was stopped
        upkeep.end(is_whole=False)
        raise
    upkeep.end(is_whole=is_whole)


def doors() -> None:
    """Offer the sample data in one click, the page where own data are loaded, or the scenes, which need none."""
    st.info("No data are loaded yet.", icon=":material/info:")
    left, right, learn = st.columns(3)
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Explore the sample data**")
        st.markdown(
            "6,000 English–Hindi pairs from everyday life. The question: which of them should a health workers' assistant learn from?"
        )
        st.button("Explore the sample data", type="primary", on_click=session.open_sample, key="door_sample", width="stretch")
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Load your own**")
        st.markdown("A pool to choose from and a validation set to resemble: CSV, TSV, JSONL, Parquet, or two line-aligned text files.")
        if st.button("Load your own", key="door_own", width="stretch"):
            st.switch_page("pages/1_Data.py")
    with learn, st.container(border=True, height="stretch"):
        st.markdown("**See how it works**")
        st.markdown("Seven short scenes on a plane where the truth is known: predict first, then look. No data needed.")
        if st.button("Start the scenes", key="door_learn", width="stretch"):
            st.switch_page("pages/8_Learn.py")
