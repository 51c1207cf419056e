"""Alignment: it undoes turning, mirroring, moving and scaling, and says how far the rest is off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.errors import DataError
from craft_core.project import Aligned, align, aligned, project

RNG = np.random.default_rng(0)
MAP = RNG.standard_normal((60, 2)).astype(np.float32) * [3, 1]


@given(st.floats(0, 6.3), st.booleans(), st.floats(0.1, 10), st.floats(-20, 20), st.floats(-20, 20))
def test_a_turned_mirrored_moved_and_scaled_map_lies_where_it_was(angle: float, mirror: bool, scale: float, x: float, y: float):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, -1 if mirror else 1])
    found = align((scale * MAP @ turn + [x, y]).astype(np.float32), MAP)
    assert np.allclose(found.apply(scale * MAP @ turn + [x, y]), MAP, atol=1e-3)
    assert found.median_moved < 1e-3
    assert np.isclose(found.scale, 1 / scale, rtol=1e-3)


def test_how_far_points_moved_is_a_share_of_the_longer_side():
    square = np.array([[0, 0], [10, 0], [10, 4], [0, 4.0]])
    other = square + np.array([[-1, 0], [1, 0], [1, 0], [-1, 0]])  # wider; with the same spread it is narrower, and less high
    found = align(other, square)
    apart = np.linalg.norm(found.apply(other) - square, axis=1)
    assert np.allclose(found.moved, apart / 10, atol=1e-6)
    assert found.median_moved == np.median(found.moved)
    assert np.isclose(np.linalg.norm(found.apply(other) - [5, 2]), np.linalg.norm(square - [5, 2]))
    assert not found.moved.flags.writeable


def test_a_map_without_likeness_does_not_shrink():
    other = RNG.standard_normal((60, 2))
    shown = align(other, MAP).apply(other)
    assert np.isclose(np.linalg.norm(shown - shown.mean(axis=0)), np.linalg.norm(MAP - MAP.mean(axis=0)), rtol=1e-4)
    assert align(other, MAP).median_moved > 0.1


def test_what_cannot_be_aligned():
    with pytest.raises(DataError, match="show 3 and 60 pairs"):
        align(MAP[:3], MAP)
    for flat in (np.ones((60, 2)), np.zeros((0, 2))):
        with pytest.raises(DataError, match="lie on one spot"):
            align(flat, flat)


def test_another_seed_of_umap_is_shown_over_the_first():
    groups = 6.0 * np.eye(3, 5)[np.repeat(np.arange(3), 40)]
    pool = (groups + RNG.standard_normal(groups.shape)).astype(np.float32)
    validation, drawn = pool[::6] + np.float32(0.1), np.arange(0, 120, 2)
    first = project("umap", pool, validation, drawn, seed=0)
    other = project("umap", pool, validation, drawn, seed=0, layout_seed=5)
    found = aligned(other, first)
    assert isinstance(found.layout, Aligned)
    assert np.array_equal(found.pool_positions, first.pool_positions)
    own = np.concatenate([found.pool_xy, found.validation_xy])
    apart = np.linalg.norm(own - np.concatenate([first.pool_xy, first.validation_xy]), axis=1)
    assert np.allclose(
        found.layout.alignment.moved, apart / np.ptp(np.concatenate([first.pool_xy, first.validation_xy]), axis=0).max(), atol=1e-5
    )
    assert np.median(apart) <= np.median(np.linalg.norm(other.pool_xy - first.pool_xy, axis=1)) + 1.0
    # further pairs lie over the first map too, drawn or not
    rest = np.arange(1, 120, 2)
    assert np.array_equal(found.locate(pool, rest), found.layout.alignment.apply(other.locate(pool, rest)))
    assert np.array_equal(found.locate(pool, rest)[5:6], found.locate(pool, rest[5:6]))


def test_maps_of_other_pairs_are_refused():
    one = project("pca", MAP, MAP[:5], np.arange(10), seed=0)
    with pytest.raises(DataError, match="different pairs of the pool"):
        aligned(one, replace(one, pool_positions=np.arange(1, 11)))
    with pytest.raises(DataError, match="show 15 and 14 pairs"):
        aligned(one, replace(one, validation_xy=one.validation_xy[1:].copy()))
