import numpy as np
import pytest
from conftest import random_pairs, random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core.budgets import CURVES, BudgetCurve, budget_curve, budget_grid, covered_supply, fold, prefixes
from craft_core.budgets.fold import VALUES
from craft_core.corpus import Corpus
from craft_core.corpus.pairs import corpus_from_texts
from craft_core.discrepancy import coverage, downstream_proxies, energy_distance, reference_terms
from craft_core.errors import ParameterError
from craft_core.holdout import hold_out
from craft_core.problem import Problem
from craft_core.selectors import Craft
from craft_core.whatif import take

BUDGETS = np.array([10, 40, 200])
COVERED = ("source_tokens_covered", "source_bigrams_covered", "target_tokens_covered", "target_bigrams_covered")


def texts(n: int, seed: int, name: str) -> Corpus:
    rng = np.random.default_rng(seed)
    sides = [[" ".join(f"{letter}{number}" for number in rng.integers(0, 60, 4)) for _ in range(n)] for letter in "st"]
    return corpus_from_texts(*sides, name)


def curves(problem: Problem, budgets: np.ndarray = BUDGETS, with_test: int | None = 30, **more: object) -> BudgetCurve:
    test = None if with_test is None else random_pairs(with_test, 8, np.random.default_rng(5))
    held_out = hold_out(problem, test, np.random.default_rng(1))
    test_texts = None if with_test is None else texts(with_test, 2, "test")
    corpora = texts(len(problem.pool), 0, "pool"), texts(len(problem.validation), 1, "validation"), test_texts
    return budget_curve(held_out, Craft(), *corpora, budgets, 2.0, np.random.default_rng(3), **more)


def test_the_grid_by_hand() -> None:
    assert budget_grid(104_321).tolist() == [50, 100, 200, 400, 810, 1600, 3200, 6500, 13000, 26000, 52000, 104321]
    assert budget_grid(100, points=3).tolist() == [10, 32, 100]
    assert budget_grid(1).tolist() == [1]
    assert budget_grid(0).tolist() == []


@given(supply=st.integers(1, 10**7), least=st.integers(1, 1_000), points=st.integers(2, 40))
def test_a_grid_climbs_to_the_covered_supply(supply: int, least: int, points: int) -> None:
    grid = budget_grid(supply, least, points)
    assert grid.dtype == np.int64
    assert grid[-1] == supply
    assert grid[0] >= 1
    assert len(grid) <= points
    assert (np.diff(grid) > 0).all()
    assert all(len(str(budget).rstrip("0")) <= 2 for budget in grid[:-1].tolist())


def test_every_curve_is_described_and_has_a_value() -> None:
    assert set(CURVES) == set(VALUES)
    for one in CURVES.values():
        assert one.better in ("lower", "higher", "")
        assert one.help.endswith(".")
    assert {name for name, one in CURVES.items() if one.is_measured} == {"energy", "ridge_rank", "nearest_chrf"}


def test_on_a_test_set_the_curves_are_those_of_the_selection(problem: Problem) -> None:
    found = curves(problem)
    craft, test = Craft(), random_pairs(30, 8, np.random.default_rng(5))
    pool_texts, test_texts = texts(len(problem.pool), 0, "pool"), texts(30, 2, "test")
    assert "30 pairs" in found.held_out
    for column, budget in enumerate(BUDGETS.tolist()):
        allocation = craft.allocate(problem, budget)
        chosen = np.sort(take(craft.rank(problem), allocation).indices)
        now = {name: values[column] for name, values in found.values.items()}
        numbers = prefixes(problem, craft.rank(problem), pool_texts, test_texts)
        assert now["kl"] == numbers.at(allocation).kl
        assert now["bound"] == pytest.approx(numbers.bound(allocation, 2.0).total)
        assert now["tokens"] == 8 * budget
        assert now["starved"] == allocation.starved.sum()
        own, own_texts = problem.pool.take(chosen), pool_texts.take(chosen)
        assert now["energy"] == pytest.approx(energy_distance(own, test).joint, abs=1e-6)
        proxies = downstream_proxies(own, own_texts, test, test_texts, np.random.default_rng(0))
        assert (now["ridge_rank"], now["nearest_chrf"]) == pytest.approx((proxies.ridge_rank, proxies.nearest_chrf))
        whole = coverage(own_texts, reference_terms(test_texts))
        for name in COVERED:
            assert now[name] == pytest.approx(getattr(whole, name.removesuffix("_covered")))


def test_without_a_test_set_it_is_the_mean_of_both_halves(problem: Problem) -> None:
    found = curves(problem, with_test=None)
    assert set(found.values) == set(CURVES)
    validation, pool = texts(len(problem.validation), 1, "validation"), texts(len(problem.pool), 0, "pool")
    held_out = hold_out(problem, None, np.random.default_rng(1))
    shares, divergences = [], []
    for one in held_out.folds:
        allocation = Craft().allocate(one.problem, 40)
        chosen = pool.take(take(Craft().rank(one.problem), allocation).indices)
        shares.append(coverage(chosen, reference_terms(validation.take(one.positions))).target_tokens)
        divergences.append(prefixes(one.problem, Craft().rank(one.problem), pool, None).at(allocation).kl)
    assert found.values["target_tokens_covered"][1] == pytest.approx(np.mean(shares))
    assert found.values["kl"][1] == pytest.approx(np.mean(divergences))
    assert "halves" in found.held_out


def test_what_cannot_be_measured_is_nan() -> None:
    found = curves(random_problem(m=5), with_test=None)  # five validation pairs are too few to halve
    for name in ("energy", "ridge_rank", "nearest_chrf", *COVERED):
        assert np.isnan(found.values[name]).all(), name
    assert np.isfinite(found.values["bound"][-1])
    assert found.values["tokens"][0] == 80


def test_only_what_is_asked_for_is_done(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> None:
        raise AssertionError

    for name in ("running_words", "energy_distance", "nearest_chrf", "ridge_rank"):
        monkeypatch.setattr(fold, name, never)
    assert set(curves(problem, names=("kl", "bound")).values) == {"kl", "bound"}
    monkeypatch.setattr(fold, "running_cells", never)
    assert set(curves(problem, names=("starved",)).values) == {"starved"}


def test_samples_of_neighbouring_budgets_overlap(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(fold, "ENERGY_ROWS", 40)
    monkeypatch.setattr(fold, "energy_distance", lambda one, other: seen.append((one, other)) or energy_distance(one, other))
    curves(problem, budgets=np.array([100, 120]), with_test=50, names=("energy",))
    (small, held), (large, again) = seen
    assert len(small) == len(large) == len(held) == 40
    assert (held.sources == again.sources).all()
    ranking = Craft().rank(problem)
    chosen = {row.tobytes() for row in problem.pool.sources[take(ranking, Craft().allocate(problem, 100)).indices]}
    one, other = ({row.tobytes() for row in pairs.sources} for pairs in (small, large))
    # a pair leaves the sample only if it leaves the selection or if a new pair's turn comes first
    assert other & chosen <= one
    assert len(one & other) >= 25


def test_equal_seeds_give_equal_curves(problem: Problem) -> None:
    one, other = curves(problem, with_test=None), curves(problem, with_test=None)
    for name in CURVES:
        assert one.values[name].tobytes() == other.values[name].tobytes()


def test_between_two_points_a_curve_is_straight_in_the_logarithm() -> None:
    values = {"kl": np.array([np.inf, 4.0, 2.0, np.nan, 1.0])}
    curve = BudgetCurve(np.array([1, 10, 1_000, 10_000, 100_000]), values, "a test")
    assert curve.interpolate("kl", 10) == 4
    assert curve.interpolate("kl", 100) == pytest.approx(3)
    assert curve.interpolate("kl", 1) == np.inf
    for budget in (5, 2_000, 50_000, 0, 200_000):
        assert np.isnan(curve.interpolate("kl", budget)), budget
    assert curve.interpolate("kl", 100_000) == 1


def test_unknown_curves_are_refused(problem: Problem) -> None:
    with pytest.raises(ParameterError, match="There is no curve 'bleu'. There are: kl, bound, bound_low, energy"):
        curves(problem, names=("bleu",))


def test_the_work_can_be_stopped_and_tells_each_budget(problem: Problem) -> None:
    told: list[str] = []
    curves(problem, progress=lambda share, text: told.append(text))
    assert [text for text in told if "budget of" in text] == [f"Measuring a budget of {budget} pairs" for budget in BUDGETS]
    assert covered_supply(problem) >= BUDGETS[-1]

    def stop(share: float, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curves(problem, names=("kl",), progress=stop)


def test_a_sample_is_the_positions_whose_turn_comes_first() -> None:
    turns = np.random.default_rng(0).permutation(1_000)
    positions = np.arange(0, 1_000, 3)
    sample = fold._first(positions, turns, 50)
    assert sample.tolist() == sorted(positions[np.argsort(turns[positions])[:50]].tolist())
    assert fold._first(positions[::-1], turns, 400).tolist() == positions.tolist()
