import numpy as np
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.problem import Problem
from craft_core.score import score_pool
from craft_core.selectors import UniformAllocation


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sized(supply: list[int], wanted: list[int]) -> Problem:
    """Clusters of these sizes, in the pool and in validation."""
    problem = random_problem(n=sum(supply), m=sum(wanted), n_clusters=len(supply))
    labels = (np.repeat(np.arange(len(sizes)), sizes).astype(np.int32) for sizes in (supply, wanted))
    return Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, *labels))


def counts(problem: Problem, budget: int) -> list[int]:
    chosen = UniformAllocation().select(problem, budget, rng()).indices
    return np.bincount(problem.clustering.pool_labels[chosen], minlength=problem.clustering.n_clusters).tolist()


def test_all_clusters_give_the_same_whatever_validation_holds() -> None:
    assert counts(sized([50, 50, 50], [1, 10, 30]), 60) == [20, 20, 20]


def test_what_a_small_cluster_lacks_the_others_give_and_clusters_without_validation_give_nothing() -> None:
    problem = sized([50, 5, 50, 50], [1, 10, 0, 30])
    assert counts(problem, 45) == [20, 5, 0, 20]
    assert counts(problem, 10_000) == [50, 5, 0, 50]


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 320))
@settings(max_examples=25)
def test_counts_differ_by_one_at_most_but_for_what_runs_out_and_the_best_are_taken(seed: int, budget: int) -> None:
    problem = random_problem(seed=seed, m=9)
    clustering, scores = problem.clustering, score_pool(problem)
    chosen = UniformAllocation().select(problem, budget, rng()).indices
    found = np.bincount(clustering.pool_labels[chosen], minlength=7)
    covered = clustering.validation_counts > 0
    assert found[~covered].sum() == 0
    assert found.sum() == min(budget, clustering.supply[covered].sum())
    is_open = covered & (found < clustering.supply)
    if is_open.any():
        assert found[covered].max() - found[is_open].min() <= 1
    for c in range(7):
        members = np.flatnonzero(clustering.pool_labels == c)
        best = members[np.argsort(-scores[members], kind="stable")][: found[c]]
        assert chosen[clustering.pool_labels[chosen] == c].tolist() == best.tolist()
