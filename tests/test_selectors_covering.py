from itertools import combinations

import numpy as np
import pytest
import scipy.sparse
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import DataError, ParameterError
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.selectors import Covering, covering
from craft_core.selectors.covering import cover_of, greedy_cover, percentile_product
from craft_core.vectorize.protocol import EncodedPairs


def random_cover(seed: int, m: int, n: int, density: float) -> np.ndarray:
    return np.random.default_rng(seed).random((m, n)) < density


def distances(problem: Problem) -> np.ndarray:
    own, wanted = joint_rows(problem.pool, problem.available), joint_rows(problem.validation, problem.wanted)
    return np.sqrt(np.maximum(2 - 2 * wanted.astype(np.float64) @ own.T.astype(np.float64), 0))


def on_a_circle(pool: list[float], validation: list[float]) -> Problem:
    own, wanted = (np.stack([np.cos(a), np.sin(a)], axis=1).astype(np.float32) for a in map(np.radians, (pool, validation)))
    labels = np.zeros(len(own), np.int32), np.zeros(len(wanted), np.int32)
    return Problem(EncodedPairs(own, own.copy()), EncodedPairs(wanted, wanted.copy()), Clustering(own[:1], *labels))


def step_by_step(covers: np.ndarray, count: int) -> tuple[list[int], list[int]]:
    """The definition: rounds in which every row that can be must be covered once more."""
    times, left = np.zeros(len(covers), int), list(range(covers.shape[1]))
    taken, newly, target = [], [], 1
    while len(taken) < count and left and covers[:, left].any():
        gains = [int((covers[:, j] & (times < target)).sum()) for j in left]
        if max(gains) == 0:
            target += 1
            continue
        best = left.pop(int(np.argmax(gains)))
        taken.append(best)
        newly.append(max(gains))
        times += covers[:, best]
    return taken, newly


@given(seed=st.integers(0, 2**16), m=st.integers(1, 12), n=st.integers(1, 15), density=st.floats(0.02, 0.9), count=st.integers(0, 16))
def test_greedy_takes_the_largest_gain_round_after_round(seed: int, m: int, n: int, density: float, count: int) -> None:
    covers = random_cover(seed, m, n, density)
    taken, newly = greedy_cover(scipy.sparse.csr_matrix(covers), count)
    assert (taken.tolist(), newly.tolist()) == step_by_step(covers, count)


@given(seed=st.integers(0, 2**16), m=st.integers(1, 10), n=st.integers(1, 9), density=st.floats(0.05, 0.8))
def test_the_first_round_is_at_most_the_harmonic_number_times_the_optimum(seed: int, m: int, n: int, density: float) -> None:
    covers = random_cover(seed, m, n, density)
    goal = covers.any(axis=1)
    taken, newly = greedy_cover(scipy.sparse.csr_matrix(covers), n)
    steps = int(np.searchsorted(np.cumsum(newly), goal.sum())) + 1 if goal.any() else 0
    assert (covers[:, taken[:steps]].any(axis=1) == goal).all()
    optimum = next(k for k in range(n + 1) if any((covers[:, list(one)].any(axis=1) == goal).all() for one in combinations(range(n), k)))
    harmonic = (1 / np.arange(1, covers.sum(axis=0).max() + 1)).sum()
    assert optimum <= steps <= harmonic * optimum + 1e-9


def test_by_hand() -> None:
    problem = on_a_circle([2, 11, 21, 90, 200, 60], [0, 10, 20, 94, 300])
    found = Covering(radius=0.2).select(problem, 6, np.random.default_rng(0))  # 0.2 is 11.5 degrees
    # 11 covers three, 90 one; then 2 and 21 cover two each of those three, the nearer to validation first; then the rest by nearness
    assert found.indices.tolist() == [1, 3, 2, 0, 5, 4]
    assert found.weights.tolist() == [3, 1, 2, 1, 1, 1]
    assert found.scores.tolist() == [3, 1, 2, 2, 0, 0]
    assert Covering(radius=0.2).uncoverable(problem).tolist() == [4]
    assert (
        Covering(radius=0.2).select(problem, 2, np.random.default_rng(0)).notes[0].startswith("1 of 5 validation pairs have no pool pair")
    )
    assert Covering(radius=2.0).uncoverable(problem).tolist() == []


@pytest.mark.parametrize("percentile", [1.0, 8.0, 40.0])
def test_the_radius_is_the_percentile_of_all_distances(percentile: float) -> None:
    problem = random_problem(n=300, m=40)
    found = np.sqrt(2 - 2 * percentile_product(problem, percentile))
    assert (distances(problem) < found).sum() == int(300 * 40 * percentile / 100)
    assert found == pytest.approx(np.percentile(distances(problem), percentile), abs=2e-3)


def test_a_large_pool_is_sampled_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(n=3_000, m=40)
    whole = percentile_product(problem, 8.0)
    monkeypatch.setattr(covering, "_MOST_SAMPLE", 1_000)
    order = np.random.default_rng(0).permutation(3_000)
    clustering = Clustering(problem.clustering.centers, problem.clustering.pool_labels[order], problem.clustering.validation_labels)
    sampled = [percentile_product(one, 8.0) for one in (problem, Problem(problem.pool.take(order), problem.validation, clustering))]
    assert sampled[0] == sampled[1] != whole
    assert sampled[0] == pytest.approx(whole, abs=0.03)


def test_covers_are_the_couples_within_the_radius_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(n=120, m=30)
    labels, own = problem.clustering.pool_labels.copy(), problem.clustering.validation_labels.copy()
    labels[::7], own[::5] = -1, -1
    problem = Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, own))
    monkeypatch.setattr(covering, "_BLOCK_NUMBERS", 300)
    cover = cover_of(problem, 1 - 0.5 * 0.9**2)
    near = distances(problem)
    places = np.searchsorted(problem.available, cover.rows)
    assert (cover.covers.toarray() == (near <= 0.9)[:, places]).all()
    assert 0 < cover.covers.nnz < near.size
    assert (np.diff(near.min(axis=0)[places]) >= -1e-6).all()
    assert cover.products == pytest.approx(1 - 0.5 * near.min(axis=0)[places] ** 2, abs=1e-6)


def test_every_round_covers_every_validation_pair_once_more() -> None:
    problem = random_problem(n=400, m=50)
    selection = Covering().select(problem, 60, np.random.default_rng(0))
    near = distances(problem) <= np.sqrt(2 - 2 * Covering().least_product(problem))
    can_be = set(np.flatnonzero(near.any(axis=1)))
    assert set(range(50)) - can_be == set(Covering().uncoverable(problem))
    assert selection.weights.sum() >= len(can_be)
    first = int(np.searchsorted(np.cumsum(selection.weights), len(can_be))) + 1
    assert first < 60
    assert set(np.flatnonzero(near[:, selection.indices[:first]].any(axis=1))) == can_be
    assert selection.scores.tolist() == near[:, selection.indices].sum(axis=0).tolist()


def test_equal_pairs_cover_again_in_the_second_round_only() -> None:
    problem = on_a_circle([0, 0, 90, 90], [0, 90])
    selection = Covering(radius=0.1).select(problem, 4, np.random.default_rng(0))
    assert sorted(selection.indices[:2] // 2) == sorted(selection.indices[2:] // 2) == [0, 1]
    assert selection.weights.tolist() == [1, 1, 1, 1]


def test_a_radius_outside_its_limits_is_refused() -> None:
    with pytest.raises(ParameterError, match="'radius' parameter of covering"):
        Covering(radius=2.5)


def test_without_validation_pairs_it_is_refused() -> None:
    problem = random_problem(n=20, m=4, n_clusters=2)
    nobody = Clustering(problem.clustering.centers, np.zeros(20, np.int32), np.full(4, -1, np.int32))
    for ask in (lambda one: Covering().select(one, 3, np.random.default_rng(0)), Covering().uncoverable):
        with pytest.raises(DataError, match="method covering needs a validation pair"):
            ask(Problem(problem.pool, problem.validation, nobody))
