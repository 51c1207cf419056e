"""Scene 6: stage two, and what it narrows."""

from __future__ import annotations

import streamlit as st

from craft_core.figures import targets_figure
from craft_core.toy import WAYS, Narrowing, Setting, World, narrowing
from pages.shared import views
from pages.shared.learn import story, toys

_CELLS = 16
_PAIRS = 1_000
_MISALIGNED = (0, 10, 20, 30, 50)


def show(seed: int) -> bool:
    """Draw the targets of one cell and ask which way to choose is the narrowest."""
    toys.compile_umap()
    picture, talk = story.halves()
    with talk:
        budget = st.slider("Budget (pairs)", 200, 1_600, 400, 100, key="chosen", bind="query-params", help="For all cells together.")
        percent = st.select_slider(
            "Misaligned pool pairs (%)", _MISALIGNED, 20, key="misaligned", bind="query-params", help="Pairs whose target is another's."
        )
    percent = story.one_of("misaligned", percent, _MISALIGNED)
    setting = Setting(n_validation=_PAIRS, misaligned=percent / 100, seed=seed)
    world, part = toys.world(setting), toys.cells(setting, _CELLS)
    found = narrowing(world, part, int(story.within("chosen", budget, 200, 1_600)))
    state = story.state_of(6, budget, percent, seed)
    with picture:
        views.plot(
            targets_figure(world, found, None, dark=views.is_dark()),
            "The targets of one cell: those of its pool pairs, and those of its validation pairs.",
            "targets",
        )
        st.caption("The plane of targets, for the cell with the most validation pairs. Misaligned targets may lie outside the picture.")
    with talk:
        shown = story.predict(_question(found), state)
    if shown:
        _three(world, found)
    return shown


def _question(found: Narrowing) -> story.Question:
    spread = "; ".join(f"{way.name} {way.dispersion:.2f}" for way in found.ways)
    energy = "; ".join(f"{way.name} {way.energy:.4f}" for way in found.ways)
    return story.Question(
        f"Each way takes {len(found.ways[0].indices):,} of {len(found.members):,} candidates. Whose targets are the narrowest?",
        WAYS,
        (WAYS.index(found.narrowest),),
        f"Dispersion, which is 1 where the choice is as wide as fresh validation pairs: {spread}. Energy distance to those pairs, smaller "
        f"is better: {energy}.",
    )


def _three(world: World, found: Narrowing) -> None:
    for number, (way, column) in enumerate(zip(found.ways, st.columns(3), strict=True)):
        with column:
            st.markdown(f"**{way.name}**")
            views.plot(
                targets_figure(world, found, number, dark=views.is_dark()),
                f"The targets that {way.name} chose, over candidates and validation targets.",
                f"targets {number}",
            )
    ways = found.ways
    views.rows(
        {
            "way": [way.name for way in ways],
            "pairs": [len(way.indices) for way in ways],
            "dispersion": [f"{way.dispersion:.2f}" for way in ways],
            "energy distance": [f"{way.energy:.4f}" for way in ways],
            "misaligned": [f"{way.misaligned:.0%}" for way in ways],
        }
    )
    st.caption(
        "Blue diamonds: chosen. Dispersion: trace of the covariance of the chosen targets over that of fresh test pairs of the same cell, "
        "which nothing was selected with. Energy distances are unbiased, so near 0 they can be negative. Herding is our extension."
    )
