"""The figures of the Learn page, by the data of their traces."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from craft_core.allocate import allocate
from craft_core.figures import (
    RESIDUAL_NAMES,
    cell_figure,
    cells_figure,
    doubt_figure,
    laws_figure,
    residual_figure,
    sharing_figure,
    targets_figure,
    toy_sweep_figure,
)
from craft_core.toy import Cut, Doubt, Setting, Shortage, TradeOff, World, cut, make_world, narrowing, residual_curves


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(Setting(n_pool=1_000, n_validation=200))


@pytest.fixture(scope="module")
def part(world: World) -> Cut:
    return cut(world, 6)


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]


def test_the_legend_says_how_many_pairs_are_drawn(world: World) -> None:
    figure = laws_figure(world, ratio=False)
    assert names(figure) == ["pool: 800 of 1,000", "validation: 200"]
    assert len(figure.data[2].x) == 800
    assert figure.layout.yaxis.scaleanchor == "x"


def test_the_ratio_is_cut_at_eight_times_and_zero_in_the_middle(world: World) -> None:
    heat = laws_figure(world, ratio=True).data[0]
    assert (heat.zmin, heat.zmax) == (-3.0, 3.0)
    assert np.abs(np.array(heat.z)).max() <= 3.0
    right, left = np.array(heat.z)[:, 40:].mean(), np.array(heat.z)[:, :10].mean()
    assert left < 0 < right


def test_cells_are_filled_only_when_shares_are_given(world: World, part: Cut) -> None:
    empty = cells_figure(world, part, {2: "A"}, None)
    filled = cells_figure(world, part, {2: "A", 3: "B"}, np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.0]), dark=True)
    assert len(empty.layout.shapes) == 0
    assert len(filled.layout.shapes) == 6
    assert len({shape.fillcolor for shape in filled.layout.shapes}) == 5
    assert [note.text for note in filled.layout.annotations] == ["A", "B"]
    bar = next(trace for trace in filled.data if trace.marker.colorbar.title.text)
    assert bar.marker.cmax == pytest.approx(40.0)


def test_a_cell_from_near_shows_its_diameter(world: World, part: Cut) -> None:
    figure = cell_figure(world, part, 1)
    line = next(trace for trace in figure.data if trace.name == "diameter")
    assert np.hypot(np.diff(line.x), np.diff(line.y))[0] == pytest.approx(part.truth.diameters[1], abs=1e-5)
    drawn = next(trace for trace in figure.data if str(trace.name).startswith("validation"))
    assert len(drawn.x) == part.clustering.validation_counts[1]


def test_cells_that_ran_out_are_hatched_and_the_first_is_bold() -> None:
    allocation = allocate("water-fill", np.array([1, 5, 3]), np.array([10, 2, 20]), 9)
    figure = sharing_figure(allocation, Shortage(1, 4))
    supply, given, out, quota = figure.data
    assert list(supply.x) == [10, 2, 20]
    assert list(given.y) == ["cell 0", "cell 2"]
    assert list(out.y) == ["<b>cell 1</b>"]
    assert list(out.x) == [2]
    assert out.marker.pattern.shape == "/"
    assert list(quota.x) == pytest.approx([1.0, 5.0, 3.0])
    assert "<b>" not in "".join(sharing_figure(allocation, None).data[0].y)


def test_residuals_are_drawn_with_the_truth_and_the_slope(part: Cut) -> None:
    slopes = np.array([1.0, 5.0, 20.0])
    curves = residual_curves(part.truth, 2, slopes)
    figure = residual_figure(curves, 5.0, 7.5, 0.02, dark=True)
    assert names(figure) == [*RESIDUAL_NAMES.values(), "truth"]
    assert figure.data[0].y == pytest.approx(slopes * part.truth.diameters[2])
    assert list(figure.data[3].y) == [0.02, 0.02]
    band, line = (next(one for one in figure.layout.shapes if one.type == kind) for kind in ("rect", "line"))
    assert (band.x0, band.x1) == (0, 7.5)
    assert line.x0 == 5.0


def test_the_true_kl_is_hidden_until_it_is_revealed() -> None:
    one = np.array([0.1, 0.05, 0.2])
    found = TradeOff(np.array([2, 8, 32]), one, np.array([0.0, 0.0, 0.1]), one / 2, one / 3, 10 * one)
    assert names(toy_sweep_figure(found, revealed=False)) == ["what is left inside", "noise floor"]
    figure = toy_sweep_figure(found, revealed=True)
    assert names(figure)[-1] == "true KL"
    assert list(figure.data[-1].marker.symbol) == ["circle", "circle", "circle-open"]
    assert figure.layout.annotations[0].text == "smallest: 8 clusters"
    assert 10 ** figure.layout.annotations[0].x == pytest.approx(8)


def test_targets_show_one_way_or_none() -> None:
    world = make_world(Setting(n_pool=1_000, n_validation=200))
    found = narrowing(world, cut(world, 6), 100)
    assert names(targets_figure(world, found, None)) == [f"candidates: {len(found.members)}", f"validation: {len(found.validation)}"]
    figure = targets_figure(world, found, 2)
    chosen = next(trace for trace in figure.data if trace.name.startswith("chosen"))
    assert np.array_equal(np.column_stack([chosen.x, chosen.y]), world.pool.targets[found.ways[2].indices])


def test_groups_of_a_map_differ_by_colour_and_mark() -> None:
    places = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    groups = np.repeat([0, 1, 2], 10).astype(np.int32)
    figure = doubt_figure(Doubt("distance", places.copy(), groups, places.copy(), places.copy()), places)
    assert names(figure) == ["group A: 10", "group B: 10", "group C: 10"]
    assert len({trace.marker.color for trace in figure.data}) == 3
    assert len({trace.marker.symbol for trace in figure.data}) == 3
    one = doubt_figure(Doubt("noise", places.copy(), np.zeros(30, np.int32), places.copy(), places.copy()), places)
    assert names(one) == ["rows: 30"]
