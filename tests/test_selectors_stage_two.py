import numpy as np
import pytest
from conftest import random_problem
from scipy.spatial.distance import cdist

from craft_core.cluster import Clustering
from craft_core.problem import Problem
from craft_core.selectors import Craft, StageTwo
from craft_core.vectorize.protocol import EncodedPairs


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("distance", "metric"), [("squared", "sqeuclidean"), ("euclidean", "euclidean")])
def test_the_pairs_nearest_to_all_validation_targets_are_taken(distance: str, metric: str) -> None:
    problem = random_problem()
    mean = cdist(problem.pool.targets, problem.validation.targets, metric).mean(axis=1)
    selection = StageTwo(distance=distance).select(problem, 50, rng())
    assert selection.indices.tolist() == np.argsort(mean)[:50].tolist()
    np.testing.assert_allclose(selection.scores, -np.sort(mean)[:50], rtol=1e-5)


def test_clusters_make_no_difference_but_for_pairs_in_none() -> None:
    problem = random_problem()
    one = problem.in_one_cluster()
    assert StageTwo().select(one, 50, rng()).indices.tolist() == StageTwo().select(problem, 50, rng()).indices.tolist()
    assert StageTwo().select(problem, 50, rng()).indices.tolist() != Craft().select(problem, 50, rng()).indices.tolist()
    assert sorted(StageTwo().select(one, 50, rng()).indices) == sorted(Craft().select(one, 50, rng()).indices)


def test_on_a_line_it_takes_the_middle_and_ties_go_to_the_earlier() -> None:
    line = np.array([[5.0], [1.0], [0.0], [-1.0], [0.5], [0.1]], np.float32)
    wanted = np.array([[-2.0], [2.0], [9.0]], np.float32)
    clustering = Clustering(np.zeros((2, 1), np.float32), np.array([0, 1, 0, 1, 0, -1], np.int32), np.array([1, 0, -1], np.int32))
    problem = Problem(EncodedPairs(line.copy(), line), EncodedPairs(wanted.copy(), wanted), clustering)
    assert StageTwo().select(problem, 3, rng()).indices.tolist() == [2, 4, 1]
    assert StageTwo().select(problem, 9, rng()).indices.tolist() == [2, 4, 1, 3, 0]
