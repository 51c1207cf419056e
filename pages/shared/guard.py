"""A user's mistake becomes a sentence, wherever it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from craft_core.errors import CraftError


@contextmanager
def guard() -> Iterator[None]:
    """Draw the message of a user's mistake instead of what could not be drawn."""
    try:
        yield
    except CraftError as error:
        # the message may quote the user's text, which must not be read as Markdown
        with st.container(border=True):
            st.markdown(":material/error: **That did not work.**")
            st.text(str(error))
