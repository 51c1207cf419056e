"""Every method on the same problem: same vectors, same clusters, same budget, same clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from craft_core.allocate import check_budget
from craft_core.arrays import BoolVector, IntVector, frozen
from craft_core.cluster import Clustering
from craft_core.compare.measures import Ruler, make_ruler, marks
from craft_core.corpus.sample import content_keys
from craft_core.errors import DataError, ParameterError
from craft_core.holdout import HoldOut, hold_out
from craft_core.problem import Problem, Selector
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.protocol import EncodedPairs, Vectors

__all__ = ["Comparison", "Plan", "Trial", "compare"]


@dataclass(frozen=True)
class Plan:
    """Say what is compared.

    Attributes
    ----------
    selectors : tuple of Selector
        The methods; their names must differ.
    budgets : tuple of int
        Each at least 1, rising.
    seeds : tuple of int
        Seeds of clusters and of random choices. A method to which neither matters runs with the first alone.
    label : str or None
        A label column of pool and held-out pairs that the choices are compared by.

    Raises
    ------
    ParameterError
        If there is nothing to compare, or a method, a budget or a seed is given twice.
    """

    selectors: tuple[Selector, ...]
    budgets: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    label: str | None = None

    def __post_init__(self) -> None:
        for what, values in (("methods", [one.name for one in self.selectors]), ("budgets", self.budgets), ("seeds", self.seeds)):
            if not values or len({*values}) < len(values):
                raise ParameterError(f"A comparison needs {what}, each named once. Got {', '.join(map(str, values)) or 'none'}.")
        for budget in self.budgets:
            check_budget(budget)

    def seeds_of(self, selector: Selector) -> tuple[int, ...]:
        """Return the seeds a method is run with: the first where it neither draws nor looks at clusters."""
        return self.seeds if selector.draws or "clusters" in selector.needs else self.seeds[:1]


@dataclass(frozen=True, eq=False)
class Trial:
    """Hold one selection and its marks.

    Attributes
    ----------
    method, budget, seed
        Which one.
    chosen : IntVector
        Pool positions, best first; of the last fold where halves of validation are held out in turn.
    marks : Mapping of str to float
        By the names of `MEASURES`: the mean over folds.
    notes : tuple of str
        What the method has to say of its choice.
    """

    method: str
    budget: int
    seed: int
    chosen: IntVector
    marks: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frozen(self.chosen)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Hold all trials of a plan.

    Attributes
    ----------
    plan : Plan
        What was asked.
    trials : tuple of Trial
        By method, budget and seed, in the order of the plan.
    held_out : str
        What the marks were measured on, in words.
    built : Mapping of str to float
        Seconds that "vectors" and "clusters" took.
    n_pool, n_validation : int
        Pairs that could be chosen, and those that were resembled.
    mispaired : float
        Share of the pool's pairs whose target was exchanged on purpose.
    """

    plan: Plan
    trials: tuple[Trial, ...]
    held_out: str
    built: Mapping[str, float] = field(default_factory=dict)
    n_pool: int = 0
    n_validation: int = 0
    mispaired: float = 0.0

    def of(self, method: str, budget: int) -> tuple[Trial, ...]:
        """Return the trials of a method at a budget, one a seed."""
        return tuple(one for one in self.trials if one.method == method and one.budget == budget)


def compare(
    plan: Plan,
    vectors: Vectors,
    clusterings: Callable[[int], Clustering],
    built: Mapping[str, float],
    mispaired: BoolVector | None = None,
    progress: Progress = silent,
    done: Callable[[Trial], None] = lambda trial: None,
) -> Comparison:
    """Let every method choose and measure what it chose, on the test set or on held-out halves of validation (see `hold_out`).

    Parameters
    ----------
    plan : Plan
        What to compare.
    vectors : Vectors
        Of pool, validation and perhaps test, with texts.
    clusterings : callable
        Gives the clusters for a seed.
    built : Mapping of str to float
        Seconds "vectors" and "clusters" took.
    mispaired : BoolVector or None
        Shape (N,): pairs whose target was exchanged on purpose.
    progress : Progress
        Called between and within selections; raising from it cancels.
    done : callable
        Told every trial as soon as it is measured.

    Raises
    ------
    DataError
        If there are too few pairs to hold out, or a method cannot work on these data.
    """
    problems = {seed: Problem(vectors.pool, vectors.validation, clusterings(seed)) for seed in plan.seeds}
    first = problems[plan.seeds[0]]
    if first.pool.texts is not None:
        content_keys(
            first.pool.texts, 0, part(progress, 0.0, 0.0)
        )  # made before the clock starts: they belong to the data, and no method pays for them
    held = _held_out(first, vectors.test, plan.seeds[0])
    rulers = [make_ruler(first, fold.held, plan.label, plan.seeds[0]) for fold in held.folds]
    work = [(selector, seed) for selector in plan.selectors for seed in plan.seeds_of(selector)]
    trials: list[Trial] = []
    for number, (selector, seed) in enumerate(work):
        now = part(progress, number / len(work), (number + 1) / len(work))
        folds = _folds(problems[seed], vectors.test, plan.seeds[0])
        for trial in _tried(plan, selector, seed, folds, rulers, built, mispaired, now):
            trials.append(trial)
            done(trial)
    trials.sort(key=lambda one: (_place(plan, one.method), one.budget, one.seed))
    share = 0.0 if mispaired is None else float(mispaired[first.available].mean())
    return Comparison(plan, tuple(trials), held.words, dict(built), len(first.available), len(first.wanted), share)


def _tried(
    plan: Plan,
    selector: Selector,
    seed: int,
    folds: Sequence[Problem],
    rulers: Sequence[Ruler],
    built: Mapping[str, float],
    mispaired: BoolVector | None,
    progress: Progress,
) -> Iterator[Trial]:
    """Run one method with one seed at every budget; what it can keep between budgets it may keep, so the first alone is timed."""
    own = [_unseen(one) for one in folds]
    before = sum(built.get(one, 0.0) for one in selector.needs)
    for place, budget in enumerate(plan.budgets):
        found: list[dict[str, float]] = []
        notes: tuple[str, ...] = ()
        chosen = np.zeros(0, dtype=np.int64)
        for number, (problem, ruler) in enumerate(zip(own, rulers, strict=True)):
            step = (place + number / len(own)) / len(plan.budgets)
            now = part(progress, step, step + 0.9 / (len(plan.budgets) * len(own)))
            now(0.0, f"{selector.name}, {budget:,} pairs")
            start = time.perf_counter()
            selection = selector.select(problem, budget, np.random.default_rng([seed, 1]), now)
            seconds = time.perf_counter() - start if place == 0 and number == 0 else float("nan")
            chosen, notes = selection.indices, selection.notes
            found.append(marks(ruler, problem.pool, chosen, mispaired) | {"seconds": seconds, "seconds_built": seconds + before})
        yield Trial(selector.name, budget, seed, chosen.copy(), _mean(found), notes)


def _unseen(problem: Problem) -> Problem:
    """Return the problem with a pool nothing is kept for: what a method keeps, it keeps as long as a pool's vectors."""
    pool = problem.pool
    return replace(problem, pool=EncodedPairs(pool.sources, pool.targets, pool.texts))


def _held_out(problem: Problem, test: EncodedPairs | None, seed: int) -> HoldOut:
    held = hold_out(problem, test, np.random.default_rng([seed, 2]))
    if not held.is_enough:
        raise DataError(f"There are too few pairs to measure on: {held.words}. Give a test set, or more validation pairs.")
    return held


def _folds(problem: Problem, test: EncodedPairs | None, seed: int) -> list[Problem]:
    return [fold.problem for fold in _held_out(problem, test, seed).folds]


def _mean(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean over folds; a time was taken on the first alone."""
    means = {}
    for name in found[0]:
        known = [one[name] for one in found if np.isfinite(one[name])]
        means[name] = float(np.mean(known)) if known else float("nan")
    return means


def _place(plan: Plan, method: str) -> int:
    return [one.name for one in plan.selectors].index(method)
