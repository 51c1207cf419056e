"""Scene 5: more clusters, and why not infinitely many."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from craft_core.figures import toy_sweep_figure
from craft_core.toy import Setting, TradeOff
from pages.shared import views
from pages.shared.learn import story, toys

_SIZES = (50, 100, 200, 300, 500, 1_000, 2_000, 3_000)
_BUDGET = 500
_RANGES = ((2, 4), (6, 12), (16, 32), (48, 128))


def show(seed: int) -> bool:
    """Draw what more clusters buy and cost, and ask where the sum is smallest."""
    picture, talk = story.halves()
    with talk:
        size = st.select_slider(
            "M, the number of validation pairs",
            _SIZES,
            300,
            key="M",
            bind="query-params",
            help="How many pairs the shares are counted from.",
        )
    found = toys.sweep(Setting(n_validation=story.one_of("M", size, _SIZES), seed=seed), _BUDGET)
    state = story.state_of(5, size, seed)
    revealed = story.is_revealed(state)
    with picture:
        views.plot(
            toy_sweep_figure(found, revealed, dark=views.is_dark()),
            "KL left inside the cells and noise floor against n_clusters" + (", with the true KL and the bound." if revealed else "."),
            "trade-off",
            _table(found, revealed),
        )
        if revealed:
            st.caption(
                "True KL: of the law that stage one selects with a random choice inside cells, mean over 20 fresh validation samples. "
                "At an open circle some sample left a cell without any pair: there KL is infinite, and the part that is covered is "
                "drawn. The bound (our derivation) is computed with the toy's true shares, diameters and L; nothing about it is estimated."
            )
    at = list(found.n_clusters).index(found.best)
    with talk:
        options = tuple(f"{low} to {high} clusters" for low, high in _RANGES)
        return story.predict(
            story.Question(
                "With few clusters the true KL is about what is left inside, with many about the noise. With how many is it the smallest?",
                options,
                tuple(sorted({_range_of(one) for one in (found.best, found.best_whole) if one is not None})),
                f"With **{found.best:,} clusters**, at {found.truth.min():.3g} nats. With fewer, too much is left inside the cells; with "
                f"more, the shares of {size:,} validation pairs are too noisy. The bound at that point is {found.bound[at]:.2g} nats: "
                f"never below the truth, and far from it.{_miss(found, at)}",
            ),
            state,
        )


def _miss(found: TradeOff, at: int) -> str:
    """Say what the smallest KL leaves out: noise can leave a cell with no pair, and then the KL of the whole is infinite."""
    if found.missed[at] == 0:
        return ""
    whole = (
        "" if found.best_whole is None else f" Where no cell is left empty, the best is **{found.best_whole:,}**: that answer is right too."
    )
    return (
        f" That is the KL of the part that gets pairs: on average {found.missed[at]:.1%} of validation then lies in cells without a pair, "
        f"where it is infinite.{whole}"
    )


def _range_of(n_clusters: int) -> int:
    return next(number for number, (_, high) in enumerate(_RANGES) if n_clusters <= high)


def _table(found: TradeOff, revealed: bool) -> pd.DataFrame:
    shown = {"n_clusters": found.n_clusters, "left inside (nats)": found.inside, "noise floor (nats)": found.floor}
    if revealed:
        shown |= {"true KL (nats)": found.truth, "mass missed": found.missed, "bound (nats)": found.bound}
    return pd.DataFrame(shown)
