"""One colour table, one look, and the one way text from a corpus comes into a figure.

Colours are those of Okabe and Ito (2008), which people with colour blindness tell apart, cividis for quantities, and blue to orange for
what lies on two sides of a middle. On a light page the pale ones are darker and on a dark page the dim ones lighter, so that every line and
mark has a contrast of at least 3 to 1, as every text has of 4.5 to 1 (WCAG 2.2, AA).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from craft_core.errors import ParameterError

__all__ = [
    "BACKGROUNDS",
    "DIVERGING",
    "FONT_SIZE",
    "MAX_CATEGORIES",
    "QUANTITY",
    "REST",
    "ROLES",
    "TERMS",
    "apply_theme",
    "axis_title",
    "categorical",
    "grid",
    "ink",
    "muted",
    "safe_label",
    "steps",
    "tint",
]

BACKGROUNDS = {False: "#ffffff", True: "#0e1117"}
"""The page behind a figure, by `dark`: Streamlit's own. Figures themselves are transparent."""

_INK = {False: "#1a1c24", True: "#f2f4f8"}
_MUTED = {False: "#5a6072", True: "#a8b0c0"}
_GRID = {False: "#e4e7ee", True: "#2b303b"}

_BLUE, _ORANGE, _GREEN, _VERMILLION, _SKY, _PURPLE, _YELLOW = range(7)
_OKABE_ITO = {
    False: ("#0072B2", "#C18500", "#009E73", "#BD5303", "#4F9BC7", "#9E507D", "#554F00"),
    True: ("#3390D2", "#E69F00", "#57BA94", "#D55E00", "#76CCFF", "#AB678C", "#F0E442"),
}
"""By `dark`, in the order of Okabe and Ito. Lightness alone is changed, so that the least difference between any two, as seen with each
kind of colour blindness, is as large as these contrasts allow."""

MAX_CATEGORIES = 8
"""Colours that can still be told apart; what is more goes together as the rest."""

REST = "#8b909c"
"""Grey for everything that has no colour of its own; 3 to 1 on both backgrounds."""

_ROLES = {"selected": _BLUE, "validation": _VERMILLION, "test": _GREEN, "supply": _SKY, "starved": _ORANGE}

ROLES = {dark: {"pool": REST} | {name: colours[number] for name, number in _ROLES.items()} for dark, colours in _OKABE_ITO.items()}
"""The colour of each set of pairs by `dark`, the same in every figure."""

_TERMS = {"discrete": _SKY, "residual": _ORANGE, "linear": _PURPLE, "hoeffding": _GREEN, "bennett": _BLUE}

TERMS = {dark: {name: colours[number] for name, number in _TERMS.items()} for dark, colours in _OKABE_ITO.items()}
"""The colour of each term of the bound by `dark`, the same in every figure."""

QUANTITY = "Cividis"
"""Scale of a quantity."""

DIVERGING = ((0.0, "#0072B2"), (0.5, "#b9bcc4"), (1.0, "#E66F00"))
"""Scale from less to more: blue, grey, orange; the middle can be seen on both backgrounds."""

FONT_SIZE = 13
"""Of the text of a figure, in pixels."""


def categorical(n: int, dark: bool = False) -> tuple[str, ...]:
    """Return n colours that can be told apart, at most eight. Raises ParameterError for more: put the rest together instead."""
    if not 0 <= n <= MAX_CATEGORIES:
        raise ParameterError(f"A figure has colours for at most {MAX_CATEGORIES} categories. Got {n}.")
    return (*_OKABE_ITO[dark], _INK[dark])[:n]  # the eighth of Okabe and Ito is black, which is white on a dark page


def steps(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    """Return a colour scale that jumps from colour to colour: category i of n has the value i, with limits -1/2 and n - 1/2."""
    n = len(colours)
    return [(edge / n, colour) for i, colour in enumerate(colours) for edge in (i, i + 1)]


def ink(dark: bool) -> str:
    """Return the colour of text."""
    return _INK[dark]


def muted(dark: bool) -> str:
    """Return the colour of text that stands back."""
    return _MUTED[dark]


def tint(colour: str, opacity: float) -> str:
    """Return a colour that lets through what is behind it, for areas."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def grid(dark: bool) -> str:
    """Return the colour of lines behind the data."""
    return _GRID[dark]


def safe_label(text: str, width: int = 80) -> str:
    """Return a text as plotly will show it letter by letter, on one line.

    Plotly reads text as a kind of HTML: `a<b and c>d` would lose its middle and `<a href>` become a link. So `&`, `<` and `>` are escaped,
    line breaks and control characters become spaces, and what is longer than `width` characters ends in an ellipsis.
    """
    head = text[: 4 * width]  # enough to fill the width unless nearly all of it is space
    plain = " ".join("".join(" " if unicodedata.category(one) in _UNSEEN else one for one in head).split())
    if len(plain) > width or len(text) > len(head):
        plain = plain[: width - 1].rstrip() + "…"
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_UNSEEN = {"Cc", "Zl", "Zp", "Cs"}


def axis_title(quantity: str, unit: str = "") -> str:
    """Return the title of an axis with its unit in brackets."""
    return f"{quantity} ({unit})" if unit else quantity


def apply_theme(figure: go.Figure, dark: bool, height: int = 420) -> go.Figure:
    """Give a figure the common look in place and return it; what the figure has set itself stays.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        To be changed.
    dark : bool
        Whether the page is dark.
    height : int
        In pixels; the width is that of the page.
    """
    own = {name: value for name, value in figure.layout.to_plotly_json().items() if name != "template"}
    axis = {"gridcolor": _GRID[dark], "linecolor": _GRID[dark], "zerolinecolor": _GRID[dark], "automargin": True}
    axis |= {"tickfont": {"color": _MUTED[dark]}, "title": {"font": {"color": _INK[dark], "size": FONT_SIZE}}}
    look: dict[str, Any] = {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _INK[dark], "size": FONT_SIZE, "family": "Source Sans Pro, Source Sans, Noto Sans, sans-serif"},
        "separators": ".,",
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "height": height,
        "hoverlabel": {"bgcolor": BACKGROUNDS[dark], "bordercolor": _MUTED[dark], "font": {"color": _INK[dark], "size": FONT_SIZE}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _MUTED[dark], "activecolor": _INK[dark]},
        "hovermode": "closest",
    }
    look |= {name: axis for name in {"xaxis", "yaxis", *own} if name.startswith(("xaxis", "yaxis"))}
    figure.layout = _merged(look, own)  # at once: plotly checks every single change, which took most of a chart's time
    return figure


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both mappings in one, the second on top, and so their inner mappings."""
    inner = {name: _merged(under[name], over[name]) for name in over if isinstance(over[name], dict) and isinstance(under.get(name), dict)}
    return {**under, **over, **inner}
