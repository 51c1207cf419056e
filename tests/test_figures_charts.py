"""The other figures, by the data of their traces."""

from __future__ import annotations

import numpy as np
import pytest

from craft_core.allocate import allocate
from craft_core.discrepancy import Anchors, Energy
from craft_core.figures import STAGES, anchor_figure, count_figure, length_bins, length_histogram, pipeline_figure, share_figure

WANTED, SUPPLY = np.array([1, 5, 3, 1]), np.array([10, 2, 20, 8])
ANCHORS = Anchors(Energy(0.001, 0.002, 0.001), Energy(0.05, 0.06, 0.05), Energy(0.06, 0.07, 0.06))


def test_shares_are_sorted_and_the_rest_is_summed():
    allocation = allocate("water-fill", WANTED, SUPPLY, 10)
    figure = share_figure(allocation, (("<b>",), ("sea",), (), ()), top=2)
    validation, selected, pool = figure.data
    assert list(validation.y) == ["1 · sea", "2", "2 other clusters"]
    assert list(validation.x) == pytest.approx([50.0, 30.0, 20.0])
    assert list(pool.x) == pytest.approx([5.0, 50.0, 45.0])
    assert sum(selected.x) == pytest.approx(100.0)
    assert figure.layout.xaxis.title.text == "Share of pairs (%)"


def test_all_clusters_without_a_rest_and_with_safe_names():
    figure = share_figure(allocate("water-fill", WANTED, SUPPLY, 10), (("<b>",), (), (), ()))
    assert list(figure.data[0].y) == ["1", "2", "0 · &lt;b&gt;", "3"]


def test_starved_clusters_differ_by_pattern_and_colour():
    figure = count_figure(allocate("water-fill", WANTED, SUPPLY, 10))
    given, starved, quota = figure.data
    assert list(starved.y) == ["1"]
    assert list(starved.x) == [2]
    assert sum(given.x) + sum(starved.x) == 10
    assert list(quota.x) == pytest.approx([5.0, 3.0, 1.0, 1.0])
    assert starved.marker.pattern.shape == "/"
    assert starved.marker.color != given.marker.color
    assert starved.customdata[0].tolist() == [5.0, 2.0]  # quota, supply


def test_lengths_are_shares_of_each_set():
    figure = length_histogram(np.array([1, 2, 2, 3]), np.array([2, 2]), None, "words")
    pool, validation = figure.data
    assert pool.name == "pool (4)"
    assert dict(zip(pool.x, pool.y, strict=True))[2] == 50.0
    assert sum(pool.y) == pytest.approx(100.0)
    assert sum(validation.y) == pytest.approx(100.0)
    assert pool.line.dash != validation.line.dash


def test_the_last_bin_of_lengths_is_open():
    lengths = np.concatenate([np.full(1000, 10), [100_000]])
    edges = length_bins([lengths])
    assert edges[-1] < 20
    figure = length_histogram(lengths, np.array([1]), np.zeros(0, np.int64), "words")
    assert figure.data[0].customdata[-1].tolist() == [f"{edges[-1]} or more", 1]
    assert len(figure.data) == 2  # an empty test set has no line


def test_no_lengths_at_all():
    empty = np.zeros(0, np.int64)
    assert len(length_histogram(empty, empty, None, "words").data) == 0


def test_distances_beside_their_anchors():
    figure = anchor_figure({"craft <1>": Energy(0.01, 0.02, 0.012)}, ANCHORS)
    assert [trace.name for trace in figure.data] == ["source", "target", "joint"]
    assert list(figure.data[2].x) == [0.012, 0.001, 0.05, 0.06]
    assert list(figure.data[0].y) == ["craft &lt;1&gt;", "half against half (noise)", "random selection", "whole pool"]
    assert figure.layout.xaxis.type == "log"
    assert "0.02" in figure.layout.xaxis.ticktext


def test_negative_estimates_are_shown_as_they_are():
    figure = anchor_figure({"herding": Energy(-0.0003, 0.002, 0.001)}, ANCHORS)
    assert figure.data[0].x[0] == -0.0003
    assert figure.layout.xaxis.type != "log"
    assert "not positive" in figure.layout.xaxis.title.text


@pytest.mark.parametrize("dark", [False, True])
def test_the_pipeline_names_every_stage(dark: bool):
    figure = pipeline_figure(dark)
    words = " ".join(one.text for one in figure.layout.annotations)
    assert all(name in words and remark in words for name, remark in STAGES)
    assert len(figure.layout.shapes) == len(STAGES)
    assert len(figure.layout.annotations) == 2 * len(STAGES) + len(STAGES) - 1
