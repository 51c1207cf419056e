"""The figures of the bound, of the sweep and of what is measured, by the data of their traces."""

import math
from dataclasses import replace

import numpy as np
import pytest

from craft_core.allocate import Allocation
from craft_core.bound import CellGeometry, Transport
from craft_core.discrepancy import Divergences, Energy
from craft_core.figures import (
    bound_figure,
    divergence_figure,
    held_out_figure,
    residual_scatter,
    ruler_figure,
    size_figure,
    term_figure,
    trade_off_figure,
    transport_figure,
)
from craft_core.figures.bound import TERMS
from craft_core.sweep import SweepPoint, trade_off

L_GRID = tuple(np.geomspace(0.01, 100, 41))


def point(n_clusters: int = 3, diameter: float = 1.2, energy: Energy | None = None) -> SweepPoint:
    """Three cells, the last one without validation pairs; the second ran out."""
    allocation = Allocation(10, np.array([8, 2, 0]), np.array([30, 2, 9]), np.array([4, 6, 0]))
    cells = CellGeometry(np.full(3, diameter), np.full(3, diameter), np.full(3, 0.1), np.full(3, 0.1), np.array([12, 8, 0]))
    return SweepPoint(n_clusters, allocation, cells, energy)


def test_the_bound_against_l_marks_where_it_is():
    bounds = [point().bound(one) for one in L_GRID]
    figure = bound_figure(bounds, 2.0, (0.5, 3.0))
    linear, hoeffding, _, bound, now = figure.data
    assert [one.name for one in figure.data[:4]] == ["linear", "Hoeffding", "Bennett", "bound"]
    assert linear.y[-1] == pytest.approx(120.0)
    assert hoeffding.y[20] == pytest.approx(1.2**2 / 8, rel=1e-6)  # L = 1
    assert bound.y[20] == pytest.approx(bounds[20].total)
    assert (np.array(bound.y) <= np.array(hoeffding.y) + bounds[0].discrete + 1e-12).all()
    assert now.x[0] == 2.0
    assert now.y[0] == pytest.approx(point().bound(2.0).total, rel=0.02)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_the_strip_names_the_smallest_residual_and_the_area_what_says_nothing():
    figure = bound_figure([point().bound(one) for one in L_GRID], 2.0, (0.5, 3.0))
    strip = [shape for shape in figure.layout.shapes if shape.yref == "paper" and shape.type == "rect"]
    # V / D^2 = 0.07 is below 1/4, so Bennett is smallest for a small spread; Hoeffding in between; linear above L D = 8
    assert [one.fillcolor for one in strip] == [TERMS[False][name] for name in ("bennett", "hoeffding", "linear")]
    assert strip[0].x1 == strip[1].x0
    assert strip[1].x1 == pytest.approx(8 / 1.2, rel=0.2)
    assert [note.text for note in figure.layout.annotations] == ["doubtful: above 0.5", "says nothing: above 3"]
    assert [shape.y0 for shape in figure.layout.shapes if shape.xref == "paper"] == [0.5, 3.0]
    assert not bound_figure([point().bound(one) for one in L_GRID], 2.0, (-0.2, -0.1)).layout.annotations


def test_huge_and_infinite_bounds_can_be_drawn():
    bounds = [point(diameter=2.0).bound(one) for one in (1.0, 100.0, 1e4)]
    figure = bound_figure(bounds, 1e4)
    assert math.isnan(figure.data[2].y[-1])  # Bennett overflows
    assert figure.data[3].y[-1] == pytest.approx(2e4, rel=1e-3)


def test_the_ruler_shows_negative_ends_at_its_edge_and_in_words():
    rows = {"floor": (0.05, 0.05, 0.05), "measured <b>": (-0.9, float("nan"), 3.9), "bound": (1.0, float("inf"), float("inf"))}
    figure = ruler_figure(rows, dict.fromkeys(rows, "#000000"))
    words = [note.text for note in figure.layout.annotations]
    assert words == ["floor  <b>0.05</b>", "measured &lt;b&gt;  <b>-0.9 to 3.9</b>", "bound  <b>∞</b>"]
    bands = [one for one in figure.data if one.mode == "lines"]
    assert bands[1].x[0] == pytest.approx(0.05 / 3)
    assert bands[1].x[1] == 3.9
    marks = [one for one in figure.data if one.mode == "markers"]
    assert [one.marker.symbol for one in marks] == ["diamond", "triangle-right"]


def test_the_scatter_has_a_mark_for_each_cluster_with_validation_pairs():
    one = point()
    figure = residual_scatter(one.bound(1.0), one.cells.diameter_high, one.allocation, (("<i>",), ("sea",), ()), chosen=1)
    fine, starved, ring = figure.data
    assert [mark[0] for mark in fine.customdata] == [0]
    assert [mark[0] for mark in starved.customdata] == [1]
    assert fine.customdata[0][1] == "0 · &lt;i&gt;"
    assert fine.y[0] + starved.y[0] == pytest.approx(100.0)
    terms = one.bound(1.0).contributions
    assert starved.y[0] == pytest.approx(100 * terms[1] / terms.sum())
    assert ring.y[0] == starved.y[0]
    assert len(residual_scatter(one.bound(1.0), one.cells.diameter_high, one.allocation, chosen=2).data) == 2  # not drawn, so not ringed


def test_negative_estimates_are_drawn_as_they_are():
    readings = {"selection": Divergences(1.2, -0.3, 0.9, 0.8), "<random>": Divergences(3.0, 0.5, 1.1, 1.0)}
    gaussian, knn = divergence_figure(readings).data
    assert list(knn.x) == [-0.3, 0.5]
    assert list(gaussian.y) == ["selection", "&lt;random&gt;"]


@pytest.mark.parametrize("exact", [None, 0.4])
def test_the_transport_bar_adds_up(exact: float | None):
    shared, wide = np.array([0.5, 0.3, 0.1]), np.array([1.0, 0.9, 0.8])
    found = Transport(shared, wide, wide, 1.5, 0.1)
    figure = transport_figure(found, exact, top=2)
    pieces = [one for one in figure.data if one.y[0] == "bound" and one.x[0] is not None]
    assert sum(one.x[0] for one in pieces) == pytest.approx(found.total)
    assert "1 other clusters" in pieces[2].hovertemplate
    assert [one.x[0] for one in figure.data if one.y[0] == "true W1"] == ([] if exact is None else [0.4])


def points() -> tuple[SweepPoint, ...]:
    energies = (Energy(0.03, 0.02, 0.02), Energy(0.01, 0.02, 0.03), None)
    return tuple(point(k, 1.5 - 0.1 * i, energy) for i, (k, energy) in enumerate(zip((2, 8, 32), energies, strict=True)))


def test_the_terms_are_stacked_and_the_floor_is_beside_them():
    discrete, residual, floor = term_figure(points(), 1.0, "forward", 10).data
    assert discrete.stackgroup == residual.stackgroup == "bound"
    assert list(discrete.y) == pytest.approx([one.bound(1.0).covered for one in points()])
    assert list(residual.y) == pytest.approx([one.bound(1.0).residual_sum for one in points()])
    assert list(floor.y) == pytest.approx([1 / 20, 7 / 20, 31 / 20])


def test_points_that_leave_clusters_out_are_open_marks_beside_the_lines():
    few = replace(points()[1], allocation=Allocation(10, np.array([10, 0, 0]), np.array([30, 2, 9]), np.array([4, 6, 0])))
    discrete, residual, shares, whole, floor = term_figure((points()[0], few, points()[2]), 1.0, "forward", 10).data
    assert list(discrete.x) == list(residual.x) == [2, 32]
    assert list(shares.x) == list(whole.x) == [8]
    assert shares.marker.symbol == whole.marker.symbol == "circle-open"
    assert shares.mode == whole.mode == "markers"
    assert shares.y[0] == few.bound(1.0).covered
    assert whole.y[0] == few.bound(1.0).covered_total
    assert list(floor.x) == [2, 8, 32]
    assert len(term_figure((points()[0], few), 1.0, "reverse", 10).data) == 3


def test_terms_of_inexact_diameters_have_their_lower_end_too():
    wide = tuple(replace(one, cells=replace(one.cells, diameter_low=np.full(3, 0.5))) for one in points())
    *_, low, _ = term_figure(wide, 1.0, "forward", 10).data
    assert list(low.y) == pytest.approx([one.low_bound(1.0).covered_total for one in wide])
    assert (np.array(low.y) < [one.bound(1.0).covered_total for one in wide]).all()


def test_the_suggestion_is_shaded_and_the_present_number_marked():
    found = trade_off(points(), 1.0)
    figure = trade_off_figure(found, 10)
    assert figure.data[3].x[0] == found.best
    line, band = figure.layout.shapes
    assert line.x0 == line.x1 == 10
    assert band.x0 <= found.low <= found.high <= band.x1
    assert figure.data[2].y[0] == pytest.approx(found.total[0])


def test_sizes_in_one_unit_and_bounds_where_they_are_not_exact():
    diameter, spread = size_figure(points(), 10).data
    assert list(diameter.y) == pytest.approx([1.5, 1.4, 1.3])
    assert list(spread.y) == pytest.approx([math.sqrt(0.1)] * 3)
    one = points()[0]
    wide = replace(one, cells=replace(one.cells, diameter_low=np.full(3, 0.5)))
    low, high, _ = size_figure((wide, *points()[1:]), 10).data
    assert low.y[0] == pytest.approx(0.5)
    assert high.fill == "tonexty"


def test_held_out_distances_leave_out_points_without_one():
    figure = held_out_figure(points(), 10, noise=Energy(0.002, 0.002, 0.002))
    source, lowest, joint, other, noise = figure.data
    assert list(source.x) == [2, 8]
    assert lowest.x[0] == 8
    assert list(joint.y) == [0.02, 0.03]
    assert other.x[0] == 2
    assert list(noise.y) == [0.002, 0.002]


@pytest.mark.parametrize("dark", [False, True])
def test_dark_figures_differ_in_ink_alone(dark: bool):
    figure = trade_off_figure(trade_off(points(), 1.0), 10, dark)
    assert figure.data[2].line.color == ("#f2f4f8" if dark else "#1a1c24")
