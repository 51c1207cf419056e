"""The popover that shares what one sees as a link."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.shared.links import Params


def share(params: Params) -> None:
    """Draw the popover with the link, and what it carries."""
    with st.popover("Share", icon=":material/link:", width="stretch"):
        st.markdown("**A link to what you see**")
        st.code(_here(params), language=None, wrap_lines=True)
        st.markdown("It carries the settings and the view of this page, and a digest of the data; never a text.")
        st.markdown(_NEEDS[_kind(params)])


def _here(params: Params) -> str:
    parts = urlsplit(str(st.context.url or ""))
    return f"{parts.scheme}://{parts.netloc}{parts.path or '/'}?{urlencode(params)}" if parts.netloc else f"?{urlencode(params)}"


def _kind(params: Params) -> str:
    names = {name for name, _ in params}
    return "sample" if "sample" in names else "upload" if "uploaded" in names or "pool" not in names else "server"


_NEEDS = {
    "sample": "Who opens it sees the same at once: the sample data come with the app.",
    "server": "Who opens it on this server, or on one that offers the same files, sees the same.",
    "upload": "Who opens it must load the same files; they are told which, and whether theirs are the same.",
}
