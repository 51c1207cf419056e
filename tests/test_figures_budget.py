"""The figures of the Budget page, by the data of their traces."""

from __future__ import annotations

import numpy as np
import pytest

from craft_core.budgets import CURVES, Between, BudgetCurve, knee
from craft_core.figures import PANELS, between_figure, curve_figure, frequency_counts, frequency_figure, spread_figure
from craft_core.figures.budget import budget_axis

BUDGETS = np.array([50, 100, 1_000, 10_000])
KL = np.array([np.inf, 0.5, 0.05, 0.04])
COVERED = {name: np.array([0.1, 0.5, 0.8, 0.9]) for name in PANELS["coverage"]}
CURVE = BudgetCurve(
    BUDGETS, {"kl": KL, "tokens": BUDGETS * 20.0, "energy": np.array([0.02, -0.001, 0.001, 0.0]), **COVERED}, "the test set"
)


def test_every_curve_has_a_panel():
    assert sorted(name for names in PANELS.values() for name in names) == sorted(CURVES)


def test_a_curve_with_its_knee_and_both_budgets():
    figure = curve_figure(CURVE, ("kl",), 1_000, 100)
    line, mark = figure.data
    assert list(line.x) == list(BUDGETS)
    assert np.isnan(line.y[0])  # infinite is a gap, never a number
    assert list(line.y[1:]) == [0.5, 0.05, 0.04]
    assert [mark.x[0], mark.y[0]] == [knee(BUDGETS, KL, "lower"), 0.05] == [1_000, 0.05]
    assert [(shape.x0, shape.line.dash) for shape in figure.layout.shapes] == [(1_000, None), (100, "dot")]
    assert figure.layout.xaxis.type == "log"
    assert not figure.layout.showlegend


def test_the_bound_is_a_band_without_a_line_in_it_and_exact_where_it_is_known():
    curve = BudgetCurve(BUDGETS, {"bound": np.array([np.inf, 5.0, 4.0, 3.0]), "bound_low": np.array([np.inf, 4.0, 3.0, 2.0])}, "")
    low, high, point = curve_figure(curve, ("bound", "bound_low"), 100, exact={100: 4.2}).data
    assert list(low.y[1:]) == [4.0, 3.0, 2.0]
    assert list(high.y[1:]) == [5.0, 4.0, 3.0]
    assert high.fill == "tonexty"
    assert low.line.width == high.line.width == 1
    assert (point.x, point.y) == ((100,), (4.2,))
    one, other = curve_figure(curve, ("bound", "bound_low"), 100, runs=[curve, curve]).data[:2]
    assert one.name == "all runs"
    assert other.name == "Bound on KL"


def test_one_line_where_both_budgets_are_the_same():
    assert [shape.x0 for shape in curve_figure(CURVE, ("kl",), 100, 100).layout.shapes] == [100]


def test_a_curve_without_a_better_side_has_no_knee():
    assert len(curve_figure(CURVE, ("tokens",), 100).data) == 1


def test_negative_estimates_are_drawn():
    assert curve_figure(CURVE, ("energy",), 100).data[0].y[1] == -0.001


def test_four_coverages_share_a_panel_in_percent():
    figure = curve_figure(CURVE, PANELS["coverage"], 100)
    lines = [trace for trace in figure.data if trace.name != "knee"]
    assert [line.name for line in lines] == ["source words", "source word pairs", "target words", "target word pairs"]
    assert len({(line.line.color, line.line.dash) for line in lines}) == 4
    assert figure.layout.yaxis.tickformat == ".0%"
    assert figure.layout.showlegend


def test_anchors_are_levels_with_names():
    figure = curve_figure(CURVE, ("energy",), 100, anchors={"random <pairs>": 0.03})
    assert figure.layout.shapes[1].y0 == figure.layout.shapes[1].y1 == 0.03
    assert figure.layout.annotations[0].text == "random &lt;pairs&gt;"


def test_the_band_goes_from_the_least_to_the_most_where_all_runs_are_finite():
    other = BudgetCurve(BUDGETS, {"kl": np.array([0.9, 0.4, 0.06, 0.03])}, "")
    band = curve_figure(CURVE, ("kl",), 100, runs=[CURVE, other]).data[0]
    assert list(band.x) == [100, 1_000, 10_000, 10_000, 1_000, 100]
    assert list(band.y) == [0.4, 0.05, 0.03, 0.04, 0.06, 0.5]


def test_no_band_for_a_curve_the_runs_do_not_have():
    assert [trace.name for trace in curve_figure(CURVE, ("tokens",), 100, runs=[BudgetCurve(BUDGETS, {"kl": KL}, "")]).data] != ["all runs"]


@pytest.mark.parametrize(
    ("last", "shown"), [(150, ["10", "20", "50", "100", "200"]), (50_000, ["10", "100", "1,000", "10,000", "100,000"])]
)
def test_the_axis_of_budgets_is_labelled_with_whole_numbers(last: int, shown: list[str]):
    assert set(shown) <= set(budget_axis(np.array([15, last]))["ticktext"])


def test_who_enters_and_leaves_by_cluster_with_the_rest_summed():
    change = Between(np.arange(17), np.arange(3), np.array([2, 0, 10, 5, 0]), np.array([0, 3, 0, 0, 0]))
    figure = between_figure(change, ((), ("<i>",), (), (), ()), top=2)
    enter, leave = figure.data
    assert list(enter.y) == ["2", "3", "2 other clusters"]
    assert list(enter.x) == [10, 5, 2]
    assert list(leave.x) == [0, 0, -3]
    assert list(leave.customdata) == [0, 0, 3]
    assert list(between_figure(change, ((), ("<i>",), (), (), ())).data[0].y) == ["2", "3", "1 · &lt;i&gt;", "0"]


def test_nobody_leaves():
    change = Between(np.arange(2), np.arange(0), np.array([2, 0]), np.array([0, 0]))
    assert [trace.name for trace in between_figure(change).data] == ["enter"]


def test_how_often_pairs_are_chosen():
    frequency = np.array([0.0, 1 / 3, 1 / 3, 1.0, 2 / 3], dtype=np.float32)
    assert list(frequency_counts(frequency, 3)) == [2, 1, 1]
    bars = frequency_figure(frequency, 3).data[0]
    assert list(bars.x) == [1, 2, 3]
    assert list(bars.y) == [2, 1, 1]


def test_the_spread_of_the_largest_clusters():
    counts = np.array([[5, 20, 9], [7, 10, 9], [6, 30, 9]])
    bars, own = spread_figure(counts, ((), ("sea",), ()), top=2).data
    assert list(bars.y) == ["1 · sea", "2"]
    assert list(bars.base) == [10, 9]
    assert list(bars.x) == [20, 0]
    assert list(own.x) == [20, 9]


@pytest.mark.parametrize("dark", [False, True])
def test_lines_can_be_seen_on_both_backgrounds(dark: bool):
    colours = {shape.line.color for shape in curve_figure(CURVE, ("kl",), 1_000, 100, dark=dark).layout.shapes}
    assert not colours & {"#ffffff", "#0e1117"}
