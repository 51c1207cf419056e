"""Scene 7: what UMAP does not show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.figures import doubt_figure
from craft_core.toy import Doubt
from pages.shared import views
from pages.shared.learn import story, toys

_EXAMPLES = {"widths": "width", "distances": "distance", "noise": "noise"}


def show(seed: int) -> bool:
    """Draw a UMAP map and ask what the data behind it look like; then draw them beside it."""
    name = st.segmented_control("What to doubt", list(_EXAMPLES), default="widths", required=True, key="example", bind="query-params")
    name = story.one_of("example", name, list(_EXAMPLES))
    found, state = toys.maps(_EXAMPLES[name], seed), story.state_of(7, name, seed)
    question, rows = _QUESTIONS[name](found), f"{len(found.rows):,} rows in {found.rows.shape[1]} dimensions"
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**The map (UMAP)**")
        views.plot(doubt_figure(found, found.umap, dark=views.is_dark()), f"UMAP of {rows}.", "umap")
        st.caption(f"{rows}, drawn by the code that draws the map of the pool.")
    revealed = story.is_revealed(state)
    with right:
        st.markdown("**The data (PCA, true to scale)**")
        if revealed:
            views.plot(doubt_figure(found, found.pca, dark=views.is_dark()), f"PCA of the same {rows}.", "pca")
            st.caption("The same rows along the two directions of largest variance.")
        else:
            st.info("Predict below what the data look like; then they are drawn here.", icon=":material/visibility_off:")
    shown = story.predict(question, state)  # in one place before and after, so that the keyboard stays where it is
    if shown:
        views.share_table(_table(found))
    return shown


def _table(found: Doubt) -> pd.DataFrame:
    names = list("ABC"[: found.n_groups])
    table = pd.DataFrame({"group": names, "width in the data": found.widths(found.rows), "width on the map": found.widths(found.umap)})
    for to, name in enumerate(names if found.n_groups > 1 else []):
        table[f"to {name}, data"], table[f"to {name}, map"] = found.gaps(found.rows)[:, to], found.gaps(found.umap)[:, to]
    return table.round(2)


def _width(found: Doubt) -> story.Question:
    data, drawn = found.widths(found.rows), found.widths(found.umap)
    wide = int(data.argmax())
    return story.Question(
        "Which group is wider in the data?",
        ("group A", "group B", "they are about level"),
        (wide if data.max() > 1.5 * data.min() else 2,),
        f"In the data, group {'AB'[wide]} is **{data.max() / data.min():.1f} times** as wide as the other; on the map it is "
        f"{drawn[wide] / drawn[1 - wide]:.1f} times as wide. UMAP measures the distances of a row in units of its own "
        "neighbourhood, so every group comes out about as dense as the next.",
    )


def _distance(found: Doubt) -> story.Question:
    data, drawn = found.gaps(found.rows), found.gaps(found.umap)
    pairs = ((0, 1), (0, 2), (1, 2))
    order = sorted(pairs, key=lambda one: float(data[one]))
    near, far = order[0], order[-1]
    ratio = float(data[far] / data[near])
    names = ["–".join("ABC"[one] for one in pair) for pair in (near, far)]
    return story.Question(
        f"Groups {names[0]} are nearest in the data, groups {names[1]} farthest. How many times as far?",
        ("less than 1.5 times", "1.5 to 4 times", "more than 4 times"),
        (int(np.searchsorted([1.5, 4.0], ratio)),),
        f"In the data **{ratio:.1f} times** as far; on the map {drawn[far] / drawn[near]:.1f} times. UMAP keeps neighbours together and "
        "only has to keep the others apart: how far apart says little.",
    )


def _noise(found: Doubt) -> story.Question:
    return story.Question(
        "How many groups were the data drawn from?",
        ("one", "two to five", "more than five"),
        (0 if found.n_groups == 1 else 1 if found.n_groups <= 5 else 2,),
        "From **one** round Gaussian: there is no structure at all. With few neighbours (here 5) each row clings to whoever happens to be "
        "near, and the map shows clumps and threads that another seed draws elsewhere.",
    )


_QUESTIONS = {"widths": _width, "distances": _distance, "noise": _noise}
