from pathlib import Path

import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import ParameterError
from craft_core.explore import neighbours as module
from craft_core.explore.neighbours import LAYERS, SIDES, Neighbours, nearest, neighbours_of
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.vectorize.protocol import EncodedPairs, unit_rows


def angles(*degrees: float) -> np.ndarray:
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def brute(rows: np.ndarray, query: np.ndarray, k: int, usable: np.ndarray) -> tuple[list[int], np.ndarray]:
    away = np.linalg.norm(rows.astype(np.float64) - query.astype(np.float64), axis=1)
    order = [one for one in np.lexsort((np.arange(len(rows)), away)) if usable[one] and rows[one].any()][:k]
    return order, away[order]


def test_nearest_by_hand() -> None:
    found = nearest(angles(0, 90, 60, 180), angles(0)[0], k=3)
    assert found.positions.tolist() == [0, 2, 1]
    np.testing.assert_allclose(found.similarities, [1, 0.5, 0], atol=1e-7)
    np.testing.assert_allclose(found.distances, [0, 1, np.sqrt(2)], atol=1e-7)
    assert not found.positions.flags.writeable
    assert len(found) == 3


def test_opposite_vectors_are_two_apart() -> None:
    rows = unit_rows(np.random.default_rng(0).normal(size=(20, 33)).astype(np.float32))
    assert (np.linalg.norm(rows.astype(np.float64), axis=1) > 1).any()  # rounding makes some a little longer
    for row in rows:
        found = nearest(-row[None], row)
        assert found.distances == pytest.approx(2.0)
        assert found.distances[0] <= 2
        assert found.similarities[0] >= -1


def test_rounding_in_the_product_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    near = np.ones(64, np.float32) + np.float32(3e-4) * rng.normal(size=(200, 64)).astype(np.float32)
    rows, query = unit_rows(near), unit_rows(np.ones((1, 64), np.float32))[0]
    order, away = brute(rows, query, 10, np.ones(200, bool))
    plain, error = module._products, np.float32(1e-6) * rng.uniform(-1, 1, 200).astype(np.float32)
    monkeypatch.setattr(module, "_products", lambda *given: plain(*given) + error)
    assert np.diff(away**2).min() < 1e-6  # so that the error above does exchange them
    assert nearest(rows, query).positions.tolist() == order


def test_the_same_vector_is_at_distance_0_and_ties_go_to_the_lower_position() -> None:
    rows = unit_rows(np.random.default_rng(0).normal(size=(1, 251)).astype(np.float32)).repeat(1_003, axis=0)
    found = nearest(rows, rows[500], k=5, leave_out=500)
    assert found.positions.tolist() == [0, 1, 2, 3, 4]
    assert found.distances.tolist() == [0.0] * 5
    assert nearest(rows, rows[2], k=5, leave_out=2).positions.tolist() == [0, 1, 3, 4, 5]


def test_zero_rows_and_unusable_rows_are_left_out_and_right_angles_are_not() -> None:
    rows = np.array([[0, 0], [0, 1], [-1, 0], [0, 0], [1, 0]], np.float32)
    assert nearest(rows, rows[4], k=10).positions.tolist() == [4, 1, 2]
    assert nearest(rows, rows[4], k=2).positions.tolist() == [4, 1]
    assert nearest(rows, rows[4], k=10, usable=np.array([1, 0, 1, 1, 1], bool)).positions.tolist() == [4, 2]
    assert nearest(rows, rows[4], k=10, leave_out=4).positions.tolist() == [1, 2]


def test_there_may_be_nothing_near() -> None:
    rows = angles(0, 10)
    for nothing in (
        nearest(rows, np.zeros(2, np.float32)),
        nearest(rows[:0], rows[0]),
        nearest(rows, rows[0], k=0),
        nearest(rows, rows[0], usable=np.zeros(2, bool)),
        nearest(np.zeros((3, 2), np.float32), rows[0]),
    ):
        assert isinstance(nothing, Neighbours)
        assert len(nothing) == len(nothing.similarities) == len(nothing.distances) == 0
    with pytest.raises(ParameterError, match="must be at least 0. Got -1"):
        nearest(rows, rows[0], k=-1)


@given(seed=st.integers(0, 2**16), n=st.integers(1, 40), d=st.integers(1, 4), k=st.integers(0, 45), block=st.sampled_from([1, 7, 16_384]))
def test_it_is_the_sorted_list(seed: int, n: int, d: int, k: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng.integers(-1, 2, size=(n, d)).astype(np.float32))  # many ties, right angles and zero rows
    usable, query = rng.random(n) < 0.8, rows[rng.integers(n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_ROWS", block)
        found = nearest(rows, query, k, usable)
    positions, away = brute(rows, query, k, usable) if query.any() else ([], np.zeros(0))
    assert found.positions.tolist() == positions
    np.testing.assert_array_equal(found.distances, np.minimum(away, 2))


def test_rows_on_disk_are_read_where_they_are(tmp_path: Path) -> None:
    rows = unit_rows(np.random.default_rng(1).normal(size=(500, 32)).astype(np.float32))
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert nearest(mapped, mapped[7], leave_out=7).positions.tolist() == brute(rows, rows[7], 11, np.ones(500, bool))[0][1:]
    assert nearest(mapped, rows[7].astype(np.float64), leave_out=7).positions[0] == brute(rows, rows[7], 2, np.ones(500, bool))[0][1]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("side", SIDES)
def test_neighbours_of_a_pair_on_either_side_and_on_both(layer: str, side: str) -> None:
    problem = random_problem(n=80, m=40)
    for position in (0, 13, 39):
        pool, validation = neighbours_of(problem, position, layer, 6, side)
        own = problem.pool if layer == "pool" else problem.validation
        for name, pairs, found in (("pool", problem.pool, pool), ("validation", problem.validation, validation)):
            rows, query = of_side(pairs, side), of_side(own, side)[position]
            usable = np.arange(len(rows)) != position if name == layer else np.ones(len(rows), bool)
            order, away = brute(rows, query, 6, usable)
            assert found.positions.tolist() == order
            np.testing.assert_allclose(found.distances, away, atol=1e-6)
            np.testing.assert_allclose(found.similarities, (rows @ query)[order], atol=1e-6)


def of_side(pairs: EncodedPairs, side: str) -> np.ndarray:
    return joint_rows(pairs, np.arange(len(pairs))) if side == "both" else getattr(pairs, f"{side}s")


def test_duplicates_stay_and_pairs_in_no_cluster_go() -> None:
    rows = angles(0, 0, 5, 90)
    pairs = EncodedPairs(rows.copy(), rows.copy())
    labels = np.array([0, 0, -1, 0], np.int32)
    problem = Problem(pairs, EncodedPairs(rows.copy(), rows.copy()), Clustering(angles(0), labels, labels.copy()))
    pool, validation = neighbours_of(problem, 0, "pool", 10)
    assert pool.positions.tolist() == [1, 3]
    assert pool.distances[0] == 0
    assert validation.positions.tolist() == [0, 1, 3]
    # a pair in no cluster can still be asked about
    assert neighbours_of(problem, 2, "pool", 1)[0].positions.tolist() == [0]


def test_what_there_is_not_is_refused() -> None:
    problem = random_problem()
    with pytest.raises(ParameterError, match="no layer 'test'. There are: pool, validation"):
        neighbours_of(problem, 0, "test")
    with pytest.raises(ParameterError, match="no side 'left'. There are: source, target, both"):
        neighbours_of(problem, 0, "pool", side="left")
    for position in (-1, 300):
        with pytest.raises(ParameterError, match=f"The pool has 300 pairs, counted from 0. Got position {position}"):
            neighbours_of(problem, position, "pool")
