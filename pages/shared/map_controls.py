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


def current() -> View:
    """Return what the controls say, before they are drawn as well."""
    for key, first in _FIRST.items():  # not given to the widgets: a link may have set them already
        st.session_state.setdefault(key, first)
    state = st.session_state
    method = str(state["map_method"]).lower()
    layout = min(max(int(state["map_seed"] or 1), 1), _LAYOUTS) if method == "umap" else 1
    colour = state["map_colour"] if state["map_colour"] in _colours() else CLUSTER
    layers = tuple(name for name in _LAYERS if name in (state["map_layers"] or []))
    return View(method, layout, colour, layers, _MOUSE.get(str(state["map_drag"]), "pan"), not state.get("map_svg"))


def controls() -> View:
    """Draw the controls and return what they say."""
    current()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("Map", ["PCA", "UMAP"], required=True, key="map_method", persist_state="session", help=_MAP_HELP)
        st.selectbox("Colour by", _colours(), key="map_colour", persist_state="session", width=240)
        st.pills("Layers", _LAYERS, selection_mode="multi", key="map_layers", persist_state="session")
        st.segmented_control("Mouse", list(_MOUSE), required=True, key="map_drag", persist_state="session", help=_MOUSE_HELP)
        if st.session_state["map_method"] == "UMAP":
            st.number_input("Layout", 1, _LAYOUTS, key="map_seed", persist_state="session", help=_LAYOUT_HELP, width=120)
    st.toggle(
        "Draw without WebGL (at most 3,000 points)", key="map_svg", persist_state="session", help="For browsers that show an empty map."
    )
    return current()


def _colours() -> list[str]:
    taken = [CLUSTER, ALLOCATION, SCORE, TRUST]
    schema = stages.data().pool.columns.schema
    return [*taken, *(one.name for one in schema if one.name not in taken and not pa.types.is_nested(one.type))]


_MAP_HELP = "PCA is drawn at once. UMAP shows neighbours better and takes longer."
_MOUSE_HELP = (
    "Pick a pair: a click on a point opens its card, dragging moves the map. Lasso or Box: drag around some points, and every pair in the "
    "region is counted, drawn or not. The wheel zooms."
)
_LAYOUT_HELP = (
    "UMAP begins with chance: every layout has a seed of its own. Layouts above 1 are turned and scaled to lie like the first "
    "(Procrustes), so that what still moves had no fixed place."
)
