import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core import joint
from craft_core.cluster import Clustering
from craft_core.errors import DataError
from craft_core.joint import check_wanted, joint_products, joint_rows, largest, nearest_pool
from craft_core.problem import Problem


def without(problem: Problem, pool: np.ndarray, validation: np.ndarray) -> Problem:
    """The same problem with these pairs in no cluster."""
    clustering = problem.clustering
    labels = [clustering.pool_labels.copy(), clustering.validation_labels.copy()]
    for one, gone in zip(labels, (pool, validation), strict=True):
        one[gone] = -1
    return Problem(problem.pool, problem.validation, Clustering(clustering.centers, *labels))


def joined(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.hstack([one.sources, one.targets]) / np.sqrt(2) for one in (problem.pool, problem.validation))


def test_joint_rows_are_both_sides_and_of_length_1() -> None:
    problem = random_problem(n=30, m=5)
    positions = np.array([4, 0, 29])
    rows = joint_rows(problem.pool, positions)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, joined(problem)[0][positions], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)


def test_joint_products_are_those_of_joint_rows() -> None:
    problem = random_problem(n=30, m=5)
    pool, validation = joined(problem)
    products = joint_products(problem.validation, problem.pool)
    assert products.shape == (5, 30)
    assert products.dtype == np.float32
    np.testing.assert_allclose(products, validation @ pool.T, atol=1e-6)


@given(n=st.integers(0, 5), m=st.integers(0, 12), k=st.integers(0, 14), few=st.integers(1, 12), seed=st.integers(0, 2**16))
def test_the_largest_are_those_of_a_full_stable_sort(n: int, m: int, k: int, few: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-few, few, (n, m)).astype(np.float32)  # few values: many ties
    values[values == 0] *= -1.0
    found = largest(values, k)
    assert found.dtype == np.int64
    assert found.tolist() == np.argsort(-values, axis=1, kind="stable")[:, :k].tolist()


def test_the_largest_where_all_tie_are_the_first() -> None:
    assert largest(np.full((2, 7), -np.inf, np.float32), 3).tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("block", [2**24, 1_000, 1])
@pytest.mark.parametrize("k", [1, 10, 1_000])
def test_nearest_pool_is_brute_force_over_what_is_available(monkeypatch: pytest.MonkeyPatch, block: int, k: int) -> None:
    monkeypatch.setattr(joint, "_BLOCK_NUMBERS", block)
    problem = without(random_problem(n=300, m=40), np.arange(0, 300, 3), np.array([0, 7, 39]))
    positions, products = nearest_pool(problem, k)
    pool, validation = joined(problem)
    expected = (validation @ pool.T)[problem.wanted]
    expected[:, problem.clustering.pool_labels < 0] = -np.inf
    k = min(k, 200)
    assert positions.shape == products.shape == (37, k)
    assert positions.dtype == np.int64
    assert products.dtype == np.float32
    assert np.isin(positions, problem.available).all()
    assert all(len(set(row)) == k for row in positions.tolist())
    np.testing.assert_allclose(products, -np.sort(-expected, axis=1)[:, :k], atol=1e-6)
    np.testing.assert_allclose(products, np.take_along_axis(expected, positions, axis=1), atol=1e-6)


def test_nearest_pool_with_everything_available_and_with_nothing() -> None:
    problem = random_problem(n=50, m=6)
    pool, validation = joined(problem)
    assert nearest_pool(problem, 1)[0][:, 0].tolist() == np.argmax(validation @ pool.T, axis=1).tolist()
    positions, products = nearest_pool(without(problem, np.arange(50), np.zeros(0, int)), 3)
    assert positions.shape == products.shape == (6, 0)


def test_progress_stops_the_search() -> None:
    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest_pool(random_problem(n=20, m=3), 2, stop)


def test_no_wanted_pair_is_a_sentence() -> None:
    problem = random_problem(n=20, m=3)
    check_wanted(problem, "nearest")
    with pytest.raises(DataError, match="The method nearest needs a validation pair with vectors on both sides, and there is none"):
        check_wanted(without(problem, np.zeros(0, int), np.arange(3)), "nearest")
