import numpy as np
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from craft_core.score import score_pool
from craft_core.selectors import Craft, Herding
from craft_core.selectors.herding import herd


@given(seed=st.integers(0, 2**16), n=st.integers(1, 14), m=st.integers(1, 5), dimensions=st.integers(1, 4), data=st.data())
def test_herding_is_the_greedy_choice_it_says_it_is(seed: int, n: int, m: int, dimensions: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    candidates, wanted = (rng.normal(size=(size, dimensions)) for size in (n, m))
    taken = herd(candidates, wanted, data.draw(st.integers(0, n)))
    assert len(set(taken.tolist())) == len(taken)
    for step, one in enumerate(taken):  # on a line many candidates tie, so what is compared is the value, not the position
        before = candidates[taken[:step]]
        gain = cdist(candidates, wanted).mean(axis=1) - (cdist(candidates, before).mean(axis=1) if step else 0.0)
        assert gain[one] <= np.delete(gain, taken[:step]).min() + 1e-6


def test_a_mean_is_taken_first_and_then_the_spread() -> None:
    candidates = np.array([[0.0], [0.1], [-1.0], [1.0]], np.float32)
    wanted = np.array([[-1.0], [0.0], [1.0]], np.float32)
    assert herd(candidates, wanted, 3).tolist() == [0, 2, 3]


def test_the_shares_are_those_of_craft_and_the_targets_are_wider() -> None:
    problem = random_problem(n=4_000, m=200, n_clusters=5)
    rng = np.random.default_rng(0)
    craft, herding = Craft().select(problem, 100, rng), Herding().select(problem, 100, rng)
    pool, wanted = problem.clustering.pool_labels, problem.clustering.validation_labels
    assert np.bincount(pool[craft.indices]).tolist() == np.bincount(pool[herding.indices]).tolist()
    largest = np.argmax(problem.clustering.validation_counts)
    inside = [problem.pool.targets[one.indices[pool[one.indices] == largest]].var(axis=0).sum() for one in (craft, herding)]
    validation = problem.validation.targets[wanted == largest].var(axis=0).sum()
    assert inside[0] < 0.6 * validation
    assert 1.2 * inside[0] < inside[1] < 1.1 * validation


def test_a_cluster_that_gives_few_pairs_still_looks_at_200_candidates() -> None:
    problem = random_problem(n=1_000, m=40, n_clusters=1)
    chosen = Herding(candidates_per_pair=1).select(problem, 3, np.random.default_rng(0)).indices
    best = np.argsort(-score_pool(problem), kind="stable")
    targets = problem.pool.targets
    assert chosen.tolist() == np.sort(best[:200])[herd(targets[np.sort(best[:200])], problem.validation.targets, 3)].tolist()
    assert not set(chosen) <= set(best[:20])
