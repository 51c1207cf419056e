import numpy as np
from conftest import random_problem

from craft_core.allocate import allocate
from craft_core.cluster import Clustering
from craft_core.ledger import isolated_validation, starvation_ledger
from craft_core.problem import Problem


def test_the_ledger_by_hand() -> None:
    # quotas 50, 20, 20, 10 of 100: the first has 10, the last 9; the two in the middle take over
    allocation = allocate("water-fill", np.array([5, 2, 2, 1]), np.array([10, 90, 90, 9]), 100)
    ledger = starvation_ledger(allocation)
    assert ledger.starved.tolist() == [0, 3]
    assert ledger.missing.tolist() == [40, 1]
    assert sorted(ledger.receiving.tolist()) == [1, 2]
    assert ledger.surplus.sum() == ledger.missing.sum()
    assert ledger.shortfall == 0


def test_what_nobody_takes_over_is_the_shortfall() -> None:
    ledger = starvation_ledger(allocate("water-fill", np.array([1, 1]), np.array([3, 4]), 10))
    assert ledger.shortfall == 3
    assert ledger.receiving.tolist() == []


def test_the_loneliest_validation_pairs_match_brute_force() -> None:
    problem = random_problem(n=200, m=30)
    labels = problem.clustering.pool_labels.copy()
    labels[:50] = -1
    validation_labels = problem.clustering.validation_labels.copy()
    validation_labels[4] = -1
    problem = Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, validation_labels))
    found = isolated_validation(problem, limit=10)
    similar = problem.validation.sources @ problem.pool.sources[50:].T
    best = similar.max(axis=1)
    best[4] = np.inf
    assert found.positions.tolist() == np.argsort(best)[:10].tolist()
    np.testing.assert_allclose(found.similarity, np.sort(best)[:10], atol=1e-6)
    assert found.nearest.tolist() == [50 + int(similar[i].argmax()) for i in found.positions]
