"""What the Compare page shows behind the table: budgets, overlaps, maps, words and times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.compare import Comparison, Trial, measured, overlaps, standing
from craft_core.corpus import Corpus
from craft_core.figures import (
    MOST_COLOURED,
    MapLayer,
    by_cluster,
    hover_texts,
    map_figure,
    marks_figure,
    overlap_figure,
    pca_axes,
    seconds_figure,
)
from craft_core.project import density, sample_rows
from craft_core.telling_words import telling_words
from pages.shared import compare_stages, map_stages, stages, views
from pages.shared.compare_stages import Asked
from pages.shared.session import current_config

_PANELS = ("energy", "label_share", "ridge_rank", "nearest_chrf", "source_bigrams", "gaussian_kl", "mispaired", "mean_tokens")
_DRAWN = 2_000  # points of each choice on a map
_WORDS = 15
_COLOURED = 5  # methods that are coloured at first, where there are too many to colour all


def over_budgets(found: Comparison) -> None:
    """Draw small multiples, two in a row; one legend for all."""
    if len(found.plan.budgets) == 1:
        st.caption("One budget was compared. Give several, as in 500 2000 8000, to see lines.")
    drawn, coloured = [one for one in measured(found) if one.name in _PANELS], _in_colour(found)
    for start in range(0, len(drawn), 2):
        for column, measure in zip(st.columns(2), drawn[start : start + 2], strict=False):
            with column:
                st.markdown(f"**{measure.label}**")
                st.caption(
                    f"{measure.help} {'Lower is better.' if measure.better == 'low' else 'Higher is better.' if measure.better else ''}"
                )
                rows = [
                    {"method": one.name, "budget": budget, "mean": cell.mean, "spread": cell.spread}
                    for budget in found.plan.budgets
                    for one in found.plan.selectors
                    for cell in [standing(found, measure, budget)[one.name]]
                ]
                figure = marks_figure(found, measure, coloured, legend=start == 0, dark=views.is_dark())
                views.plot(figure, f"{measure.label} of every method over the budgets.", f"marks_{measure.name}", pd.DataFrame(rows))


def _in_colour(found: Comparison) -> list[str]:
    """Return the methods that are coloured: all of them, or those the user chooses, at first the one in use, craft and the nearest."""
    names = [one.name for one in found.plan.selectors]
    if len(names) <= MOST_COLOURED:
        return names
    energy = next(one for one in measured(found) if one.name == "energy")
    cells = standing(found, energy, found.plan.budgets[-1])
    nearest = sorted(names, key=lambda name: cells[name].mean if np.isfinite(cells[name].mean) else np.inf)
    first = [name for name in dict.fromkeys([current_config().selector.name, "craft", *nearest]) if name in names][:_COLOURED]
    said = (
        f"At most {MOST_COLOURED} colours can be told apart; the other methods are grey. At first: the method in use, craft, the nearest."
    )
    return st.multiselect("Methods in colour", names, default=first, max_selections=MOST_COLOURED, key="compare_coloured", help=said)


def overlap(found: Comparison, budget: int) -> None:
    """Draw how much the choices share."""
    st.markdown(f"**How much the choices of {budget:,} pairs share**")
    st.caption("Jaccard index with the first seed: pairs that both methods choose, out of those that either chooses; 1 is the same choice.")
    names = [one.name for one in found.plan.selectors]
    table = pd.DataFrame(np.round(overlaps(found, budget), 3), columns=names)
    table.insert(0, "method", names)
    views.plot(overlap_figure(found, budget, views.is_dark()), "Overlap of the choices of every two methods.", "overlaps", table)


def times(found: Comparison) -> None:
    """Draw how long every method took."""
    st.markdown("**How long the methods take**")
    st.caption(
        "Wall time of the first choice a method makes, with nothing kept from before; mean over seeds. Made once for all: "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.built.items())
        + "."
    )
    first = found.plan.budgets[0]
    trials = [found.of(one.name, first)[0] for one in found.plan.selectors]
    rows = [
        {"method": one.method, "choosing alone (s)": one.marks["seconds"], "with vectors and clusters (s)": one.marks["seconds_built"]}
        for one in trials
    ]
    views.plot(seconds_figure(found, views.is_dark()), "Seconds each method takes.", "seconds", pd.DataFrame(rows))


def maps(found: Comparison, one: Asked, budget: int) -> None:
    """Draw the choices of two methods side by side on the same map."""
    st.caption(
        "The same PCA map twice: each point is a chosen pair, coloured by its cluster, with the validation set as crosses. "
        "The shade behind them is the pool. The first seed."
    )
    chosen, texts = _two(found, budget, "map"), compare_stages.texts_of(one)
    for side, column, trial in zip("AB", st.columns(2), chosen, strict=True):
        with column:
            st.markdown(f"**{trial.method}**")
            _map(trial, texts, f"map_{side}")


def _map(trial: Trial, texts: Corpus, key: str) -> None:
    task, loaded, projection, seed = stages.problem(), stages.data(), map_stages.projection("pca", 1), current_config().seed
    wanted = sample_rows(task.clustering.validation_labels, _DRAWN, seed)
    chosen = np.sort(trial.chosen)
    chosen = chosen[sample_rows(np.zeros(len(chosen), dtype=np.int32), _DRAWN, seed)]
    layers = [
        MapLayer("validation", projection.validation_xy[wanted], wanted, _hover(loaded.validation, wanted), len(task.wanted)),
        MapLayer("selected", projection.locate(task.pool.sources, chosen), chosen, _hover(texts, chosen), len(trial.chosen)),
    ]
    labels = [task.clustering.validation_labels[wanted], task.clustering.pool_labels[chosen]]
    colouring = by_cluster(labels, task.clustering.validation_share, stages.labels()[0])
    axes = pca_axes(projection.layout.explained)  # type: ignore[attr-defined]
    figure = map_figure(layers, colouring, axes, density=density(projection.pool_xy), dark=views.is_dark(), seed=seed)
    low, high = (edge(projection.pool_xy, axis=0) for edge in (np.min, np.max))  # the same for both maps
    figure.update_yaxes(scaleanchor=None)  # half a page is too narrow for a map true to scale
    figure.update_layout(showlegend=False, height=340, margin_t=8, xaxis_range=[low[0], high[0]], yaxis_range=[low[1], high[1]])
    views.plot(figure, f"Map of the pairs {trial.method} chose.", key)
    st.caption(f"Showing {', '.join(f'{len(one.xy):,} of {one.total:,} {one.name}' for one in layers)} pairs.")


def _hover(corpus: Corpus, drawn: np.ndarray) -> np.ndarray:
    part = corpus.take(drawn)
    return hover_texts(part.sources.to_pylist(), part.targets.to_pylist(), ["" for _ in drawn])


def words(found: Comparison, one: Asked, budget: int) -> None:
    """Draw the words that tell two choices apart, on both sides."""
    st.caption(
        "Log-odds of a word in one choice over the other, in standard errors (z), with the words of both as prior (Monroe, Colaresi and "
        "Quinn 2008). Within 2 of 0 is chance; among thousands of words some lie a little beyond by luck. The first seed."
    )
    first, second = _two(found, budget, "words")
    if first.method == second.method:
        st.info("Choose two different methods: a choice has no words that tell it from itself.", icon=":material/info:")
        return
    texts = compare_stages.texts_of(one)
    chosen = [texts.take(trial.chosen) for trial in (first, second)]
    for column, side in zip(st.columns(2), ("sources", "targets"), strict=True):
        told = telling_words(getattr(chosen[0], side), getattr(chosen[1], side))
        with column:
            st.markdown(f"**{side.capitalize()}**")
            for name, order in ((first.method, slice(None, _WORDS)), (second.method, slice(None, -_WORDS - 1, -1))):
                st.markdown(f"More typical of {name}")
                table = {
                    "word": told.words[order],
                    "z": np.round(told.z[order], 1),
                    f"in {first.method}": told.first[order],
                    f"in {second.method}": told.second[order],
                }
                formats = {
                    name: st.column_config.NumberColumn(format="%.1f" if name == "z" else "localized") for name in table if name != "word"
                }
                st.dataframe(pd.DataFrame(table), hide_index=True, height=250, column_config=formats)


def _two(found: Comparison, budget: int, key: str) -> tuple[Trial, Trial]:
    """Return the first trials of two methods, chosen by the user."""
    names = [one.name for one in found.plan.selectors]
    own = current_config().selector.name
    start = names.index(own) if own in names else 0
    left, right = st.columns(2)
    one = left.selectbox("One method", names, index=start, key=f"{key}_one")
    other = right.selectbox("Another method", names, index=(start + 1) % len(names), key=f"{key}_other")
    return found.of(one, budget)[0], found.of(other, budget)[0]
