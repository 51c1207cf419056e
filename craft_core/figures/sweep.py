"""The bound, its parts and what is measured, against n_clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from craft_core.discrepancy import Energy
from craft_core.figures.bound import note, upright
from craft_core.figures.theme import BACKGROUNDS, ROLES, TERMS, apply_theme, axis_title, ink, muted, tint
from craft_core.sweep import SweepPoint, TradeOff

__all__ = ["held_out_figure", "size_figure", "term_figure", "trade_off_figure"]

_HEIGHT = 330


def term_figure(
    points: Sequence[SweepPoint], lipschitz: float, direction: str, present: int, suggested: TradeOff | None = None, dark: bool = False
) -> go.Figure:
    """Draw the two terms of the bound on top of each other against n_clusters, with the noise floor.

    Open marks beside the lines: a part of the first law lies where the second has no pair, and the bound is about the rest, so it does not
    compare with the others. Where diameters are known between two bounds only, the bound with the lower ones is a dotted line.

    Parameters
    ----------
    points : sequence of SweepPoint
        Ascending.
    lipschitz : float
        The present L.
    direction : str
        "forward" or "reverse".
    present : int
        The n_clusters in use.
    suggested : TradeOff or None
        Its range is shaded.
    dark : bool
        Whether the page is dark.
    """
    grid = [point.n_clusters for point in points]
    floor = [point.floor for point in points]
    whole = [point for point in points if not point.left_out(direction)]
    traces = _terms(whole, lipschitz, direction, dark)
    traces += _open_marks([point for point in points if point.left_out(direction)], lipschitz, direction, dark)
    if not all(point.is_exact for point in whole):
        low = [point.low_bound(lipschitz, direction).covered_total for point in whole]
        text = "%{x:,} clusters<br>at least %{y:.4g} nats<extra>bound</extra>"
        line = {"color": ink(dark), "width": 1.5, "dash": "dot"}
        at = [point.n_clusters for point in whole]
        traces.append(go.Scatter(x=at, y=low, name="bound, at least", mode="lines", line=line, hovertemplate=text))
    text = "%{x:,} clusters<br>%{y:.4g} nats<extra>noise floor</extra>"
    line = {"color": ink(dark), "dash": "dash", "width": 1.5}
    traces.append(go.Scatter(x=grid, y=floor, name="noise floor", mode="lines", line=line, hovertemplate=text))
    return _finished(traces, axis_title("Bound", "nats"), grid, present, suggested, dark)


def _terms(points: Sequence[SweepPoint], lipschitz: float, direction: str, dark: bool) -> list[go.Scatter]:
    """Stack the two terms."""
    bounds = [point.bound(lipschitz, direction) for point in points]
    return [
        go.Scatter(
            x=[point.n_clusters for point in points],
            y=values,
            name=label,
            stackgroup="bound",
            mode="lines+markers",
            line={"color": TERMS[dark][name], "width": 2},
            marker={"size": 6},
            hovertemplate="%{x:,} clusters<br>%{y:.4g} nats<extra>" + label + "</extra>",
        )
        for name, label, values in (
            ("discrete", "KL of shares", [one.covered for one in bounds]),
            ("residual", "residual", [one.residual_sum for one in bounds]),
        )
    ]


def _open_marks(points: Sequence[SweepPoint], lipschitz: float, direction: str, dark: bool) -> list[go.Scatter]:
    """Mark both terms where they are about a part only: one missed cluster would make the whole infinite and hide the rest."""
    bounds = [point.bound(lipschitz, direction) for point in points]
    left_out = [100 * point.left_out(direction) for point in points]
    return [
        go.Scatter(
            x=[point.n_clusters for point in points],
            y=values,
            customdata=left_out,
            mode="markers",
            showlegend=False,
            marker={"color": TERMS[dark][name], "size": 9, "symbol": "circle-open", "line": {"width": 2}},
            hovertemplate="%{x:,} clusters<br>%{y:.4g} nats<br>%{customdata:.2g} % left out<extra>" + label + "</extra>",
        )
        for name, label, values in (
            ("discrete", "KL of shares", [one.covered for one in bounds]),
            ("residual", "both terms", [one.covered_total for one in bounds]),
        )
        if points
    ]


def trade_off_figure(found: TradeOff, present: int, dark: bool = False) -> go.Figure:
    """Draw the noise of the shares, the leading order of the residual, and their sum with its minimum; arguments as in `term_figure`."""
    traces = []
    for label, values, colour, dash, width in (
        ("noise", found.noise, TERMS[dark]["discrete"], "dash", 2),
        ("residual", found.residual, TERMS[dark]["residual"], "dot", 2),
        ("sum", found.total, ink(dark), "solid", 3),
    ):
        line = {"color": colour, "dash": dash, "width": width}
        text = "%{x:,} clusters<br>%{y:.4g} nats<extra>" + label + "</extra>"
        traces.append(go.Scatter(x=found.n_clusters, y=values, name=label, mode="lines", line=line, hovertemplate=text))
    at = float(np.interp(math.log(found.best), np.log(found.n_clusters), found.residual))
    at += float(np.interp(found.best, found.n_clusters, found.noise))
    marker = {"size": 15, "symbol": "star", "color": ROLES[dark]["test"], "line": {"width": 1, "color": BACKGROUNDS[dark]}}
    text = "least at %{x:,} clusters<br>%{y:.4g} nats<extra></extra>"
    traces.append(go.Scatter(x=[found.best], y=[at], name="least", mode="markers", marker=marker, hovertemplate=text))
    return _finished(traces, axis_title("Noise and residual", "nats"), [int(one) for one in found.n_clusters], present, found, dark)


def size_figure(points: Sequence[SweepPoint], present: int, suggested: TradeOff | None = None, dark: bool = False) -> go.Figure:
    """Draw the mean diameter of the cells, between its two bounds where it is not exact, and the root of inertia / M, in one unit."""
    grid = [point.n_clusters for point in points]
    low, high = zip(*(point.mean_diameter for point in points), strict=True)
    spread = [math.sqrt(point.inertia / max(int(point.allocation.validation_counts.sum()), 1)) for point in points]
    traces = []
    if any(one < other for one, other in zip(low, high, strict=True)):
        text = "%{x:,} clusters<br>at least %{y:.3f}<extra>diameter</extra>"
        line = {"color": ROLES[dark]["selected"], "width": 1, "dash": "dot"}
        traces.append(go.Scatter(x=grid, y=low, mode="lines", line=line, showlegend=False, hovertemplate=text))
        fill: dict[str, Any] = {"fill": "tonexty", "fillcolor": tint(ROLES[dark]["selected"], 0.18)}
    else:
        fill = {}
    for label, values, colour, dash, more in (
        ("mean diameter", high, ROLES[dark]["selected"], "solid", fill),
        ("root of inertia / M", spread, ROLES[dark]["validation"], "dash", {}),
    ):
        traces.append(
            go.Scatter(
                x=grid,
                y=values,
                name=label,
                mode="lines+markers",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 6},
                hovertemplate="%{x:,} clusters<br>%{y:.3f}<extra>" + label + "</extra>",
                **more,
            )
        )
    figure = _finished(traces, "Distance of unit vectors", grid, present, suggested, dark)
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": math.sqrt(2), "y1": math.sqrt(2)}
    level["line"] = {"color": muted(dark), "width": 1, "dash": "dash"}
    words = note("√2: nothing in common", muted(dark), x=0.01, y=math.sqrt(2), yanchor="top")
    return figure.update_layout(shapes=[*figure.layout.shapes, level], annotations=[words])


def held_out_figure(
    points: Sequence[SweepPoint], present: int, suggested: TradeOff | None = None, noise: Energy | None = None, dark: bool = False
) -> go.Figure:
    """Draw the energy distance to held-out pairs, of source and joint vectors; `noise` is that of half against half. Others as above."""
    kept = [point for point in points if point.energy is not None]
    grid = [point.n_clusters for point in kept]
    traces = []
    for side, colour, symbol in (("source", TERMS[dark]["bennett"], "circle"), ("joint", TERMS[dark]["linear"], "diamond")):
        values = [float(getattr(point.energy, side)) for point in kept]
        text = "%{x:,} clusters<br>%{y:.5f}<extra>" + side + "</extra>"
        line = {"color": colour, "width": 2}
        marker = {"size": 7, "symbol": symbol}
        traces.append(go.Scatter(x=grid, y=values, name=side, mode="lines+markers", line=line, marker=marker, hovertemplate=text))
        if values:
            best = int(np.argmin(values))
            ring = {"size": 15, "symbol": "circle-open", "color": colour, "line": {"width": 2.5, "color": colour}}
            lowest = {"x": [grid[best]], "y": [values[best]]}
            traces.append(go.Scatter(**lowest, mode="markers", marker=ring, showlegend=False, hoverinfo="skip"))
    if noise is not None:
        line = {"color": ink(dark), "dash": "dash", "width": 1.5}
        text = "half against half<br>%{y:.5f}<extra></extra>"
        ends = [grid[0], grid[-1]] if grid else []
        floor = [noise.source] * len(ends)
        traces.append(go.Scatter(x=ends, y=floor, name="noise floor", mode="lines", line=line, hovertemplate=text))
    return _finished(traces, "Energy distance", [point.n_clusters for point in points], present, suggested, dark)


def _finished(traces: list[go.Scatter], title: str, grid: Sequence[int], present: int, suggested: TradeOff | None, dark: bool) -> go.Figure:
    low, high = min(*grid, present), max(*grid, present)
    ticks = [one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, *(10.0**e for e in range(3, 6))) if low <= one <= high]
    shapes = [upright(present, ink(dark), "dot")]
    if suggested is not None:
        band = {
            "type": "rect",
            "x0": suggested.low / 1.03,
            "x1": suggested.high * 1.03,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "layer": "below",
        }
        shapes.append(band | {"fillcolor": ROLES[dark]["test"], "opacity": 0.16, "line": {"width": 0}})
    edge = math.log10(high / low) * 0.03 + 0.01
    layout = {
        "shapes": shapes,
        "xaxis": {
            "type": "log",
            "title": {"text": axis_title("n_clusters", "log scale; dotted line: in use")},
            "tickvals": ticks,
            "ticktext": [f"{one:,.0f}" for one in ticks],
            "range": [math.log10(low) - edge, math.log10(high) + edge],
        },
        "yaxis": {"title": {"text": title}, "rangemode": "tozero"},
    }
    return apply_theme(go.Figure(traces, layout), dark, height=_HEIGHT)
