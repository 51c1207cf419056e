"""The map: pool sample, selection and validation set in two dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.errors import DataError
from craft_core.figures.colouring import Colouring
from craft_core.figures.theme import DIVERGING, QUANTITY, REST, apply_theme, categorical, ink, muted, safe_label, steps

__all__ = ["SVG_LIMIT", "MapLayer", "hover_texts", "map_figure", "pca_axes"]

SVG_LIMIT = 3_000
"""Points drawn at most without WebGL."""

_MARKS = {"pool": ("circle", 4, 0.55), "selected": ("diamond", 6, 0.85), "validation": ("cross", 7, 0.9)}  # symbol, pixels, opacity
_OTHER_MARK = ("square", 7, 0.9)
_BARE = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "showline": False}
_HOVER = "%{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra>%{fullData.name}</extra>"


@dataclass(frozen=True, eq=False)
class MapLayer:
    """Hold one set of pairs on a map.

    Attributes
    ----------
    name : str
        "pool", "selected", "validation" or a name of the caller's own.
    xy : FloatMatrix
        Shape (n, 2).
    positions : IntVector
        Shape (n,): positions of the pairs in their corpus; they come back with a click as ``customdata[0]``.
    hover : array of object
        Shape (n, 3): source, target and a remark, as `hover_texts` makes them.
    total : int
        How many pairs the layer stands for, of which n are drawn.
    """

    name: str
    xy: FloatMatrix
    positions: IntVector
    hover: npt.NDArray[np.object_]
    total: int

    def __post_init__(self) -> None:
        if not len(self.xy) == len(self.positions) == len(self.hover):
            raise DataError(f"The map layer '{self.name}' has {len(self.xy):,} places, {len(self.positions):,} positions and "
                            f"{len(self.hover):,} texts. Give one of each a pair.")  # fmt: skip
        frozen(self.hover)


def hover_texts(sources: Iterable[str], targets: Iterable[str], remarks: Iterable[str], width: int = 70) -> npt.NDArray[np.object_]:
    """Return what is shown when a pair is pointed at, shape (n, 3): its two texts and a remark, shortened and safe to draw."""
    rows = [[safe_label(text, width) for text in three] for three in zip(sources, targets, remarks, strict=True)]
    return np.array(rows, dtype=object).reshape(-1, 3)


def map_figure(
    layers: Sequence[MapLayer],
    colouring: Colouring,
    axes: tuple[str, str] = ("", ""),
    polygon: FloatMatrix | None = None,
    webgl: bool = True,
    dark: bool = False,
    seed: int = 0,
) -> go.Figure:
    """Draw pairs in two dimensions; the table twin is the list of the pairs drawn.

    Parameters
    ----------
    layers : sequence of MapLayer
        From back to front.
    colouring : Colouring
        With one array of values for each layer.
    axes : tuple of str
        What the axes mean, as `pca_axes` says it; empty for UMAP, whose axes mean nothing.
    polygon : FloatMatrix or None
        Shape (n, 2): the region that was drawn last, kept as a shape because a new figure forgets its selection.
    webgl : bool
        False draws at most 3,000 points, sampled from each layer in proportion to it, for browsers without WebGL.
    dark : bool
        Whether the page is dark.
    seed : int
        Of that sample.

    Raises
    ------
    DataError
        If the colouring has not one value for each point.
    """
    _check(layers, colouring)
    figure = go.Figure()
    shown = [_drawn(layer, layers, webgl, seed) for layer in layers]
    for layer, values, rows in zip(layers, colouring.values, shown, strict=True):
        _add_layer(figure, layer, values, rows, webgl, dark)
    _add_legend(figure, colouring, dark)
    figure.update_layout(
        coloraxis=_colour_axis(colouring, dark),
        uirevision="map",  # zoom and switched-off layers outlive a change of colours
        dragmode="lasso",
        legend2={"orientation": "h", "x": 0, "y": -0.1, "yanchor": "top", "itemclick": False, "itemdoubleclick": False},
        xaxis=_BARE | {"title": {"text": axes[0], "standoff": 4}},
        yaxis=_BARE | {"title": {"text": axes[1], "standoff": 4}, "scaleanchor": "x"},
    )
    if polygon is not None and len(polygon) > 2:
        path = "M" + "L".join(f"{x:.6g},{y:.6g}" for x, y in polygon) + "Z"
        figure.add_shape(type="path", path=path, line={"color": ink(dark), "width": 1.5, "dash": "dot"}, fillcolor="rgba(0,0,0,0)")
    return apply_theme(figure, dark, height=620)


def pca_axes(explained: FloatVector) -> tuple[str, str]:
    """Return the axis titles of a PCA map with the share of variance along each, in percent."""
    first, second = (f"PC {i} ({100 * share:.1f} % of variance)" for i, share in enumerate(explained, start=1))
    return first, second


def _check(layers: Sequence[MapLayer], colouring: Colouring) -> None:
    have, need = [len(one) for one in colouring.values], [len(one.xy) for one in layers]
    if have != need:
        raise DataError(f"The colours of the map are for layers of {have} pairs, but its layers have {need}. Give one value for each pair.")


def _drawn(layer: MapLayer, layers: Sequence[MapLayer], webgl: bool, seed: int) -> IntVector:
    n, total = len(layer.xy), sum(len(one.xy) for one in layers)
    if webgl or total <= SVG_LIMIT:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, n * SVG_LIMIT // total, replace=False))


def _add_layer(figure: go.Figure, layer: MapLayer, values: FloatVector, rows: IntVector, webgl: bool, dark: bool) -> None:
    """Add the points of a layer, those without a value in grey, and one entry in the legend for both."""
    symbol, size, opacity = _MARKS.get(layer.name, _OTHER_MARK)
    name = safe_label(layer.name)
    told = f"{name}: {len(rows):,}" if len(rows) == layer.total else f"{name}: {len(rows):,} of {layer.total:,}, sampled"
    edge = {"width": 0.5, "color": muted(dark)} if layer.name != "pool" else {"width": 0}
    plain = {"symbol": symbol, "size": size, "opacity": opacity, "line": edge}
    scatter = go.Scattergl if webgl else go.Scatter
    known = np.isfinite(values[rows])
    for chosen, colours in (
        (rows[~known], {"color": REST, "opacity": 0.2}),
        (rows[known], {"color": values[rows[known]], "coloraxis": "coloraxis"}),
    ):
        if len(chosen):
            data = np.column_stack([layer.positions[chosen].astype(object), layer.hover[chosen]])
            figure.add_trace(
                scatter(
                    x=layer.xy[chosen, 0],
                    y=layer.xy[chosen, 1],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=False,
                    customdata=data,
                    hovertemplate=_HOVER,
                    marker=plain | colours,
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
    bar: dict[str, Any] = {"title": {"text": colouring.title, "side": "top", "font": {"color": ink(dark)}}, "orientation": "h"}
    bar |= {"thickness": 12, "y": -0.08, "yanchor": "top", "len": 0.9, "outlinewidth": 0, "tickfont": {"color": muted(dark)}}
    if colouring.ticks:
        bar |= {"tickvals": [value for value, _ in colouring.ticks], "ticktext": [text for _, text in colouring.ticks]}
    return {"colorscale": DIVERGING if colouring.diverging else QUANTITY, "cmin": low, "cmax": high, "colorbar": bar}
