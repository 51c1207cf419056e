"""Clusters side by side: their shares, and the pairs they should and do give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from craft_core.allocate import Allocation
from craft_core.arrays import FloatVector, IntVector
from craft_core.describe import cluster_name
from craft_core.figures.theme import ROLES, apply_theme, axis_title, grid, ink, safe_label

__all__ = ["count_figure", "share_figure"]

_ROW = 24  # pixels
_AROUND = 110


def share_figure(allocation: Allocation, words: tuple[tuple[str, ...], ...] = (), top: int = 30, dark: bool = False) -> go.Figure:
    """Draw validation, supply and selected share of each cluster; the table twin is `describe.cluster_table`.

    Parameters
    ----------
    allocation : Allocation
        Of the selection shown.
    words : tuple of tuple of str
        As `describe.cluster_words` gives them, for the names.
    top : int
        Clusters drawn, those with the largest validation share; the others are summed in the last row, which says how many they are.
    dark : bool
        Whether the page is dark.
    """
    kept, names = _ranked(allocation, words, top)
    figure = go.Figure()
    shares = {"validation": allocation.validation_share, "selected": allocation.selected_share, "supply": allocation.supply_share}
    percent = {name: 100 * _with_rest(values, kept, len(names)) for name, values in shares.items()}
    for name, low, high in zip(names, *_spans(percent), strict=True):
        figure.add_shape(type="line", x0=low, x1=high, y0=name, y1=name, line={"color": grid(dark), "width": 3}, layer="below")
    for (name, values), symbol in zip(percent.items(), ("cross", "diamond", "circle-open"), strict=True):
        marker = {
            "color": ROLES[dark][name],
            "symbol": symbol,
            "size": 9,
            "line": {"width": 2 if "open" in symbol else 0, "color": ROLES[dark][name]},
        }
        label = {"validation": "validation", "selected": "selected", "supply": "pool"}[name]
        text = "%{y}<br>%{x:.2f} % of " + label + "<extra></extra>"
        trace = {"x": values, "y": names, "mode": "markers", "name": f"{label} share", "cliponaxis": False}
        figure.add_trace(go.Scatter(**trace, marker=marker, hovertemplate=text))
    return _finished(figure, names, axis_title("Share of pairs", "%"), dark)


def count_figure(allocation: Allocation, words: tuple[tuple[str, ...], ...] = (), top: int = 30, dark: bool = False) -> go.Figure:
    """Draw the quota of each cluster, the pairs it gives, and where its supply ran out; the table twin is `describe.cluster_table`.

    Parameters
    ----------
    allocation, words, top, dark
        As in `share_figure`. The last row counts as run out where any of its clusters did.
    """
    kept, names = _ranked(allocation, words, top)
    starved = _with_rest(allocation.starved.astype(np.int64), kept, len(names)) > 0
    counts, supply, quota = (_with_rest(one, kept, len(names)) for one in (allocation.counts, allocation.supply, allocation.quota))
    figure = go.Figure()
    for label, chosen, colour, pattern in (
        ("pairs given", ~starved, ROLES[dark]["selected"], ""),
        ("pairs given: ran out", starved, ROLES[dark]["starved"], "/"),
    ):
        figure.add_trace(
            go.Bar(
                x=counts[chosen],
                y=[name for name, one in zip(names, chosen, strict=True) if one],
                orientation="h",
                name=label,
                marker={"color": colour, "pattern": {"shape": pattern, "fgcolor": "#1a1c24", "bgcolor": colour, "size": 6}},
                customdata=np.column_stack([quota[chosen], supply[chosen]]),
                hovertemplate="%{y}<br>%{x:,} pairs given<br>quota %{customdata[0]:,.1f}<br>supply %{customdata[1]:,}<extra></extra>",
                showlegend=True,
            )
        )
    mark = {"symbol": "line-ns", "size": 15, "line": {"width": 3, "color": ink(dark)}}
    text = "%{y}<br>quota %{x:,.1f} pairs<extra></extra>"
    figure.add_trace(go.Scatter(x=quota, y=names, mode="markers", name="quota", cliponaxis=False, marker=mark, hovertemplate=text))
    figure.update_layout(barmode="overlay", bargap=0.35)
    return _finished(figure, names, axis_title("Pairs"), dark)


def _ranked(allocation: Allocation, words: tuple[tuple[str, ...], ...], top: int) -> tuple[IntVector, list[str]]:
    """Return the clusters to draw, by falling validation share, and the names of the rows, the rest included."""
    order = np.argsort(-allocation.validation_share, kind="stable")
    kept = order[:top]
    names = [safe_label(cluster_name(int(c), words), 30) for c in kept]
    n_rest = len(order) - len(kept)
    return kept, names + ([f"{n_rest:,} other clusters"] if n_rest else [])


def _with_rest(values: FloatVector | IntVector, kept: IntVector, n_rows: int) -> FloatVector | IntVector:
    rest = [values.sum() - values[kept].sum()] if n_rows > len(kept) else []
    return np.concatenate([values[kept], np.array(rest, dtype=values.dtype)])


def _spans(percent: Mapping[str, FloatVector | IntVector]) -> tuple[FloatVector | IntVector, FloatVector | IntVector]:
    stacked = np.stack(list(percent.values()))
    return stacked.min(axis=0), stacked.max(axis=0)


def _finished(figure: go.Figure, names: list[str], title: str, dark: bool) -> go.Figure:
    figure.update_layout(
        xaxis={"title": {"text": title}, "rangemode": "tozero"},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category", "showgrid": False},
    )
    return apply_theme(figure, dark, height=_AROUND + _ROW * max(len(names), 3))
