import numpy as np
import pytest
from conftest import random_problem

from craft_core.selectors import Craft, StageOne


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("rule", ["water-fill", "kl-optimal"])
@pytest.mark.parametrize("budget", [5, 60, 250])
def test_each_cluster_gives_as_many_as_in_craft(rule: str, budget: int) -> None:
    problem = random_problem()
    labels = problem.clustering.pool_labels
    craft, alone = (one.select(problem, budget, rng()).indices for one in (Craft(allocation=rule), StageOne(allocation=rule)))
    assert np.bincount(labels[alone], minlength=7).tolist() == np.bincount(labels[craft], minlength=7).tolist()
    assert set(alone) != set(craft)


def test_inside_a_cluster_every_pair_has_the_same_chance() -> None:
    problem = random_problem(n=60, m=40, n_clusters=3)
    labels, supply = problem.clustering.pool_labels, problem.clustering.supply
    times, repeats = np.zeros(60), 600
    for seed in range(repeats):
        times[StageOne().select(problem, 20, rng(seed)).indices] += 1
    chance = (Craft().allocate(problem, 20).counts / supply)[labels]
    assert (np.abs(times - repeats * chance) <= 4.5 * np.sqrt(repeats * chance * (1 - chance))).all()
    assert len(np.unique(chance)) == 3


def test_a_seed_draws_the_same_again_and_the_scores_are_the_draws() -> None:
    problem = random_problem()
    one, two = (StageOne().select(problem, 70, rng(4)) for _ in range(2))
    assert one.indices.tolist() == two.indices.tolist()
    assert ((one.scores > 0) & (one.scores <= 1)).all()
    labels = problem.clustering.pool_labels[one.indices]
    assert all((np.diff(one.scores[labels == c]) <= 0).all() for c in range(7))
