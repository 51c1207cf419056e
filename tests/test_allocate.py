from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.allocate import ALLOCATION_RULES, Allocation, allocate, ceilings
from craft_core.bound import kl_divergence
from craft_core.errors import ParameterError


def counts(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@st.composite
def cases(draw: st.DrawFn, largest: int = 40) -> tuple[np.ndarray, np.ndarray, int]:
    k = draw(st.integers(1, 8))
    wanted = draw(st.lists(st.integers(0, 12), min_size=k, max_size=k))
    supply = draw(st.lists(st.integers(0, largest), min_size=k, max_size=k))
    return counts(*wanted), counts(*supply), draw(st.integers(1, 3 * largest))


def test_rounding_can_leave_a_small_cluster_at_zero_where_kl_optimal_does_not() -> None:
    wanted, supply = counts(98, 1, 1), counts(100, 100, 100)
    assert allocate("water-fill", wanted, supply, 3).counts.tolist() == [3, 0, 0]
    assert allocate("kl-optimal", wanted, supply, 3).counts.tolist() == [1, 1, 1]


def test_largest_remainder_by_hand() -> None:
    # quotas 4.5, 3.5, 2.0 of 10 with plenty of supply: the two halves tie, the lower cluster gets the unit
    allocation = allocate("water-fill", counts(9, 7, 4), counts(99, 99, 99), 10)
    assert allocation.counts.tolist() == [5, 3, 2]
    np.testing.assert_allclose(allocation.quota, [4.5, 3.5, 2.0])


def test_the_surplus_of_a_full_cluster_goes_to_the_others_in_proportion() -> None:
    # quotas 50, 25, 25; the first can give 10, so 90 are shared 1:1
    allocation = allocate("water-fill", counts(2, 1, 1), counts(10, 99, 99), 100)
    assert allocation.counts.tolist() == [10, 45, 45]
    assert allocation.starved.tolist() == [True, False, False]
    assert allocation.shortfall == 0


def test_a_cluster_that_has_pairs_left_did_not_run_out() -> None:
    """As with random, which takes 4 of 29 where the quota is 60."""
    assert Allocation(100, counts(4, 90), counts(29, 500), counts(6, 4)).starved.tolist() == [False, False]


def test_shortfall_and_uncovered_mass() -> None:
    allocation = allocate("water-fill", counts(2, 1, 1, 0), counts(10, 5, 0, 50), 100)
    assert allocation.counts.tolist() == [10, 5, 0, 0]
    assert allocation.shortfall == 85
    assert allocation.uncovered == 0.25
    assert allocation.selected_share.tolist() == [10 / 15, 5 / 15, 0, 0]


def test_kl_optimal_leaves_no_validation_cluster_at_zero() -> None:
    wanted, supply = counts(997, 1, 1, 1), counts(500, 500, 500, 500)
    assert allocate("kl-optimal", wanted, supply, 10).counts.min() >= 1
    assert allocate("water-fill", wanted, supply, 10).counts.min() == 0


def test_kl_optimal_with_fewer_pairs_than_clusters_serves_the_largest_shares() -> None:
    assert allocate("kl-optimal", counts(1, 5, 3, 5), counts(9, 9, 9, 9), 3).counts.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("rule", ALLOCATION_RULES)
@given(case=cases())
def test_counts_sum_to_the_covered_supply_and_stay_within_it(rule: str, case: tuple) -> None:
    wanted, supply, budget = case
    allocation = allocate(rule, wanted, supply, budget)
    assert allocation.counts.sum() == min(budget, supply[wanted > 0].sum())
    assert (allocation.counts >= 0).all()
    assert (allocation.counts <= supply).all()
    assert (allocation.counts[wanted == 0] == 0).all()
    assert allocation.shortfall == budget - allocation.counts.sum()


@given(case=cases(largest=400))
def test_water_filling_is_within_one_of_the_quota_where_no_supply_binds(case: tuple) -> None:
    wanted, supply, budget = case
    wanted = wanted + 1
    supply = supply + budget
    allocation = allocate("water-fill", wanted, supply, budget)
    assert (np.abs(allocation.counts - allocation.quota) < 1).all()
    assert not allocation.starved.any()


@given(case=cases(), seed=st.integers(0, 2**16))
def test_water_filling_beats_every_random_feasible_allocation_in_kl(case: tuple, seed: int) -> None:
    wanted, supply, budget = case
    # a thousand times the pairs: what rounding to whole pairs costs is then below 1e-4
    wanted, supply, budget = wanted + 1, 1_000 * (supply + 1), 1_000 * budget
    allocation = allocate("water-fill", wanted, supply, budget)
    share = allocation.validation_share
    filled = real_water_fill(share, supply, allocation.size)
    assert (np.abs(allocation.counts - filled) < 1 + 1e-6).all()
    best = kl_divergence(share, allocation.selected_share)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        other = random_feasible(supply, allocation.size, rng)
        assert best <= kl_divergence(share, other / other.sum()) + 1e-4


def real_water_fill(share: np.ndarray, supply: np.ndarray, total: int) -> np.ndarray:
    """min(supply, lambda * share) with lambda found by bisection: slow, but plainly the definition."""
    low, high = 0.0, total / share.min() + supply.max() / share.min()
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.minimum(supply, middle * share).sum() < total else (low, middle)
    return np.minimum(supply, high * share)


def random_feasible(supply: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """A random point of the simplex, cut at the supply, the rest given where there is room."""
    counts = np.minimum(total * rng.dirichlet(np.ones(len(supply))), supply)
    for c in rng.permutation(len(supply)):
        counts[c] += min(supply[c] - counts[c], total - counts.sum())
    return counts


@given(
    wanted=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    supply=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    budget=st.integers(1, 12),
)
def test_kl_optimal_is_the_exact_integer_minimiser(wanted: list[int], supply: list[int], budget: int) -> None:
    want, have = counts(*wanted), counts(*supply[: len(wanted)])
    total = min(budget, int(have.sum()))
    share = want / want.sum()
    best = min(kl_divergence(share, np.array(option) / total) for option in product(*(range(s + 1) for s in have)) if sum(option) == total)
    found = kl_divergence(share, allocate("kl-optimal", want, have, budget).selected_share)
    assert found == pytest.approx(best, abs=1e-12)


@given(case=cases())
def test_kl_optimal_counts_are_monotone_in_the_budget(case: tuple) -> None:
    wanted, supply, budget = case
    assert (allocate("kl-optimal", wanted, supply, budget).counts <= allocate("kl-optimal", wanted, supply, budget + 1).counts).all()


@pytest.mark.parametrize("budget", [0, -5, 2.5, True, None])
def test_a_bad_budget_is_refused_with_its_value(budget: object) -> None:
    with pytest.raises(ParameterError, match=f"at least 1 pair. Got {budget!r}"):
        allocate("water-fill", counts(1), counts(1), budget)  # type: ignore[arg-type]


def test_an_unknown_rule_is_refused_with_those_there_are() -> None:
    with pytest.raises(ParameterError, match="no allocation rule 'fair'. There are: water-fill, kl-optimal"):
        allocate("fair", counts(1), counts(1), 1)


@st.composite
def growing(draw: st.DrawFn) -> tuple[np.ndarray, list[np.ndarray], int]:
    """Supplies of which none is smaller than the one before, from a few pairs to very many."""
    k, largest = draw(st.integers(1, 8)), draw(st.sampled_from([5, 40, 10**6, 10**10]))
    wanted = draw(st.lists(st.integers(0, draw(st.sampled_from([3, 40, 10_000]))), min_size=k, max_size=k))
    supplies = [counts(*draw(st.lists(st.integers(0, largest), min_size=k, max_size=k)))]
    for _ in range(draw(st.integers(1, 3))):
        supplies.append(supplies[-1] + counts(*draw(st.lists(st.integers(0, largest), min_size=k, max_size=k))))
    return counts(*wanted), supplies, draw(st.integers(1, 30) | st.integers(1, 10_000))


@pytest.mark.parametrize("rule", ALLOCATION_RULES)
@settings(max_examples=150)
@given(case=growing())
def test_whatever_pairs_may_still_come_no_cluster_gives_more_than_its_ceiling(rule: str, case: tuple) -> None:
    wanted, supplies, budget = case
    for number, seen in enumerate(supplies):
        most = ceilings(rule, wanted, seen, budget)
        assert (most <= budget).all()
        assert (most[wanted == 0] == 0).all()
        for final in supplies[number:]:
            assert (allocate(rule, wanted, final, budget).counts <= most).all()


@pytest.mark.parametrize("rule", ALLOCATION_RULES)
def test_ceilings_are_close_once_the_supply_is_large(rule: str) -> None:
    wanted, supply = counts(50, 30, 20, 0), counts(10**6, 10**6, 10**6, 10**6)
    assert (ceilings(rule, wanted, supply, 1_000) - allocate(rule, wanted, supply, 1_000).counts <= 1).all()
    assert ceilings(rule, wanted, counts(0, 0, 0, 9), 1_000).tolist() == [1_000, 1_000, 1_000, 0]
