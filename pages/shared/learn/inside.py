"""Scene 4: what is left inside a cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from craft_core.bound import KLBound
from craft_core.figures import RESIDUAL_NAMES, cell_figure, residual_figure
from craft_core.measure import cells_of
from craft_core.selectors import Craft
from craft_core.toy import Cut, Setting, residual_curves
from pages.shared import views
from pages.shared.learn import story, toys

_CELLS = 16
_BUDGET = 600
_KINDS = ("most wanted", "widest", "narrowest")
_SLOPES = np.linspace(0.1, 30.0, 150)


def show(seed: int) -> bool:
    """Draw one cell and ask which residual is the smallest."""
    picture, talk = story.halves()
    with talk:
        kind = st.segmented_control(
            "Cell", _KINDS, default=_KINDS[0], required=True, key="cell", bind="query-params", help="Most wanted: most validation pairs."
        )
        slope = st.slider(
            "L (nats per unit of distance)",
            0.5,
            30.0,
            10.0,
            0.5,
            key="L",
            bind="query-params",
            help="How fast the log of validation over selection may change from place to place; a side of the square is 1.",
        )
        slope = float(story.within("L", slope, 0.5, 30.0))
    setting = Setting(seed=seed)
    world, part = toys.world(setting), toys.cells(setting, _CELLS)
    cell = _cell(part, story.one_of("cell", kind, _KINDS))
    state = story.state_of(4, kind, slope, seed)
    bound = residual_curves(part.truth, cell, np.array([slope]))[0]
    with picture:
        views.plot(
            cell_figure(world, part, cell, dark=views.is_dark()),
            "One cell from near: its pool and validation pairs, its diameter, and a ring of the spread of validation around its mean.",
            "near",
        )
        _sizes(part, cell, slope)
    with talk:
        shown = story.predict(_question(part, cell, bound), state)
    if shown:
        _curves(part, cell, slope)
    return shown


def _cell(part: Cut, kind: str) -> int:
    diameters = part.truth.diameters
    found = {_KINDS[0]: part.clustering.validation_counts.argmax(), _KINDS[1]: diameters.argmax(), _KINDS[2]: diameters.argmin()}
    return int(found[kind])


def _sizes(part: Cut, cell: int, slope: float) -> None:
    diameter, spread = part.truth.diameters[cell], np.sqrt(part.truth.variances[cell])
    sampled = cells_of(part.problem, Craft().select(part.problem, _BUDGET, np.random.default_rng(0))).diameter_low[cell]
    views.metrics(
        [
            ("Diameter D", f"{diameter:.3f}", "Largest distance between two points of the cell; a side of the square is 1."),
            (
                "D of the pairs",
                f"{sampled:.3f}",
                f"Largest distance among its validation and selected pairs ({_BUDGET:,} selected in all).",
            ),
            ("Spread √V", f"{spread:.3f}", "Root mean squared distance of validation to its mean in the cell, by numerical integration."),
            ("L · D (nats)", f"{slope * diameter:.2f}", "How much the log ratio can change across the cell at most, if L is right."),
        ]
    )
    st.caption("Pairs drawn from a law rarely reach the corners of a cell: a diameter measured on pairs is too small.")


def _question(part: Cut, cell: int, bound: KLBound) -> story.Question:
    values = {name: float(getattr(bound, key)[0]) for key, name in RESIDUAL_NAMES.items()}
    lowest, truth, steepest = min(values.values()), float(part.truth.inside[cell]), float(part.truth.slopes[cell])
    told = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
    enough = bound.lipschitz >= steepest
    beside = f"{lowest / truth:,.0f} times below" if truth <= lowest else "**above**"
    return story.Question(
        "With this L, which of the three residuals is the smallest for this cell?",
        ("linear: L D", "Hoeffding: (L D)² / 8", "Bennett: L² V φ(L D)"),
        tuple(number for number, value in enumerate(values.values()) if value <= lowest * (1 + 1e-9)),
        f"In nats: {told}. The true KL inside the cell, by numerical integration, is **{truth:.3g}**: {beside} the smallest. "
        + (
            f"The true slope in this cell is at most {steepest:.1f}, so this L is large enough and the residuals hold."
            if enough
            else f"The true slope in this cell reaches {steepest:.1f}: this L is too small, and the residuals promise nothing."
        ),
    )


def _curves(part: Cut, cell: int, slope: float) -> None:
    curves = residual_curves(part.truth, cell, _SLOPES)
    numbers = {name: [float(getattr(one, key)[0]) for one in curves] for key, name in RESIDUAL_NAMES.items()}
    truth = float(part.truth.inside[cell])
    views.plot(
        residual_figure(curves, slope, float(part.truth.slopes[cell]), truth, dark=views.is_dark()),
        "The three residuals of the cell against L, and the true KL inside it as a level line.",
        "residuals",
        pd.DataFrame({"L": _SLOPES, **numbers, "truth": truth}),
    )
    st.caption(
        "Our derivation: each residual bounds the KL inside the cell if the log ratio of the two laws changes by at most L per unit of "
        "distance. φ(b) = (eᵇ − 1 − b) / b². The upright line is the L chosen; in the grey band L is below the true slope. "
        "All of it is about sources: stage two has no bound."
    )
