"""What is measured beside the bound: estimates of the divergence, and the transport distance with its own bound."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from craft_core.bound import Transport
from craft_core.describe import cluster_name
from craft_core.discrepancy import Divergences
from craft_core.figures.bound import upright
from craft_core.figures.theme import BACKGROUNDS, REST, ROLES, TERMS, apply_theme, axis_title, ink, muted, safe_label

__all__ = ["divergence_figure", "transport_figure"]

_ROW = 34  # pixels


def divergence_figure(readings: Mapping[str, Divergences], dark: bool = False) -> go.Figure:
    """Draw Gaussian and k-NN estimates of a divergence side by side on a linear axis, negative ones as they are.

    Parameters
    ----------
    readings : Mapping of str to Divergences
        By name, in the order to be drawn; the table twin has the dispersion too.
    dark : bool
        Whether the page is dark.
    """
    names = [safe_label(name, 40) for name in readings]
    figure = go.Figure()
    for label, colour, symbol, values in (
        ("Gaussian", TERMS[dark]["bennett"], "circle", [one.gaussian for one in readings.values()]),
        ("k-NN", TERMS[dark]["residual"], "square", [one.knn for one in readings.values()]),
    ):
        marker = {"symbol": symbol, "size": 12, "color": colour, "line": {"width": 0.5, "color": ink(dark)}}
        hover = "%{y}<br>%{x:.3f} nats (" + label + ")<extra></extra>"
        figure.add_trace(go.Scatter(x=values, y=names, mode="markers", name=label, marker=marker, hovertemplate=hover, cliponaxis=False))
    figure.update_layout(
        shapes=[upright(0, muted(dark))],
        xaxis={"title": {"text": axis_title("Estimated divergence", "nats")}},
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "type": "category"},
    )
    return apply_theme(figure, dark, height=120 + _ROW * len(names))


def transport_figure(
    transport: Transport, exact: float | None, words: tuple[tuple[str, ...], ...] = (), top: int = 8, dark: bool = False
) -> go.Figure:
    """Draw the transport bound as one bar, cluster after cluster and the move between clusters last, above the true W1 if it is known.

    Parameters
    ----------
    transport : Transport
        The bound's terms.
    exact : float or None
        W1, if it was computed.
    words : tuple of tuple of str
        As `describe.cluster_words` gives them, for the names.
    top : int
        Clusters drawn on their own; the others are one piece.
    dark : bool
        Whether the page is dark.
    """
    order = np.argsort(-transport.within, kind="stable")
    pieces = [(safe_label(cluster_name(int(c), words), 40), float(transport.within[c]), ROLES[dark]["supply"]) for c in order[:top]]
    rest = float(transport.within[order[top:]].sum())
    pieces += [(f"{len(order) - top:,} other clusters", rest, REST)] if len(order) > top else []
    pieces += [("between clusters", transport.between, ROLES[dark]["starved"])]
    figure = go.Figure()
    for name, value, colour in pieces:
        bar = {"color": colour, "line": {"width": 1, "color": BACKGROUNDS[dark]}}
        hover = f"{name}<br>%{{x:.4f}} of the bound<extra></extra>"
        figure.add_trace(go.Bar(x=[value], y=["bound"], orientation="h", marker=bar, showlegend=False, hovertemplate=hover))
    for name, colour in (
        ("within a cluster", ROLES[dark]["supply"]),
        ("within the others", REST),
        ("between clusters", ROLES[dark]["starved"]),
    ):
        figure.add_trace(go.Bar(x=[None], y=["bound"], orientation="h", name=name, marker={"color": colour}))
    if exact is not None:
        hover = "true W1<br>%{x:.4f}<extra></extra>"
        figure.add_trace(
            go.Bar(x=[exact], y=["true W1"], orientation="h", marker={"color": ink(dark)}, showlegend=False, hovertemplate=hover)
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.35,
        xaxis={"title": {"text": axis_title("Transport distance W1", "distance of unit vectors")}, "rangemode": "tozero"},
        yaxis={"categoryorder": "array", "categoryarray": ["true W1", "bound"], "type": "category", "showgrid": False},
    )
    return apply_theme(figure, dark, height=240 if exact is not None else 190)
