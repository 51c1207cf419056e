"""Scene 2: cutting the plane into cells."""

from __future__ import annotations

import streamlit as st

from craft_core.figures import cells_figure
from craft_core.selectors import Craft
from craft_core.toy import Setting, marked_cells
from pages.shared import views
from pages.shared.learn import story, toys

_BUDGET = 200


def show(seed: int) -> bool:
    """Draw the cells of k-means and ask which gets most."""
    picture, talk = story.halves()
    with talk:
        n_clusters = st.slider("n_clusters", 4, 40, 12, 1, key="n_clusters", bind="query-params", help="Cells the plane is cut into.")
    setting = Setting(seed=seed)
    world, part = toys.world(setting), toys.cells(setting, story.within("n_clusters", n_clusters, 4, 40))
    allocation = Craft().allocate(part.problem, _BUDGET)
    marked = dict(zip(marked_cells(part), "ABCD", strict=True))
    state = story.state_of(2, n_clusters, seed)
    revealed = story.is_revealed(state)
    shares = allocation.selected_share if revealed else None
    with picture:
        views.plot(
            cells_figure(world, part, marked, shares, dark=views.is_dark()),
            f"The unit square cut into {n_clusters} cells, four of them marked A to D"
            + (", coloured by budget share." if revealed else "."),
            "plane",
        )
        if revealed:
            views.share_table(toys.table(allocation))
    counts = [int(allocation.counts[cell]) for cell in marked]
    told = "".join(
        f"\n- {name} gives **{allocation.counts[cell]:,}**: it holds {allocation.validation_counts[cell]:,} of {len(world.validation):,} "
        f"validation pairs, and {allocation.supply[cell]:,} pool pairs."
        for cell, name in marked.items()
    )
    with talk:
        return story.predict(
            story.Question(
                f"{_BUDGET:,} pairs are to be chosen. Which of the marked cells gives the most?",
                tuple(f"cell {name}" for name in marked.values()),
                tuple(number for number, count in enumerate(counts) if count == max(counts)),
                f"{told}\n\nThe pool pairs in a cell, and its size, do not count as long as it does not run out.",
            ),
            state,
        )
