"""Estimates of the divergence for a selection and its anchors."""

import numpy as np
import pytest
from conftest import random_problem

from craft_core.cluster import Clustering, assign
from craft_core.measure import select
from craft_core.problem import Problem, Selection
from craft_core.selectors import Craft
from craft_core.vectorize.protocol import EncodedPairs, unit_rows
from craft_core.yardsticks import LEAST_ROWS, measure_yardsticks


def near(n: int, centre: int, rng: np.random.Generator) -> np.ndarray:
    rows = 0.4 * rng.normal(size=(n, 6))
    rows[:, centre] += 1
    return unit_rows(rows.astype(np.float32))


def world() -> tuple[Problem, EncodedPairs]:
    """A pool half around one direction and half around another; validation and test are around the first."""
    rng = np.random.default_rng(0)
    pool = np.concatenate([near(400, 0, rng), near(400, 1, rng)])
    validation, test = near(200, 0, rng), near(200, 0, rng)
    centers = pool[[0, 1, 2, 400, 401, 402]].copy()
    pairs = [EncodedPairs(rows, rows) for rows in (pool, validation, test)]
    return Problem(pairs[0], pairs[1], Clustering(centers, assign(pool, centers), assign(validation, centers))), pairs[2]


def test_a_fitting_selection_reads_less_than_a_random_one_and_halves_least():
    problem, test = world()
    fitting = Selection(np.arange(200), np.zeros(200, np.float32), np.ones(200, np.float32))  # around the first direction, as the test set
    found = measure_yardsticks(problem, fitting, test, Craft(), 200, 0)
    assert found is not None
    assert found.held_out == "the test set (200 pairs)"
    assert found.dimensions == 10  # halves of 100 pairs
    assert found.noise == pytest.approx(10 * 13 / 4 * (1 / 200 + 1 / 200))
    assert 0 < found.explained <= 1
    for direction in (found.forward, found.reverse):
        assert direction.random.gaussian > direction.selection.gaussian
        assert direction.random.gaussian > direction.half_against_half.gaussian
        assert direction.pool.knn > direction.half_against_half.knn
        assert direction.random.knn > direction.selection.knn
        assert direction.random.dispersion > 1.2  # two directions instead of one
    assert found.forward.random.gaussian != found.reverse.random.gaussian
    assert found.forward.random.dispersion == found.reverse.random.dispersion
    assert list(found.forward.named()) == ["selection", "random selection", "whole pool", "two halves of held-out"]


def test_without_a_test_set_halves_of_validation_are_held_out():
    problem, _ = world()
    seen: list[float] = []
    found = measure_yardsticks(problem, select(problem, Craft(), 100, 0), None, Craft(), 100, 0, lambda share, text: seen.append(share))
    assert found is not None
    assert "halves" in found.held_out
    assert seen == sorted(seen)


def test_the_same_seed_gives_the_same_estimates():
    problem, test = world()
    chosen = select(problem, Craft(), 100, 0)
    first, again, other = (measure_yardsticks(problem, chosen, test, Craft(), 100, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("budget", "m"), [(LEAST_ROWS - 1, 60), (60, LEAST_ROWS - 1)])
def test_too_few_pairs_give_nothing(budget: int, m: int):
    problem = random_problem(m=m)
    assert measure_yardsticks(problem, select(problem, Craft(), budget, 0), None, Craft(), budget, 0) is None


def test_too_few_pairs_for_a_gaussian_give_none_instead_of_a_huge_one():
    rng = np.random.default_rng(0)
    pairs = [EncodedPairs(rows, rows) for rows in (unit_rows(rng.normal(size=(n, 40)).astype(np.float32)) for n in (300, 60, 60))]
    centers = pairs[0].sources[:3].copy()
    problem = Problem(pairs[0], pairs[1], Clustering(centers, *(assign(one.sources, centers) for one in pairs[:2])))
    few, some = (measure_yardsticks(problem, select(problem, Craft(), n, 0), pairs[2], Craft(), n, 0) for n in (16, 32))
    assert few is not None
    assert few.dimensions == 1
    assert few.forward.random.gaussian < 10
    assert some is not None
    assert some.dimensions == 3
    none = measure_yardsticks(problem, select(problem, Craft(), 16, 0), pairs[2].take(np.arange(16)), Craft(), 16, 0)
    assert none is not None
    assert none.dimensions == 0
    assert np.isnan(none.forward.random.gaussian)
    assert np.isfinite(none.forward.random.knn)
