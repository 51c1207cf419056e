"""The bound and what it is made of, at one number of clusters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from craft_core.allocate import Allocation
from craft_core.bound import KLBound
from craft_core.bound.residual import RESIDUALS
from craft_core.describe import cluster_name
from craft_core.figures.theme import BACKGROUNDS, ROLES, TERMS, apply_theme, axis_title, grid, ink, muted, safe_label

__all__ = ["bound_figure", "log_axis", "note", "residual_scatter", "ruler_figure", "upright"]

_LABELS = {"linear": "linear", "hoeffding": "Hoeffding", "bennett": "Bennett"}
_DASHES = {"linear": "dash", "hoeffding": "dot", "bennett": "dashdot"}
_LEAST, _MOST = 1e-4, 1e4  # nats that a logarithmic axis shows


def bound_figure(bounds: Sequence[KLBound], lipschitz: float, random: tuple[float, float] | None = None, dark: bool = False) -> go.Figure:
    """Draw the bound and its three residuals against L, with the present L and the measured divergences; the table twin is one row an L.

    The strip at the foot says which residual is the smallest in sum. Where even a random selection satisfies the bound, it says
    nothing.

    Parameters
    ----------
    bounds : sequence of KLBound
        At ascending L; for the part of validation that the selection reaches.
    lipschitz : float
        The present L.
    random : tuple of float or None
        Lower and upper estimate of the divergence of a random selection, in nats.
    dark : bool
        Whether the page is dark.
    """
    grid_l = np.array([one.lipschitz for one in bounds])
    sums = {name: np.array([one.residual_of(name) for one in bounds]) for name in RESIDUALS}
    total = np.array([one.covered_total for one in bounds])
    traces = []
    for name, values in sums.items():
        line = {"color": TERMS[dark][name], "dash": _DASHES[name], "width": 2}
        text = "L = %{x:.3g}<br>%{y:.4g} nats<extra>" + _LABELS[name] + "</extra>"
        traces.append(go.Scatter(x=grid_l, y=_shown(values), mode="lines", name=_LABELS[name], line=line, hovertemplate=text))
    line, text = {"color": ink(dark), "width": 3.5}, "L = %{x:.3g}<br>%{y:.4g} nats<extra>bound</extra>"
    traces.append(go.Scatter(x=grid_l, y=_shown(total), mode="lines", name="bound", line=line, hovertemplate=text))
    now = float(np.exp(np.interp(np.log(lipschitz), np.log(grid_l), np.log(np.clip(total, 1e-300, 1e300)))))
    marker = {"size": 13, "color": ink(dark), "line": {"width": 2, "color": BACKGROUNDS[dark]}}
    text = f"L = {lipschitz:.3g}<br>%{{y:.4g}} nats<extra>the bound now</extra>"
    here = {"x": [lipschitz], "y": _shown(np.array([now]))}
    traces.append(go.Scatter(**here, mode="markers", marker=marker, showlegend=False, hovertemplate=text))
    shapes, notes = ([], []) if random is None else _random_area(*random, dark)
    layout = {
        "shapes": [*shapes, *_winners(grid_l, sums, dark), upright(lipschitz, ink(dark), "dot")],
        "annotations": notes,
        "xaxis": log_axis(float(grid_l[0]), float(grid_l[-1]), axis_title("L", "nats per unit of distance, log scale")),
        "yaxis": log_axis(_LEAST, _MOST, axis_title("Divergence", "nats, log scale")),
    }
    return apply_theme(go.Figure(traces, layout), dark, height=430)


def ruler_figure(rows: Mapping[str, tuple[float, float, float]], colours: Mapping[str, str], dark: bool = False) -> go.Figure:
    """Draw quantities in nats one under the other, each a point with an interval, on one logarithmic axis.

    Parameters
    ----------
    rows : Mapping of str to tuple
        By name, in the order to be drawn: low end, value (nan where there is only an interval), high end. What the axis cannot show, as
        negative estimates, stands at its edge; the number is as it is.
    colours : Mapping of str to str
        By the same names.
    dark : bool
        Whether the page is dark.
    """
    low = max(min((one[0] for one in rows.values() if one[0] > 0), default=_LEAST), _LEAST) / 3
    high = max(min(max((one[2] for one in rows.values()), default=_MOST), _MOST) * 3, 30 * low)
    traces, notes = [], []
    for place, (name, (start, value, stop)) in enumerate(rows.items()):
        left, right = (min(max(one, low), high) for one in (start, stop))
        text = f"{_few(start)} to {_few(stop)}" if math.isnan(value) else _few(value)
        hover = f"{safe_label(name)}<br>{text} nats<extra></extra>"
        band = {"x": [left, right], "y": [-place, -place], "line": {"color": colours[name], "width": 10}}
        traces.append(go.Scatter(**band, mode="lines", opacity=0.55, showlegend=False, hovertemplate=hover))
        if not math.isnan(value):
            symbol = "triangle-left" if value < low else "triangle-right" if value > high else "diamond"
            marker = {"color": colours[name], "size": 14, "symbol": symbol, "line": {"width": 1, "color": BACKGROUNDS[dark]}}
            at = {"x": [min(max(value, low), high)], "y": [-place]}
            traces.append(go.Scatter(**at, mode="markers", marker=marker, cliponaxis=False, showlegend=False, hovertemplate=hover))
        # above the mark and not beside the axis: names on the left would take half the width of a telephone
        words = f"{safe_label(name, 40)}  <b>{text}</b>"
        notes.append(note(words, ink(dark), x=0, y=0.42 - place, yanchor="middle"))
    layout = {
        "annotations": notes,
        "xaxis": log_axis(low, high, axis_title("Divergence", "nats, log scale")),
        "yaxis": {"showticklabels": False, "showgrid": False, "zeroline": False, "range": [0.4 - len(rows), 0.7]},
    }
    return apply_theme(go.Figure(traces, layout), dark, height=90 + 62 * len(rows))


def residual_scatter(
    bound: KLBound,
    diameters: np.ndarray,
    allocation: Allocation,
    words: tuple[tuple[str, ...], ...] = (),
    chosen: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw each validation cluster by its diameter and its share of the residual; `customdata` begins with the cluster's number.

    Parameters
    ----------
    bound : KLBound
        At the present L.
    diameters : ndarray
        Shape (n_clusters,): D_c.
    allocation : Allocation
        Of the selection shown.
    words : tuple of tuple of str
        As `describe.cluster_words` gives them, for the names.
    chosen : int or None
        A cluster to be marked.
    dark : bool
        Whether the page is dark.
    """
    share = 100 * bound.contributions / max(bound.residual_sum, 1e-300)
    drawn = np.flatnonzero(bound.shares > 0)
    traces = []
    for label, kept, role, symbol in (
        ("gave its quota", drawn[~allocation.starved[drawn]], "selected", "circle"),
        ("ran out", drawn[allocation.starved[drawn]], "starved", "diamond"),
    ):
        look = {"color": ROLES[dark][role], "symbol": symbol, "line": {"width": 1, "color": BACKGROUNDS[dark]}}
        traces.append(_cell_marks(kept, diameters, share, allocation.validation_share, words, look).update(name=label))
    if chosen is not None and chosen in drawn:
        ring = {"size": 30, "color": "rgba(0,0,0,0)", "line": {"width": 2.5, "color": ink(dark)}}
        at = {"x": [diameters[chosen]], "y": [share[chosen]]}
        traces.append(go.Scatter(**at, mode="markers", marker=ring, showlegend=False, hoverinfo="skip"))
    layout = {
        "xaxis": {"title": {"text": axis_title("Diameter", "distance of unit vectors")}},
        "yaxis": {"title": {"text": axis_title("Share of the residual", "%")}, "rangemode": "tozero"},
        "clickmode": "event+select",
        "legend": {"itemsizing": "constant"},
    }
    return apply_theme(go.Figure(traces, layout), dark, height=440)


def _cell_marks(
    kept: np.ndarray,
    diameters: np.ndarray,
    share: np.ndarray,
    mass: np.ndarray,
    words: tuple[tuple[str, ...], ...],
    look: Mapping[str, Any],
) -> go.Scatter:
    """Return a mark for each cluster, as large as its validation share."""
    data = np.empty((len(kept), 3), dtype=object)
    data[:, 0], data[:, 2] = kept.tolist(), (100 * mass[kept]).tolist()
    data[:, 1] = [safe_label(cluster_name(int(c), words), 40) for c in kept]
    largest = 2 * 100 * max(float(mass.max(initial=0)), 1e-9) / 34**2  # 34 pixels
    area = {"size": 100 * mass[kept], "sizemode": "area", "sizeref": largest, "sizemin": 5, "opacity": 0.8}
    text = "%{customdata[1]}<br>diameter %{x:.3f}<br>%{y:.2f} % of the residual<br>%{customdata[2]:.2f} % of validation<extra></extra>"
    at = {"x": diameters[kept], "y": share[kept]}
    return go.Scatter(**at, mode="markers", customdata=data, marker=area | dict(look), hovertemplate=text)


def log_axis(low: float, high: float, title: str) -> dict[str, Any]:
    """Return a logarithmic axis over a range, labelled at its decades, or at 1, 2 and 5 of each where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    digits = (1,) if last - first > 3 else (1, 2, 5)
    ticks = [digit * 10.0**decade for decade in range(first, last + 1) for digit in digits]
    ticks = [tick for tick in ticks if 0.999 * low <= tick <= 1.001 * high]
    text = [f"{tick:,.0f}" if tick >= 1 else f"{tick:.4g}" for tick in ticks]
    edges = [math.log10(low) - 0.02, math.log10(high) + 0.06]
    shown = {"tickvals": ticks, "ticktext": text, "ticklabeloverflow": "allow"}
    return {"type": "log", **shown, "range": edges, "title": {"text": title}}


def _shown(values: np.ndarray) -> np.ndarray:
    """Leave out what a logarithmic axis cannot show."""
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _few(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2g}" if abs(value) >= _LEAST else f"{value:.0e}"


def _winners(grid_l: np.ndarray, sums: Mapping[str, np.ndarray], dark: bool) -> list[dict[str, Any]]:
    """Return a strip at the foot: the residual with the smallest sum at each L."""
    winner = np.stack([np.nan_to_num(values, nan=np.inf) for values in sums.values()]).argmin(axis=0)
    edges = np.concatenate([[grid_l[0]], np.sqrt(grid_l[1:] * grid_l[:-1]), [grid_l[-1]]])
    changes = [0, *(np.flatnonzero(np.diff(winner)) + 1), len(winner)]
    strip = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0.0, "y1": 0.025, "layer": "above", "line": {"width": 0}}
    return [
        strip | {"x0": edges[start], "x1": edges[stop], "fillcolor": TERMS[dark][list(sums)[winner[start]]]}
        for start, stop in itertools.pairwise(changes)
    ]


def _random_area(low: float, high: float, dark: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shade where a bound says nothing: faintly above the lower estimate for a random selection, more above the upper one."""
    area = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y1": _MOST, "layer": "below", "line": {"width": 0}}
    area |= {"fillcolor": grid(dark), "opacity": 0.45}
    seen = [(value, text) for value, text in ((low, "doubtful"), (high, "says nothing")) if _LEAST < value < _MOST]
    shapes = [area | {"y0": value} for value, _ in seen]
    notes = [note(f"{text}: above {_few(value)}", muted(dark), x=0.012, y=math.log10(value)) for value, text in seen]
    return shapes, notes


def note(text: str, colour: str, x: float, y: float, xanchor: str = "left", yanchor: str = "bottom") -> dict[str, Any]:
    """Return an annotation at x in [0, 1] of the width and y of the axis (its logarithm on a logarithmic one)."""
    place = {"x": x, "xref": "paper", "xanchor": xanchor, "y": y, "yref": "y", "yanchor": yanchor}
    return {"text": text, **place, "showarrow": False, "font": {"color": colour, "size": 12}}


def upright(x: float, colour: str, dash: str = "solid") -> dict[str, Any]:
    """Return a thin line over the whole height at x."""
    ends = {"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "line", **ends, "line": {"color": colour, "width": 1.5, "dash": dash}}
