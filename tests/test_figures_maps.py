"""The map, by the data of its traces: every pair once, colours that mean one thing, and hostile text that stays text."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from craft_core.allocate import Allocation
from craft_core.errors import DataError
from craft_core.figures import (
    HIGHLIGHT_LIMIT,
    SVG_LIMIT,
    Colouring,
    MapLayer,
    MapLinks,
    MapRegion,
    by_allocation,
    by_cluster,
    by_column,
    by_trust,
    by_value,
    hover_texts,
    map_figure,
    pca_axes,
)
from craft_core.figures.theme import REST
from craft_core.project import density


def layer(name: str, n: int, total: int | None = None) -> MapLayer:
    xy = np.random.default_rng(0).standard_normal((n, 2)).astype(np.float32)
    texts = hover_texts(["if a<b and c>d"] * n, ["<a href='x'>"] * n, ["cluster 1"] * n)
    return MapLayer(name, xy, np.arange(10, n + 10), texts, n if total is None else total)


def points(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.customdata is not None]


def legend(figure: go.Figure, which: str | None) -> list[str]:
    return [trace.name for trace in figure.data if trace.customdata is None and trace.showlegend is not False and trace.legend == which]


def labels(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_every_layer_has_its_points_its_symbol_and_its_entry():
    layers = [layer("pool", 5, total=1234), layer("selected", 2), layer("validation", 3)]
    figure = map_figure(layers, by_cluster([labels(0, 0, 1, 1, 1), labels(0, 1), labels(0, 0, 0)], np.array([0.7, 0.3])))
    assert [len(trace.x) for trace in points(figure)] == [5, 2, 3]
    assert len({trace.marker.symbol for trace in points(figure)}) == 3
    assert legend(figure, None) == ["pool: 5 of 1,234, sampled", "selected: 2", "validation: 3"]
    assert legend(figure, "legend2") == ["0", "1"]
    assert all(trace.type == "scattergl" and trace.x.dtype == np.float32 for trace in points(figure))
    assert points(figure)[0].customdata[0][0] == 10  # the position of the pair, for a click
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.uirevision == "map"


def test_hostile_texts_stay_visible():
    figure = map_figure([layer("pool", 1)], by_value([np.ones(1)], "Score"))
    assert list(points(figure)[0].customdata[0][1:]) == ["if a&lt;b and c&gt;d", "&lt;a href='x'&gt;", "cluster 1", "pool"]
    assert "a<b" not in figure.to_json().replace("\\u003c", "<")
    named = map_figure([layer("<b>mine", 1)], by_column([np.array(["<i>x"], dtype=object)], "<u>"))
    assert legend(named, "legend2") == ["&lt;i&gt;x"]
    assert legend(named, None) == ["&lt;b&gt;mine: 1"]


def test_clusters_beyond_the_eight_most_wanted_are_grey():
    wanted = np.arange(20.0)
    colouring = by_cluster([labels(19, 12, 11, 0, -1)], wanted, tuple((f"word{c}",) for c in range(20)))
    assert colouring.categories[0] == "19 · word19"
    assert colouring.categories[8] == "12 other clusters"
    assert np.array_equal(colouring.values[0], [0, 7, 8, 8, np.nan], equal_nan=True)
    figure = map_figure([layer("pool", 5)], colouring)
    colours = {colour for _, colour in figure.layout.coloraxis.colorscale}
    assert len(colours - {REST}) == 8
    assert REST in colours
    assert legend(figure, "legend2")[-1] == "no value"
    assert sum(len(trace.x) for trace in points(figure)) == 5


def test_allocation_is_a_log_ratio_cut_at_eight():
    allocation = Allocation(20, np.array([10, 10, 0, 0]), np.array([50, 50, 5, 5]), np.array([1, 2, 1, 0]))
    colouring = by_allocation([labels(0, 1, 2, 3, -1)], allocation)
    assert np.array_equal(colouring.values[0], [1.0, 0.0, -3.0, np.nan, np.nan], equal_nan=True)
    assert colouring.limits == (-3.0, 3.0)
    assert len(colouring.ticks) == 7


def test_quantities_are_cividis_and_missing_ones_grey():
    figure = map_figure([layer("pool", 3), layer("validation", 2)], by_value([np.array([1.0, -np.inf, 3.0]), np.full(2, np.nan)], "Score"))
    grey = [trace for trace in points(figure) if isinstance(trace.marker.color, str)]
    assert [(trace.marker.color, len(trace.x)) for trace in grey] == [(REST, 1), (REST, 2)]
    assert figure.layout.coloraxis.cmin == 1.0
    assert figure.layout.coloraxis.cmax == 3.0
    assert figure.layout.coloraxis.colorscale[0][1] == "#00224e"
    assert figure.layout.coloraxis.colorbar.title.text == "Score"


def test_a_column_keeps_its_seven_most_frequent_values():
    values = np.array([c for i, c in enumerate("abcdefghi") for _ in range(9 - i)] + [None, ""], dtype=object)
    colouring = by_column([values], "domain")
    assert colouring.categories == (*"abcdefg", "2 other values")
    assert colouring.values[0][0] == 0.0
    assert colouring.values[0][-3] == 7.0
    assert np.isnan(colouring.values[0][-2:]).all()


def test_a_column_of_numbers_is_a_quantity():
    colouring = by_column([np.array([1, 2, 3])], "year")
    assert colouring.categories == ()
    assert colouring.limits == (1.0, 3.0)


def test_without_webgl_few_points_are_drawn_and_that_is_said():
    layers = [layer("pool", 5000), layer("validation", 1000)]
    figure = map_figure(layers, by_value([np.ones(5000), np.ones(1000)], "Score"), webgl=False)
    assert sum(len(trace.x) for trace in points(figure)) <= SVG_LIMIT
    assert all(trace.type == "scatter" for trace in points(figure))
    assert legend(figure, None) == ["pool: 2,500 of 5,000, sampled", "validation: 500 of 1,000, sampled"]


def test_empty_layers_and_no_values_at_all():
    figure = map_figure([layer("selected", 0)], by_value([np.zeros(0)], "Score"))
    assert points(figure) == []
    assert by_value([np.full(2, np.nan)], "Score").limits == (0.0, 1.0)


SCORE = by_value([np.ones(2)], "Score")
TRIANGLE = np.array([[0, 0], [1, 0], [0.5, 1.25]])


def lines(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.mode == "lines" and trace.x[0] is not None]


@pytest.mark.parametrize("webgl", [True, False])
def test_regions_are_closed_and_named(webgl: bool):
    regions = [MapRegion("mine", TRIANGLE), MapRegion("<b>pinned", TRIANGLE + 1, current=False), MapRegion("two points", TRIANGLE[:2])]
    figure = map_figure([layer("pool", 2)], SCORE, regions=regions, webgl=webgl)
    pinned, current = lines(figure)  # the one in use is drawn last
    assert current.x.tolist() == [0, 1, 0.5, 0]
    assert current.y.tolist() == [0, 0, 1.25, 0]
    assert (current.line.dash, pinned.line.dash) == ("solid", "dash")
    assert {trace.hoverinfo for trace in (current, pinned)} == {"skip"}
    assert {trace.type for trace in lines(figure)} == {"scattergl" if webgl else "scatter"}
    assert [(one.text, one.x, one.y) for one in figure.layout.annotations] == [("&lt;b&gt;pinned", 1.5, 2.25), ("mine", 0.5, 1.25)]


@pytest.mark.parametrize("dark", [True, False])
def test_density_lies_behind_and_is_clear_where_nothing_is(dark: bool):
    cloud = density(np.array([[0.0, 0.0]] * 50 + [[4.0, 2.0]]), bins=4)
    figure = map_figure([layer("pool", 2)], SCORE, density=cloud, dark=dark)
    heat = figure.data[0]
    assert heat.type == "heatmap"
    assert (heat.hoverinfo, heat.showscale) == ("skip", False)
    assert heat.colorscale[0][1].endswith(", 0)")
    assert heat.z.shape == (len(heat.y), len(heat.x))
    assert np.unravel_index(heat.z.argmax(), heat.z.shape) == (np.abs(heat.y - 0.5).argmin(), np.abs(heat.x - 0.5).argmin())
    assert heat.z[:, [0, -1]].max() < 0.01  # it has faded before its rim
    assert heat.z[[0, -1]].max() < 0.01


def test_an_empty_density_can_be_drawn():
    assert map_figure([layer("pool", 2)], SCORE, density=density(np.zeros((0, 2)))).data[0].z.max() == 0.0


@pytest.mark.parametrize("webgl", [True, False])
def test_links_go_from_the_pair_to_each_neighbour(webgl: bool):
    ends = layer("pool", 3), layer("validation", 2)
    figure = map_figure([layer("pool", 2)], SCORE, links=MapLinks(layer("pair", 1), ends), webgl=webgl)
    drawn = lines(figure)
    for end, line in zip(ends, drawn, strict=True):
        begins, stops = line.x[0::3], line.x[1::3]
        assert np.array_equal(begins, np.full(len(end.xy), layer("pair", 1).xy[0, 0]))
        assert np.array_equal(stops, end.xy[:, 0])
        assert np.isnan(line.x[2::3]).all()
        assert line.hoverinfo == "skip"
    assert len({line.line.dash for line in drawn}) == len({line.line.color for line in drawn}) == 2
    told = [(trace.name, row[0], row[4]) for trace in points(figure)[1:] for row in trace.customdata]
    assert told == [
        *(("pool", i, "pool") for i in (10, 11, 12)),
        *(("validation", i, "validation") for i in (10, 11)),
        ("this pair", 10, "pair"),
    ]
    assert legend(figure, None)[1:] == ["neighbours in pool: 3", "neighbours in validation: 2", "this pair"]
    assert {trace.type for trace in points(figure)} == {"scattergl" if webgl else "scatter"}


def test_links_without_neighbours_and_of_two_pairs():
    figure = map_figure([layer("pool", 2)], SCORE, links=MapLinks(layer("pair", 1), (layer("pool", 0),)))
    assert lines(figure) == []
    with pytest.raises(DataError, match="begin at one pair. Got 2"):
        MapLinks(layer("pair", 2), ())


@pytest.mark.parametrize(("webgl", "most"), [(True, HIGHLIGHT_LIMIT), (False, 1_000)])
def test_found_pairs_are_circled_and_counted(webgl: bool, most: int):
    figure = map_figure([layer("pool", 2)], SCORE, highlight=layer("found", 2_500, total=4_312), webgl=webgl)
    assert len(points(figure)[-1].x) == most
    assert points(figure)[-1].customdata[0][0] == 10  # the first on
    assert legend(figure, None)[-1] == f"found: {most:,} of 4,312"
    none = map_figure([layer("pool", 2)], SCORE, highlight=layer("found", 0))
    assert legend(none, None)[-1] == "found: 0"


def test_what_is_not_asked_for_is_dimmed_but_can_be_clicked():
    mask = [np.array([True, False, True, False]), np.array([False])]
    colouring = by_value([np.array([1.0, 2.0, np.nan, 4.0]), np.ones(1)], "Score")
    figure = map_figure([layer("pool", 4), layer("validation", 1)], colouring, only=mask)
    dim, grey, lit, also_dim = points(figure)
    assert [row[0] for row in dim.customdata] == [11, 13]
    assert [row[0] for row in grey.customdata] == [12]
    assert [row[0] for row in lit.customdata] == [10]
    assert (dim.marker.color, also_dim.marker.color) == (REST, REST)
    assert dim.marker.opacity < grey.marker.opacity < lit.marker.opacity
    with pytest.raises(DataError, match="dimmed points of the map are for layers of \\[1\\]"):
        map_figure([layer("pool", 2)], SCORE, only=[np.ones(1, dtype=bool)])


def test_the_rest_stands_back_behind_named_clusters():
    colouring = by_cluster([labels(0, 19)], np.arange(20.0))
    rest, named = points(map_figure([layer("pool", 2)], colouring))
    assert ([row[0] for row in rest.customdata], rest.marker.color) == ([10], REST)
    assert [row[0] for row in named.customdata] == [11]
    assert rest.marker.opacity < named.marker.opacity


def test_without_webgl_marks_count_among_the_points():
    links = MapLinks(layer("pair", 1), (layer("pool", 10), layer("validation", 10)))
    found = layer("found", 5_000)
    figure = map_figure([layer("pool", 9_000)], by_value([np.ones(9_000)], "Score"), links=links, highlight=found, webgl=False)
    assert sum(len(trace.x) for trace in points(figure)) == SVG_LIMIT


def test_trust_has_words_and_a_fixed_scale():
    colouring = by_trust([np.array([0.2, 0.9, np.nan])])
    assert colouring.limits == (0.5, 1.0)
    assert colouring.ticks == ((0.5, "≤ 0.5 torn apart"), (0.75, "0.75"), (1.0, "1 true neighbours"))
    figure = map_figure([layer("pool", 3)], colouring)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0.5, 1.0)
    assert points(figure)[0].marker.color == REST


@pytest.mark.parametrize("mode", ["lasso", "select", "pan"])
def test_dragging_does_what_is_asked(mode: str):
    assert map_figure([layer("pool", 2)], SCORE, dragmode=mode).layout.dragmode == mode


def test_the_map_fills_its_height():
    figure = map_figure([layer("pool", 9)], by_value([np.ones(9)], "Score"))
    low, high = figure.layout.yaxis.range
    y = layer("pool", 9).xy[:, 1]
    assert low < y.min() < y.max() < high
    assert high - low < 1.1 * np.ptp(y)


def test_axes():
    assert pca_axes(np.array([0.123, 0.05])) == ("PC 1 (12.3 % of variance)", "PC 2 (5.0 % of variance)")
    figure = map_figure([layer("pool", 2)], by_value([np.ones(2)], "Score"), axes=("PC 1", "PC 2"))
    assert figure.layout.xaxis.title.text == "PC 1"
    assert figure.layout.xaxis.showticklabels is False


def test_lengths_must_agree():
    with pytest.raises(DataError, match="layers of \\[3\\] pairs, but its layers have \\[2\\]"):
        map_figure([layer("pool", 2)], Colouring("Score", (np.ones(3),)))
    with pytest.raises(DataError, match="'pool' has 2 places, 1 positions and 2 texts"):
        MapLayer("pool", np.zeros((2, 2), np.float32), np.arange(1), hover_texts("ab", "ab", "ab"), 2)
