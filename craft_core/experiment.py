"""The stages in order: load, vectorize, cluster, select, measure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from craft_core.allocate import Allocation, check_budget
from craft_core.arrays import IntVector
from craft_core.cluster import Clustering, KMeans, cluster
from craft_core.config import ExperimentConfig
from craft_core.corpus import (
    Cleaning,
    CleaningReport,
    Columns,
    Corpus,
    Limits,
    ReadReport,
    clean_pool,
    clean_reference,
    read_corpus,
)
from craft_core.corpus.sample import content_keys
from craft_core.describe import Words
from craft_core.errors import DataError
from craft_core.files import Files, Input, open_files, parts_of
from craft_core.measure import Diagnostics, measure, realised_allocation, select
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.stability import Stability, stability
from craft_core.vectorize import Vectorizer, Vectors

__all__ = [
    "Diagnostics",
    "Files",
    "Input",
    "LoadedData",
    "Report",
    "check_chosen",
    "clean",
    "clusters",
    "encode",
    "load",
    "measure",
    "open_files",
    "parts_of",
    "realised_allocation",
    "repeated",
    "run",
    "run_loaded",
    "select",
    "warnings_from",
    "warnings_of",
]


@dataclass(frozen=True, eq=False)
class LoadedData:
    """Hold the corpora after cleaning, with what was read and what was dropped.

    Attributes
    ----------
    pool, validation : Corpus
        After cleaning; their `rows` count in the data as given.
    test : Corpus or None
        After cleaning.
    reads : Mapping of str to ReadReport
        What was read, by role.
    cleanings : Mapping of str to CleaningReport
        What was dropped and why, by role.
    """

    pool: Corpus
    validation: Corpus
    test: Corpus | None
    reads: Mapping[str, ReadReport]
    cleanings: Mapping[str, CleaningReport]


@dataclass(frozen=True, eq=False)
class Report:
    """Hold a finished run.

    Attributes
    ----------
    config : ExperimentConfig
        What decided it.
    data : LoadedData
        What it worked on.
    problem : Problem
        Vectors and clusters.
    selection : Selection
        Positions in the cleaned pool, best first.
    allocation : Allocation
        What each cluster gave.
    diagnostics : Diagnostics
        How good it is.
    seconds : Mapping of str to float
        Wall seconds of each stage.
    warnings : tuple of str
        What the user should know before trusting it.
    stability : Stability or None
        What stayed the same when it was made again; None where that was not asked for.
    words : tuple of Words or None
        Of the clusters, both sides, as `describe.words_of` gives them; None where they are not counted yet, which the export then does.
    pool_labels : Mapping or None
        By label column, the share of each value in the pool; None where `data.pool` is the whole pool and tells.

    Notes
    -----
    Of a run out of core `data.pool`, and the pool of `problem`, are the chosen pairs alone; the counts of allocation and cleaning are those
    of the whole pool all the same.
    """

    config: ExperimentConfig
    data: LoadedData
    problem: Problem
    selection: Selection
    allocation: Allocation
    diagnostics: Diagnostics
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    stability: Stability | None = None
    words: tuple[Words, Words] | None = None
    pool_labels: Mapping[str, Mapping[str, float]] | None = None

    @property
    def rows(self) -> IntVector:
        """Rows of the pool as given, before cleaning, best first."""
        return self.data.pool.rows[self.selection.indices]


def load(files: Files, columns: Columns, limits: Limits, cleaning: Cleaning, progress: Progress = silent) -> LoadedData:
    """Read the files and clean them; overlaps with validation and test leave the pool.

    Raises
    ------
    DataError
        For a file that cannot be read, or a corpus that cleaning leaves empty.
    """
    reads: dict[str, ReadReport] = {}
    corpora: dict[str, Corpus] = {}
    given = {"validation": files.validation} | ({} if files.test is None else {"test": files.test})
    for role, file in given.items():
        corpora[role], reads[role] = read_corpus([file], columns, limits, role)
    corpora["pool"], reads["pool"] = read_corpus(files.pool, columns, limits, "pool", part(progress, 0.0, 0.7))
    return clean(corpora, reads, cleaning, part(progress, 0.7, 1.0))


def clean(corpora: Mapping[str, Corpus], reads: Mapping[str, ReadReport], cleaning: Cleaning, progress: Progress = silent) -> LoadedData:
    """Clean the corpora "pool", "validation" and perhaps "test". Raises DataError if one is left empty."""
    cleanings: dict[str, CleaningReport] = {}
    validation, cleanings["validation"] = clean_reference(corpora["validation"], cleaning)
    test = corpora.get("test")
    if test is not None:
        test, cleanings["test"] = clean_reference(test, cleaning, validation)
    pool, cleanings["pool"] = clean_pool(corpora["pool"], validation, test, cleaning, progress)
    return LoadedData(pool, validation, test, reads, cleanings)


def encode(data: LoadedData, vectorizer: Vectorizer, seed: int, progress: Progress = silent) -> Vectors:
    """Vectorize the corpora; the vectorizer is fitted on pool and validation, never on test."""
    return vectorizer.vectorize(data.pool, data.validation, data.test, seed, progress)


def clusters(data: LoadedData, vectors: Vectors, kmeans: KMeans, seed: int, progress: Progress = silent) -> Clustering:
    """Cut the source vectors into clusters."""
    keys = content_keys(data.pool, seed, part(progress, 0.0, 0.1))
    return cluster(vectors, keys, kmeans, seed, part(progress, 0.1, 1.0))


def run(config: ExperimentConfig, files: Files, progress: Progress = silent) -> Report:
    """Run all stages.

    Parameters
    ----------
    config : ExperimentConfig
        What to do.
    files : Files
        The inputs, already found.
    progress : Progress
        Called between chunks; raising from it cancels.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "load"):
        data = load(files, config.columns, config.limits, config.cleaning, part(progress, 0.0, 0.2))
    return run_loaded(config, data, seconds, part(progress, 0.2, 1.0))


def run_loaded(config: ExperimentConfig, data: LoadedData, seconds: dict[str, float] | None = None, progress: Progress = silent) -> Report:
    """Run the stages after loading; `seconds` says how long loading took, and the other stages are added to it."""
    seconds = {} if seconds is None else seconds
    check_budget(config.budget)
    progress, again = _shared(progress, config)
    with _timed(seconds, "vectorize"):
        vectors = encode(data, config.vectorizer, config.seed, part(progress, 0.0, 0.7))
    with _timed(seconds, "cluster"):
        clustering = clusters(data, vectors, config.clustering, config.seed, part(progress, 0.7, 0.8))
    problem = Problem(vectors.pool, vectors.validation, clustering)
    with _timed(seconds, "select"):
        selection = select(problem, config.selector, config.budget, config.seed, part(progress, 0.8, 0.85))
    check_chosen(selection)
    allocation = realised_allocation(problem, selection, config.budget)
    with _timed(seconds, "measure"):
        diagnostics = measure(problem, selection, vectors.test, config.selector, config.budget, config.seed, part(progress, 0.85, 1.0))
    found: Stability | None = None
    if config.stability.is_asked:
        with _timed(seconds, "stability"):
            found = repeated(config, data, vectors, problem, again)
    warnings = (*warnings_of(data, vectors, allocation, diagnostics), *selection.notes)
    return Report(config, data, problem, selection, allocation, diagnostics, seconds, warnings, found)


def repeated(config: ExperimentConfig, data: LoadedData, vectors: Vectors, problem: Problem, progress: Progress = silent) -> Stability:
    """Make the selection of a run again, as often as its config asks (see `stability`). Raises ParameterError if it asks for none."""

    def keys(seed: int) -> npt.NDArray[np.uint64]:
        return content_keys(data.pool, seed)

    own = (config.clustering, config.selector, config.budget, config.seed)
    return stability(problem, vectors, keys, *own, config.stability, progress)


def check_chosen(selection: Selection) -> None:
    """Raise DataError if nothing was chosen."""
    if not len(selection):
        raise DataError(
            "No pair can be chosen: no cluster holds both pool and validation pairs. Use fewer clusters, another vectorizer, or a pool "
            "that has something in common with validation."
        )


def warnings_of(data: LoadedData, vectors: Vectors, allocation: Allocation, diagnostics: Diagnostics | None = None) -> tuple[str, ...]:
    """Return what the user should know before trusting a selection, one sentence each; more of it once it is measured."""
    n_zero = {"pool": int(vectors.pool.zero.sum()), "validation": int(vectors.validation.zero.sum())}
    return warnings_from(data.cleanings, n_zero, allocation, diagnostics)


def warnings_from(
    cleanings: Mapping[str, CleaningReport], n_zero: Mapping[str, int], allocation: Allocation, diagnostics: Diagnostics | None = None
) -> tuple[str, ...]:
    """Return the same, given how many pairs of pool and validation have no vector on a side."""
    found = [*_leaks(cleanings)]
    for role, n in n_zero.items():
        if n:
            all_pairs = f"{n:,} of {cleanings[role].n_out:,} {role} pairs"
            found.append(f"{all_pairs} take no part: on one side they have no word the vectorizer knows.")
    if allocation.shortfall:
        found.append(
            f"The budget of {allocation.budget:,} cannot be met: only {allocation.size:,} pairs can be chosen "
            f"(shortfall {allocation.shortfall:,})."
        )
    if allocation.uncovered > 0:
        found.append(
            f"{allocation.uncovered:.1%} of validation lies in clusters without any pool pair, so KL(validation || selected) is infinite; "
            "collect data like those sentences or use fewer clusters."
        )
    passed_over = (allocation.validation_counts > 0) & (allocation.supply > 0) & (allocation.counts == 0)
    if passed_over.any():
        found.append(
            f"{int(passed_over.sum()):,} clusters with {allocation.validation_share[passed_over].sum():.1%} of validation gave no pair, "
            "so KL(validation || selected) is infinite; raise the budget, use fewer clusters, or allocate kl-optimal."
        )
    n_starved = int(allocation.starved.sum())
    if n_starved:
        found.append(f"{n_starved:,} of {len(allocation.counts):,} clusters ran out: they gave all they have, less than their quota.")
    if diagnostics is not None and diagnostics.energy is None:
        found.append("Too few pairs to measure a distance to held-out data.")
    return tuple(found)


def _leaks(cleanings: Mapping[str, CleaningReport]) -> Iterator[str]:
    """Say where pairs that should be held apart are the same: what is measured there flatters."""
    for role, beside in (("pool", "validation or test"), ("test", "validation")):
        found = cleanings[role].found if role in cleanings else ()
        kept = sum(one.count for one in found if "overlap" in one.switch and not one.applied)
        if kept:
            yield f"{kept:,} {role} pairs also stand in {beside} and were kept, so distances to held-out pairs look better than they are."


def _shared(progress: Progress, config: ExperimentConfig) -> tuple[Progress, Progress]:
    """Return the progress of the run itself and of making it again."""
    repeats = config.stability
    # measured on 104,000 pairs: a further run takes 0.8 s, the first with its vectors 9.5 s
    runs = repeats.n_seeds + 2 * repeats.vary_clusters
    own = 1 / (1 + 0.1 * runs)
    return part(progress, 0.0, own), part(progress, own, 1.0)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
