"""What budgets buy: small curves over budgets, and who enters and leaves from one budget to another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from craft_core.arrays import FloatVector, IntVector
from craft_core.budgets import CURVES, Between, BudgetCurve, knee
from craft_core.describe import cluster_name
from craft_core.figures.theme import REST, ROLES, apply_theme, axis_title, grid, ink, muted, safe_label, tint

__all__ = ["PANELS", "between_figure", "curve_figure", "frequency_counts", "frequency_figure", "spread_figure"]

PANELS: Mapping[str, tuple[str, ...]] = {
    "coverage": ("source_tokens_covered", "source_bigrams_covered", "target_tokens_covered", "target_bigrams_covered"),
    "tokens": ("tokens",),
    "kl": ("kl",),
    "bound": ("bound", "bound_low"),
    "starved": ("starved",),
    "energy": ("energy",),
    "ridge_rank": ("ridge_rank",),
    "nearest_chrf": ("nearest_chrf",),
}
"""The curves that are drawn together, by the name of their panel."""

_LINES = {
    "source_tokens_covered": ("source words", "selected", "solid"),
    "source_bigrams_covered": ("source word pairs", "selected", "dot"),
    "target_tokens_covered": ("target words", "validation", "solid"),
    "target_bigrams_covered": ("target word pairs", "validation", "dot"),
}
_PANEL_HEIGHT = 230  # pixels
_FAINT = 0.35  # opacity of a band
_ROW = 24
_AROUND = 90
_DENSE = 20  # from so many budgets on, their dots would run into a line


def curve_figure(
    curve: BudgetCurve,
    names: Sequence[str],
    now: int,
    before: int | None = None,
    runs: Sequence[BudgetCurve] = (),
    anchors: Mapping[str, float] | None = None,
    exact: Mapping[int, float] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw curves over budgets on a logarithmic axis, one panel; the table twin has one row a budget.

    Parameters
    ----------
    curve : BudgetCurve
        With the curves named. What is not finite is a gap.
    names : sequence of str
        Of `CURVES`; more than one share an axis and get a legend. `bound` and `bound_low` make a band, without runs.
    now, before : int, int or None
        Budgets marked by a solid and a dotted vertical line.
    runs : sequence of BudgetCurve
        The same curves of other runs over one grid; drawn as a band from the smallest to the largest value.
    anchors : Mapping of str to float
        Horizontal lines to compare with, by what they are.
    exact : Mapping of int to float
        Values known exactly at some budgets, beside a curve that is known between two bounds.
    dark : bool
        Whether the page is dark.
    """
    is_band = "bound_low" in names and not runs
    drawn = [] if is_band else [name for name in names if name != "bound_low"]
    several = len(drawn) > 1
    bands = _ends(curve, dark) if is_band else [trace for name in drawn for trace in _band(runs, name, dark)]
    lines = [trace for name in drawn for trace in _line(curve, name, several, dark)]
    lines += _known(exact or {}, dark)
    marked = np.array([now] if before is None else [now, before])
    layout: dict[str, Any] = {
        "xaxis": {**budget_axis(np.append(curve.budgets, marked)), "showgrid": False},
        "yaxis": _values_axis(curve, names, anchors or {}),
        "showlegend": several,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
        "margin": {"l": 4, "r": 12, "t": 8, "b": 4},
        "shapes": [*_uprights(now, before, dark), *_levels(anchors or {}, dark)],
        "annotations": _level_names(anchors or {}, dark),
    }
    # in one piece: each update of a figure costs milliseconds
    return apply_theme(go.Figure([*bands, *lines], layout), dark, height=_PANEL_HEIGHT + (45 if several else 0))


def _values_axis(curve: BudgetCurve, names: Sequence[str], anchors: Mapping[str, float]) -> dict[str, Any]:
    return {
        "tickformat": ".0%" if names[0] in _LINES else None,
        "nticks": 5,
        "rangemode": "tozero" if names[0] in _FROM_ZERO else "normal",
        "range": _range(curve, names, anchors) if anchors else None,
    }


_FROM_ZERO = ("kl", "bound", "starved", "tokens", "source_tokens_covered")


def budget_axis(budgets: IntVector) -> dict[str, Any]:
    """Return a logarithmic axis of budgets, labelled with whole numbers at 1 and 3 (over few decades 1, 2 and 5) of each decade."""
    low, high = math.log10(max(int(budgets.min()), 1)), math.log10(max(int(budgets.max()), 2))
    digits = (1, 2, 5) if high - low < 1.2 else (1, 3) if high - low < 2.6 else (1,)
    ticks = [digit * 10**decade for decade in range(int(low), math.ceil(high) + 1) for digit in digits]
    room = 0.03 * max(high - low, 0.1)
    return {
        "type": "log",
        "range": [low - room, high + room],
        "tickvals": ticks,
        "ticktext": [f"{tick:,}" for tick in ticks],
        "tickangle": 0,
        "title": {"text": "Budget (pairs)"},
    }


def _uprights(now: int, before: int | None, dark: bool) -> list[dict[str, Any]]:
    styles = [(now, {"color": ink(dark), "width": 1.5})]
    if before is not None and before != now:
        styles.append((before, {"color": muted(dark), "width": 1.5, "dash": "dot"}))
    return [{"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "y domain", "line": line} for at, line in styles]


def _levels(anchors: Mapping[str, float], dark: bool) -> list[dict[str, Any]]:
    line = {"color": muted(dark), "width": 1, "dash": "dash"}
    return [{"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": at, "y1": at, "line": line} for at in anchors.values()]


def _level_names(anchors: Mapping[str, float], dark: bool) -> list[dict[str, Any]]:
    style = {"font": {"color": muted(dark), "size": 11}, "showarrow": False, "xanchor": "right", "yanchor": "bottom"}
    return [{"text": safe_label(label), "x": 1, "xref": "x domain", "y": at, **style} for label, at in anchors.items()]


def _range(curve: BudgetCurve, names: Sequence[str], anchors: Mapping[str, float]) -> list[float]:
    """Return a range with room for the names of the anchors: plotly's own ends at the outermost one."""
    values = np.concatenate([*(_finite(curve.values[name]) for name in names), list(anchors.values())])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.1 * (high - low)
    return [low - room, high + room]


def _line(curve: BudgetCurve, name: str, in_legend: bool, dark: bool) -> list[go.Scatter]:
    """Return a curve and, where it has one, its knee."""
    label, role, dash = _LINES.get(name, (CURVES[name].label, "selected", "solid"))
    colour = ROLES[dark][role]
    values, shown = _finite(curve.values[name]), "%{y:.1%}" if name in _LINES else "%{y:,.4~f}"
    hover = f"%{{x:,}} pairs<br>{shown}" + (f" ({label})" if in_legend else "") + "<extra></extra>"
    marker = {"size": 6 if len(curve.budgets) < _DENSE else 1, "color": colour}
    style = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2}, "marker": marker, "connectgaps": False}
    line = go.Scatter(x=curve.budgets, y=values, name=label, hovertemplate=hover, **style)
    found = knee(curve.budgets, curve.values[name], CURVES[name].better)
    if found is None:
        return [line]
    at = values[curve.budgets == found]
    mark = {"symbol": "diamond", "size": 11, "color": ROLES[dark]["starved"], "line": {"color": ink(dark), "width": 1}}
    text = f"knee: %{{x:,}} pairs<br>{shown}<extra></extra>"
    return [line, go.Scatter(x=[found], y=at, mode="markers", marker=mark, showlegend=False, name="knee", hovertemplate=text)]


def _ends(curve: BudgetCurve, dark: bool) -> list[go.Scatter]:
    """Return the bound between its two ends: no line runs through the band, as nobody knows where in it the bound lies."""
    style: dict[str, Any] = {
        "mode": "lines",
        "line": {"color": ROLES[dark]["supply"], "width": 1},
        "showlegend": False,
        "connectgaps": False,
    }
    texts = {"bound_low": "at least", "bound": "at most"}
    fills: dict[str, dict[str, str]] = {"bound_low": {}, "bound": {"fill": "tonexty", "fillcolor": tint(ROLES[dark]["supply"], _FAINT)}}
    return [
        go.Scatter(
            x=curve.budgets,
            y=_finite(curve.values[name]),
            name=text,
            hovertemplate="%{x:,} pairs<br>" + text + " %{y:,.4~f}<extra></extra>",
            **style,
            **fills[name],
        )
        for name, text in texts.items()
    ]


def _known(exact: Mapping[int, float], dark: bool) -> list[go.Scatter]:
    if not exact:
        return []
    marker = {"size": 11, "color": ROLES[dark]["selected"], "line": {"color": ink(dark), "width": 1}}
    text = "%{x:,} pairs<br>exactly %{y:,.4~f}<extra></extra>"
    return [go.Scatter(x=list(exact), y=list(exact.values()), mode="markers", name="exact", marker=marker, hovertemplate=text)]


def _band(runs: Sequence[BudgetCurve], name: str, dark: bool) -> list[go.Scatter]:
    """Return the band from the smallest to the largest value over runs, where all are finite."""
    if not runs or not all(name in run.values for run in runs):
        return []
    stacked = np.stack([_finite(run.values[name]) for run in runs])
    known = np.isfinite(stacked).all(axis=0)
    x, low, high = runs[0].budgets[known], stacked[:, known].min(axis=0), stacked[:, known].max(axis=0)
    around = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([low, high[::-1]])}
    fill = {"fill": "toself", "fillcolor": tint(ROLES[dark]["supply"], _FAINT), "line": {"width": 0}, "mode": "lines", "hoverinfo": "skip"}
    return [go.Scatter(**around, name="all runs", showlegend=False, **fill)]


def _finite(values: FloatVector) -> FloatVector:
    return np.where(np.isfinite(values), values, np.nan)


def between_figure(change: Between, words: tuple[tuple[str, ...], ...] = (), top: int = 15, dark: bool = False) -> go.Figure:
    """Draw how many pairs enter (right) and leave (left) in the clusters that change most; the others are summed in the last row.

    Parameters
    ----------
    change : Between
        From one budget to another.
    words : tuple of tuple of str
        As `describe.cluster_words` gives them, for the names.
    top : int
        Clusters drawn.
    dark : bool
        Whether the page is dark.
    """
    order = np.argsort(-(change.entered + change.left), kind="stable")
    moved = order[(change.entered + change.left)[order] > 0]
    kept, rest = moved[:top], moved[top:]
    names = [safe_label(cluster_name(int(c), words), 30) for c in kept] + ([f"{len(rest):,} other clusters"] if len(rest) else [])
    figure = go.Figure()
    for label, counts, sign, colour in (
        ("enter", change.entered, 1, ROLES[dark]["selected"]),
        ("leave", change.left, -1, ROLES[dark]["starved"]),
    ):
        values = [*counts[kept], *([counts[rest].sum()] if len(rest) else [])]
        if not counts.sum():
            continue
        text = f"%{{y}}<br>%{{customdata:,}} {label}<extra></extra>"
        bar = {"orientation": "h", "name": label, "marker": {"color": colour}, "customdata": values, "hovertemplate": text}
        figure.add_trace(go.Bar(x=sign * np.array(values, dtype=np.int64), y=names, showlegend=True, **bar))
    figure.update_layout(
        barmode="relative",
        bargap=0.35,
        xaxis={"title": {"text": axis_title("Pairs")}, "tickformat": ",~d"},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category", "showgrid": False},
    )
    return apply_theme(figure, dark, height=_AROUND + _ROW * max(len(names), 3))


def frequency_figure(frequency: FloatVector, n_runs: int, dark: bool = False) -> go.Figure:
    """Draw how many pairs were chosen in one run, in two, ... in all; pairs that were never chosen are left out.

    Parameters
    ----------
    frequency : FloatVector
        Shape (N,), in [0, 1]: share of the runs that choose a pair.
    n_runs : int
        Runs in all.
    dark : bool
        Whether the page is dark.
    """
    counts = frequency_counts(frequency, n_runs)
    colours = [REST] * (n_runs - 1) + [ROLES[dark]["selected"]]
    text = "chosen in %{x} of " + f"{n_runs}" + " runs<br>%{y:,} pairs<extra></extra>"
    figure = go.Figure(go.Bar(x=np.arange(1, n_runs + 1), y=counts, marker={"color": colours}, hovertemplate=text))
    figure.update_layout(
        bargap=0.2,
        xaxis={"title": {"text": f"Chosen in so many of {n_runs} runs"}, "dtick": 1 if n_runs <= 12 else None, "showgrid": False},
        yaxis={"title": {"text": "Pairs"}, "tickformat": ",~d"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
    return apply_theme(figure, dark, height=260)


def frequency_counts(frequency: FloatVector, n_runs: int) -> IntVector:
    """Return how many pairs were chosen in exactly 1, 2, ... n_runs runs."""
    times = np.rint(frequency.astype(np.float64) * n_runs).astype(np.int64)
    return np.bincount(times, minlength=n_runs + 1)[1 : n_runs + 1].astype(np.int64)


def spread_figure(counts: IntVector, words: tuple[tuple[str, ...], ...] = (), top: int = 20, dark: bool = False) -> go.Figure:
    """Draw, for the clusters that give most, the smallest and largest number of pairs over the runs, and the first run's.

    Parameters
    ----------
    counts : IntVector
        Shape (n runs, n_clusters): the first row is the run itself.
    words, top, dark
        As in `between_figure`.
    """
    order = np.argsort(-counts[0], kind="stable")[:top]
    names = [safe_label(cluster_name(int(c), words), 30) for c in order]
    low, high = counts.min(axis=0)[order], counts.max(axis=0)[order]
    figure = go.Figure()
    span = {"orientation": "h", "base": low, "marker": {"color": ROLES[dark]["supply"]}, "name": "least to most, over all runs"}
    text = "%{y}<br>%{customdata[0]:,} to %{customdata[1]:,} pairs<extra></extra>"
    figure.add_trace(go.Bar(x=high - low, y=names, customdata=np.column_stack([low, high]), hovertemplate=text, width=0.45, **span))
    mark = {"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": ink(dark)}}
    trace = {"mode": "markers", "marker": mark, "name": "your run", "hovertemplate": "%{y}<br>%{x:,} pairs<extra></extra>"}
    figure.add_trace(go.Scatter(x=counts[0][order], y=names, cliponaxis=False, **trace))
    figure.update_layout(
        xaxis={"title": {"text": axis_title("Pairs")}, "rangemode": "tozero", "gridcolor": grid(dark)},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category", "showgrid": False},
    )
    return apply_theme(figure, dark, height=_AROUND + _ROW * max(len(names), 3))
