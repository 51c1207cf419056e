"""The map: pool sample, selection and validation set in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from craft_core.arrays import BoolVector, FloatVector, IntVector
from craft_core.errors import DataError
from craft_core.figures.colouring import Colouring
from craft_core.figures.map_marks import (
    HIGHLIGHT_LIMIT,
    HOVER,
    MapLayer,
    MapLinks,
    MapRegion,
    add_density,
    add_highlight,
    add_links,
    add_regions,
    hover_texts,
    point_data,
)
from craft_core.figures.theme import DIVERGING, FONT_SIZE, QUANTITY, REST, apply_theme, categorical, ink, muted, safe_label, steps
from craft_core.project import Density

__all__ = ["HIGHLIGHT_LIMIT", "SVG_LIMIT", "MapLayer", "MapLinks", "MapRegion", "hover_texts", "map_figure", "pca_axes"]

SVG_LIMIT = 3_000
"""Points drawn at most without WebGL, the found pairs and the neighbours among them."""

_SVG_FOUND = 1_000  # of these, found pairs
_MARKS = {"pool": ("circle", 4, 0.55), "selected": ("diamond", 6, 0.85), "validation": ("cross", 7, 0.9)}  # symbol, pixels, opacity
_OTHER_MARK = ("square", 7, 0.9)
_BARE = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "showline": False}


def map_figure(
    layers: Sequence[MapLayer],
    colouring: Colouring,
    axes: tuple[str, str] = ("", ""),
    *,
    density: Density | None = None,
    regions: Sequence[MapRegion] = (),
    links: MapLinks | None = None,
    highlight: MapLayer | None = None,
    only: Sequence[BoolVector] | None = None,
    dragmode: str = "lasso",
    webgl: bool = True,
    dark: bool = False,
    seed: int = 0,
) -> go.Figure:
    """Draw pairs in two dimensions; the table twin is the list of the pairs drawn.

    The customdata of a point are its position, source, target, remark and the name of its layer; what has none takes no part in clicks.

    Parameters
    ----------
    layers : sequence of MapLayer
        From back to front.
    colouring : Colouring
        With one array of values for each layer.
    axes : tuple of str
        What the axes mean, as `pca_axes` says it; empty for UMAP, whose axes mean nothing.
    density : Density or None
        Of all pairs, drawn behind the points on a logarithmic scale.
    regions : sequence of MapRegion
        Regions that were drawn: a new figure forgets its selection.
    links : MapLinks or None
        A pair and its true neighbours.
    highlight : MapLayer or None
        Found pairs, the first 2,000 of which are circled (1,000 without WebGL); its total counts all that were found.
    only : sequence of BoolVector or None
        For each layer, the points that stay coloured; the others are dimmed.
    dragmode : {"lasso", "select", "pan"}
        What dragging does.
    webgl : bool
        False draws at most 3,000 points, sampled from each layer in proportion to it, for browsers without WebGL.
    dark : bool
        Whether the page is dark.
    seed : int
        Of that sample.

    Raises
    ------
    DataError
        If the colouring, or `only`, has not one value for each point.
    """
    only = [np.ones(len(layer.xy), dtype=np.bool_) for layer in layers] if only is None else only
    _check(layers, colouring.values, "colours")
    _check(layers, only, "dimmed points")
    figure = go.Figure()
    if density is not None:
        add_density(figure, density, dark)
    shown = [_drawn(layer, layers, _room(links, highlight, webgl), seed) for layer in layers]
    for layer, values, lit, rows in zip(layers, colouring.values, only, shown, strict=True):
        _add_layer(figure, layer, values, colouring.rest, lit, rows, webgl, dark)
    _add_legend(figure, colouring, dark)
    add_regions(figure, regions, webgl, dark)
    if highlight is not None:
        add_highlight(figure, highlight, HIGHLIGHT_LIMIT if webgl else _SVG_FOUND, webgl, dark)
    if links is not None:
        add_links(figure, links, webgl, dark)
    figure.update_layout(_layout(colouring, axes, dragmode, dark))
    figure.layout.yaxis.range = _height(layers)
    return apply_theme(figure, dark, height=620)


def _layout(colouring: Colouring, axes: tuple[str, str], dragmode: str, dark: bool) -> dict[str, Any]:
    return {
        "coloraxis": _colour_axis(colouring, dark),
        "uirevision": "map",  # zoom and switched-off layers outlive a change of colours
        "dragmode": dragmode,
        "legend2": {"orientation": "h", "x": 0, "y": -0.1, "yanchor": "top", "itemclick": False, "itemdoubleclick": False},
        "xaxis": _BARE | {"title": {"text": axes[0], "standoff": 4}},
        "yaxis": _BARE | {"title": {"text": axes[1], "standoff": 4}, "scaleanchor": "x"},
    }


def pca_axes(explained: FloatVector) -> tuple[str, str]:
    """Return the axis titles of a PCA map with the share of variance along each, in percent."""
    first, second = (f"PC {i} ({100 * share:.1f} % of variance)" for i, share in enumerate(explained, start=1))
    return first, second


def _height(layers: Sequence[MapLayer]) -> list[float] | None:
    """Return the range of the upright axis, with less air than plotly leaves: it is what limits the size of a map true to scale."""
    heights = np.concatenate([np.zeros(0, dtype=np.float32), *(layer.xy[:, 1] for layer in layers)])
    low, high = (float(heights.min()), float(heights.max())) if len(heights) else (0.0, 0.0)
    return [low - 0.03 * (high - low), high + 0.03 * (high - low)] if high > low else None


def _check(layers: Sequence[MapLayer], values: Sequence[FloatVector | BoolVector], what: str) -> None:
    have, need = [len(one) for one in values], [len(one.xy) for one in layers]
    if have != need:
        raise DataError(f"The {what} of the map are for layers of {have} pairs, but its layers have {need}. Give one value for each pair.")


def _room(links: MapLinks | None, highlight: MapLayer | None, webgl: bool) -> int | None:
    """Return how many points of the layers there is room for; None for all."""
    if webgl:
        return None
    linked = 0 if links is None else 1 + sum(len(end.xy) for end in links.ends)
    return SVG_LIMIT - linked - (0 if highlight is None else min(len(highlight.xy), _SVG_FOUND))


def _drawn(layer: MapLayer, layers: Sequence[MapLayer], room: int | None, seed: int) -> IntVector:
    n, total = len(layer.xy), sum(len(one.xy) for one in layers)
    if room is None or total <= room:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, n * room // total, replace=False))


def _add_layer(
    figure: go.Figure,
    layer: MapLayer,
    values: FloatVector,
    rest_value: float,
    lit: BoolVector,
    rows: IntVector,
    webgl: bool,
    dark: bool,
) -> None:
    """Add the points of a layer, dimmed ones and those without a value in grey, and one entry in the legend for all."""
    symbol, size, opacity = _MARKS.get(layer.name, _OTHER_MARK)
    name = safe_label(layer.name)
    told = f"{name}: {len(rows):,}" if len(rows) == layer.total else f"{name}: {len(rows):,} of {layer.total:,}, sampled"
    edge = {"width": 0.5, "color": muted(dark)} if layer.name != "pool" else {"width": 0}
    plain = {"symbol": symbol, "size": size, "opacity": opacity, "line": edge}
    scatter = go.Scattergl if webgl else go.Scatter
    lit, known, rest = lit[rows], np.isfinite(values[rows]), values[rows] == rest_value
    bright = rows[lit & known & ~rest]
    for chosen, look in (  # from back to front
        (rows[~lit], {"color": REST, "opacity": 0.12, "line": {"width": 0}}),
        (rows[lit & ~known], {"color": REST, "opacity": 0.2}),
        (rows[lit & rest], {"color": REST, "opacity": 0.5 * opacity}),
        (bright, {"color": values[bright], "coloraxis": "coloraxis"}),
    ):
        if len(chosen):
            figure.add_trace(
                scatter(
                    x=layer.xy[chosen, 0],
                    y=layer.xy[chosen, 1],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=False,
                    customdata=point_data(layer, chosen),
                    hovertemplate=HOVER,
                    marker=plain | look,
                )
            )
    mark = {"symbol": symbol, "size": 9, "color": muted(dark)}
    figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", name=told, legendgroup=name, marker=mark, hoverinfo="skip"))


def _add_legend(figure: go.Figure, colouring: Colouring, dark: bool) -> None:
    """Name the colours in a second legend below the map; a colour bar stands there where the colours are quantities."""
    legend = "legend2" if colouring.categories else "legend"
    entries = list(zip(colouring.categories, _category_colours(colouring, dark), strict=True))
    if any(np.isnan(one).any() for one in colouring.values):
        entries.append(("no value", REST))
    for name, colour in entries:
        mark = {"symbol": "square", "size": 10, "color": colour}
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", name=name, legend=legend, marker=mark, hoverinfo="skip"))


def _category_colours(colouring: Colouring, dark: bool) -> tuple[str, ...]:
    named = len(colouring.categories) - colouring.has_rest
    return categorical(named, dark) + ((REST,) if colouring.has_rest else ())


def _colour_axis(colouring: Colouring, dark: bool) -> dict[str, Any]:
    if colouring.categories:
        n = len(colouring.categories)
        return {"colorscale": steps(_category_colours(colouring, dark)), "cmin": -0.5, "cmax": n - 0.5, "showscale": False}
    low, high = colouring.limits
    bar: dict[str, Any] = {
        "title": {"text": colouring.title, "side": "top", "font": {"color": ink(dark), "size": FONT_SIZE}},
        "orientation": "h",
    }
    bar |= {"thickness": 12, "y": -0.08, "yanchor": "top", "len": 0.9, "outlinewidth": 0, "tickfont": {"color": muted(dark)}}
    if colouring.ticks:  # the bar is shorter, because its words are centred at its ends
        bar |= {"len": 0.68, "tickvals": [value for value, _ in colouring.ticks], "ticktext": [text for _, text in colouring.ticks]}
    return {"colorscale": DIVERGING if colouring.diverging else QUANTITY, "cmin": low, "cmax": high, "colorbar": bar}
