"""A selection's distance to the data it should resemble, beside what it is to be compared with."""

from __future__ import annotations

from dataclasses import astuple

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
    ticks = [digit * 10.0**power for power in range(-7, 3) for digit in (1, 2, 5)]
    axis = "log scale" if positive else "linear scale, as some estimates are not positive"
    figure.update_layout(
        xaxis={"title": {"text": axis_title("Energy distance", axis)}, "type": "log" if positive else "linear", "zeroline": not positive},
        yaxis={"categoryorder": "array", "categoryarray": list(values)[::-1], "type": "category"},
    )
    if positive:
        figure.update_xaxes(tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    return apply_theme(figure, dark, height=120 + 34 * len(values))
