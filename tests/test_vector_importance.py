import numpy as np
import pytest
from conftest import random_problem

from craft_core.cluster import Clustering
from craft_core.problem import Problem
from craft_core.vector_importance import vector_log_weights
from craft_core.vectorize.protocol import EncodedPairs, unit_rows


def shifted(n: int = 4_000, m: int = 2_000, by: float = 0.8, zero: int = 0) -> tuple[Problem, np.ndarray]:
    """Rows around the circle in two dimensions a side; validation leans to one direction. Returns the true log ratio as well."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(size, 2)).astype(np.float32) for size in (n, m)]
    rows[1][:, 0] += by
    pool, validation = (EncodedPairs(unit_rows(one), unit_rows(one)) for one in rows)
    labels = np.zeros(n, np.int32)
    labels[:zero] = -1
    return Problem(pool, validation, Clustering(pool.sources[:1].copy(), labels, np.zeros(m, np.int32))), pool.sources[:, 0]


def test_pairs_that_lie_where_validation_lies_weigh_more() -> None:
    problem, towards = shifted()
    weights = vector_log_weights(problem)
    assert weights.shape == (4_000,)
    assert np.corrcoef(weights, towards)[0, 1] > 0.99
    assert weights[towards > 0.9].min() > 0.5 > -0.5 > weights[towards < -0.9].max()
    assert not weights.flags.writeable


def test_where_validation_is_like_the_pool_nothing_weighs() -> None:
    problem, _ = shifted(by=0.0)
    assert np.abs(vector_log_weights(problem)).max() < 0.2


def test_a_weight_is_the_log_ratio_and_not_the_log_odds() -> None:
    problem, _ = shifted(m=100, by=0.0)  # 40 times fewer validation pairs make no pair less likely
    assert abs(np.mean(vector_log_weights(problem))) < 0.1


def test_permuting_the_pool_permutes_the_weights() -> None:
    problem = random_problem()
    order = np.random.default_rng(1).permutation(len(problem.pool))
    clustering = Clustering(problem.clustering.centers, problem.clustering.pool_labels[order], problem.clustering.validation_labels)
    shuffled = Problem(problem.pool.take(order), problem.validation, clustering)
    assert vector_log_weights(shuffled).tolist() == pytest.approx(vector_log_weights(problem)[order].tolist(), abs=1e-6)


def test_pairs_in_no_cluster_are_not_learned_from() -> None:
    problem, _ = shifted(zero=3_999)
    changed = problem.pool.sources.copy()
    changed[:3_999] = 0
    other = Problem(EncodedPairs(changed, problem.pool.targets), problem.validation, problem.clustering)
    assert vector_log_weights(other)[-1] == pytest.approx(vector_log_weights(problem)[-1])
