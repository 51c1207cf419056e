import numpy as np
import pytest
from conftest import random_problem

from craft_core.budgets import energy_anchors, looked_up_curve, prefixes, share_curve
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.discrepancy import coverage, reference_terms
from craft_core.holdout import hold_out
from craft_core.selectors import Craft
from craft_core.whatif import take

POOL = corpus_from_texts([f"a b{i % 7} c{i}" for i in range(300)], [f"z y{i % 5}" for i in range(300)], "pool")
HELD = corpus_from_texts(["a b1 c5", "q"], ["z y1", "z y9"], "test")
BUDGETS = np.array([1, 20, 300])


def test_looked_up_curves_are_what_each_selection_has() -> None:
    problem, craft = random_problem(), Craft()
    ranking = craft.rank(problem)
    found = prefixes(problem, ranking, POOL, HELD)
    curve = looked_up_curve(found, craft, problem, BUDGETS, 2.0, "the test set")
    for column, budget in enumerate(BUDGETS.tolist()):
        allocation = craft.allocate(problem, budget)
        chosen = POOL.take(take(ranking, allocation).indices)
        assert curve.values["tokens"][column] == 5 * allocation.size
        assert curve.values["starved"][column] == allocation.starved.sum()
        assert curve.values["kl"][column] == found.at(allocation).kl
        assert curve.values["bound"][column] == found.bound(allocation, 2.0).total
        covered = coverage(chosen, reference_terms(HELD))
        assert curve.values["target_tokens_covered"][column] == pytest.approx(covered.target_tokens)
        assert curve.values["source_bigrams_covered"][column] == pytest.approx(covered.source_bigrams)


def test_without_held_out_texts_there_is_no_coverage() -> None:
    problem, craft = random_problem(), Craft()
    found = prefixes(problem, craft.rank(problem), POOL, None)
    assert set(looked_up_curve(found, craft, problem, BUDGETS, 2.0, "").values) == {"kl", "bound", "bound_low", "starved", "tokens"}


def test_anchors_of_pairs_drawn_at_random_and_of_noise() -> None:
    problem = random_problem()
    found = energy_anchors(hold_out(problem, problem.pool.take(np.arange(50)), np.random.default_rng(0)), np.random.default_rng(1))
    assert list(found) == ["random pairs", "half against half (noise)"]
    assert abs(found["random pairs"]) < 0.1  # the held-out pairs are pool pairs themselves
    assert 0 < found["half against half (noise)"] < 0.1


def test_no_anchors_where_too_little_is_held_out() -> None:
    problem = random_problem()
    assert energy_anchors(hold_out(problem, problem.pool.take(np.arange(2)), np.random.default_rng(0)), np.random.default_rng(1)) == {}


def test_the_shares_of_a_run_are_those_looked_up_with_its_texts() -> None:
    problem, craft = random_problem(), Craft()
    whole = looked_up_curve(prefixes(problem, craft.rank(problem), POOL, None), craft, problem, BUDGETS, 2.0, "")
    shares = share_curve(problem, craft, BUDGETS, 2.0)
    for name in ("kl", "bound", "bound_low", "starved"):
        assert shares.values[name].tolist() == whole.values[name].tolist()
