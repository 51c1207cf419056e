import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from craft_core.allocate import Allocation
from craft_core.bound import covered_kl, kl_divergence
from craft_core.budgets import budget_for_tokens, covered_supply, prefixes
from craft_core.cluster import Clustering
from craft_core.corpus import Corpus
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.discrepancy import coverage, reference_terms
from craft_core.measure import cells_of
from craft_core.problem import Problem
from craft_core.selectors import Craft
from craft_core.whatif import take

N_CLUSTERS = 6


def random_corpus(n: int, rng: np.random.Generator, name: str) -> Corpus:
    """Texts of 0 to 7 words out of 30, frequent and rare; the target's words are others."""
    words = np.array([f"w{number}" for number in range(30)])
    chance = 1 / np.arange(1, 31)
    sides = [[" ".join(rng.choice(words, rng.integers(0, 8), p=chance / chance.sum())) for _ in range(n)] for _ in range(2)]
    return corpus_from_texts(sides[0], [text.replace("w", "z") for text in sides[1]], name)


def world(seed: int) -> tuple[Problem, Corpus, Corpus]:
    """A small pool with pairs in no cluster, clusters without validation or without supply, and held-out texts."""
    rng = np.random.default_rng(seed)
    made = random_problem(n=int(rng.integers(1, 80)), m=int(rng.integers(1, 20)), n_clusters=1, dimensions=3, seed=seed)
    pool_labels, labels = (rng.integers(-1, N_CLUSTERS, len(side)).astype(np.int32) for side in (made.pool, made.validation))
    labels[0] = rng.integers(0, N_CLUSTERS)  # without any validation pair there is nothing to rank by
    centers = np.zeros((N_CLUSTERS, 3), np.float32)
    problem = Problem(made.pool, made.validation, Clustering(centers, pool_labels, labels))
    return problem, random_corpus(len(made.pool), rng, "pool"), random_corpus(int(rng.integers(0, 12)), rng, "test")


def counted(corpus: Corpus) -> tuple[int, int]:
    return tuple(sum(len(text.split()) for text in side.to_pylist()) for side in (corpus.sources, corpus.targets))


def exact_diameters(problem: Problem, chosen: np.ndarray) -> np.ndarray:
    found = np.zeros(N_CLUSTERS)
    for c in range(N_CLUSTERS):
        own = problem.validation.sources[problem.clustering.validation_labels == c]
        points = np.concatenate([own, problem.pool.sources[chosen[problem.clustering.pool_labels[chosen] == c]]])
        found[c] = pdist(points).max() if len(points) > 1 else 0.0
    return found


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 90), rule=st.sampled_from(["water-fill", "kl-optimal"]))
def test_what_is_looked_up_is_what_the_selection_has(seed: int, budget: int, rule: str) -> None:
    problem, pool, held = world(seed)
    craft = Craft(allocation=rule)
    ranking = craft.rank(problem)
    found = prefixes(problem, ranking, pool, held)
    allocation = craft.allocate(problem, budget)
    chosen = take(ranking, allocation).indices
    numbers = found.at(allocation)
    texts = pool.take(chosen)
    assert (numbers.source_tokens, numbers.target_tokens) == counted(texts)
    assert numbers.tokens == sum(counted(texts))
    if len(held):
        brute = coverage(texts, reference_terms(held))
        for name in ("source_tokens", "source_bigrams", "target_tokens", "target_bigrams"):
            assert getattr(numbers.coverage, name) == pytest.approx(getattr(brute, name), abs=1e-12, nan_ok=True)
    else:
        assert numbers.coverage is None
    low, high = found.diameters(allocation)
    exact = exact_diameters(problem, chosen)
    known = problem.clustering.validation_counts > 0
    assert (low[known] <= exact[known] + 1e-6).all()
    assert (high[known] >= exact[known] - 1e-6).all()
    assert (low[~known] == 0).all()
    assert (high[~known] == 0).all()
    assert (high <= 2 * low + 1e-6).all()


@given(seed=st.integers(0, 2**16))
def test_any_counts_can_be_looked_up_and_the_numbers_grow_with_them(seed: int) -> None:
    problem, pool, held = world(seed)
    ranking = Craft().rank(problem)
    found = prefixes(problem, ranking, pool, held)
    rng = np.random.default_rng(seed)
    supply = np.where(problem.clustering.validation_counts > 0, problem.clustering.supply, 0)
    small = rng.integers(0, supply + 1)
    large = rng.integers(small, supply + 1)
    one, other = (Allocation(max(int(counts.sum()), 1), counts, supply, problem.clustering.validation_counts) for counts in (small, large))
    for before, after in zip(found.diameters(one), found.diameters(other), strict=True):
        assert (before <= after).all()
    less, more = found.at(one), found.at(other)
    assert less.source_tokens <= more.source_tokens
    assert less.target_tokens <= more.target_tokens
    if len(held):
        assert not less.coverage.source_bigrams > more.coverage.source_bigrams + 1e-12  # both may be nan
        texts = pool.take(take(ranking, one).indices)
        assert less.coverage.target_tokens == pytest.approx(coverage(texts, reference_terms(held)).target_tokens, abs=1e-12, nan_ok=True)


def test_by_hand() -> None:
    # cluster 0: pairs 0 and 1; cluster 1: pair 2. Both clusters have a validation pair.
    made = random_problem(n=3, m=2, n_clusters=1, dimensions=2)
    clustering = Clustering(np.zeros((2, 2), np.float32), np.array([0, 0, 1], np.int32), np.array([0, 1], np.int32))
    problem = Problem(made.pool, made.validation, clustering)
    pool = corpus_from_texts(["a b", "c", "d"], ["x", "y y", "z"], "pool")
    held = corpus_from_texts(["a b b"], ["y z"], "test")
    craft = Craft()
    ranking = craft.rank(problem)
    found = prefixes(problem, ranking, pool, held)
    everything = found.at(craft.allocate(problem, 3))
    assert (everything.source_tokens, everything.target_tokens, everything.tokens) == (4, 4, 8)
    # of "a b b" both words occur; of its pairs "a b" and "b b" one does. Of "y z" both words occur, in different pairs.
    assert (everything.coverage.source_tokens, everything.coverage.source_bigrams) == (1.0, 0.5)
    assert (everything.coverage.target_tokens, everything.coverage.target_bigrams) == (1.0, 0.0)
    assert everything.kl == pytest.approx(np.log(0.5 / (2 / 3)) / 2 + np.log(0.5 / (1 / 3)) / 2)
    assert everything.starved == 1
    one = found.at(craft.allocate(problem, 1))
    assert one.kl == np.inf
    assert one.covered_kl == 0


def test_the_bound_is_that_of_the_shares_and_diameters(problem: Problem) -> None:
    pool = random_corpus(len(problem.pool), np.random.default_rng(0), "pool")
    craft = Craft()
    ranking = craft.rank(problem)
    found = prefixes(problem, ranking, pool, None)
    allocation = craft.allocate(problem, 100)
    bound = found.bound(allocation, lipschitz=2.0)
    cells = cells_of(problem, take(ranking, allocation))
    low, high = found.diameters(allocation)
    p, q = allocation.validation_share, allocation.selected_share
    assert bound.discrete == kl_divergence(p, q)
    assert bound.covered == covered_kl(p, q)
    np.testing.assert_allclose(bound.linear, 2.0 * high)
    np.testing.assert_allclose(found.cells.variance, cells.variance)
    assert (low <= cells.diameter_high + 1e-6).all()
    assert (high >= cells.diameter_low - 1e-6).all()
    assert found.bound(allocation, 0.0).total == pytest.approx(bound.discrete)


def test_without_held_out_texts_words_are_still_counted(problem: Problem) -> None:
    pool = random_corpus(len(problem.pool), np.random.default_rng(0), "pool")
    allocation = Craft().allocate(problem, 50)
    ranking = Craft().rank(problem)
    numbers = prefixes(problem, ranking, pool, None).at(allocation)
    assert numbers.coverage is None
    assert (numbers.source_tokens, numbers.target_tokens) == counted(pool.take(take(ranking, allocation).indices))


@given(seed=st.integers(0, 2**16), share=st.floats(0, 1.2))
def test_a_budget_for_so_many_words_fits_and_the_next_does_not(seed: int, share: float) -> None:
    problem, pool, _ = world(seed)
    craft = Craft()
    found = prefixes(problem, craft.rank(problem), pool, None)
    supply = covered_supply(problem)
    words = [found.at(craft.allocate(problem, budget)).tokens for budget in range(1, supply + 2)]
    asked = int(share * words[-1])
    budget = budget_for_tokens(found, craft, problem, asked)
    assert 1 <= budget <= max(supply, 1)
    assert words[budget - 1] <= asked or budget == 1
    assert budget >= supply or words[budget] > asked
    assert budget_for_tokens(found, craft, problem, 10**9) == max(supply, 1)
    assert budget_for_tokens(found, craft, problem, -1) == 1


def test_the_work_can_be_stopped(problem: Problem) -> None:
    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prefixes(problem, Craft().rank(problem), random_corpus(len(problem.pool), np.random.default_rng(0), "pool"), None, stop)
