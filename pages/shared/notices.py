"""Sentences that stay on every page until they are closed; they may quote what came from outside, and so are never read as Markdown."""

from __future__ import annotations

from typing import Any

import streamlit as st

_NOTICES = "notices"  # in the session state
_ICONS = {"info": ":material/link:", "warning": ":material/warning:", "success": ":material/verified:"}


def add(*sentences: str, kind: str = "info") -> None:
    """Show sentences from the next drawing on; kind is "info", "warning" or "success"."""
    before = st.session_state.get(_NOTICES, ())
    new = dict.fromkeys((kind, one) for one in sentences)
    st.session_state[_NOTICES] = (*before, *(one for one in new if one not in before))


def draw(place: Any, drawn: int = 0) -> int:
    """Draw the sentences there are, but for so many drawn before, and a button that closes them; return how many there are."""
    found = st.session_state.get(_NOTICES, ())
    if len(found) > drawn:
        with place.container(border=True):
            for kind, sentence in found[drawn:]:
                with st.container(horizontal=True, vertical_alignment="top"):
                    st.markdown(_ICONS[kind], width="content")
                    st.text(sentence, width="stretch")
            st.button("Close", key=f"close_notices.{drawn}", on_click=close)
    return len(found)


def close() -> None:
    """Forget the sentences."""
    st.session_state.pop(_NOTICES, None)
