import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import ParameterError
from craft_core.joint import joint_rows
from craft_core.problem import Problem
from craft_core.selectors import Sensitivity, sensitivity
from craft_core.selectors.sensitivity import Draw, draw_distinct, error_share, report, upper_bounds

KEYS = np.random.default_rng(99).integers(2**64, size=1_000, dtype=np.uint64)


def one_after_the_other(p: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each row came up when `count` distinct ones had: the definition, a draw at a time."""
    repeats = np.zeros(len(p), np.int64)
    while (repeats > 0).sum() < count:
        repeats[rng.choice(len(p), p=p)] += 1
    return repeats


def drawn_with_repeats(bounds: np.ndarray, n_draws: int, rng: np.random.Generator) -> Draw:
    """A fixed number of draws with replacement, as in the paper."""
    repeats = rng.multinomial(n_draws, bounds / bounds.sum())
    rows = np.flatnonzero(repeats)
    return Draw(rows, repeats[rows], bounds[rows], float(bounds.sum()))


def without_zero_rows(seed: int = 0) -> Problem:
    problem = random_problem(n=150, m=20, seed=seed)
    labels = problem.clustering.pool_labels.copy()
    labels[::8] = -1
    labels[labels == 3] = 4  # a cluster without pairs
    return Problem(problem.pool, problem.validation, Clustering(problem.clustering.centers, labels, problem.clustering.validation_labels))


@given(seed=st.integers(0, 2**16), n=st.integers(1, 30))
def test_the_weights_are_unbiased_exactly(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    bounds, losses = rng.uniform(0.1, 3, n), rng.uniform(0, 3, n)
    single = [Draw(np.array([i]), np.array([1]), bounds[i : i + 1], float(bounds.sum())).weights[0] for i in range(n)]
    p = bounds / bounds.sum()
    assert (p * losses * single).sum() == pytest.approx(losses.sum(), rel=1e-12)  # sum p (l / p) = sum l


def test_the_spread_of_the_estimate_is_the_one_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    bounds, s = rng.uniform(0.2, 3, 60), 40
    losses = bounds * rng.uniform(0, 1, 60)
    draws = [drawn_with_repeats(bounds, s, rng) for _ in range(4_000)]
    estimates = np.array([draw.weights @ losses[draw.indices] for draw in draws])
    p = bounds / bounds.sum()
    spread = np.sqrt(((losses**2 / p).sum() - losses.sum() ** 2) / s)
    assert estimates.std() == pytest.approx(spread, rel=0.04)
    assert abs(estimates.mean() - losses.sum()) < 4 * spread / np.sqrt(4_000)
    bar = report(draws[0], delta=0.05).error_bar
    assert (abs(estimates - losses.sum()) > bar).mean() <= 0.05
    assert bar < losses.sum()  # far above the spread, as a bound for all losses under the upper bounds must be, but not idle


def test_drawing_in_one_go_has_the_law_of_drawing_one_after_the_other() -> None:
    rng = np.random.default_rng(1)
    bounds = np.array([8.0, 4.0, 2.0, 1.0, 1.0, 0.5])
    n = 6_000
    naive = np.array([one_after_the_other(bounds / bounds.sum(), 4, rng) for _ in range(n)])
    found = np.zeros_like(naive)
    for repeats in found:
        rows, times = draw_distinct(bounds, KEYS[:6], 4, rng)
        repeats[rows] = times
    for moment in (lambda a: (a > 0).mean(axis=0), lambda a: a.mean(axis=0), lambda a: np.atleast_1d(a.sum(axis=1).std())):
        assert moment(found) == pytest.approx(moment(naive), rel=0.06, abs=0.02)
    assert np.bincount(found.sum(axis=1), minlength=8)[:8] / n == pytest.approx(
        np.bincount(naive.sum(axis=1), minlength=8)[:8] / n, abs=0.025
    )


def test_all_of_equal_rows_take_as_long_as_collecting_coupons() -> None:
    rng = np.random.default_rng(2)
    draws = [draw_distinct(np.ones(20), KEYS[:20], 20, rng)[1].sum() for _ in range(1_500)]
    assert np.mean(draws) == pytest.approx(20 * (1 / np.arange(1, 21)).sum(), rel=0.03)


def test_the_last_pair_came_up_once_and_the_order_of_the_rows_does_not_matter() -> None:
    bounds = np.random.default_rng(3).uniform(0.1, 2, 50)
    rows, repeats = draw_distinct(bounds, KEYS[:50], 30, np.random.default_rng(4))
    assert repeats[-1] == 1
    assert repeats.min() == 1
    assert repeats.max() > 1
    order = np.random.default_rng(5).permutation(50)
    moved, times = draw_distinct(bounds[order], KEYS[:50][order], 30, np.random.default_rng(4))
    assert order[moved].tolist() == rows.tolist()
    assert times.tolist() == repeats.tolist()


def test_rows_that_can_never_come_up_fill_the_rest() -> None:
    bounds = np.array([0.0, 1.0, 0.0, 3.0, 0.0])
    rows, repeats = draw_distinct(bounds, KEYS[:5], 4, np.random.default_rng(0))
    assert sorted(rows[:2]) == [1, 3]
    assert set(rows[2:]) < {0, 2, 4}
    assert repeats[2:].tolist() == [0, 0]
    draw = Draw(rows, repeats, bounds[rows], 4.0)
    assert draw.weights[2:].tolist() == [0, 0]
    assert report(draw).n_distinct == 2
    rows, repeats = draw_distinct(np.zeros(5), KEYS[:5], 3, np.random.default_rng(0))
    assert len(set(rows)) == 3
    assert not repeats.any()


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_bound_is_the_loss_at_the_middle_and_the_squared_distance_to_it(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "_BLOCK_ROWS", 13)
    problem = without_zero_rows()
    rows, bounds = upper_bounds(problem, weight)
    assert sorted(rows) == problem.available.tolist()
    x, y = (side[problem.available].astype(np.float64) for side in (problem.pool.sources, problem.pool.targets))
    translator = np.linalg.inv(x.T @ x + np.eye(x.shape[1])) @ x.T @ y
    joint, labels = joint_rows(problem.pool, np.arange(150)).astype(np.float64), problem.clustering.pool_labels
    expected = np.empty(150)
    for c in np.unique(labels[labels >= 0]):
        members = np.flatnonzero(labels == c)
        middle = members[np.argmin(((joint[members] - joint[members].mean(axis=0)) ** 2).sum(axis=1))]
        loss = ((problem.pool.sources[middle] @ translator - problem.pool.targets[middle]) ** 2).sum()
        expected[members] = loss + weight * ((joint[members] - joint[middle]) ** 2).sum(axis=1)
    assert bounds == pytest.approx(expected[rows], rel=1e-4)


def test_a_large_pool_is_learnt_from_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "MAX_LEARNT", 40)
    seen = []
    learn = sensitivity.ridge_map
    monkeypatch.setattr(sensitivity, "ridge_map", lambda pairs, positions: seen.append(positions) or learn(pairs, positions=positions))
    problem = without_zero_rows()
    upper_bounds(problem, 1.0)
    by_key = problem.available[np.argsort(problem.pool_keys[problem.available])]
    assert seen[0].tolist() == by_key[:40].tolist()


def test_the_choice_carries_weights_of_mean_1_and_the_bounds_as_scores() -> None:
    problem = without_zero_rows()
    draw = Sensitivity().draw(problem, 60, np.random.default_rng(7))
    selection = Sensitivity().select(problem, 60, np.random.default_rng(7))
    assert selection.indices.tolist() == draw.indices.tolist()
    assert selection.weights.mean() == pytest.approx(1, abs=1e-6)
    assert selection.weights / selection.weights[0] == pytest.approx(draw.weights / draw.weights[0], rel=1e-5)
    assert selection.scores == pytest.approx(draw.bounds, rel=1e-6)
    assert Sensitivity().select(problem, 60, np.random.default_rng(8)).indices.tolist() != draw.indices.tolist()


def test_validation_is_ignored() -> None:
    one, other = without_zero_rows(), random_problem(n=150, m=33, seed=5)
    labels = other.clustering.validation_labels
    moved = Problem(one.pool, other.validation, Clustering(one.clustering.centers, one.clustering.pool_labels, labels))
    chosen = [Sensitivity().select(problem, 40, np.random.default_rng(0)).indices.tolist() for problem in (one, moved)]
    assert chosen[0] == chosen[1]


def test_the_report_by_hand() -> None:
    found = report(Draw(np.array([4, 2, 9]), np.array([2, 1, 1]), np.array([1.0, 2.0, 1.0]), 10.0), delta=0.1)
    assert (found.total, found.n_draws, found.n_distinct) == (10.0, 4, 3)
    weights = np.array([2 * 10 / 4, 10 / 8, 10 / 4])
    assert found.effective_size == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.error_bar == pytest.approx(10 * found.epsilon)
    assert np.log(2 / 0.1) * (2 + 2 * found.epsilon / 3) / found.epsilon**2 == pytest.approx(4)


@given(n_draws=st.integers(1, 10**7), delta=st.floats(1e-6, 0.999))
def test_the_error_share_solves_its_equation(n_draws: int, delta: float) -> None:
    epsilon = error_share(n_draws, delta)
    assert np.log(2 / delta) * (2 + 2 * epsilon / 3) / epsilon**2 == pytest.approx(n_draws, rel=1e-6)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.5])
def test_an_impossible_delta_is_refused(delta: float) -> None:
    draw = Draw(np.array([0]), np.array([1]), np.array([1.0]), 2.0)
    with pytest.raises(ParameterError, match="'delta' parameter of the error bar must lie between 0 and 1"):
        report(draw, delta)


def test_nothing_drawn_has_no_error_bar() -> None:
    with pytest.raises(ParameterError, match="no error bar"):
        report(Draw(np.array([0]), np.array([0]), np.array([0.0]), 0.0))
