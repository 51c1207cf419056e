"""What every selector must do, for all of them."""

from collections.abc import Callable

import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import ParameterError
from craft_core.problem import Problem, Selector
from craft_core.selectors import SELECTORS, Craft, find_selector

BUDGETS = [1, 7, 50, 10_000]
VARIANTS = [cls() for cls in SELECTORS.values()] + [
    Craft(allocation="kl-optimal"),
    Craft(distance="euclidean"),
    Craft(shrinkage=4.0),
]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def with_zero_rows(problem: Problem) -> Problem:
    labels = problem.clustering.pool_labels.copy()
    labels[::10] = -1
    return Problem(
        problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, problem.clustering.validation_labels.copy())
    )


@pytest.mark.parametrize("selector", VARIANTS, ids=repr)
@pytest.mark.parametrize("budget", BUDGETS)
def test_distinct_in_range_and_as_many_as_there_are(selector: Selector, budget: int, problem: Problem) -> None:
    problem = with_zero_rows(problem)
    selection = selector.select(problem, budget, rng())
    assert len(selection) == min(budget, len(problem.available))
    assert len(np.unique(selection.indices)) == len(selection.indices) == len(selection.scores) == len(selection.weights)
    assert np.isin(selection.indices, problem.available).all()
    assert selection.indices.dtype == np.int64
    assert all(note.endswith(".") and "nan" not in note for note in selection.notes)
    assert not selection.indices.flags.writeable


@pytest.mark.parametrize("selector", VARIANTS, ids=repr)
def test_the_same_seed_gives_the_same_pairs(selector: Selector, problem: Problem) -> None:
    one, two = (selector.select(problem, 40, rng()) for _ in range(2))
    assert one.indices.tolist() == two.indices.tolist()
    assert one.scores.tobytes() == two.scores.tobytes()


@pytest.mark.parametrize("selector", VARIANTS, ids=repr)
@given(seed=st.integers(0, 2**16), budget=st.integers(1, 400))
@settings(max_examples=20)
def test_permuting_the_pool_permutes_the_answer(selector: Selector, seed: int, budget: int) -> None:
    problem = random_problem(seed=seed)
    order = np.random.default_rng(seed).permutation(len(problem.pool))
    clustering = Clustering(problem.clustering.centers, problem.clustering.pool_labels[order], problem.clustering.validation_labels)
    shuffled = Problem(problem.pool.take(order), problem.validation, clustering)
    plain = selector.select(problem, budget, rng()).indices
    assert sorted(order[selector.select(shuffled, budget, rng()).indices]) == sorted(plain)


@pytest.mark.parametrize("cls", SELECTORS.values(), ids=lambda cls: cls.name)
@pytest.mark.parametrize("budget", [0, -1, 1.5])
def test_a_bad_budget_is_refused_with_a_sentence(cls: Callable[[], Selector], budget: float, problem: Problem) -> None:
    with pytest.raises(ParameterError, match="The budget must be a whole number of at least 1 pair"):
        cls().select(problem, budget, rng())  # type: ignore[arg-type]


def test_an_unknown_selector_is_refused_with_the_names() -> None:
    with pytest.raises(ParameterError, match="no selector 'best'. There are: craft, craft-weighted, herding, ball"):
        find_selector("best")


def test_craft_takes_the_best_of_each_cluster() -> None:
    problem = random_problem(n=500, m=90)
    selection = Craft().select(problem, 60, rng())
    scores, labels = Craft().rank(problem).scores, problem.clustering.pool_labels
    counts = Craft().allocate(problem, 60).counts
    for c, count in enumerate(counts):
        chosen = selection.indices[labels[selection.indices] == c]
        assert len(chosen) == count
        best = np.sort(scores[labels == c])[::-1][:count]
        assert sorted(scores[chosen], reverse=True) == best.tolist()


def test_a_validation_cluster_without_supply_leaves_a_shortfall() -> None:
    problem = random_problem(n=30, m=20, n_clusters=3)
    clustering = Clustering(problem.clustering.centers, np.zeros(30, np.int32), np.ones(20, np.int32))
    selection = Craft().select(Problem(problem.pool, problem.validation, clustering), 10, rng())
    assert len(selection) == 0
    assert Craft().allocate(Problem(problem.pool, problem.validation, clustering), 10).shortfall == 10
