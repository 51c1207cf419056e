"""What is drawn over and under the points of a map: density, regions, links to true neighbours, and found pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from craft_core.arrays import FloatMatrix, FloatVector, IntVector, frozen
from craft_core.errors import DataError
from craft_core.figures.theme import BACKGROUNDS, ROLES, ink, safe_label
from craft_core.project import Density

__all__ = [
    "HIGHLIGHT_LIMIT",
    "HOVER",
    "MapLayer",
    "MapLinks",
    "MapRegion",
    "add_density",
    "add_highlight",
    "add_links",
    "add_regions",
    "hover_texts",
    "point_data",
]

HIGHLIGHT_LIMIT = 2_000
"""Found pairs drawn at most."""

HOVER = "%{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra>%{fullData.name}</extra>"
"""What a point says when it is pointed at, from its customdata."""

_CLOUD = {False: ("rgba(70, 96, 140, {})", 0.5), True: ("rgba(140, 168, 220, {})", 0.5)}  # the colour, and its opacity where most pairs lie
_BLUR = 1.5  # cells; a cell is smaller than the points, which would hide it
_RIM = 6  # empty cells around the others, for the blur to run out in
_FADE = ((0.12, 0.3), (0.5, 0.6), (1.0, 1.0))  # shares of the logarithm, and of the opacity
_DASHES = {"pool": "solid", "validation": "dash"}


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


def point_data(layer: MapLayer, rows: IntVector | slice = slice(None)) -> npt.NDArray[np.object_]:
    """Return what comes back with a click on a point: position, source, target, remark and the layer's name; shape (n, 5)."""
    positions = layer.positions[rows].astype(object)
    return np.column_stack([positions, layer.hover[rows], np.full(len(positions), layer.name, dtype=object)])


@dataclass(frozen=True, eq=False)
class MapRegion:
    """Hold a region that was drawn on a map.

    Attributes
    ----------
    name : str
        As the user calls it.
    polygon : FloatMatrix
        Shape (n, 2): its corners.
    current : bool
        Whether it is the one in use, with a solid outline; the others are dashed.
    """

    name: str
    polygon: FloatMatrix
    current: bool = True

    def __post_init__(self) -> None:
        frozen(self.polygon)


@dataclass(frozen=True)
class MapLinks:
    """Hold a pair and its true neighbours.

    Attributes
    ----------
    pair : MapLayer
        Of one point.
    ends : tuple of MapLayer
        The neighbours, one layer for each corpus they are in: "pool", "validation".

    Raises
    ------
    DataError
        If the pair is not one point.
    """

    pair: MapLayer
    ends: tuple[MapLayer, ...]

    def __post_init__(self) -> None:
        if len(self.pair.xy) != 1:
            raise DataError(f"Links begin at one pair. Got {len(self.pair.xy):,}.")


def add_density(figure: go.Figure, cloud: Density, dark: bool) -> None:
    """Draw how many pairs lie where, on a logarithmic scale, behind everything else; where there are none nothing is drawn."""
    from scipy.ndimage import gaussian_filter

    colour, strongest = _CLOUD[dark]
    x, y = (_with_rim((edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]) for edges in (cloud.x_edges, cloud.y_edges))
    z = np.log1p(gaussian_filter(np.pad(cloud.counts, _RIM).astype(np.float32), _BLUR))
    scale = [(0.0, colour.format(0)), *((at, colour.format(round(share * strongest, 3))) for at, share in _FADE)]
    look = {"zmin": 0.0, "zmax": max(float(z.max(initial=0.0)), 0.1), "zsmooth": "best", "showscale": False, "hoverinfo": "skip"}
    figure.add_trace(go.Heatmap(x=x, y=y, z=z, colorscale=scale, **look))


def add_regions(figure: go.Figure, regions: Sequence[MapRegion], webgl: bool, dark: bool) -> None:
    """Draw the outline of each region with its name at its top."""
    for region in sorted(regions, key=lambda one: one.current):  # the one in use on top
        if len(region.polygon) > 2:
            x, y = np.vstack([region.polygon, region.polygon[:1]]).T
            line = {"color": ink(dark), "width": 2 if region.current else 1.5, "dash": "solid" if region.current else "dash"}
            figure.add_trace(_scatter(webgl)(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip"))
            _add_name(figure, region, dark)


def add_links(figure: go.Figure, links: MapLinks, webgl: bool, dark: bool) -> None:
    """Draw lines from a pair to its true neighbours; pool and validation differ in colour and in dash."""
    for end in links.ends:
        if len(end.xy):
            name, colour = safe_label(end.name), _link_colour(end.name, dark)
            x, y = (_segments(links.pair.xy[0, axis], end.xy[:, axis]) for axis in range(2))
            line = {"color": colour, "width": 1.5, "dash": _DASHES.get(end.name, "dot")}
            group: dict[str, Any] = {"legendgroup": f"links {name}"}
            told = f"neighbours in {name}: {len(end.xy):,}"
            figure.add_trace(_scatter(webgl)(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip", **group))
            mark = {"symbol": "circle", "size": 9, "color": colour, "line": {"width": 1.5, "color": BACKGROUNDS[dark]}}
            _add_points(figure, end, mark, webgl, name=name, **group)
            figure.add_trace(
                go.Scatter(x=[None], y=[None], mode="lines+markers", name=told, line=line, marker=mark, hoverinfo="skip", **group)
            )
    ring = {"symbol": "circle-open", "size": 18, "color": ink(dark), "line": {"width": 3}}
    _add_points(figure, links.pair, ring, webgl, name="this pair", legendgroup="this pair")
    ring |= {"size": 10, "line": {"width": 2}}
    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", name="this pair", legendgroup="this pair", marker=ring, hoverinfo="skip")
    )


def add_highlight(figure: go.Figure, found: MapLayer, most: int, webgl: bool, dark: bool) -> None:
    """Draw a circle around each found pair, from the first on."""
    name, n = safe_label(found.name), min(len(found.xy), most)
    told = f"{name}: {n:,}" if n == found.total else f"{name}: {n:,} of {found.total:,}"
    mark = {"symbol": "circle-open", "size": 9, "color": ink(dark), "opacity": 0.8, "line": {"width": 1}}
    if n:
        _add_points(figure, found, mark, webgl, slice(n), name=name, legendgroup=f"found {name}")
    figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", name=told, legendgroup=f"found {name}", marker=mark, hoverinfo="skip"))


def _with_rim(middles: FloatVector, cell: float) -> FloatVector:
    """Return the middles of cells with those of the rim before and after them."""
    steps = cell * np.arange(1, _RIM + 1)
    return np.concatenate([middles[0] - steps[::-1], middles, middles[-1] + steps])


def _add_points(figure: go.Figure, layer: MapLayer, mark: dict[str, Any], webgl: bool, rows: slice = slice(None), **look: Any) -> None:
    x, y = layer.xy[rows].T
    data = point_data(layer, rows)
    figure.add_trace(_scatter(webgl)(x=x, y=y, mode="markers", marker=mark, customdata=data, hovertemplate=HOVER, showlegend=False, **look))


def _scatter(webgl: bool) -> Any:
    return go.Scattergl if webgl else go.Scatter  # WebGL lies over SVG: a mark in SVG would be hidden under the points


def _link_colour(name: str, dark: bool) -> str:
    return ROLES[dark]["validation"] if name == "validation" else ROLES[dark]["supply" if dark else "selected"]


def _segments(start: float, ends: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.column_stack([np.full(len(ends), start), ends, np.full(len(ends), np.nan)]).ravel().astype(np.float32)


def _add_name(figure: go.Figure, region: MapRegion, dark: bool) -> None:
    x, y = region.polygon[region.polygon[:, 1].argmax()]
    look = {
        "showarrow": False,
        "yanchor": "bottom",
        "bgcolor": BACKGROUNDS[dark],
        "opacity": 0.9,
        "borderpad": 2,
        "font": {"color": ink(dark)},
    }
    figure.add_annotation(x=float(x), y=float(y), text=safe_label(region.name, 28), **look)
