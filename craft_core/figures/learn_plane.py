"""The plane of the Learn page: laws, pairs and cells on the unit square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from craft_core.arrays import FloatMatrix, FloatVector
from craft_core.figures.theme import BACKGROUNDS, DIVERGING, QUANTITY, ROLES, apply_theme, ink, muted
from craft_core.toy.laws import Law, Points, block_masses
from craft_core.toy.world import Cut, World

__all__ = ["cell_figure", "cells_figure", "laws_figure", "plane_axes"]

_DRAWN = 800  # pool pairs drawn at most
_COARSE = 64  # squares along a side of a drawn density
_MOST = 3.0  # log2: beyond 8 times, colours do not change
_MARKS = {"pool": ("circle", 4, 0.6), "selected": ("diamond", 7, 0.9), "validation": ("cross", 6, 0.9)}
_RATIO_TICKS = {"tickvals": [-3, -2, -1, 0, 1, 2, 3], "ticktext": ["⅛", "¼", "½", "1", "2", "4", "8"]}


def laws_figure(world: World, ratio: bool, dark: bool = False) -> go.Figure:
    """Draw the two laws of a toy and the pairs drawn from them.

    Parameters
    ----------
    world : World
        The toy.
    ratio : bool
        Whether colours say how many times as often validation visits a place as the pool does; else lines say where validation lies.
    dark : bool
        Whether the page is dark.
    """
    figure = go.Figure()
    if ratio:
        _add_ratio(figure, world, dark)
    else:
        _add_contours(figure, world.offered, ROLES[dark]["pool"])
        _add_contours(figure, world.wanted, ROLES[dark]["validation"])
    add_pairs(figure, "pool", world.pool.sources, dark)
    add_pairs(figure, "validation", world.validation.sources, dark)
    return plane_axes(figure, dark)


def cells_figure(world: World, part: Cut, names: Mapping[int, str], shares: FloatVector | None, dark: bool = False) -> go.Figure:
    """Draw the cells of a toy; the table twin has one row a cell.

    Parameters
    ----------
    world, part : World, Cut
        The toy and its cells.
    names : mapping of int to str
        What is written into which cell.
    shares : FloatVector or None
        Shape (n_clusters,): share of the budget, in [0, 1], to colour the cells by; None leaves them empty.
    dark : bool
        Whether the page is dark.
    """
    figure = go.Figure()
    if shares is not None:
        _add_filled(figure, part.corners, 100 * shares, dark)
    add_pairs(figure, "pool", world.pool.sources, dark)
    add_pairs(figure, "validation", world.validation.sources, dark)
    add_outlines(figure, part.corners, dark)
    for cell, name in names.items():
        _write(figure, part.clustering.centers[cell], name, dark)
    return plane_axes(figure, dark)


def cell_figure(world: World, part: Cut, cell: int, dark: bool = False) -> go.Figure:
    """Draw one cell from near: its pairs, its diameter, and the spread of validation in it."""
    corners, labels = part.corners[cell], part.clustering.validation_labels
    figure = go.Figure()
    add_pairs(figure, "pool", world.pool.sources[part.clustering.pool_labels == cell], dark)
    mine = world.validation.sources[labels == cell]
    add_pairs(figure, "validation", mine, dark)
    add_outlines(figure, [corners], dark, width=2.5)
    apart = np.sqrt(((corners[:, None] - corners[None]) ** 2).sum(axis=-1))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    ends = corners[[first, second]]
    line = {"color": ink(dark), "width": 2, "dash": "dash"}
    figure.add_trace(go.Scatter(x=ends[:, 0], y=ends[:, 1], mode="lines", name="diameter", line=line, hoverinfo="skip"))
    if len(mine):
        around = np.linspace(0, 2 * np.pi, 60)
        radius, (x, y) = float(np.sqrt(part.truth.variances[cell])), mine.mean(axis=0)
        ring = {"color": ROLES[dark]["validation"], "width": 2}
        places = {"x": x + radius * np.cos(around), "y": y + radius * np.sin(around)}
        figure.add_trace(go.Scatter(**places, mode="lines", name="spread √V", line=ring, hoverinfo="skip"))
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle, half = (low + high) / 2, 0.56 * float((high - low).max())
    return plane_axes(figure, dark, (middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half))


def plane_axes(
    figure: go.Figure, dark: bool, across: tuple[float, float] = (-0.01, 1.01), up: tuple[float, float] = (-0.01, 1.01)
) -> go.Figure:
    """Give a figure equal axes without numbers, in place, and return it."""
    bare: dict[str, Any] = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "mirror": True, "showline": True}
    figure.update_layout(
        xaxis=bare | {"range": list(across), "constrain": "domain"},
        yaxis=bare | {"range": list(up), "scaleanchor": "x", "constrain": "domain", "constraintoward": "top"},
        dragmode=False,
    )
    return apply_theme(figure, dark, height=460)


def add_pairs(figure: go.Figure, name: str, points: FloatMatrix, dark: bool, role: str = "", total: int | None = None) -> None:
    """Add one set of pairs; of a large one the first are drawn, which are as random as any, and the legend says how many."""
    symbol, size, opacity = _MARKS[role or name]
    shown, total = points[:_DRAWN], len(points) if total is None else total
    told = f"{name}: {total:,}" if len(shown) == total else f"{name}: {len(shown):,} of {total:,}"
    edge = {"width": 0.5, "color": BACKGROUNDS[dark]} if (role or name) != "pool" else {"width": 0}
    mark = {"symbol": symbol, "size": size, "opacity": opacity, "color": ROLES[dark][role or name], "line": edge}
    figure.add_trace(go.Scatter(x=shown[:, 0], y=shown[:, 1], mode="markers", name=told, marker=mark, hoverinfo="skip"))


def add_outlines(figure: go.Figure, corners: Sequence[Points], dark: bool, width: float = 1.0) -> None:
    """Add the borders of cells as one line."""
    x, y = ([value for one in corners for value in (*one[:, axis], one[0, axis], None)] for axis in (0, 1))
    line = {"color": muted(dark), "width": width}
    figure.add_trace(go.Scatter(x=x, y=y, mode="lines", name="cells", line=line, showlegend=False, hoverinfo="skip"))


def _add_filled(figure: go.Figure, corners: Sequence[Points], percent: FloatVector, dark: bool) -> None:
    from plotly.colors import sample_colorscale

    top = float(percent.max()) or 1.0
    colours = sample_colorscale(QUANTITY, list(percent / top))
    for one, colour in zip(corners, colours, strict=True):
        path = "M" + "L".join(f"{x:.4f},{y:.4f}" for x, y in one) + "Z"
        figure.add_shape(type="path", path=path, fillcolor=colour, opacity=0.75, line={"width": 0}, layer="below")
    bar = _bar("Share of the budget (%)", dark)
    mark = {"color": [0.0, top], "colorscale": QUANTITY, "cmin": 0.0, "cmax": top, "colorbar": bar, "showscale": True, "opacity": 0.75}
    figure.add_trace(go.Scatter(x=[None, None], y=[None, None], mode="markers", marker=mark, showlegend=False, hoverinfo="skip"))


def _add_contours(figure: go.Figure, law: Law, colour: str) -> None:
    density = block_masses(law, _COARSE) * _COARSE**2
    middles = (np.arange(_COARSE) + 0.5) / _COARSE
    figure.add_trace(
        go.Contour(
            z=density,
            x=middles,
            y=middles,
            contours={"coloring": "lines", "start": 0.5, "end": float(density.max()), "size": 0.75},
            colorscale=[[0, colour], [1, colour]],
            line={"width": 1.5},
            showscale=False,
            hoverinfo="skip",
            showlegend=False,
        )
    )


def _add_ratio(figure: go.Figure, world: World, dark: bool) -> None:
    ratio = np.clip(np.log2(block_masses(world.wanted, _COARSE) / block_masses(world.offered, _COARSE)), -_MOST, _MOST)
    middles = (np.arange(_COARSE) + 0.5) / _COARSE
    figure.add_trace(
        go.Heatmap(
            z=ratio,
            x=middles,
            y=middles,
            zmin=-_MOST,
            zmax=_MOST,
            colorscale=[list(one) for one in DIVERGING],
            opacity=0.75,
            colorbar=_bar("Validation law over pool law (times)", dark) | _RATIO_TICKS,
            customdata=2.0**ratio,
            hovertemplate="%{customdata:.2f} times<extra></extra>",
        )
    )


def _bar(title: str, dark: bool) -> dict[str, Any]:
    bar: dict[str, Any] = {"title": {"text": title, "side": "top", "font": {"color": ink(dark)}}, "orientation": "h", "thickness": 12}
    return bar | {"y": -0.02, "yanchor": "top", "len": 0.8, "outlinewidth": 0, "tickfont": {"color": muted(dark)}}


def _write(figure: go.Figure, at: FloatVector, text: str, dark: bool) -> None:
    look = {"bgcolor": BACKGROUNDS[dark], "bordercolor": muted(dark), "borderpad": 2, "font": {"color": ink(dark), "size": 13}}
    figure.add_annotation(x=float(at[0]), y=float(at[1]), text=text, showarrow=False, opacity=0.9, **look)
