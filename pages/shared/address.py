"""The address bar and the cookie, written by a script: Streamlit's own way adds an entry to the browser's history each time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages.shared import visitor
from pages.shared.links import Params

_COUNT = "address_count"  # in the session state
CAME_WITH_ANY = "came_with_any"
"""In the session state as long as the browser still sends the parameters it came with."""
_SHOWN = "address"
"""In the session state: the parameters the address was given last."""


def write(params: Params, slot: Any, *, beside_others: bool = False) -> None:
    """Give the address these parameters, and the browser its cookie.

    Parameters
    ----------
    params : list
        Names and values.
    slot : container
        Where the script is put; it takes no room.
    beside_others : bool
        Whether the other parameters of the address stay; they are a page's own.
    """
    st.session_state[_SHOWN] = params
    lines = [one for one in (visitor.cookie_script(), _address_script(params, beside_others)) if one]
    if lines:
        # the same script is not run twice, so each has a number
        number = st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1
        slot.html(f"<script>/* {number} */ {' '.join(lines)}</script>", unsafe_allow_javascript=True)


def let_go() -> bool:
    """Make the browser forget the parameters it came with, once; return whether it did, and the address is to be written anew.

    Streamlit's page would go on sending those, whatever the address says by then; a server started again would take them for the latest.
    """
    if not st.session_state.pop(CAME_WITH_ANY, False):
        return False
    st.query_params.clear()
    return True


def _address_script(params: Params, beside_others: bool) -> str | None:
    there = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    if beside_others:
        if all(one in there for one in params):
            return None
        sets = " ".join(f"here.searchParams.set({json.dumps(name)}, {_text(value)});" for name, value in params)
        return f"const here = new URL(location.href); {sets} history.replaceState(history.state, '', here);"
    if there == params:
        return None
    query = _text(f"?{urlencode(params)}" if params else "")
    return f"history.replaceState(history.state, '', location.pathname + {query} + location.hash);"


def _text(value: str) -> str:
    # a text that ends the script element early would be read as page
    return json.dumps(value).replace("<", "\\u003c")
