import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core import alignment as judging
from craft_core.alignment import Alignment, alignment
from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.errors import ParameterError
from craft_core.herd import herd
from craft_core.importance import log_weights
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.selectors import CraftWeighted, weighted
from craft_core.vector_importance import vector_log_weights
from craft_core.vectorize.protocol import EncodedPairs
from craft_core.whatif import take

rules = st.sampled_from(ALLOCATION_RULES)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def mispaired(problem: Problem, monkeypatch: pytest.MonkeyPatch, every: int) -> np.ndarray:
    """Let every so-many-th pair look mispaired, and return which do."""
    probabilities = np.where(np.arange(len(problem.pool)) % every == 0, 0.1, 0.9).astype(np.float32)
    monkeypatch.setattr(weighted, "alignment", lambda *given: Alignment(probabilities, 0.99))
    return probabilities < 0.5


def test_without_weight_and_alignment_it_is_joint_herding_in_each_cluster() -> None:
    problem = random_problem(n=2_000, m=60, n_clusters=4)
    chosen = CraftWeighted(weight=0.0, vector_weight=0.0, least_alignment=0.0).select(problem, 80, rng()).indices
    clustering, weights = problem.clustering, log_weights(*problem.texts("x")).astype(np.float32)
    counts = allocate("water-fill", clustering.validation_counts, clustering.supply, 80).counts
    assert (counts > 3).all()
    for c, count in enumerate(counts):
        members = np.flatnonzero(clustering.pool_labels == c)
        best = members[np.argsort(-weights[members], kind="stable")]  # the best worded are the first candidates
        wanted = joint_rows(problem.validation, np.flatnonzero(clustering.validation_labels == c))
        expected = best[herd(joint_rows(problem.pool, best), wanted, count)]
        assert chosen[clustering.pool_labels[chosen] == c].tolist() == expected.tolist()


def test_a_larger_weight_takes_pairs_worded_more_like_validation() -> None:
    problem = random_problem(n=2_000, m=60, n_clusters=3)
    weights = log_weights(*problem.texts("x"))
    methods = (CraftWeighted(weight=weight, vector_weight=0.0, least_alignment=0.0) for weight in (0.0, 0.02, 1.0))
    means = [weights[method.select(problem, 60, rng()).indices].mean() for method in methods]
    assert means[0] + 0.1 < means[1] < means[2]


def test_with_all_weight_the_best_worded_are_taken() -> None:
    problem = random_problem(n=400, m=30, n_clusters=1)
    weights = log_weights(*problem.texts("x"))
    chosen = CraftWeighted(weight=1.0, vector_weight=0.0, least_alignment=0.0).select(problem, 20, rng())
    assert np.isin(chosen.indices, np.argsort(-weights)[:40]).all()
    np.testing.assert_allclose(chosen.scores, weights[chosen.indices], rtol=1e-5)
    assert chosen.weights.tolist() == [1.0] * 20


@pytest.mark.parametrize("vector_weight", [0.5, 2.0])
def test_evidence_from_vectors_is_added_to_that_from_words(vector_weight: float) -> None:
    problem = random_problem(n=400, m=30)
    weights = log_weights(*problem.texts("x")) + vector_weight * vector_log_weights(problem)
    chosen = CraftWeighted(vector_weight=vector_weight, least_alignment=0.0).select(problem, 50, rng())
    np.testing.assert_allclose(chosen.scores, weights[chosen.indices], rtol=1e-4, atol=1e-4)


def test_mispaired_pairs_come_last_and_only_where_the_others_do_not_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem()
    is_bad = mispaired(problem, monkeypatch, every=4)
    labels, covered = problem.clustering.pool_labels, problem.clustering.validation_counts > 0
    good = int((covered[labels] & ~is_bad).sum())
    assert not is_bad[CraftWeighted().select(problem, good, rng()).indices].any()
    beyond = CraftWeighted().select(problem, good + 20, rng())
    assert len(beyond) == good + 20
    assert is_bad[beyond.indices].sum() == 20
    ranking = CraftWeighted().rank(problem)
    for c in range(problem.clustering.n_clusters):
        assert (np.diff(is_bad[ranking.members(c)].astype(int)) >= 0).all()
        bad = [one for one in ranking.members(c) if is_bad[one]]
        assert (np.diff(ranking.scores[bad]) <= 0).all()


def test_pairs_exchanged_in_the_pool_are_left_for_the_end() -> None:
    plain = random_problem(n=1_000, m=60, dimensions=24)
    moved = np.arange(0, 1_000, 10)
    order = np.arange(1_000)
    order[moved] = np.roll(moved, 1)
    texts = plain.pool.texts
    problem = Problem(EncodedPairs(plain.pool.sources, plain.pool.targets[order], texts), plain.validation, plain.clustering)
    chosen = CraftWeighted().select(problem, 300, rng()).indices
    careless = CraftWeighted(least_alignment=0.0).select(problem, 300, rng()).indices
    assert alignment(problem, "x").auc >= judging.LEAST_AUC
    assert (chosen % 10 == 0).sum() <= 3
    assert (careless % 10 == 0).sum() >= 15


def test_where_sides_are_unrelated_no_pair_is_left_out() -> None:
    plain = random_problem(n=400, m=40)
    order = np.random.default_rng(3).permutation(400)
    problem = Problem(EncodedPairs(plain.pool.sources, plain.pool.targets[order], plain.pool.texts), plain.validation, plain.clustering)
    one, two = (CraftWeighted(least_alignment=least).select(problem, 100, rng()) for least in (0.7, 0.0))
    assert one.indices.tolist() == two.indices.tolist()


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 320), more=st.integers(0, 100), every=st.integers(2, 9), rule=rules)
@settings(max_examples=25)
def test_the_choice_contains_that_for_a_smaller_budget(seed: int, budget: int, more: int, every: int, rule: str) -> None:
    problem, method = random_problem(seed=seed), CraftWeighted(allocation=rule)
    with pytest.MonkeyPatch.context() as patch:
        mispaired(problem, patch, every)
        small, large = (method.select(problem, size, rng()).indices for size in (budget, budget + more))
        # the ranking is the same for every budget
        ranked = take(method.rank(problem), method.allocate(problem, budget))
        assert ranked.indices.tolist() == small.tolist()
    labels = problem.clustering.pool_labels
    for c in range(7):  # under water-fill a cluster may give one fewer when the budget grows
        shorter, longer = sorted((one[labels[one] == c].tolist() for one in (small, large)), key=len)
        assert longer[: len(shorter)] == shorter
    assert set(small) <= set(large) or rule == "water-fill"


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 400), every=st.integers(1, 9), rule=rules)
@settings(max_examples=25)
def test_no_cluster_gives_more_than_it_has(seed: int, budget: int, every: int, rule: str) -> None:
    problem = random_problem(seed=seed, m=8)
    with pytest.MonkeyPatch.context() as patch:
        is_bad = mispaired(problem, patch, every)
        allocation = CraftWeighted(allocation=rule).allocate(problem, budget)
    clustering = problem.clustering
    covered = np.where(clustering.validation_counts > 0, clustering.supply, 0)
    assert (allocation.counts <= covered).all()
    assert allocation.size == min(budget, covered.sum())
    assert allocation.budget == budget
    assert allocation.supply.tolist() == clustering.supply.tolist()
    good = np.bincount(clustering.pool_labels[~is_bad], minlength=clustering.n_clusters)
    if (allocation.counts > good).any():  # the others are asked only where the well-aligned ones of all clusters are taken
        assert (allocation.counts >= np.where(clustering.validation_counts > 0, good, 0)).all()


def test_a_bad_budget_is_refused_before_anything_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighted, "alignment", lambda *given: pytest.fail("learned"))
    with pytest.raises(ParameterError, match="The budget must be a whole number of at least 1 pair"):
        CraftWeighted().select(random_problem(), 0, rng())


def test_progress_tells_of_every_part_and_never_goes_back() -> None:
    told: list[tuple[float, str]] = []
    CraftWeighted(vector_weight=0.0).select(random_problem(), 30, rng(), lambda share, text: told.append((share, text)))
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert list(dict.fromkeys(text for _, text in told)) == [
        "Learning which pairs belong together",
        "Judging which pairs belong together",
        "Weighing words",
        "Ordering the pairs inside each cluster",
    ]


def test_it_says_how_many_pairs_look_mispaired_or_that_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(n=400, m=40)
    assert CraftWeighted(least_alignment=0.0).select(problem, 20, rng()).notes == ()
    monkeypatch.setattr(weighted, "alignment", lambda *given: Alignment(np.full(400, 0.1, np.float32), 0.6))
    assert "can hardly be told apart here (AUC 0.60)" in CraftWeighted().select(problem, 20, rng()).notes[0]
    mispaired(problem, monkeypatch, every=4)
    note = "100 of 400 pool pairs look mispaired (probability of being a pair below 0.7)."
    assert CraftWeighted().select(problem, 20, rng()).notes == (note,)
    assert take(CraftWeighted().rank(problem), CraftWeighted().allocate(problem, 20)).notes == (note,)
