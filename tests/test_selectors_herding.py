import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core import herd as module
from craft_core.allocate import ALLOCATION_RULES
from craft_core.herd import herd
from craft_core.score import score_pool
from craft_core.selectors import Craft, Herding
from craft_core.whatif import take


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_shares_are_those_of_craft_and_the_targets_are_wider() -> None:
    problem = random_problem(n=4_000, m=200, n_clusters=5)
    craft, herding = Craft().select(problem, 100, rng()), Herding().select(problem, 100, rng())
    pool, wanted = problem.clustering.pool_labels, problem.clustering.validation_labels
    assert np.bincount(pool[craft.indices]).tolist() == np.bincount(pool[herding.indices]).tolist()
    largest = np.argmax(problem.clustering.validation_counts)
    inside = [problem.pool.targets[one.indices[pool[one.indices] == largest]].var(axis=0).sum() for one in (craft, herding)]
    validation = problem.validation.targets[wanted == largest].var(axis=0).sum()
    assert inside[0] < 0.6 * validation
    assert 1.2 * inside[0] < inside[1] < 1.1 * validation


def test_a_cluster_that_gives_few_pairs_still_looks_at_200_candidates_best_first() -> None:
    problem = random_problem(n=1_000, m=40, n_clusters=1)
    chosen = Herding().select(problem, 3, rng()).indices
    best = np.argsort(-score_pool(problem), kind="stable")[:200]
    assert chosen.tolist() == best[herd(problem.pool.targets[best], problem.validation.targets, 3)].tolist()
    assert not set(chosen) <= set(best[:20])


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 320), n_clusters=st.integers(1, 7))
@settings(max_examples=30)
def test_the_ranking_holds_for_every_budget(seed: int, budget: int, n_clusters: int) -> None:
    problem = random_problem(seed=seed, n_clusters=n_clusters)
    selection = Herding().select(problem, budget, rng())
    ranked = take(Herding().rank(problem), Herding().allocate(problem, budget))
    assert ranked.indices.tolist() == selection.indices.tolist()
    assert ranked.scores.tolist() == selection.scores.tolist()


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 320), more=st.integers(0, 100), rule=st.sampled_from(ALLOCATION_RULES))
@settings(max_examples=30)
def test_the_choice_contains_that_for_a_smaller_budget(seed: int, budget: int, more: int, rule: str) -> None:
    problem, method = random_problem(seed=seed), Herding(allocation=rule)
    small, large = (method.select(problem, size, rng()).indices for size in (budget, budget + more))
    labels = problem.clustering.pool_labels
    for c in range(7):  # under water-fill a cluster may give one fewer when the budget grows
        shorter, longer = sorted((one[labels[one] == c].tolist() for one in (small, large)), key=len)
        assert longer[: len(shorter)] == shorter
    assert set(small) <= set(large) or rule == "water-fill"


def test_what_is_beyond_the_most_herded_follows_by_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HERDED", 10)
    problem = random_problem(n=100, m=20, n_clusters=1)
    chosen = Herding().select(problem, 30, rng())
    assert set(np.diff(chosen.scores[:10]) > 0) == {True, False}
    assert (np.diff(chosen.scores[10:]) <= 0).all()
    rest = np.setdiff1d(np.arange(100), chosen.indices)
    assert score_pool(problem)[rest].max() <= chosen.scores[10:].min()
