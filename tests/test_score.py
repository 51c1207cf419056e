from dataclasses import replace

import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from craft_core.cluster import Clustering
from craft_core.errors import ParameterError
from craft_core.problem import Problem
from craft_core.score import DISTANCES, cluster_means, score_pool, scorer_of


def brute(problem: Problem, power: int, shrinkage: float = 0.0) -> np.ndarray:
    """Minus the mean distance to the validation targets of the own cluster, pair by pair."""
    scores = np.full(len(problem.pool), -np.inf)
    everyone = problem.validation.targets.astype(float)
    for i, label in enumerate(problem.clustering.pool_labels):
        own = everyone[problem.clustering.validation_labels == label]
        if label < 0 or len(own) == 0:
            continue
        t = problem.pool.targets[i].astype(float)
        near, far = (np.mean(np.linalg.norm(u - t, axis=1) ** power) for u in (own, everyone))
        scores[i] = -(len(own) * near + shrinkage * far) / (len(own) + shrinkage)
    return scores


@pytest.mark.parametrize(("distance", "power"), [("squared", 2), ("euclidean", 1)])
@pytest.mark.parametrize("shrinkage", [0.0, 5.0])
def test_scores_match_the_definition(problem: Problem, distance: str, power: int, shrinkage: float) -> None:
    np.testing.assert_allclose(score_pool(problem, distance, shrinkage), brute(problem, power, shrinkage), atol=2e-4)


def test_scores_by_hand() -> None:
    problem = random_problem(n=3, m=2, n_clusters=1, dimensions=2)
    targets = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    validation = np.array([[1, 0], [1, 0]], np.float32)
    problem = Problem(replace(problem.pool, targets=targets), replace(problem.validation, targets=validation), problem.clustering)
    np.testing.assert_allclose(score_pool(problem), [0, -2, -4], atol=1e-6)
    np.testing.assert_allclose(score_pool(problem, "euclidean"), [0, -np.sqrt(2), -2], atol=1e-3)


@pytest.mark.parametrize("distance", ["squared", "euclidean"])
def test_a_cluster_without_validation_pairs_and_a_pair_without_cluster_score_minus_infinity(problem: Problem, distance: str) -> None:
    pool_labels, validation_labels = problem.clustering.pool_labels.copy(), problem.clustering.validation_labels.copy()
    pool_labels[0], pool_labels[1] = -1, 2
    validation_labels[validation_labels == 2] = 3
    clustering = Clustering(problem.clustering.centers, pool_labels, validation_labels)
    scores = score_pool(Problem(problem.pool, problem.validation, clustering), distance)
    assert scores[0] == scores[1] == -np.inf
    assert np.isfinite(scores[(pool_labels != 2) & (pool_labels != -1)]).all()


@given(seed=st.integers(0, 2**16))
def test_squared_and_euclidean_rank_alike_on_unit_rows(seed: int) -> None:
    problem = random_problem(n=400, m=80, n_clusters=1, dimensions=16, seed=seed)
    assert (
        spearmanr(score_pool(problem), score_pool(problem, "euclidean")).statistic > 0.97
    )  # directions without any structure: the worst case


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(ParameterError, match="no distance 'cosine'. There are: squared, euclidean"):
        score_pool(random_problem(), "cosine")


def test_cluster_means_leave_out_label_minus_one() -> None:
    rows = np.array([[1, 0], [3, 0], [0, 9]], np.float32)
    means, sizes = cluster_means(rows, np.array([1, 1, -1], np.int32), 3)
    assert means.tolist() == [[0, 0], [2, 0], [0, 0]]
    assert sizes.tolist() == [0, 2, 0]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_a_score_depends_on_its_pair_alone_to_the_last_bit(distance: str, shrinkage: float) -> None:
    problem = random_problem(n=700, m=60, n_clusters=3, dimensions=33)
    clustering, targets = problem.clustering, problem.pool.targets
    score = scorer_of(problem.validation.targets, clustering.validation_labels, 3, distance, shrinkage)
    whole = score_pool(problem, distance, shrinkage)
    assert whole.tobytes() == score(targets, clustering.pool_labels).tobytes()
    rng = np.random.default_rng(0)
    for size in (1, 7, 300):
        some = rng.permutation(700)[:size]
        assert score(targets[some], clustering.pool_labels[some]).tobytes() == whole[some].tobytes()
    assert len(score(targets[:0], clustering.pool_labels[:0])) == 0
