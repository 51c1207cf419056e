"""The density of a map: every pair in one cell, square cells, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from craft_core.errors import ParameterError
from craft_core.project import density

PLACES = arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-100, 100, width=32))


def test_a_map_that_can_be_counted_by_eye():
    found = density(np.array([[0.0, 0.0], [0.1, 0.1], [4.0, 2.0], [2.5, 0.5], [np.nan, 1.0]]), bins=4)
    assert found.counts.tolist() == [[2, 0, 1, 0], [0, 0, 0, 1]]
    assert found.x_edges.tolist() == [0, 1, 2, 3, 4]
    assert found.y_edges.tolist() == [0, 1, 2]
    assert not found.counts.flags.writeable


@given(PLACES, st.integers(1, 30))
def test_as_numpy_counts(xy: np.ndarray, bins: int):
    found = density(xy, bins)
    assert found.counts.sum() == len(xy)
    assert max(found.counts.shape) <= bins
    cells = np.concatenate([np.diff(found.x_edges), np.diff(found.y_edges)])
    assert np.allclose(cells, cells[0])
    tolerance = 1e-4 * cells[0]
    for axis, edges in enumerate((found.x_edges, found.y_edges)):
        assert edges[0] - tolerance <= xy[:, axis].min()
        assert xy[:, axis].max() <= edges[-1] + tolerance
    inside = np.concatenate([np.abs(xy[:, [axis]] - edges) for axis, edges in enumerate((found.x_edges, found.y_edges))], axis=1)
    if inside.min() > tolerance:  # on an edge two ways of rounding may differ
        assert np.array_equal(found.counts, np.histogram2d(xy[:, 1], xy[:, 0], [found.y_edges, found.x_edges])[0])


@pytest.mark.parametrize(("xy", "total"), [(np.zeros((0, 2)), 0), (np.ones((3, 2)), 3), (np.full((2, 2), np.nan), 0)])
def test_next_to_nothing(xy: np.ndarray, total: int):
    assert density(xy).counts.tolist() == [[total]]


def test_no_cells():
    with pytest.raises(ParameterError, match="at least 1 cell along its longer side. Got 0"):
        density(np.zeros((1, 2)), bins=0)
