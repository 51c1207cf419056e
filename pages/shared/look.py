"""What no setting of the theme has: a few lines of style, and the focus kept where the keyboard put it."""

from __future__ import annotations

import streamlit as st

from craft_core.figures.theme import ink
from pages.shared import views

# The colour of the theme is that of buttons, on which white must be read; as text it is too dim on the dark page, so what is chosen has the
# colour of text and keeps its underline or its frame. A page begins near the top of the screen, so that the tabs of most are in sight; the
# script below it takes one rem more.
_STYLE = """
<style>
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] *, [role="tab"][aria-selected="true"] *,
button[data-selected="true"] * { color: %s; }
[data-testid="stMainBlockContainer"] { padding-top: 2.5rem; }
</style>
"""

# While the app runs, Streamlit disables a tab whose turn has not come yet, or draws it anew. It loses the focus then, and whoever walked to
# it with the arrow keys would begin again at the top of the page; so it gets the focus back, unless that went elsewhere in the meantime.
_FOCUS = """
<script>
if (!window.craftKeepsFocus) {
  window.craftKeepsFocus = true;
  const isReady = (tab) => tab.isConnected && tab.hasAttribute("tabindex");
  const giveBack = (lost) => {
    const again = (_, watch) => {
      const isFree = document.activeElement === document.body;
      const tab = [...document.querySelectorAll("[role=tab]")].find((one) => one.innerText === lost);
      if (isFree && !(tab && isReady(tab))) return;
      watch.disconnect();
      if (isFree) tab.focus();
    };
    const watch = new MutationObserver(again);
    watch.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"] });
    again([], watch);
  };
  document.addEventListener("focusout", (event) => {
    const tab = event.target;
    if (event.relatedTarget || tab.getAttribute("role") !== "tab") return;
    const [name, wasReady] = [tab.innerText, isReady(tab)];
    setTimeout(() => { if (!wasReady || !isReady(tab)) giveBack(name); });
  });
}
</script>
"""


def dress() -> None:
    """Add the style and the script to the page."""
    st.html(_STYLE % ink(views.is_dark()))
    st.html(_FOCUS, unsafe_allow_javascript=True)
