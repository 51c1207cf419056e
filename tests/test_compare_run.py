import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import random_pairs, random_problem

from craft_core.cluster import Clustering, assign
from craft_core.compare import Plan, Trial, compare
from craft_core.errors import DataError, ParameterError
from craft_core.problem import Problem, Selection
from craft_core.selectors import Craft, Random, StageTwo
from craft_core.vectorize import Vectors

PROBLEM = random_problem(n=300, m=60)
TEST = random_pairs(50, 8, np.random.default_rng(9))
BUILT = {"vectors": 5.0, "clusters": 2.0}


def vectors(has_test: bool = True) -> Vectors:
    return Vectors(PROBLEM.pool, PROBLEM.validation, TEST if has_test else None, None, None)


def clusters(seed: int) -> Clustering:
    centers = PROBLEM.pool.sources[seed : seed + 5].copy()
    return Clustering(centers, assign(PROBLEM.pool.sources, centers), assign(PROBLEM.validation.sources, centers))


PLAN = Plan((Craft(), Random(), StageTwo()), (20, 50), (0, 1, 2))


def test_every_method_budget_and_seed_is_tried_once() -> None:
    told: list[Trial] = []
    found = compare(PLAN, vectors(), clusters, BUILT, done=told.append)
    expected = [(name, budget, seed) for name in ("craft", "random") for budget in (20, 50) for seed in (0, 1, 2)]
    expected += [("stage-two", 20, 0), ("stage-two", 50, 0)]  # neither draws nor looks at clusters
    assert [(one.method, one.budget, one.seed) for one in found.trials] == expected
    assert {id(one) for one in told} == {id(one) for one in found.trials}
    assert all(len(one.chosen) == one.budget for one in found.trials)
    assert [one.seed for one in found.of("craft", 50)] == [0, 1, 2]
    assert found.held_out == "the test set (50 pairs)"
    assert (found.n_pool, found.n_validation, found.mispaired) == (300, 60, 0)


def test_the_choices_are_those_of_the_methods() -> None:
    found = compare(PLAN, vectors(), clusters, BUILT)
    for seed in (0, 1, 2):
        problem = Problem(PROBLEM.pool, PROBLEM.validation, clusters(seed))
        for selector in (Craft(), Random()):
            own = next(one for one in found.of(selector.name, 50) if one.seed == seed)
            assert own.chosen.tolist() == selector.select(problem, 50, np.random.default_rng([seed, 1])).indices.tolist()


def test_the_first_selection_is_timed_and_what_it_needs_is_added() -> None:
    found = compare(PLAN, vectors(), clusters, BUILT)
    for name, before in (("craft", 7.0), ("random", 0.0), ("stage-two", 5.0)):
        small, large = found.of(name, 20)[0].marks, found.of(name, 50)[0].marks
        assert 0 < small["seconds"] < 5
        assert small["seconds_built"] == pytest.approx(small["seconds"] + before)
        assert math.isnan(large["seconds"])


def test_every_method_meets_a_pool_nothing_is_kept_for() -> None:
    seen = []

    class Watching(Random):
        name = "watching"

        def select(self, problem: Problem, *rest: object) -> Selection:  # type: ignore[override]
            seen.append(problem.pool)
            return super().select(problem, *rest)  # type: ignore[arg-type]

    compare(Plan((Watching(),), (5, 9), (0, 1)), vectors(), clusters, BUILT)
    assert len({id(one) for one in seen}) == 2  # one a seed, for all budgets
    assert all(one.sources is PROBLEM.pool.sources and one is not PROBLEM.pool for one in seen)


def test_without_a_test_set_halves_of_validation_are_held_out() -> None:
    found = compare(PLAN, vectors(has_test=False), clusters, BUILT)
    assert found.held_out.startswith("held-out halves of validation (60 pairs)")
    assert all(math.isfinite(one.marks["energy"]) for one in found.trials)
    few = replace(vectors(has_test=False), validation=PROBLEM.validation.take(np.arange(3)))

    def three(seed: int) -> Clustering:
        return Clustering(clusters(seed).centers, clusters(seed).pool_labels, clusters(seed).validation_labels[:3])

    with pytest.raises(DataError, match="too few pairs to measure on"):
        compare(PLAN, few, three, BUILT)


def test_noise_is_counted_in_pool_and_choice() -> None:
    mispaired = np.arange(300) < 60
    found = compare(PLAN, vectors(), clusters, BUILT, mispaired)
    assert found.mispaired == 0.2
    one = found.trials[0]
    assert one.marks["mispaired"] == mispaired[one.chosen].mean()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"selectors": ()}, "needs methods, each named once. Got none"),
        ({"selectors": (Craft(), Craft(distance="euclidean"))}, "needs methods, each named once. Got craft, craft"),
        ({"budgets": (5, 5)}, "needs budgets, each named once. Got 5, 5"),
        ({"budgets": (0,)}, "must be a whole number of at least 1"),
        ({"seeds": ()}, "needs seeds"),
    ],
)
def test_a_plan_that_compares_nothing_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        replace(PLAN, **change)  # type: ignore[arg-type]


def test_progress_can_stop_it() -> None:
    def stop(share: float, text: str) -> None:
        assert 0 <= share <= 1
        if "random" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(PLAN, vectors(), clusters, BUILT, progress=stop)
