"""The controls above the map."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from pages.shared import stages

CLUSTER, ALLOCATION, SCORE, TRUST = "cluster", "over- and under-allocation", "score", "trustworthiness"

_LAYERS = ("pool", "validation", "selected")
_MOUSE = {"Pick a pair": "pan", "Lasso": "lasso", "Box": "select"}
_LAYOUTS = 99
_FIRST = {"map_method": "PCA", "map_colour": CLUSTER, "map_layers": list(_LAYERS), "map_drag": "Pick a pair", "map_seed": 1}


@dataclass(frozen=True)
class View:
    """Say what the map shows and how.

    Attributes
    ----------
    method : str
        "pca" or "umap".
    layout : int
        Of UMAP, counted from 1: each has a seed of its own.
    colour : str
        What the colours say: one of the words above, or a column of the data.
    layers : tuple of str
        What is drawn, from back to front.
    drag : str
        What dragging does, as plotly calls it.
    webgl : bool
        Whether points are drawn by WebGL.
    """

    method: str
    layout: int
    colour: str
    layers: tuple[str, ...]
    drag: str
    webgl: bool


def controls() -> View:
    """Draw the controls and return what they say."""
    pool = stages.data().pool
    taken = (CLUSTER, ALLOCATION, SCORE, TRUST)
    columns = [one.name for one in pool.columns.schema if one.name not in taken and not pa.types.is_nested(one.type)]
    for key, first in _FIRST.items():  # not given to the widgets: a link may have set them already
        st.session_state.setdefault(key, first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Map",
            ["PCA", "UMAP"],
            required=True,
            key="map_method",
            persist_state="session",
            help="PCA is drawn at once. UMAP shows neighbours better and takes longer.",
        )
        colour = st.selectbox("Colour by", [*taken, *columns], key="map_colour", persist_state="session", width=240)
        names = st.pills("Layers", _LAYERS, selection_mode="multi", key="map_layers", persist_state="session")
        drag = st.segmented_control("Mouse", list(_MOUSE), required=True, key="map_drag", persist_state="session", help=_MOUSE_HELP)
        layout = 1 if shown != "UMAP" else _layout()
    webgl = not st.toggle(
        "Draw without WebGL (at most 3,000 points)", key="map_svg", persist_state="session", help="For browsers that show an empty map."
    )
    return View(str(shown).lower(), layout, colour, tuple(name for name in _LAYERS if name in (names or [])), _MOUSE[str(drag)], webgl)


def _layout() -> int:
    number = st.number_input("Layout", 1, _LAYOUTS, key="map_seed", persist_state="session", help=_LAYOUT_HELP, width=120)
    return min(max(int(number or 1), 1), _LAYOUTS)


_MOUSE_HELP = (
    "Pick a pair: a click on a point opens its card, dragging moves the map. Lasso or Box: drag around some points, and every pair in the "
    "region is counted, drawn or not. The wheel zooms."
)
_LAYOUT_HELP = (
    "UMAP begins with chance: every layout has a seed of its own. Layouts above 1 are turned and scaled to lie like the first "
    "(Procrustes), so that what still moves had no fixed place."
)
