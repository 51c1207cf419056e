"""How long the texts of each set are."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from craft_core.arrays import IntVector
from craft_core.figures.theme import ROLES, apply_theme, axis_title

__all__ = ["length_bins", "length_histogram"]

_MOST_BINS = 40
_DASHES = {"pool": "solid", "validation": "dash", "test": "dot"}


def length_bins(lengths: list[IntVector]) -> IntVector:
    """Return the lower edges of bins of one width for all sets; the last bin is open, and holds about the longest half percent."""
    longest = max((float(np.quantile(one, 0.995)) for one in lengths if len(one)), default=1.0)
    width = max(1, int(np.ceil((longest + 1) / _MOST_BINS)))
    return np.arange(0, int(longest) + width + 1, width, dtype=np.int64)


def length_histogram(pool: IntVector, validation: IntVector, test: IntVector | None, unit: str, dark: bool = False) -> go.Figure:
    """Draw which share of each set has which length; the table twin is the count of each bin of `length_bins`.

    Parameters
    ----------
    pool, validation, test : IntVector or None
        The length of each text.
    unit : str
        What is counted: "words" or "characters".
    dark : bool
        Whether the page is dark.
    """
    sets = {"pool": pool, "validation": validation, "test": test}
    given = {name: lengths for name, lengths in sets.items() if lengths is not None and len(lengths)}
    edges = length_bins(list(given.values()))
    width = int(edges[1] - edges[0])
    ranges = [f"{low:,}" if width == 1 else f"{low:,} to {low + width - 1:,}" for low in edges[:-1]] + [f"{edges[-1]:,} or more"]
    figure = go.Figure()
    for name, lengths in given.items():
        counts = np.bincount(np.searchsorted(edges, lengths, side="right") - 1, minlength=len(edges))
        figure.add_trace(
            go.Scatter(
                x=edges,
                y=100 * counts / len(lengths),
                name=f"{name} ({len(lengths):,})",
                mode="lines",
                line={"shape": "hvh", "color": ROLES[dark][name], "dash": _DASHES[name], "width": 2},
                customdata=np.column_stack([np.array(ranges, dtype=object), counts]),
                hovertemplate=f"%{{customdata[0]}} {unit}<br>%{{y:.2f}} % of {name} (%{{customdata[1]:,}} texts)<extra></extra>",
            )
        )
    figure.update_layout(
        xaxis={"title": {"text": axis_title("Length", f"{unit}; the last step is {edges[-1]:,} or more")}, "showgrid": False},
        yaxis={"title": {"text": axis_title("Share of texts", "%")}, "rangemode": "tozero"},
        hovermode="x",
    )
    return apply_theme(figure, dark, height=320)
