"""What the explorer on the Clusters page remembers: the region that was drawn, those that were kept, the pair that was picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from streamlit.errors import StreamlitAPIException

from craft_core.explore.region import Region, box, region_of
from pages.shared import map_stages, stages

TAB = "explore_tab"
"""Which of `TABS` is open below the map."""

CLUSTERS, REGION, SEARCH, PAIR = "Clusters", "Region", "Search", "Pair"
TABS = (CLUSTERS, REGION, SEARCH, PAIR)

KEPT = "regions"
"""In the session state: (data key, region) of every region that was kept."""

_NOW, _HANDLED, _PICKED, _ONLY, _NEXT = "region_now", "gesture_handled", "pair_picked", "region_only", "explore_next"


def open_tab() -> None:
    """Open what a gesture asked for; to be called before the tabs are drawn, as a widget that is there cannot be moved."""
    wanted = st.session_state.pop(_NEXT, None)
    if wanted is not None:
        st.session_state[TAB] = wanted
    st.session_state.setdefault(TAB, CLUSTERS)


def again() -> None:
    """Run this part of the page again: alone where it ran alone."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page ran
        st.rerun()


def current() -> Region | None:
    """Return the region drawn or made last, for the data in use."""
    found: tuple[str, Region] | None = st.session_state.get(_NOW)
    return found[1] if found is not None and found[0] == stages.data_key() else None


def show(region: Region | None) -> None:
    """Make this the region in use, and open what is said about it."""
    if region is None:
        st.session_state.pop(_NOW, None)
        return
    st.session_state[_NOW] = (stages.data_key(), region)
    st.session_state[_NEXT] = REGION


def kept() -> dict[str, Region]:
    """Return the regions kept for the data in use, by name."""
    key = stages.data_key()
    return {region.name: region for owner, region in st.session_state.get(KEPT, []) if owner == key}


def keep(region: Region) -> None:
    """Keep a region under its name; an earlier one of that name is replaced."""
    forget(region.name)
    st.session_state[KEPT] = [*st.session_state.get(KEPT, []), (stages.data_key(), region)]


def forget(name: str) -> None:
    """Forget a region that was kept."""
    key = stages.data_key()
    st.session_state[KEPT] = [one for one in st.session_state.get(KEPT, []) if (one[0], one[1].name) != (key, name)]


def only() -> Region | None:
    """Return the region that everything shown is limited to, None where there is no limit."""
    return current() if st.session_state.get(_ONLY) and current() is not None else None


def limit_key() -> str:
    """Return the key of the switch that limits what is shown to the region."""
    return _ONLY


def picked() -> tuple[str, int] | None:
    """Return the layer, "pool" or "validation", and the position of the pair that was picked, for the data in use."""
    found: tuple[str, str, int] | None = st.session_state.get(_PICKED)
    if found is None or found[0] != stages.data_key():
        return None
    corpus = stages.data().validation if found[1] == "validation" else stages.data().pool
    return (found[1], found[2]) if 0 <= found[2] < len(corpus) else None


def pick(layer: str, position: int) -> None:
    """Pick a pair, and open its card."""
    st.session_state[_PICKED] = (stages.data_key(), layer, int(position))
    st.session_state[_NEXT] = PAIR


def handle(event: Mapping[str, Any], method: str, layout: int) -> None:
    """Take what was drawn or clicked on the map, once.

    A new figure forgets what was selected on it, so an empty event says nothing: a region lasts until another is made or it is cleared.
    """
    selection = event.get("selection", {})
    drawn = [*selection.get("lasso", []), *selection.get("box", [])]
    points = selection.get("points", [])
    gesture = repr(drawn[-1] if drawn else points[:1])
    if (not drawn and not points) or st.session_state.get(_HANDLED) == gesture:
        return
    st.session_state[_HANDLED] = gesture
    if drawn and not map_stages.are_placed(method, layout):
        st.warning("A region can be counted once every pair has its place on this map: see below.", icon=":material/info:")
    elif drawn:
        _draw(drawn[-1], "lasso" if selection.get("lasso") else "box", method, layout)
    else:
        _click(points[0])


def _draw(shape: Mapping[str, Any], how: str, method: str, layout: int) -> None:
    x, y = (np.asarray(shape[axis], dtype=np.float64) for axis in ("x", "y"))
    pool_xy, validation_xy = map_stages.places(method, layout), map_stages.projection(method, layout).validation_xy
    corners = box(*x[:2], *y[:2]) if how == "box" else np.column_stack([x, y])
    show(region_of(how.capitalize(), how, corners, map_stages.map_key(method, layout), pool_xy, validation_xy))


def _click(point: Mapping[str, Any]) -> None:
    data = point.get("customdata") or []
    if data:  # position, texts, remark, layer
        pick("validation" if data[-1] == "validation" else "pool", int(data[0]))
