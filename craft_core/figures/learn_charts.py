"""The charts of the Learn page that are not the plane itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from craft_core.allocate import Allocation
from craft_core.arrays import FloatMatrix
from craft_core.bound import KLBound
from craft_core.figures.learn_plane import add_pairs, plane_axes
from craft_core.figures.theme import BACKGROUNDS, REST, ROLES, apply_theme, axis_title, categorical, ink, muted
from craft_core.toy.doubts import Doubt
from craft_core.toy.lessons import Narrowing, Shortage, TradeOff
from craft_core.toy.world import World

__all__ = ["RESIDUAL_NAMES", "doubt_figure", "residual_figure", "sharing_figure", "targets_figure", "toy_sweep_figure"]

RESIDUAL_NAMES = {"linear": "linear", "hoeffding": "Hoeffding", "bennett": "Bennett"}
"""The residuals as people read them."""

_DASHES = {"linear": "solid", "hoeffding": "dash", "bennett": "dot"}


def sharing_figure(allocation: Allocation, first: Shortage | None, dark: bool = False) -> go.Figure:
    """Draw supply, quota and count of each cell; the table twin is `describe.cluster_table`.

    Parameters
    ----------
    allocation : Allocation
        At one budget.
    first : Shortage or None
        The cell to be marked as the first to run out; None marks none.
    dark : bool
        Whether the page is dark.
    """
    names = [f"cell {c}" for c in range(len(allocation.counts))]
    if first is not None:
        names[first.cell] = f"<b>cell {first.cell}</b>"
    figure = go.Figure()
    empty = {"color": "rgba(0,0,0,0)", "line": {"color": ROLES[dark]["supply"], "width": 1.5}}
    text = "%{y}<br>supply %{x:,} pairs<extra></extra>"
    figure.add_trace(go.Bar(x=allocation.supply, y=names, orientation="h", name="supply", marker=empty, hovertemplate=text))
    for name, chosen, colour, shape in (
        ("given", ~allocation.starved, ROLES[dark]["selected"], ""),
        ("given: ran out", allocation.starved, ROLES[dark]["starved"], "/"),
    ):
        mark = {"color": colour, "pattern": {"shape": shape, "fgcolor": "#1a1c24", "bgcolor": colour, "size": 6}}
        bars = {"x": allocation.counts[chosen], "y": [one for one, drawn in zip(names, chosen, strict=True) if drawn], "width": 0.5}
        text = "%{y}<br>%{x:,} pairs given<extra></extra>"
        figure.add_trace(go.Bar(**bars, orientation="h", name=name, marker=mark, hovertemplate=text, showlegend=True))
    tick = {"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": ink(dark)}}
    text = "%{y}<br>quota %{x:,.1f} pairs<extra></extra>"
    figure.add_trace(
        go.Scatter(x=allocation.quota, y=names, mode="markers", name="quota", marker=tick, cliponaxis=False, hovertemplate=text)
    )
    figure.update_layout(
        barmode="overlay",
        xaxis={"title": {"text": axis_title("Pairs")}, "rangemode": "tozero"},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category", "showgrid": False},
    )
    return apply_theme(figure, dark, height=120 + 34 * len(names))


def residual_figure(curves: Sequence[KLBound], lipschitz: float, slope: float, truth: float, dark: bool = False) -> go.Figure:
    """Draw the three residuals of one cell against L, and the true KL inside it.

    Parameters
    ----------
    curves : sequence of KLBound
        The bound inside the cell for rising L above 0.
    lipschitz : float
        The L chosen, marked by a line.
    slope : float
        The largest true slope in the cell: left of it the bounds promise nothing.
    truth : float
        KL(P_c || R_c) by numerical integration, in nats.
    dark : bool
        Whether the page is dark.
    """
    slopes = [one.lipschitz for one in curves]
    figure = go.Figure()
    for colour, (key, name) in zip(categorical(3), RESIDUAL_NAMES.items(), strict=True):
        values = [float(getattr(one, key)[0]) for one in curves]
        line = {"color": colour, "width": 2.5, "dash": _DASHES[key]}
        text = "L %{x:.1f}<br>" + name + " %{y:.3g} nats<extra></extra>"
        figure.add_trace(go.Scatter(x=slopes, y=values, mode="lines", name=name, line=line, hovertemplate=text))
    level = {"color": ROLES[dark]["validation"], "width": 3}
    text = "true KL inside the cell %{y:.3g} nats<extra></extra>"
    ends = [slopes[0], slopes[-1]]
    figure.add_trace(go.Scatter(x=ends, y=[truth, truth], mode="lines", name="truth", line=level, hovertemplate=text))
    figure.add_vline(x=lipschitz, line={"color": ink(dark), "width": 1.5})
    figure.add_vrect(x0=0, x1=slope, fillcolor=REST, opacity=0.15, line_width=0, layer="below")
    note = {"showarrow": False, "xref": "x", "yref": "paper", "y": 0.99, "yanchor": "top", "font": {"color": muted(dark), "size": 12}}
    figure.add_annotation(x=0, xanchor="left", align="left", text=" L too small:<br> no promise", **note)
    figure.update_layout(
        xaxis={"title": {"text": axis_title("L", "nats per unit of distance")}, "range": [0, slopes[-1]]},
        yaxis={"title": {"text": axis_title("KL inside the cell", "nats, log")}, "type": "log", "range": [-3, 1.5], **_decades(-3, 1)},
    )
    return apply_theme(figure, dark, height=380)


def toy_sweep_figure(found: TradeOff, revealed: bool, dark: bool = False) -> go.Figure:
    """Draw what more clusters buy and cost; the table twin has one row a value of n_clusters.

    Parameters
    ----------
    found : TradeOff
        Of a toy.
    revealed : bool
        Whether the true KL is drawn and its smallest value marked, and the bound with it; else only the two parts.
    dark : bool
        Whether the page is dark.
    """
    figure = go.Figure()
    lines = [("what is left inside", found.inside, categorical(3)[2], "dash"), ("noise floor", found.floor, REST, "dot")]
    if revealed:
        lines.append(("bound", found.bound, categorical(1)[0], "dashdot"))
    for name, values, colour, dash in lines:
        line = {"color": colour, "width": 2.5, "dash": dash}
        text = "%{x:,} clusters<br>" + name + " %{y:.3g} nats<extra></extra>"
        figure.add_trace(go.Scatter(x=found.n_clusters, y=values, mode="lines", name=name, line=line, hovertemplate=text))
    if revealed:
        _add_truth(figure, found, dark)
    figure.update_layout(
        xaxis={"title": {"text": "n_clusters (log)"}, "type": "log", "tickvals": list(found.n_clusters[::2])},
        yaxis={"title": {"text": axis_title("KL", "nats, log")}, "type": "log", **_decades(-4, 1)},
    )
    return apply_theme(figure, dark, height=420)


def _add_truth(figure: go.Figure, found: TradeOff, dark: bool) -> None:
    complete = found.missed <= 0
    symbols = np.where(complete, "circle", "circle-open").tolist()
    mark = {"symbol": symbols, "size": 9, "color": ROLES[dark]["validation"]}
    text = "%{x:,} clusters<br>true KL %{y:.3g} nats<br>mass missed %{customdata:.1%}<extra></extra>"
    look = {"line": {"color": ROLES[dark]["validation"], "width": 3}, "marker": mark, "customdata": found.missed}
    figure.add_trace(go.Scatter(x=found.n_clusters, y=found.truth, mode="lines+markers", name="true KL", hovertemplate=text, **look))
    lowest = float(found.truth.min())
    text = f"smallest: {found.best:,} clusters"
    at = {"x": float(np.log10(found.best)), "y": float(np.log10(lowest)), "ax": 0, "ay": -52}
    figure.add_annotation(text=text, showarrow=True, arrowcolor=ink(dark), font={"color": ink(dark)}, **at)


def targets_figure(world: World, found: Narrowing, chosen: int | None, dark: bool = False) -> go.Figure:
    """Draw the targets of one cell: its candidates, its validation pairs, and what one way to choose took of them.

    Parameters
    ----------
    world : World
        The toy.
    found : Narrowing
        One cell and three ways to choose in it.
    chosen : int or None
        Which of `found.ways` is drawn; None draws none.
    dark : bool
        Whether the page is dark.
    """
    figure = go.Figure()
    add_pairs(figure, "candidates", world.pool.targets[found.members], dark, role="pool")
    if chosen is not None:
        add_pairs(figure, "chosen", world.pool.targets[found.ways[chosen].indices], dark, role="selected")
    add_pairs(figure, "validation", world.validation.targets[found.validation], dark)
    own = world.test.targets[found.test]
    middle = own.mean(axis=0)
    half = 1.25 * float(np.abs(own - middle).max())  # misaligned targets farther away are not drawn
    plane_axes(figure, dark, (middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half))
    return figure if chosen is None else figure.update_layout(height=300, showlegend=False, margin={"l": 4, "r": 4, "t": 4, "b": 4})


def doubt_figure(found: Doubt, places: FloatMatrix, dark: bool = False) -> go.Figure:
    """Draw rows at their places on one map, coloured by the group they were drawn from; axes have equal units.

    Parameters
    ----------
    found : Doubt
        Of an example.
    places : FloatMatrix
        Shape (n, 2): `found.pca` or `found.umap`.
    dark : bool
        Whether the page is dark.
    """
    figure = go.Figure()
    symbols = ("circle", "square", "diamond")
    for group, name in enumerate("ABC"[: found.n_groups]):
        mine = places[found.groups == group]
        mark = {"symbol": symbols[group], "size": 5, "opacity": 0.75, "color": categorical(3)[group]}
        mark |= {"line": {"width": 0.5, "color": BACKGROUNDS[dark]}}
        label = f"group {name}: {len(mine):,}" if found.n_groups > 1 else f"rows: {len(mine):,}"
        figure.add_trace(go.Scatter(x=mine[:, 0], y=mine[:, 1], mode="markers", name=label, marker=mark, hoverinfo="skip", showlegend=True))
    low, high = places.min(axis=0), places.max(axis=0)
    middle, half = (low + high) / 2, 0.54 * np.maximum(high - low, 0.5 * float((high - low).max()))
    plane_axes(figure, dark, *((middle[axis] - half[axis], middle[axis] + half[axis]) for axis in (0, 1)))
    return figure.update_layout(height=round(70 + 400 * min(half[1] / half[0], 1.0)))


def _decades(low: int, high: int) -> dict[str, list[float] | list[str]]:
    ticks = [10.0**power for power in range(low, high + 1)]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
