"""The way from text to a selection, as a picture for the first page."""

from __future__ import annotations

import plotly.graph_objects as go

from craft_core.figures.theme import ROLES, apply_theme, ink, muted, tint

__all__ = ["STAGES", "pipeline_figure"]

STAGES = (
    ("text", "pool, validation"),
    ("vectors", "source, target"),
    ("clusters", "k-means, sources"),
    ("allocation", "validation shares"),
    ("selection", "best fit inside"),
    ("diagnostics", "KL, distances"),
)
"""What happens, in order, and with what: the words in the picture, and its table twin."""

_ACROSS = 3  # two rows of three can be read on a telephone
_HALF = (0.43, 0.34)  # half the width and height of a box
_OPACITY = 0.12  # of the boxes


def pipeline_figure(dark: bool = False) -> go.Figure:
    """Draw the pipeline: three stages to the right, then down and back; the table twin is `STAGES`."""
    figure, colour = go.Figure(), ROLES[dark]["selected"]
    for number, (name, remark) in enumerate(STAGES):
        x, y = _place(number)
        box = {"x0": x - _HALF[0], "x1": x + _HALF[0], "y0": y - _HALF[1], "y1": y + _HALF[1]}
        figure.add_shape(type="rect", **box, fillcolor=tint(colour, _OPACITY), line={"color": colour, "width": 1.5})
        bold = f"<b>{name}</b>"
        figure.add_annotation(x=x, y=y + 0.12, text=bold, showarrow=False, font={"color": ink(dark), "size": 13})
        figure.add_annotation(x=x, y=y - 0.14, text=remark, showarrow=False, font={"color": muted(dark), "size": 10})
    for number in range(len(STAGES) - 1):
        _add_arrow(figure, _place(number), _place(number + 1), muted(dark))
    hidden = {"visible": False, "fixedrange": True}
    figure.update_layout(
        xaxis={**hidden, "range": [-0.47, _ACROSS - 0.53]},
        yaxis={**hidden, "range": [-1.4, 0.4]},
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        showlegend=False,
        dragmode=False,
    )
    return apply_theme(figure, dark, height=180)


def _place(number: int) -> tuple[float, float]:
    row, column = divmod(number, _ACROSS)
    return float(column if row % 2 == 0 else _ACROSS - 1 - column), -float(row)


def _add_arrow(figure: go.Figure, start: tuple[float, float], stop: tuple[float, float], colour: str) -> None:
    """Join the edges of two boxes that stand beside or below each other."""
    (x0, y0), (x1, y1) = start, stop
    across, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    figure.add_annotation(
        x=x1 - across * _HALF[0],
        y=y1 - down * _HALF[1],
        ax=x0 + across * _HALF[0],
        ay=y0 + down * _HALF[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowhead=2,
        arrowwidth=1.5,
        arrowcolor=colour,
    )
