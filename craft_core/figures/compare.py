"""Methods side by side: small multiples over budgets, the overlap of their choices, and their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def marks_figure(found: Comparison, measure: Measure, coloured: Sequence[str] = (), legend: bool = True, dark: bool = False) -> go.Figure:
    """Draw one measure over the budgets, a line a method with its spread over seeds; with a single budget a point a method.

    The table twin is one row a method and budget.

    Parameters
    ----------
    found : Comparison
        Of methods.
    measure : Measure
        Drawn.
    coloured : sequence of str
        The methods that have a colour and a symbol, which belong to their place here; the others are thin and grey. By default the first
        seven of the plan. Those beyond the seventh are left grey.
    legend : bool
        Whether the colours are named.
    dark : bool
        Whether the page is dark.
    """
    names = [one.name for one in found.plan.selectors]
    in_colour = [one for one in coloured or names if one in names][:MOST_COLOURED]
    spans = _spans_decades(found, measure)
    grey = [one for one in names if one not in in_colour]
    traces = [_grey_line(found, measure, name, legend and name == grey[0]) for name in grey]
    traces += [_line(found, measure, name, number, legend, not spans, dark) for number, name in enumerate(in_colour)]
    budgets = list(found.plan.budgets)
    layout = {
        "xaxis": {
            "type": "log",
            "title": {"text": axis_title("Budget", "pairs")},
            "tickvals": budgets,
            "ticktext": [f"{one:,}" for one in budgets],
        },
        "yaxis": {
            "type": "log" if spans else "linear",
            "tickformat": ".0%" if measure.form.endswith("%") else "~g",
            "gridcolor": grid(dark),
        },
        "margin": {"t": 60 if legend else 12},
    }
    return apply_theme(go.Figure(traces, layout), dark, height=_HEIGHT + (110 if legend else 0))


def _spans_decades(found: Comparison, measure: Measure) -> bool:
    """Return whether on a linear axis only the worst would be seen."""
    cells = [cell for budget in found.plan.budgets for cell in standing(found, measure, budget).values()]
    means = [cell.mean for cell in cells if np.isfinite(cell.mean)]
    return min(means, default=0) > 0 and max(means) > _DECADES * min(means)


def _line(found: Comparison, measure: Measure, name: str, number: int, legend: bool, bars: bool, dark: bool) -> go.Scatter:
    colour = categorical(MOST_COLOURED, dark)[number]
    cells = [standing(found, measure, budget)[name] for budget in found.plan.budgets]
    marker = {"symbol": _SYMBOLS[number], "size": 8, "color": colour, "line": {"width": 0.5, "color": ink(dark)}}
    spread = {"type": "data", "array": [cell.spread for cell in cells], "thickness": 1, "width": 3, "color": colour}
    look = {"marker": marker, "line": {"color": colour, "width": 2}, "error_y": spread if bars else None}
    return go.Scatter(**_places(found, measure, name), **look, name=safe_label(name, 40), showlegend=legend)


def _grey_line(found: Comparison, measure: Measure, name: str, legend: bool) -> go.Scatter:
    """Draw a method that has no colour; the legend names all of them at once."""
    look = {"marker": {"size": 5, "color": REST}, "line": {"color": REST, "width": 1}, "legendgroup": "other methods"}
    return go.Scatter(**_places(found, measure, name), **look, name="other methods", showlegend=legend)


def _places(found: Comparison, measure: Measure, name: str) -> dict[str, Any]:
    means = [standing(found, measure, budget)[name].mean for budget in found.plan.budgets]
    return {
        "x": list(found.plan.budgets),
        "y": [mean if np.isfinite(mean) else None for mean in means],
        "mode": "lines+markers" if len(means) > 1 else "markers",
        "hovertemplate": f"{safe_label(name, 40)}<br>%{{x:,}} pairs: %{{y:{measure.form}}}<extra></extra>",
        "cliponaxis": False,
    }


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
        ("choosing alone", "seconds", ROLES[dark]["selected"], "circle"),
        ("with vectors and clusters", "seconds_built", ROLES[dark]["validation"], "diamond"),
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
