"""What the app keeps on the disk of the computer it runs on: how much, and the button that clears it."""

from __future__ import annotations

import streamlit as st

from craft_core.store import why_off
from pages.shared import record, visitor

_GONE = "When this page is closed, what was loaded and computed is gone."


def draw() -> None:
    """Draw how much is kept, and the button that clears it, which asks first."""
    store = visitor.store()
    if store is None:
        st.text(f"{why_off()} {_GONE}")
        return
    st.markdown(
        "Uploads, settings, runs and slow results are kept on the disk of the computer that runs the app, so that a page loaded again, "
        "or a server started again, finds them. What was used longest ago goes first."
    )
    st.text(f"Stored on this machine: {size_text(store.size())} of at most {size_text(store.limit)}.")
    clear_button("storage")


def upload_note() -> None:
    """Say what becomes of uploads, with the button that clears them."""
    if visitor.store() is None:
        st.caption("Uploads are held in memory only, until this page is closed.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Uploads are kept on the disk of the computer that runs the app, so that this browser finds them again; "
            "no other browser can open them."
        )
        clear_button("upload")


def clear_button(key: str) -> None:
    """Draw the button that clears everything kept; a second click confirms."""
    with st.popover("Clear what is kept", icon=":material/delete:"):
        st.markdown("This removes the uploads, runs and results of **everybody** who uses this app. What is open now stays open.")
        st.button("Clear now", key=f"clear_{key}", type="primary", on_click=_clear)


def size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    for unit, many in (("GB", 1e9), ("MB", 1e6)):
        if size >= many:
            return f"{size / many:,.1f} {unit}"
    return f"{size / 1e3:,.0f} kB"


def _clear() -> None:
    store = visitor.store()
    if store is None:
        return
    record.hold()
    store.clear()
    record.forget()
    st.toast("What was kept on disk is cleared.")
