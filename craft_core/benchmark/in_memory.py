"""Run all stages on made-up pairs in memory, and then what the app does with the result, in this process."""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from craft_core.arrays import IntVector
from craft_core.benchmark.made_up import ALL_TOPICS, WANTED_TOPICS, made_up_pairs
from craft_core.benchmark.memory import peak_memory
from craft_core.benchmark.record import Case, Run
from craft_core.budgets import EXACT_ROWS, budget_curve, budget_grid, covered_supply, prefixes
from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import Cleaning, Columns, Corpus, Limits, on_disk, read_corpus
from craft_core.corpus.sample import content_keys
from craft_core.experiment import Report, clean, run_loaded
from craft_core.holdout import hold_out
from craft_core.project import DRAW_LIMIT, place_all, project, sample_rows
from craft_core.selectors import Craft
from craft_core.sweep import point_of, sweep, sweep_grid
from craft_core.vectorize import Vectors, find_vectorizer
from craft_core.whatif import take

__all__ = ["config_of", "digest_of", "in_memory"]

_BUDGETS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_LIPSCHITZ = 5.0  # any number: the time does not depend on it


def in_memory(case: Case, with_app: bool = True) -> Run:
    """Run all stages once in this process.

    Parameters
    ----------
    case : Case
        What to work on.
    with_app : bool
        Whether to time what the app does, too: opening, allocation, slider, curves, sweep, map.

    Returns
    -------
    Run
        The stages are "clean", "vectorize", "cluster", "select" and "measure"; reading files is a row of the app.
    """
    pool = made_up_pairs(case.pairs, ALL_TOPICS, case.seed, "pool")
    validation = made_up_pairs(case.validation_pairs, WANTED_TOPICS, case.seed, "validation")
    start, busy = time.perf_counter(), time.process_time()
    data = clean({"pool": pool, "validation": validation}, {}, Cleaning())
    report = run_loaded(config_of(case), data, {"clean": time.perf_counter() - start})
    busy, peak = time.process_time() - busy, peak_memory()
    rows = _app(report, pool) if with_app else {}
    return Run(
        "memory",
        case,
        report.seconds,
        sum(report.seconds.values()),
        busy,
        peak,
        digest_of(report.rows),
        rows,
        peak_memory() if with_app else None,
    )


def config_of(case: Case) -> ExperimentConfig:
    """Return the settings of a run by CRAFT; what the case does not say is as it is by default."""
    return ExperimentConfig(
        Data(("made up",), "made up"),
        budget=case.budget,
        seed=case.seed,
        vectorizer=find_vectorizer(case.vectorizer)(),
        clustering=KMeans(n_clusters=case.n_clusters),
    )


def digest_of(rows: IntVector) -> str:
    """Return the sha256 of row numbers in their order."""
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()


def _app(report: Report, pool: Corpus) -> dict[str, float]:
    """Return the seconds of what the app does, by name."""
    return {"open": _opening(pool)} | _slider(report) | _curves(report) | _map(report)


def _opening(pool: Corpus) -> float:
    """Return the seconds it takes to read the pool from one Parquet file."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pool.parquet"
        pq.write_table(pa.table({"source": pool.sources, "target": pool.targets}), place, use_dictionary=False)
        start = time.perf_counter()
        read_corpus([on_disk(place)], Columns(), Limits(max_bytes=2**50), "pool")
        return time.perf_counter() - start


def _slider(report: Report) -> dict[str, float]:
    """Return the seconds of another budget on a ranked pool, to prepare the slider, and of all that is then looked up (medians)."""
    craft, problem = Craft(), report.problem
    ranking = craft.rank(problem)
    start = time.perf_counter()
    ready = prefixes(problem, ranking, report.data.pool, report.data.validation)
    prepared = time.perf_counter() - start

    def look_up(budget: int) -> None:
        allocation = craft.allocate(problem, budget)
        numbers, bound = ready.at(allocation), ready.bound(allocation, _LIPSCHITZ)
        if allocation.size + len(problem.validation) <= EXACT_ROWS:
            bound = point_of(problem, take(ranking, allocation), allocation.budget).bound(_LIPSCHITZ)
        _ = numbers.kl, numbers.covered_kl, numbers.starved, numbers.coverage, bound.total

    budgets = [max(int(share * report.config.budget), 1) for share in _BUDGETS]
    return {
        "allocate": _median(lambda budget: craft.allocate(problem, budget), budgets),
        "budget": _median(lambda budget: take(ranking, craft.allocate(problem, budget)), budgets),
        "prepare": prepared,
        "slider": _median(look_up, budgets),
    }


def _median(work: Callable[[int], object], budgets: list[int]) -> float:
    """Return the median seconds of some work over several budgets."""
    seconds = []
    for budget in budgets:
        start = time.perf_counter()
        work(budget)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _curves(report: Report) -> dict[str, float]:
    """Return the seconds of every curve over budgets and of a sweep; without a test set, as here, both select and measure twice."""
    craft, problem, data, config = Craft(), report.problem, report.data, report.config
    start = time.perf_counter()
    held = hold_out(problem, None, np.random.default_rng(config.seed))
    grid, rng = budget_grid(covered_supply(problem)), np.random.default_rng(config.seed)
    budget_curve(held, craft, data.pool, data.validation, None, grid, _LIPSCHITZ, rng)
    middle = time.perf_counter()
    vectors = Vectors(problem.pool, problem.validation, None, None, None)
    numbers = sweep_grid(len(data.validation), len(data.validation) + len(data.pool))
    for _ in sweep(vectors, content_keys(data.pool, config.seed), config.clustering, craft, config.budget, config.seed, numbers):
        pass
    return {"curves": middle - start, "sweep": time.perf_counter() - middle}


def _map(report: Report) -> dict[str, float]:
    """Return the seconds of a map by principal components, and of the place of every pair on it, which a lasso needs."""
    problem, seed = report.problem, report.config.seed
    start = time.perf_counter()
    drawn = sample_rows(problem.clustering.pool_labels, DRAW_LIMIT, seed)
    found = project("pca", problem.pool.sources, problem.validation.sources, drawn, seed)
    middle = time.perf_counter()
    place_all(found, problem.pool.sources)
    return {"map": middle - start, "places": time.perf_counter() - middle}
