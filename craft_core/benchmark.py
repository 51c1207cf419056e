"""Time every stage on made-up pairs: each run in a process of its own, the medians in one table.

The pairs have a Zipf vocabulary, sentences of 16.5 words on average, and eight topics. The target words are those of the source under a
fixed map, with a tenth of them replaced, so the two sides correspond as a translation's do. Validation has two of the topics.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from craft_core.budgets import EXACT_ROWS, budget_curve, budget_grid, covered_supply, prefixes
from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig
from craft_core.corpus import Cleaning, Corpus
from craft_core.corpus.sample import content_keys
from craft_core.errors import ParameterError
from craft_core.experiment import Report, clean, run_loaded
from craft_core.holdout import hold_out
from craft_core.selectors import Craft
from craft_core.sweep import point_of, sweep, sweep_grid
from craft_core.vectorize import VECTORIZERS, Vectors, find_vectorizer
from craft_core.whatif import take

__all__ = ["add_options", "benchmark", "made_up_pairs", "measured_run", "table"]

Measured = dict[str, float]
"""By row of the table: seconds of a stage, and the other numbers."""

_N_TOPICS, _SHARED_WORDS, _TOPIC_WORDS, _MEAN_EXTRA_WORDS = 8, 2_000, 6_000, 15.5
_WANTED_TOPICS = (2, 5)
_BLOCK_ROWS = 65_536
_BUDGETS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_STAGES = ("clean", "vectorize", "cluster", "select", "measure")
_LIPSCHITZ = 5.0  # any number: the time does not depend on it
_ROWS = (
    *((f"{stage}, s", stage) for stage in _STAGES),
    ("total without reading files, s", "total"),
    ("pairs per second", "pairs per second"),
    ("change the budget on a ranked pool, ms", "budget change ms"),
    ("prepare a ranked pool for the slider, s", "prepare"),
    ("slider: every number of a budget, ms", "slider ms"),
    ("budget curve, 12 budgets, s", "budget curve"),
    ("sweep, 9 numbers of clusters, s", "sweep"),
    ("peak memory, GB", "peak GB"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of the benchmark."""
    numbers = {
        "pairs": (1_000_000, "Pairs in the pool"),
        "validation-pairs": (1_000, "Pairs in the validation set"),
        "n-clusters": (200, "Clusters"),
        "budget": (20_000, "Pairs to choose"),
        "repeats": (3, "Runs with each vectorizer; the table shows medians"),
        "seed": (0, "Of the pairs and of the runs"),
    }
    for name, (default, text) in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default: {default:,}).")
    known = ["tfidf", "hashing"]
    text = f"Vectorizers to compare, each with its defaults (default: {' '.join(known)})."
    parser.add_argument("--vectorizer", nargs="+", choices=[*VECTORIZERS], default=known, help=text)


def benchmark(args: argparse.Namespace) -> int:
    """Run the benchmark and print its table; return 0."""
    for name in ("pairs", "validation_pairs", "n_clusters", "budget", "repeats"):
        if getattr(args, name) < 1:
            raise ParameterError(f"The benchmark needs --{name.replace('_', '-')} of at least 1. Got {getattr(args, name)}.")
    found: dict[str, list[Measured]] = {}
    for number in range(args.repeats):
        for vectorizer in dict.fromkeys(args.vectorizer):  # in turn, so that a busy minute of the machine meets them all
            print(f"{vectorizer}, run {number + 1} of {args.repeats} ...", file=sys.stderr, flush=True)
            found.setdefault(vectorizer, []).append(_in_own_process({**vars(args), "vectorizer": vectorizer}))
    print(_machine())
    print(
        f"{args.pairs:,} pairs, {args.validation_pairs:,} validation pairs, {args.n_clusters:,} clusters, budget {args.budget:,}; "
        f"medians of {args.repeats}"
    )
    print(table({name: _medians(runs) for name, runs in found.items()}))
    return 0


def made_up_pairs(n: int, topics: Sequence[int], seed: int, name: str) -> Corpus:
    """Return n pairs on these topics (of 0 to 7), the same for the same seed."""
    rng = np.random.default_rng([seed, *name.encode()])
    english, hindi = _vocabulary("bdfgklmnprstvz", "aeiou"), _vocabulary("कगचजटडतदनपबमरल", "ािीुे")
    translated = np.random.default_rng(seed).permutation(len(english)).astype(np.int32)
    sides: tuple[list[pa.Array], list[pa.Array]] = ([], [])
    for start in range(0, n, _BLOCK_ROWS):
        rows = min(_BLOCK_ROWS, n - start)
        lengths = 1 + rng.poisson(_MEAN_EXTRA_WORDS, rows)
        words = _zipf_words(np.repeat(rng.choice(topics, rows), lengths), rng)
        other = translated[np.where(rng.random(len(words)) < 0.1, _zipf_words(np.zeros(len(words), np.int64), rng), words)]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        for side, vocabulary, tokens in zip(sides, (english, hindi), (words, other), strict=True):
            parted = pa.LargeListArray.from_arrays(offsets, vocabulary.take(pa.array(tokens)))
            side.append(pc.binary_join(parted, pa.scalar(" ", pa.large_string())))
    rows_given = np.arange(n, dtype=np.int64)
    ids = pa.array(rows_given).cast(pa.large_string())
    return Corpus(pa.concat_arrays(sides[0]), pa.concat_arrays(sides[1]), ids, rows_given, pa.table({}), name)


def measured_run(settings: Mapping[str, Any]) -> Measured:
    """Run all stages once, in this process.

    Parameters
    ----------
    settings : Mapping
        The options of the command line by name; one vectorizer.

    Returns
    -------
    dict
        Seconds by stage, "total" seconds without reading files, "pairs per second", "budget change ms", what another budget and other
        numbers of clusters take ("prepare", "slider ms", "budget curve", "sweep") and, where the system tells, "peak GB".
    """
    seed = settings["seed"]
    pool = made_up_pairs(settings["pairs"], range(_N_TOPICS), seed, "pool")
    validation = made_up_pairs(settings["validation_pairs"], _WANTED_TOPICS, seed, "validation")
    config = ExperimentConfig(
        Data(("made up",), "made up"),
        budget=settings["budget"],
        seed=seed,
        vectorizer=find_vectorizer(settings["vectorizer"])(),
        clustering=KMeans(n_clusters=settings["n_clusters"]),
    )
    start = time.perf_counter()
    data = clean({"pool": pool, "validation": validation}, {}, Cleaning())
    report = run_loaded(config, data, {"clean": time.perf_counter() - start})
    total = sum(report.seconds.values())
    found = {**report.seconds, "total": total, "pairs per second": settings["pairs"] / total, "budget change ms": _budget_change(report)}
    found |= _slider(report) | _curves(report)
    peak = _peak_gigabytes()
    return found if peak is None else {**found, "peak GB": peak}


def table(found: Mapping[str, Measured]) -> str:
    """Return the numbers as a table in text, a column a vectorizer; the last column is the first one's over the last one's."""
    names = list(found)
    lines = [f"{'':<40}" + "".join(f"{name:>24}" for name in names) + (f"{'ratio':>10}" if len(names) > 1 else "")]
    for row, key in _ROWS:
        values = [found[name].get(key) for name in names]
        shown = "".join(f"{'not measured' if value is None else _number(value):>24}" for value in values)
        first, last = values[0], values[-1]
        ratio = f"{first / last:>10.2f}" if len(names) > 1 and first is not None and last else ""
        lines.append(f"{row:<40}{shown}{ratio}")
    return "\n".join(lines)


def _vocabulary(consonants: str, vowels: str) -> pa.LargeStringArray:
    """Return one word for each number, short ones first: its digits in base (consonants x vowels), written as syllables."""
    syllables = [consonant + vowel for consonant in consonants for vowel in vowels]
    words = [*syllables, *(one + two for one in syllables for two in syllables)]
    words += [one + two + three for one in syllables[:12] for two in syllables for three in syllables]
    return pa.array(words[: _SHARED_WORDS + _N_TOPICS * _TOPIC_WORDS], pa.large_string())


def _zipf_words(topics: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Draw a word for each topic given: half of them from words all topics share, half from the topic's own; the r-th with chance 1/r."""
    shared, own = (np.cumsum(1 / np.arange(1, size + 1)) for size in (_SHARED_WORDS, _TOPIC_WORDS))
    chance = rng.random(len(topics), dtype=np.float32)
    common = np.searchsorted(shared, chance * shared[-1])
    special = _SHARED_WORDS + topics * _TOPIC_WORDS + np.searchsorted(own, rng.random(len(topics), dtype=np.float32) * own[-1])
    last = _SHARED_WORDS + _N_TOPICS * _TOPIC_WORDS - 1
    words: npt.NDArray[np.int32] = np.minimum(np.where(rng.random(len(topics)) < 0.5, common, special), last).astype(np.int32)
    return words


def _budget_change(report: Report) -> float:
    """Return the median milliseconds of an allocation and its prefixes, over several budgets, on a pool that is ranked."""
    craft = Craft()
    ranking = craft.rank(report.problem)
    seconds = []
    for share in _BUDGETS:
        start = time.perf_counter()
        take(ranking, craft.allocate(report.problem, max(int(share * report.config.budget), 1)))
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def _slider(report: Report) -> Measured:
    """Return the seconds to prepare a ranked pool, and the median milliseconds of all that is then looked up for a budget."""
    craft, problem = Craft(), report.problem
    ranking = craft.rank(problem)
    start = time.perf_counter()
    ready = prefixes(problem, ranking, report.data.pool, report.data.validation)
    prepared, milliseconds = time.perf_counter() - start, []
    for share in _BUDGETS:
        start = time.perf_counter()
        allocation = craft.allocate(problem, max(int(share * report.config.budget), 1))
        numbers, bound = ready.at(allocation), ready.bound(allocation, _LIPSCHITZ)
        if allocation.size + len(problem.validation) <= EXACT_ROWS:
            bound = point_of(problem, take(ranking, allocation), allocation.budget).bound(_LIPSCHITZ)
        _ = numbers.kl, numbers.covered_kl, numbers.starved, numbers.coverage, bound.total
        milliseconds.append(1000 * (time.perf_counter() - start))
    return {"prepare": prepared, "slider ms": statistics.median(milliseconds)}


def _curves(report: Report) -> Measured:
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
    return {"budget curve": middle - start, "sweep": time.perf_counter() - middle}


def _in_own_process(settings: Mapping[str, Any]) -> Measured:
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "craft_core.benchmark", json.dumps(settings)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ParameterError(f"The run with {settings['vectorizer']} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def _medians(runs: Sequence[Measured]) -> Measured:
    return {key: statistics.median(one[key] for one in runs) for key in runs[0]}


def _peak_gigabytes() -> float | None:
    try:
        import resource
    except ImportError:  # Windows does not tell
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e9 / 1024)


def _machine() -> str:
    from craft_core.export.manifest import versions

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shown = ", ".join(f"{name} {version}" for name, version in versions("").items())
    return f"{platform.system()} {platform.machine()}, {cores} cores; {shown}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"


if __name__ == "__main__":
    print(json.dumps(measured_run(json.loads(sys.argv[1]))))
