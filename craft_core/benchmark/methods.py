"""Let every method choose from the same vectors and clusters, in turn, and time the choosing alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from craft_core.benchmark.in_memory import config_of
from craft_core.benchmark.made_up import ALL_TOPICS, WANTED_TOPICS, made_up_pairs
from craft_core.benchmark.memory import forget_peak, memory_now, peak_memory
from craft_core.benchmark.record import Case, Contest, MethodRuns
from craft_core.corpus import Cleaning
from craft_core.corpus.sample import content_keys
from craft_core.discrepancy import half_against_half
from craft_core.estimate import Estimate, Sizes, available_memory
from craft_core.estimate.job import Job
from craft_core.estimate.methods import chosen
from craft_core.experiment import LoadedData, clean, clusters, encode
from craft_core.measure import held_out_energy, select
from craft_core.problem import Problem
from craft_core.selectors import SELECTORS, find_selector
from craft_core.threads import one_thread
from craft_core.vectorize import Vectors
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["compared", "estimate_of_method", "too_slow"]

_MEMORY_SHARE = 0.8  # of what is free


def compared(case: Case, methods: Sequence[str], repeats: int) -> Contest:
    """Let methods choose in turn, each as often as asked, in this process.

    Nothing a method found in one turn is there in the next. Random numbers do not depend on the turn, so all its choices are the same.

    Parameters
    ----------
    case : Case
        Its pairs are vectorised and clustered once.
    methods : sequence of str
        Names of selectors, each with its defaults.
    repeats : int
        Turns.
    """
    data = _data(case)
    config, stages = config_of(case), {}
    start = time.perf_counter()
    vectors = encode(data, config.vectorizer, case.seed)
    stages["vectorize"], start = time.perf_counter() - start, time.perf_counter()
    problem = Problem(vectors.pool, vectors.validation, clusters(data, vectors, config.clustering, case.seed))
    stages["cluster"] = time.perf_counter() - start
    content_keys(data.pool, 0)  # of the data, like vectors and clusters: no method pays for them
    found: dict[str, list[MethodRuns]] = {name: [] for name in methods}
    for turn in range(repeats):
        for name in methods:
            found[name].append(_one(case, problem, vectors.test if turn == 0 else None, name))
    return Contest(case, {name: _together(runs) for name, runs in found.items()}, {}, stages, _noise(vectors, case.seed))


def too_slow(case: Case, patience: float, memory: int | None = None) -> dict[str, str]:
    """Return the methods that would take longer than some seconds to choose once, or more memory than is free, and why, in words.

    Parameters
    ----------
    case : Case
        What they would choose from.
    patience : float
        Seconds.
    memory : int or None
        Bytes that are free; None asks the system.
    """
    free = available_memory() if memory is None else memory
    found = {}
    for name in SELECTORS:
        need = estimate_of_method(case, name)
        if need.seconds > patience:
            found[name] = f"would take about {need.seconds:,.0f} s to choose once"
        elif free is not None and need.bytes > _MEMORY_SHARE * free:
            found[name] = f"would take about {need.bytes / 1e9:,.0f} GB of memory beside the vectors"
    return found


def estimate_of_method(case: Case, name: str) -> Estimate:
    """Return what a method is going to take to choose once."""
    config = replace(config_of(case), selector=find_selector(name)())
    return chosen(Job(config, Sizes(case.pairs, case.validation_pairs, case.validation_pairs)))


def _data(case: Case) -> LoadedData:
    sets = {name: made_up_pairs(case.validation_pairs, WANTED_TOPICS, case.seed, name) for name in ("validation", "test")}
    return clean({"pool": made_up_pairs(case.pairs, ALL_TOPICS, case.seed, "pool"), **sets}, {}, Cleaning())


def _one(case: Case, problem: Problem, test: EncodedPairs | None, name: str) -> MethodRuns:
    """Let one method choose once; with held-out pairs, measure its choice."""
    selector, pool = find_selector(name)(), problem.pool
    # what a method keeps it keeps as long as a pool's vectors
    unseen = replace(problem, pool=EncodedPairs(pool.sources, pool.targets, pool.texts))
    before = memory_now() if forget_peak() else None
    start = time.perf_counter()
    selection = select(unseen, selector, case.budget, case.seed)
    seconds, peak = time.perf_counter() - start, peak_memory()
    extra = None if before is None or peak is None else max(peak - before, 0.0)
    energy = None if test is None else held_out_energy(problem, selection, test, selector, case.budget, case.seed)
    return MethodRuns((seconds,), extra, len(selection), None if energy is None else energy.joint)


def _together(runs: Sequence[MethodRuns]) -> MethodRuns:
    extras = [run.extra_bytes for run in runs if run.extra_bytes is not None]
    return MethodRuns(tuple(run.seconds[0] for run in runs), max(extras, default=None), runs[0].n_chosen, runs[0].energy)


def _noise(vectors: Vectors, seed: int) -> float | None:
    if vectors.test is None or len(vectors.test) < 4:
        return None
    with one_thread():
        return half_against_half(vectors.test.take(np.arange(min(len(vectors.test), 4_096))), np.random.default_rng(seed)).joint
