"""The look: text from a corpus stays visible, colours can be told apart, and text can be read on both backgrounds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import plotly.graph_objects as go
import pytest

from craft_core.errors import ParameterError
from craft_core.figures import BACKGROUNDS, apply_theme, categorical, pipeline_figure, safe_label
from craft_core.figures.theme import DIVERGING, REST, ROLES, TERMS, axis_title, ink, muted, steps, tint


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(over: str, under: str, opacity: float) -> str:
    """The colour that is seen where one lets through another."""
    parts = [(int(over[i : i + 2], 16), int(under[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * high + (1 - opacity) * low):02x}" for high, low in parts)


def font_colours(node: object) -> list[str]:
    """Every colour of a font, anywhere in a layout."""
    if isinstance(node, dict):
        own = [value["color"] for key, value in node.items() if key.endswith("font") and "color" in value]
        return own + [colour for value in node.values() for colour in font_colours(value)]
    return [colour for one in node for colour in font_colours(one)] if isinstance(node, list | tuple) else []


def test_contrast_of_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_can_be_read(dark: bool):
    figure = apply_theme(go.Figure(go.Scatter(x=[1], y=[1])), dark)
    colours = [
        ink(dark),
        muted(dark),
        *font_colours(figure.layout.to_plotly_json()),
        *font_colours(pipeline_figure(dark).layout.to_plotly_json()),
    ]
    assert len(colours) > 10
    assert min(contrast(colour, BACKGROUNDS[dark]) for colour in colours) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_text_in_the_boxes_of_the_pipeline_can_be_read(dark: bool):
    box = mixed(ROLES[dark]["selected"], BACKGROUNDS[dark], 0.12)
    assert min(contrast(colour, box) for colour in (ink(dark), muted(dark))) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_marks_stand_out_from_the_page(dark: bool):
    colours = {REST, *ROLES[dark].values(), *TERMS[dark].values(), *categorical(8, dark), ink(dark), muted(dark)}
    assert min(contrast(colour, BACKGROUNDS[dark]) for colour in colours) >= 3.0


def test_what_is_chosen_has_one_hue_in_both_themes_and_can_be_read_on_the_dark_one():
    assert ROLES.keys() == TERMS.keys() == {False, True}
    assert ROLES[False].keys() == ROLES[True].keys()
    assert contrast(ROLES[True]["selected"], BACKGROUNDS[True]) >= 4.5  # 3.6 is enough for a rule, and dim to the eye


def test_the_pages_have_the_backgrounds_and_the_captions_can_be_read():
    themes = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    for dark, name in ((False, "light"), (True, "dark")):
        theme = themes[name]
        assert theme["backgroundColor"] == BACKGROUNDS[dark]
        assert contrast("#ffffff", theme["primaryColor"]) >= 4.5  # what stands on a button
        for behind in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
            caption = mixed(theme["textColor"], behind, 0.6)  # Streamlit's own opacity
            assert contrast(caption, behind) >= 4.5


def test_at_most_eight_categories():
    assert len(set(categorical(8))) == 8
    assert categorical(3) == ("#0072B2", "#C18500", "#009E73")
    assert categorical(0) == ()
    assert categorical(8, dark=True)[7] != categorical(8)[7]
    with pytest.raises(ParameterError, match="at most 8 categories. Got 9"):
        categorical(9)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("if a<b and c>d then", "if a&lt;b and c&gt;d then"),
        ('<a href="x">y</a>', '&lt;a href="x"&gt;y&lt;/a&gt;'),
        ("Q&A &lt;", "Q&amp;A &amp;lt;"),
        ("one\ntwo\tthree\u2028four\x00five", "one two three four five"),
        ("", ""),
        ("हिन्दी में", "हिन्दी में"),
    ],
)
def test_safe_label(text: str, label: str):
    assert safe_label(text) == label


def test_long_texts_are_shortened_before_they_are_escaped():
    assert safe_label("<" * 100, width=5) == "&lt;&lt;&lt;&lt;…"
    assert safe_label("abcde", width=5) == "abcde"
    assert safe_label("x" * 10**6, width=10) == "x" * 9 + "…"
    assert len(safe_label("a " * 500)) <= 80


def test_a_scale_of_categories_jumps():
    assert steps(("red", "blue")) == [(0.0, "red"), (0.5, "red"), (0.5, "blue"), (1.0, "blue")]


def test_a_tint_lets_through_what_is_behind():
    assert tint("#0072B2", 0.12) == "rgba(0,114,178,0.12)"


def test_the_diverging_scale_is_blue_grey_orange():
    assert [place for place, _ in DIVERGING] == [0.0, 0.5, 1.0]


def test_axis_title():
    assert axis_title("Length", "words") == "Length (words)"
    assert axis_title("Pairs") == "Pairs"


def test_the_theme_leaves_what_a_figure_has_set():
    figure = go.Figure().update_layout(hovermode="x", xaxis={"showgrid": False}, margin={"l": 50})
    apply_theme(figure, dark=True)
    assert figure.layout.hovermode == "x"
    assert figure.layout.xaxis.showgrid is False
    assert figure.layout.margin.l == 50
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.separators == ".,"
