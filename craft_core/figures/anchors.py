"""A selection's distance to the data it should resemble, beside what it is to be compared with."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

import plotly.graph_objects as go

from craft_core.discrepancy import Anchors, Energy
from craft_core.figures.theme import apply_theme, axis_title, categorical, ink, safe_label

__all__ = ["anchor_figure"]

_SIDES = ("source", "target", "joint")
_SYMBOLS = ("circle", "square", "diamond")


def anchor_figure(selections: dict[str, Energy], anchors: Anchors, dark: bool = False) -> go.Figure:
    """Draw energy distances of selections between their anchors; the table twin has one row a name and one column a side.

    The axis is logarithmic where all distances are positive. Unbiased estimates can be negative near zero: then it is linear, and they
    are shown as they are.

    Parameters
    ----------
    selections : dict of str to Energy
        By name, in the order to be drawn.
    anchors : Anchors
        Noise floor, random selection and whole pool.
    dark : bool
        Whether the page is dark.
    """
    beside = {"half against half (noise)": anchors.half_against_half, "random selection": anchors.random, "whole pool": anchors.pool}
    rows = {safe_label(name, 40): energy for name, energy in selections.items()} | beside
    values = {name: astuple(energy) for name, energy in rows.items()}
    positive = all(value > 0 for three in values.values() for value in three)
    figure = go.Figure()
    for side, name in enumerate(_SIDES):
        figure.add_trace(
            go.Scatter(
                x=[three[side] for three in values.values()],
                y=list(values),
                mode="markers",
                name=name,
                marker={"symbol": _SYMBOLS[side], "size": 11, "color": categorical(3)[side], "line": {"width": 0.5, "color": ink(dark)}},
                hovertemplate="%{y}<br>%{x:.5f} (" + name + ")<extra></extra>",
            )
        )
    figure.update_layout(
        xaxis=_log_axis(values) if positive else {"title": {"text": _title("linear scale, as some estimates are not positive")}},
        yaxis={"categoryorder": "array", "categoryarray": list(values)[::-1], "type": "category"},
    )
    return apply_theme(figure, dark, height=120 + 34 * len(values))


def _log_axis(values: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    """Return a logarithmic axis labelled at 1, 2 and 5 of each decade: plotly's own labels are single digits that run into each other."""
    low, high = (function(value for three in values.values() for value in three) for function in (min, max))
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:.4g}" for tick in ticks], "title": {"text": _title("log scale")}}


def _title(scale: str) -> str:
    return axis_title("Energy distance", scale)
