"""Methods side by side: small multiples over budgets, the overlap of their choices, and their times."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from craft_core.compare import Comparison, Measure, overlaps, standing
from craft_core.figures.theme import QUANTITY, REST, ROLES, apply_theme, axis_title, categorical, grid, ink, safe_label

__all__ = ["MOST_COLOURED", "marks_figure", "overlap_figure", "seconds_figure"]

MOST_COLOURED = 7
"""Methods with a colour of their own; the others are grey."""

_DECADES = 50
_HEIGHT = 260  # pixels of a small multiple
_ROW = 26
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down")


def marks_figure(found: Comparison, measure: Measure, legend: bool = True, dark: bool = False) -> go.Figure:
    """Draw one measure over the budgets, a line a method with its spread over seeds; with a single budget a point a method.

    The first seven methods of the plan have a colour and a symbol, the others are grey. The table twin is one row a method and budget.
    """
    figure = go.Figure()
    colours = categorical(MOST_COLOURED, dark)
    budgets = list(found.plan.budgets)
    means = [cell.mean for budget in budgets for cell in standing(found, measure, budget).values() if np.isfinite(cell.mean)]
    spans = min(means, default=0) > 0 and max(means) > _DECADES * min(means)  # on a linear axis only the worst would be seen
    for number, selector in enumerate(found.plan.selectors):
        cells = [standing(found, measure, budget)[selector.name] for budget in budgets]
        is_coloured = number < MOST_COLOURED
        colour = colours[number] if is_coloured else REST
        name = safe_label(selector.name, 40)
        figure.add_trace(
            go.Scatter(
                x=budgets,
                y=[cell.mean if np.isfinite(cell.mean) else None for cell in cells],
                error_y=None
                if spans
                else {"type": "data", "array": [cell.spread for cell in cells], "thickness": 1, "width": 3, "color": colour},
                mode="lines+markers" if len(budgets) > 1 else "markers",
                name=name,
                showlegend=legend,
                marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 8, "color": colour, "line": {"width": 0.5, "color": ink(dark)}},
                line={"color": colour, "width": 2 if is_coloured else 1},
                hovertemplate=f"{name}<br>%{{x:,}} pairs: %{{y:{measure.form}}}<extra></extra>",
                cliponaxis=False,
            )
        )
    figure.update_layout(
        xaxis={
            "type": "log",
            "title": {"text": axis_title("Budget", "pairs")},
            "tickvals": budgets,
            "ticktext": [f"{one:,}" for one in budgets],
        },
        yaxis={"type": "log" if spans else "linear", "tickformat": ".0%" if measure.form.endswith("%") else "~g", "gridcolor": grid(dark)},
        margin={"t": 12 if not legend else 60},
    )
    return apply_theme(figure, dark, height=_HEIGHT + (110 if legend else 0))


def overlap_figure(found: Comparison, budget: int, dark: bool = False) -> go.Figure:
    """Draw the Jaccard overlap of every two choices as a matrix with its numbers."""
    names = [safe_label(one.name, 30) for one in found.plan.selectors]
    table = overlaps(found, budget)
    figure = go.Figure(
        go.Heatmap(
            z=table.astype(np.float32),
            x=names,
            y=names,
            zmin=0,
            zmax=1,
            colorscale=QUANTITY,
            text=[[f"{value:.2f}".lstrip("0") if value < 1 else "1" for value in row] for row in table],
            texttemplate="%{text}",
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    figure.update_layout(xaxis={"tickangle": -45, "showgrid": False}, yaxis={"autorange": "reversed", "showgrid": False})
    return apply_theme(figure, dark, height=120 + _ROW * len(names))


def seconds_figure(found: Comparison, dark: bool = False) -> go.Figure:
    """Draw how long every method took on a logarithmic axis: for the choice alone, and with the vectors and clusters it needs."""
    names = [safe_label(one.name, 30) for one in found.plan.selectors]
    figure = go.Figure()
    for label, measure, colour, symbol in (
        ("choosing alone", "seconds", ROLES["selected"], "circle"),
        ("with vectors and clusters", "seconds_built", ROLES["validation"], "diamond"),
    ):
        marker = {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 0.5, "color": ink(dark)}}
        values = [_seconds(found, one.name, measure) for one in found.plan.selectors]
        hover = "%{y}<br>%{x:.3g} s, " + label + "<extra></extra>"
        figure.add_trace(go.Scatter(x=values, y=names, mode="markers", name=label, marker=marker, hovertemplate=hover, cliponaxis=False))
    figure.update_layout(
        xaxis={"type": "log", "title": {"text": axis_title("Time", "seconds")}},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category"},
    )
    return apply_theme(figure, dark, height=140 + _ROW * len(names))


def _seconds(found: Comparison, method: str, measure: str) -> float | None:
    known = [trial.marks[measure] for trial in found.trials if trial.method == method and np.isfinite(trial.marks[measure])]
    return max(float(np.mean(known)), 1e-4) if known else None
