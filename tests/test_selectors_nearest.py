import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import DataError
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.selectors import Nearest, nearest
from craft_core.vectorize.protocol import EncodedPairs


def turn_by_turn(problem: Problem, budget: int) -> tuple[list[int], list[float]]:
    """The definition, with the whole matrix and one choice after the other."""
    products = joint_rows(problem.validation, problem.wanted) @ joint_rows(problem.pool, problem.available).T
    chosen, values = [], []
    for step in range(min(budget, products.shape[1])):
        row = products[step % len(products)]
        best = int(np.argmax(row))
        chosen.append(int(problem.available[best]))
        values.append(float(row[best]))
        products[:, best] = -np.inf
    return chosen, values


@given(seed=st.integers(0, 2**16), m=st.integers(1, 20), budget=st.integers(1, 130), spare=st.integers(1, 3))
def test_each_validation_pair_takes_its_best_unused_pair_in_turn(seed: int, m: int, budget: int, spare: int) -> None:
    problem = random_problem(n=120, m=m, seed=seed)
    labels = problem.clustering.pool_labels.copy()
    labels[::9] = -1
    own = np.zeros(m, np.int32)
    own[1::3] = -1
    problem = Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, own))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "_SPARE", spare)  # lists too short at first, so that they have to be searched again
        selection = Nearest().select(problem, budget, np.random.default_rng(0))
    chosen, values = turn_by_turn(problem, budget)
    assert selection.indices.tolist() == chosen
    assert selection.scores == pytest.approx(values, abs=1e-6)


def test_by_hand() -> None:
    angles = np.radians([0, 10, 20, 90, 50])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pool, validation = EncodedPairs(rows, rows.copy()), EncodedPairs(rows[[0, 0, 3]], rows[[0, 0, 3]])
    problem = Problem(pool, validation, Clustering(rows[:1], np.zeros(5, np.int32), np.zeros(3, np.int32)))
    selection = Nearest().select(problem, 4, np.random.default_rng(0))
    assert selection.indices.tolist() == [0, 1, 3, 2]
    assert selection.scores == pytest.approx(np.cos(np.radians([0, 10, 0, 20])), abs=1e-6)
    assert selection.weights.tolist() == [1, 1, 1, 1]


def test_many_validation_pairs_that_want_the_same_search_deeper_only_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, depths = random_problem(n=2_000, m=40), []
    crowded = problem.validation.take(np.array([0] * 30 + list(range(30, 40))))
    problem = Problem(problem.pool, crowded, Clustering(problem.clustering.centers, problem.clustering.pool_labels, np.zeros(40, np.int32)))
    search = nearest.nearest_pool

    def counted(one: Problem, k: int, *rest: object) -> object:
        depths.append((len(one.wanted), k))
        return search(one, k, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(nearest, "nearest_pool", counted)
    indices, _ = nearest.take_turns(problem, 400)
    assert indices.tolist() == turn_by_turn(problem, 400)[0]
    assert depths == [(40, 84), (30, 336)]


def test_without_validation_pairs_it_is_refused() -> None:
    problem = random_problem(n=20, m=4, n_clusters=2)
    nobody = Problem(
        problem.pool, problem.validation, Clustering(problem.clustering.centers, np.zeros(20, np.int32), np.full(4, -1, np.int32))
    )
    with pytest.raises(DataError, match="method nearest needs a validation pair"):
        Nearest().select(nobody, 3, np.random.default_rng(0))
