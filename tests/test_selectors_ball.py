"""One cluster on a plane, with validation targets around a point."""

import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.problem import Problem
from craft_core.score import score_pool
from craft_core.selectors import Ball, Craft
from craft_core.vectorize.protocol import EncodedPairs


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def plane(targets: np.ndarray, wanted: np.ndarray) -> Problem:
    sides = [np.asarray(one, np.float32) for one in (targets, wanted)]
    pool, validation = (EncodedPairs(one.copy(), one) for one in sides)
    return Problem(pool, validation, Clustering(sides[1][:1].copy(), *(np.zeros(len(one), np.int32) for one in sides)))


def rings(n_inside: int, n_outside: int) -> Problem:
    """Validation targets at distances 0.01, 0.02, ... 1 from (3, 4), two opposite ones each: the ball of 95 % has radius 0.95."""
    distances = np.repeat(np.arange(1, 101) / 100, 2)
    wanted = np.column_stack([3 + distances * np.tile([1, -1], 100), np.full(200, 4.0)])
    angles = np.linspace(0, 6, n_inside + n_outside)
    radii = np.concatenate([np.linspace(0.0, 0.94, n_inside), np.linspace(0.97, 3.0, n_outside)])
    return plane(np.column_stack([3 + radii * np.cos(angles), 4 + radii * np.sin(angles)]), wanted)


def test_only_pairs_in_the_ball_are_taken_where_it_holds_enough() -> None:
    problem = rings(100, 100)
    seen: set[int] = set()
    for seed in range(40):
        chosen = Ball().select(problem, 30, rng(seed)).indices
        assert (chosen < 100).all()
        seen |= set(chosen.tolist())
    assert seen == set(range(100))


def test_every_pair_in_the_ball_has_the_same_chance() -> None:
    problem = rings(20, 20)
    times = np.zeros(40)
    for seed in range(400):
        times[Ball().select(problem, 10, rng(seed)).indices] += 1
    assert (np.abs(times[:20] - 200) < 5 * np.sqrt(400 * 0.25)).all()
    assert (times[20:] == 0).all()


def test_where_it_holds_too_few_the_nearest_outside_follow() -> None:
    chosen = Ball().select(rings(20, 30), 28, rng())
    assert sorted(chosen.indices[:20]) == list(range(20))
    assert chosen.indices[20:].tolist() == list(range(20, 28))
    assert (chosen.scores[:20] > 0).all()
    assert (chosen.scores[20:] < 0).all()
    assert (np.diff(chosen.scores) <= 0).all()


@pytest.mark.parametrize(("inside", "n_inside"), [(0.0, 1), (0.5, 50), (0.95, 95), (1.0, 100)])
def test_the_radius_holds_the_share_it_says(inside: float, n_inside: int) -> None:
    """Pool pairs just within each distance of validation."""
    radii = np.arange(1, 131) / 100 - 0.003
    problem = plane(np.column_stack([np.full(130, 3.0), 4 + radii]), rings(1, 1).validation.targets)
    scores = Ball(inside=inside).select(problem, 130, rng()).scores
    assert (scores > 0).sum() == n_inside


def test_the_shares_are_those_of_craft() -> None:
    problem = random_problem(n=600, m=60)
    for rule in ("water-fill", "kl-optimal"):
        counts = Craft(allocation=rule).allocate(problem, 90).counts
        chosen = Ball(allocation=rule).select(problem, 90, rng()).indices
        assert np.bincount(problem.clustering.pool_labels[chosen], minlength=7).tolist() == counts.tolist()


@given(seed=st.integers(0, 2**16), budget=st.integers(1, 300))
@settings(max_examples=25)
def test_inside_and_outside_are_told_by_distance_from_the_mean(seed: int, budget: int) -> None:
    problem = random_problem(seed=seed, m=90)
    chosen = Ball().select(problem, budget, rng(seed))
    clustering, craft = problem.clustering, score_pool(problem)
    for c in np.flatnonzero(clustering.validation_counts):
        own = problem.validation.targets[clustering.validation_labels == c].astype(np.float64)
        radius = np.sqrt(np.quantile(((own - own.mean(axis=0)) ** 2).sum(axis=1), 0.95))
        members = np.flatnonzero(clustering.pool_labels == c)
        is_inside = np.zeros(len(craft), bool)
        is_inside[members] = np.linalg.norm(problem.pool.targets[members] - own.mean(axis=0), axis=1) <= radius
        here = clustering.pool_labels[chosen.indices] == c
        taken, scores = chosen.indices[here], chosen.scores[here]
        assert (scores > 0).tolist() == is_inside[taken].tolist()
        outside = taken[~is_inside[taken]]
        assert scores[~is_inside[taken]].tolist() == craft[outside].tolist()
        if len(outside):  # the whole ball is taken, and of the others the nearest
            assert is_inside[taken].sum() == is_inside.sum()
            assert craft[outside].min() >= np.max(craft[np.setdiff1d(members[~is_inside[members]], outside)], initial=-np.inf)


def test_another_seed_draws_others() -> None:
    problem = rings(100, 10)
    assert Ball().select(problem, 20, rng(1)).indices.tolist() != Ball().select(problem, 20, rng(2)).indices.tolist()
