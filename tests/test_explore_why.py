from dataclasses import replace

import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.alignment import Alignment
from craft_core.allocate import ALLOCATION_RULES, allocate
from craft_core.cluster import Clustering
from craft_core.errors import ParameterError
from craft_core.explore.cards import sentences, validation_sentences
from craft_core.explore.neighbours import neighbours_of
from craft_core.explore.why import Entry, Why, entry, why, why_validation
from craft_core.measure import realised_allocation
from craft_core.problem import Problem, Selection, Selector
from craft_core.selectors import SELECTORS, Craft, CraftWeighted, Herding, weighted
from craft_core.vectorize.protocol import EncodedPairs
from craft_core.whatif import Ranking, take

RANKED = [cls(allocation=rule) for cls in (Craft, CraftWeighted, Herding) for rule in ALLOCATION_RULES]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def counts(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def brute(taken: list[bool]) -> Entry:
    """`taken` at the budgets 1, 2, ..."""
    if not taken or not taken[-1]:
        return Entry(None, None)
    return Entry(taken.index(True) + 1, len(taken) - (taken[::-1].index(False) if False in taken else len(taken)) + 1)


def test_brute_force_by_hand() -> None:
    assert brute([False, True, False, True, True]) == Entry(2, 4)
    assert brute([True, True]) == Entry(1, 1)
    assert brute([True, False]) == Entry(None, None)


def test_entry_by_hand() -> None:
    given_at = [0, 1, 1, 2, 1, 2, 2, 3]  # at the budgets 1 to 8
    asked = [entry(lambda budget: given_at[budget - 1], rank, 8, 4) for rank in (1, 2, 3, 4)]
    assert asked == [Entry(2, 2), Entry(4, 6), Entry(8, 8), Entry(None, None)]
    assert entry(lambda budget: 9, 1, 0, 4) == Entry(None, None)


def test_rounding_can_take_a_pair_back_when_the_budget_grows() -> None:
    # the Alabama paradox (1880): 8 of 299 seats, 7 of 300
    wanted, supply = counts(6, 6, 2), counts(99, 99, 99)
    given_at = [int(allocate("water-fill", wanted, supply, budget).counts[2]) for budget in (10, 11)]
    assert given_at == [2, 1]
    found = entry(lambda budget: int(allocate("water-fill", wanted, supply, budget).counts[2]), 2, 297, 7)
    assert found.enters is not None
    assert found.stays is not None
    assert found.enters <= 10 < 11 < found.stays


@pytest.mark.parametrize("rule", ALLOCATION_RULES)
@given(data=st.data(), k=st.integers(1, 8), most=st.sampled_from([3, 30]))
@settings(max_examples=120)
def test_entry_is_exact_for_every_rank_with_the_window_of_the_share(rule: str, data: st.DataObject, k: int, most: int) -> None:
    wanted = counts(*data.draw(st.lists(st.integers(0, 12), min_size=k, max_size=k)))
    supply = counts(*data.draw(st.lists(st.integers(0, most), min_size=k, max_size=k)))
    largest = int(supply[wanted > 0].sum())
    at = np.array([allocate(rule, wanted, supply, budget).counts for budget in range(1, largest + 1)]).reshape(largest, k)
    for c in np.flatnonzero(wanted):
        window = 0 if rule == "kl-optimal" else -int(-wanted.sum() // wanted[c])
        for rank in range(1, int(supply[c]) + 2):
            assert entry(lambda budget, c=c: int(at[budget - 1, c]), rank, largest, window) == brute((at[:, c] >= rank).tolist())


def test_few_budgets_are_tried() -> None:
    asked = []

    def count_at(budget: int) -> int:
        asked.append(budget)
        return budget // 200

    assert entry(count_at, 2_000, 1_000_000, 200) == Entry(400_000, 400_000)
    assert len(asked) <= 21 + 2 * 200


@pytest.mark.parametrize("selector", RANKED, ids=repr)
def test_a_pair_is_taken_exactly_at_the_budgets_stated(selector: Selector, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(n=120, m=23, n_clusters=6)
    probabilities = np.where(np.arange(120) % 4 == 0, 0.1, 0.9).astype(np.float32)
    monkeypatch.setattr(weighted, "alignment", lambda *given: Alignment(probabilities, 0.99))
    ranking = selector.rank(problem)  # type: ignore[attr-defined]
    taken = np.zeros((121, 120), dtype=bool)
    for budget in range(1, 121):
        taken[budget, take(ranking, selector.allocate(problem, budget)).indices] = True  # type: ignore[attr-defined]
    differ = 0
    for position in range(120):
        card = card_of(problem, selector, 30, position, ranking)
        assert card.entry == brute(taken[1:, position].tolist())
        assert card.is_chosen == taken[30, position]
        assert card.reason == ("" if card.validation_count else "No validation pair is in its cluster.")
        differ += card.entry.enters != card.entry.stays
    assert bool(differ) == (selector.allocation == "water-fill")  # type: ignore[attr-defined]


def card_of(problem: Problem, selector: Selector, budget: int, position: int, ranking: Ranking | None) -> Why:
    chosen = selector.select(problem, budget, rng()) if ranking is None else take(ranking, selector.allocate(problem, budget))  # type: ignore[attr-defined]
    return why(problem, chosen, realised_allocation(problem, chosen, budget), selector, ranking, position)


@pytest.mark.parametrize("cls", SELECTORS.values(), ids=lambda cls: cls.name)
def test_there_is_a_card_for_every_method(cls: type[Selector]) -> None:
    problem, selector = random_problem(), cls()
    ranking = selector.rank(problem) if hasattr(selector, "rank") else None
    chosen = selector.select(problem, 40, rng())
    for position in (int(chosen.indices[3]), int(np.setdiff1d(np.arange(300), chosen.indices)[0])):
        card = why(problem, chosen, realised_allocation(problem, chosen, 40), selector, ranking, position)
        assert card.is_chosen == (card.place == 4) == (position == chosen.indices[3])
        assert card.cluster == problem.clustering.pool_labels[position]
        assert card.count == (problem.clustering.pool_labels[chosen.indices] == card.cluster).sum()
        assert (card.entry is None) == (card.rank is None) == (ranking is None)
        if ranking is None:
            assert card.reason == f"The method {selector.name} does not order the pool once for all budgets."
            assert card.percentile is None
            assert card.score == (pytest.approx(float(chosen.scores[3])) if card.is_chosen else None)
        said = " ".join(sentences(card, "5"))
        assert ("Chosen: the cluster gives" in said) == card.is_chosen
        assert " None" not in said


def small() -> tuple[Problem, Ranking]:
    """Two clusters on a circle, at 0 and at 90 degrees, and a third without validation pairs; the last pair is in none."""
    pool = EncodedPairs(circle(0, 10, 20, 90, 180, 0), circle(0, 60, 90, 90, 180, 0))
    validation = EncodedPairs(circle(0, 10, 95), circle(0, 60, 90))
    labels = np.array([0, 0, 0, 1, 2, -1], np.int32)
    problem = Problem(pool, validation, Clustering(circle(0, 90, 180), labels, np.array([0, 0, 1], np.int32)))
    return problem, Craft().rank(problem)


def circle(*degrees: float) -> np.ndarray:
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def chord(degrees: float) -> float:
    return float(2 * np.sin(np.radians(degrees) / 2))


def test_the_card_by_hand() -> None:
    problem, ranking = small()
    # squared distances to the targets at 0 and 60 degrees: 1 for both of the first, so the lower row is first; more for the third
    card = card_of(problem, Craft(), 3, 1, ranking)
    assert (card.position, card.cluster, card.rank, card.supply, card.validation_count) == (1, 0, 2, 3, 2)
    assert (card.is_chosen, card.budget, card.size, card.count) == (True, 3, 3, 2)
    assert card.place == 3
    assert card.quota == pytest.approx(2)
    assert card.score == pytest.approx(-0.5)
    assert card.percentile == 100
    assert card.center_distance == pytest.approx(chord(10))
    assert card.target_distance == pytest.approx(0.5)
    assert card.nearest_validation.positions.tolist() == [1, 0, 2]
    np.testing.assert_allclose(card.nearest_validation.distances, [0, chord(10), chord(85)], atol=1e-6)
    np.testing.assert_allclose(card.nearest_target_distances, [0, 1, chord(30)], atol=1e-6)
    assert card.entry == Entry(3, 3)
    assert not card.nearest_target_distances.flags.writeable
    last = card_of(problem, Craft(), 3, 2, ranking)
    assert (last.rank, last.place, last.is_chosen, last.entry) == (3, None, False, Entry(4, 4))
    assert last.percentile == pytest.approx(100 / 3)


def test_a_cluster_without_validation_pairs_and_a_pair_in_no_cluster() -> None:
    problem, ranking = small()
    card = card_of(problem, Craft(), 3, 4, ranking)
    assert (card.rank, card.entry, card.score, card.percentile, card.target_distance) == (1, Entry(None, None), -np.inf, None, None)
    assert sentences(card, "2")[:2] == ("Rank 1 of 1 in cluster 2.", "No budget takes it: no validation pair is in its cluster.")
    lost = card_of(problem, Craft(), 3, 5, ranking)
    assert (lost.cluster, lost.rank, lost.supply, lost.count, lost.center_distance, lost.entry) == (-1, None, 0, 0, None, Entry(None, None))
    assert sentences(lost, "") == ("In no cluster: one of its sides has no known term, so no method may choose it.",)


def test_what_the_card_says() -> None:
    problem, ranking = small()
    card = replace(card_of(problem, Craft(), 3, 1, ranking), rank=1_017, supply=4_120, count=1_040, entry=Entry(1_730, 1_730))
    assert sentences(card, "12 · fever child") == (
        "Rank 1,017 of 4,120 in cluster 12 · fever child.",
        "Chosen: the cluster gives 1,040 pairs.",
        "Enters at budget 1,730; leaves below it.",
        "Its score, -0.5, is at least that of 100 % of the cluster.",
        "Its target is 0.50 from the cluster's validation targets, in the mean.",
        "The nearest validation source is 0.00 away.",
    )
    assert sentences(replace(card, count=1, entry=Entry(1, 1)), "0")[1:3] == ("Chosen: the cluster gives 1 pair.", "Every budget takes it.")
    between = "In at some budgets from 1,728, and always from 1,730."
    assert sentences(replace(card, entry=Entry(1_728, 1_730)), "0")[2] == between
    out = replace(card, is_chosen=False, place=None, budget=1_600)
    assert sentences(out, "0")[1] == "Not chosen at 1,600; enters at budget 1,730."
    assert sentences(replace(out, entry=Entry(1_728, 1_730)), "0")[1:3] == ("Not chosen at 1,600.", between)
    told = "The method tsds does not order the pool once for all budgets."
    unknown = replace(out, rank=None, entry=None, reason=told)
    assert sentences(unknown, "0")[:3] == ("One of 4,120 pool pairs in cluster 0.", "Not chosen at 1,600.", told)
    assert sentences(replace(unknown, is_chosen=True), "0")[1:3] == ("Chosen: the cluster gives 1,040 pairs.", told)


def test_the_card_of_a_validation_pair() -> None:
    problem, ranking = small()
    allocation = Craft().allocate(problem, 3)
    card = why_validation(problem, take(ranking, allocation), allocation, 1)
    assert (card.position, card.cluster, card.supply, card.validation_count, card.count) == (1, 0, 3, 2, 2)
    assert card.nearest_pool.positions.tolist() == [1, 0, 2]
    assert card.is_chosen.tolist() == [True, True, False]
    np.testing.assert_allclose(card.nearest_target_distances, [0, 1, chord(30)], atol=1e-6)
    assert not card.is_chosen.flags.writeable
    assert validation_sentences(card, "0 · rain") == (
        "One of 2 validation pairs in cluster 0 · rain.",
        "The cluster gives 2 of its 3 pool pairs.",
        "Of the 3 pool pairs nearest by source, 2 are chosen.",
        "The nearest is 0.00 away by source, 0.00 by target.",
    )
    one = replace(card, is_chosen=np.array([True, False, False]), supply=0)
    assert validation_sentences(one, "0")[1:3] == ("No pool pair is in its cluster.", "Of the 3 pool pairs nearest by source, 1 is chosen.")
    nobody = replace(card, nearest_pool=neighbours_of(problem, 1, "validation", 0)[0])
    assert len(validation_sentences(nobody, "0")) == 2


def test_a_validation_pair_in_no_cluster() -> None:
    problem, ranking = small()
    labels = np.array([0, -1, 1], np.int32)
    problem = Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, problem.clustering.pool_labels, labels))
    allocation = Craft().allocate(problem, 3)
    card = why_validation(problem, take(ranking, allocation), allocation, 1)
    assert (card.cluster, card.supply, card.validation_count, card.count) == (-1, 0, 0, 0)
    # nor is it on the card of a pool pair with the same source; and a pool pair in no cluster is on none
    assert card_of(problem, Craft(), 3, 1, ranking).nearest_validation.positions.tolist() == [0, 2]
    assert 5 not in why_validation(problem, take(ranking, allocation), allocation, 0).nearest_pool.positions
    assert validation_sentences(card, "") == ("In no cluster: one of its sides has no known term, so it counts for nothing.",)


def test_a_position_outside_is_refused() -> None:
    problem, ranking = small()
    nothing = Selection(counts(), np.zeros(0), np.zeros(0))
    allocation = Craft().allocate(problem, 3)
    with pytest.raises(ParameterError, match="The pool has 6 pairs, counted from 0. Got position 6"):
        why(problem, nothing, allocation, Craft(), ranking, 6)
    with pytest.raises(ParameterError, match="The validation set has 3 pairs, counted from 0. Got position -1"):
        why_validation(problem, nothing, allocation, -1)
