"""The figures of the Compare page, by the data of their traces."""

from __future__ import annotations

import numpy as np
import pytest

from craft_core.compare import MEASURES, Comparison, Plan, Trial, find_measure
from craft_core.figures import MOST_COLOURED, marks_figure, overlap_figure, seconds_figure
from craft_core.figures.theme import REST
from craft_core.selectors import SELECTORS, Craft, Random

EMPTY = {one.name: float("nan") for one in MEASURES}


def made(values: dict[str, dict[int, list[float]]], measure: str = "energy") -> Comparison:
    trials = [
        Trial(name, budget, seed, np.arange(seed, seed + budget), EMPTY | {measure: value})
        for name, budgets in values.items()
        for budget, found in budgets.items()
        for seed, value in enumerate(found)
    ]
    budgets = tuple(next(iter(values.values())))
    return Comparison(Plan(tuple(SELECTORS[name]() for name in values), budgets, (0, 1)), tuple(trials), "the test set")


def test_a_line_a_method_with_its_spread_over_the_budgets() -> None:
    found = made({"craft": {10: [1.0, 3.0], 20: [1.0, 1.0]}, "random": {10: [4.0], 20: [5.0]}})
    craft, random = marks_figure(found, find_measure("energy")).data
    assert list(craft.x) == [10, 20]
    assert list(craft.y) == [2.0, 1.0]
    assert list(craft.error_y.array) == pytest.approx([np.sqrt(2), 0.0])
    assert (craft.mode, craft.name, list(random.y)) == ("lines+markers", "craft", [4.0, 5.0])
    assert craft.marker.color != random.marker.color
    assert craft.marker.symbol != random.marker.symbol


def test_a_single_budget_is_points_and_what_is_not_measured_a_gap() -> None:
    found = made({"craft": {10: [float("nan")]}, "random": {10: [4.0]}})
    craft, random = marks_figure(found, find_measure("energy"), legend=False).data
    assert list(craft.y) == [None]
    assert random.mode == "markers"
    assert not random.showlegend


def test_where_one_is_far_off_the_axis_is_logarithmic() -> None:
    near, far = ({"craft": {10: [1.0]}, "random": {10: [value]}} for value in (40.0, 60.0))
    assert marks_figure(made(near, "gaussian_kl"), find_measure("gaussian_kl")).layout.yaxis.type == "linear"
    assert marks_figure(made(far, "gaussian_kl"), find_measure("gaussian_kl")).layout.yaxis.type == "log"
    below = made({"craft": {10: [-1.0]}, "random": {10: [60.0]}})
    assert marks_figure(below, find_measure("energy")).layout.yaxis.type == "linear"


def test_beyond_the_colours_there_are_methods_are_grey_and_behind_the_others() -> None:
    found = made({name: {10: [1.0]} for name in SELECTORS})
    drawn = marks_figure(found, find_measure("energy")).data
    grey, coloured = drawn[:-MOST_COLOURED], drawn[-MOST_COLOURED:]
    assert {trace.marker.color for trace in grey} == {REST}
    assert len({trace.marker.color for trace in coloured} - {REST}) == MOST_COLOURED
    assert [trace.name for trace in coloured] == list(SELECTORS)[:MOST_COLOURED]
    assert {trace.name for trace in grey} == {"other methods"}
    assert [trace.showlegend for trace in grey] == [True] + [False] * (len(grey) - 1)


def test_the_methods_in_colour_are_those_asked_for() -> None:
    found = made({name: {10: [1.0]} for name in ("craft", "random", "nearest")})
    drawn = marks_figure(found, find_measure("energy"), ("nearest", "not compared", "craft")).data
    assert [trace.name for trace in drawn] == ["other methods", "nearest", "craft"]
    other = marks_figure(found, find_measure("mean_tokens"), ("nearest", "craft"), legend=False).data
    assert [trace.marker.color for trace in drawn] == [trace.marker.color for trace in other]
    assert not any(trace.showlegend for trace in other)


@pytest.mark.parametrize("dark", [False, True])
def test_the_overlap_has_its_numbers_in_the_cells(dark: bool) -> None:
    chosen = {"craft": np.array([1, 2, 3]), "random": np.array([3, 4])}
    trials = tuple(Trial(name, 3, 0, rows, EMPTY) for name, rows in chosen.items())
    matrix = overlap_figure(Comparison(Plan((Craft(), Random()), (3,)), trials, ""), 3, dark).data[0]
    assert matrix.z.tolist() == pytest.approx(np.array([[1, 0.25], [0.25, 1]]))
    assert [list(row) for row in matrix.text] == [["1", ".25"], [".25", "1"]]
    assert list(matrix.x) == list(matrix.y) == ["craft", "random"]


def test_seconds_alone_and_with_what_is_needed() -> None:
    trials = tuple(
        Trial(name, 3, seed, np.arange(3), EMPTY | {"seconds": alone, "seconds_built": alone + built})
        for name, alone, built in (("craft", 0.5, 7.0), ("random", 0.0, 0.0))
        for seed in (0, 1)
    )
    alone, built = seconds_figure(Comparison(Plan((Craft(), Random()), (3,), (0, 1)), trials, "")).data
    assert list(alone.x) == [0.5, 1e-4]  # a logarithmic axis has no 0
    assert list(built.x) == [7.5, 1e-4]
