import numpy as np
import pytest
from conftest import random_problem

from craft_core.cluster import Clustering
from craft_core.errors import DataError
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.selectors import Centroid, centroid
from craft_core.selectors.centroid import centroid_cosines
from craft_core.vectorize.protocol import EncodedPairs


def problem_of(pool: list[list[float]], validation: list[list[float]]) -> Problem:
    own, wanted = (np.array(rows, np.float32) for rows in (pool, validation))
    labels = np.zeros(len(own), np.int32), np.zeros(len(wanted), np.int32)
    return Problem(EncodedPairs(own, own.copy()), EncodedPairs(wanted, wanted.copy()), Clustering(own[:1], *labels))


def test_the_cosine_with_the_mean_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroid, "_BLOCK_ROWS", 7)
    problem = random_problem(n=200, m=30)
    labels, own = problem.clustering.pool_labels.copy(), problem.clustering.validation_labels.copy()
    labels[::4], own[:10] = -1, -1
    problem = Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, own))
    mean = joint_rows(problem.validation, problem.wanted).mean(axis=0)
    cosines = joint_rows(problem.pool, np.arange(200)) @ mean / np.linalg.norm(mean)
    cosines[::4] = -2
    selection = Centroid().select(problem, 25, np.random.default_rng(0))
    assert selection.indices.tolist() == np.argsort(-cosines, kind="stable")[:25].tolist()
    assert selection.scores == pytest.approx(cosines[selection.indices], abs=1e-6)
    assert selection.scores.dtype == selection.weights.dtype == np.float32


def test_ties_go_to_the_lower_row() -> None:
    problem = problem_of([[0, 1], [1, 0], [0, 1], [1, 0]], [[1, 0], [1, 0]])
    selection = Centroid().select(problem, 3, np.random.default_rng(0))
    assert selection.indices.tolist() == [1, 3, 0]
    assert selection.scores.tolist() == [1, 1, 0]


def test_validation_pairs_that_cancel_have_no_direction() -> None:
    problem = problem_of([[0, 1], [1, 0]], [[1, 0], [-1, 0]])
    assert centroid_cosines(problem).tolist() == [0, 0]
    assert Centroid().select(problem, 1, np.random.default_rng(0)).indices.tolist() == [0]


def test_without_validation_pairs_it_is_refused() -> None:
    problem = random_problem(n=20, m=4, n_clusters=2)
    nobody = Clustering(problem.clustering.centers, np.zeros(20, np.int32), np.full(4, -1, np.int32))
    with pytest.raises(DataError, match="method centroid needs a validation pair"):
        Centroid().select(Problem(problem.pool, problem.validation, nobody), 3, np.random.default_rng(0))
