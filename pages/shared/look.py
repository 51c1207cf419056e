"""The few lines of style that no setting of the theme has."""

from __future__ import annotations

import streamlit as st

from craft_core.figures.theme import ink
from pages.shared import views

# The colour of the theme is that of buttons, on which white must be read; as text it is too dim on the dark page, so what is chosen has the
# colour of text and keeps its underline or its frame. A page begins near the top of the screen, so that the tabs of most are in sight.
_STYLE = """
<style>
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] *, [role="tab"][aria-selected="true"] *,
button[data-selected="true"] * { color: %s; }
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
</style>
"""


def dress() -> None:
    """Add the style to the page; it takes no room."""
    st.html(_STYLE % ink(views.is_dark()))
