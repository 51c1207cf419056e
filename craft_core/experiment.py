"""The stages in order: load, vectorize, cluster, select, measure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from craft_core.allocate import Allocation, check_budget
from craft_core.arrays import IntVector
from craft_core.bound import CellGeometry, cell_geometry, covered_kl, kl_divergence, total_variation
from craft_core.cluster import Clustering, KMeans, cluster
from craft_core.config import ExperimentConfig
from craft_core.corpus import (
    Cleaning,
    CleaningReport,
    Columns,
    Corpus,
    InputFile,
    Limits,
    ReadReport,
    clean_pool,
    clean_reference,
    content_keys,
    read_corpus,
)
from craft_core.discrepancy import Anchors, Energy, energy_distance, half_against_half, mean_energy, sample_pairs
from craft_core.errors import DataError
from craft_core.problem import Problem, Selection, Selector
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Random
from craft_core.vectorize import EncodedPairs, Vectorizer, Vectors

__all__ = [
    "Diagnostics",
    "Files",
    "LoadedData",
    "Report",
    "clusters",
    "encode",
    "load",
    "measure",
    "realised_allocation",
    "run",
    "select",
    "warnings_of",
]

_RANDOM_REPEATS = 3


@dataclass(frozen=True, eq=False)
class Files:
    """Name the inputs of a run: one or more pool files, a validation file, perhaps a test file."""

    pool: tuple[InputFile, ...]
    validation: InputFile
    test: InputFile | None = None


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

    @property
    def digest(self) -> str:
        """One text that changes when any pair does; a key for caches."""
        return "-".join(one.digest for one in (self.pool, self.validation, self.test) if one is not None)


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """Hold the first numbers to look at.

    Attributes
    ----------
    kl, reverse_kl : float
        KL(p || q) and KL(q || p) of validation share p and selected share q, in nats; kl is infinite where a validation cluster got nothing.
    covered_kl : float
        KL of the part of p that q reaches.
    total_variation : float
        Of p and q, in [0, 1].
    energy : Energy or None
        Distance of the selection to the held-out pairs; None where there are too few pairs to measure.
    anchors : Anchors or None
        What the energy distance is to be compared with.
    held_out : str
        What the distance was measured on, in words.
    cells : CellGeometry
        Diameter bounds and variance of each cluster.
    """

    kl: float
    reverse_kl: float
    covered_kl: float
    total_variation: float
    energy: Energy | None
    anchors: Anchors | None
    held_out: str
    cells: CellGeometry


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
    """

    config: ExperimentConfig
    data: LoadedData
    problem: Problem
    selection: Selection
    allocation: Allocation
    diagnostics: Diagnostics
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

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
    cleanings: dict[str, CleaningReport] = {}
    references: dict[str, Corpus] = {}
    for role, file in (("validation", files.validation), ("test", files.test)):
        if file is not None:
            given, reads[role] = read_corpus([file], columns, limits, role)
            references[role], cleanings[role] = clean_reference(given, cleaning)
    pool, reads["pool"] = read_corpus(list(files.pool), columns, limits, "pool", part(progress, 0.0, 0.7))
    progress(0.7, "Cleaning the pool")
    validation, test = references["validation"], references.get("test")
    pool, cleanings["pool"] = clean_pool(pool, validation, test, cleaning)
    for corpus in (pool, validation, test):
        if corpus is not None and len(corpus) == 0:
            raise DataError(f"No pair of the {corpus.name} is left after cleaning. Look at what was dropped and why, or switch a rule off.")
    progress(1.0, "Data ready")
    return LoadedData(pool, validation, test, reads, cleanings)


def encode(data: LoadedData, vectorizer: Vectorizer, seed: int, progress: Progress = silent) -> Vectors:
    """Vectorize the corpora; the vectorizer is fitted on pool and validation, never on test."""
    return vectorizer.vectorize(data.pool, data.validation, data.test, seed, progress)


def clusters(data: LoadedData, vectors: Vectors, kmeans: KMeans, seed: int, progress: Progress = silent) -> Clustering:
    """Cut the source vectors into clusters."""
    return cluster(vectors, content_keys(data.pool, seed), kmeans, seed, progress)


def select(problem: Problem, selector: Selector, budget: int, seed: int) -> Selection:
    """Let a method choose; its random numbers, if it draws any, come from the seed alone."""
    return selector.select(problem, budget, np.random.default_rng([seed, 1]))


def realised_allocation(problem: Problem, selection: Selection, budget: int) -> Allocation:
    """Count what each cluster gave to a selection, whichever method made it."""
    counts = np.bincount(problem.clustering.pool_labels[selection.indices], minlength=problem.clustering.n_clusters).astype(np.int64)
    return Allocation(budget, counts, problem.clustering.supply, problem.clustering.validation_counts)


def measure(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    progress: Progress = silent,
) -> Diagnostics:
    """Compare a selection with the validation shares and with pairs it was not selected with.

    With a test set, the selection itself is measured on it. Without one, validation is cut in two random halves; the method selects anew
    with one half and is measured on the other, both ways round, and the mean is reported: a distance to the very pairs one selected with
    would flatter. The cluster centers are not fitted anew. Sets above 4,096 pairs are sampled.
    """
    allocation = realised_allocation(problem, selection, budget)
    p, q = allocation.validation_share, allocation.selected_share
    own = problem.pool.sources[selection.indices]
    labels = problem.clustering.pool_labels[selection.indices]
    cells = cell_geometry(problem.validation.sources, problem.clustering.validation_labels, own, labels, problem.clustering.n_clusters)
    progress(0.1, "Measuring the distance to held-out pairs")
    rng = np.random.default_rng([seed, 2])
    folds, held_out = _folds(problem, selection, test, selector, budget, seed, rng)
    if all(len(held) >= 4 and len(chosen) >= 2 for chosen, held in folds):
        energy, anchors = _energies(problem, folds, budget, rng, part(progress, 0.1, 1.0))
    else:
        energy = anchors = None
    reverse = kl_divergence(q, p) if len(selection) else float("inf")
    return Diagnostics(kl_divergence(p, q), reverse, covered_kl(p, q), total_variation(p, q), energy, anchors, held_out, cells)


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
    """Run the stages after loading."""
    seconds = {} if seconds is None else seconds
    check_budget(config.budget)
    with _timed(seconds, "vectorize"):
        vectors = encode(data, config.vectorizer, config.seed, part(progress, 0.0, 0.7))
    with _timed(seconds, "cluster"):
        clustering = clusters(data, vectors, config.clustering, config.seed, part(progress, 0.7, 0.8))
    problem = Problem(vectors.pool, vectors.validation, clustering)
    with _timed(seconds, "select"):
        selection = select(problem, config.selector, config.budget, config.seed)
    allocation = realised_allocation(problem, selection, config.budget)
    with _timed(seconds, "measure"):
        diagnostics = measure(problem, selection, vectors.test, config.selector, config.budget, config.seed, part(progress, 0.85, 1.0))
    return Report(config, data, problem, selection, allocation, diagnostics, seconds, warnings_of(data, vectors, allocation, diagnostics))


def warnings_of(data: LoadedData, vectors: Vectors, allocation: Allocation, diagnostics: Diagnostics) -> tuple[str, ...]:
    """Return what the user should know before trusting a selection, one sentence each."""
    found = []
    for role, corpus, pairs in (("pool", data.pool, vectors.pool), ("validation", data.validation, vectors.validation)):
        n_zero = int(pairs.zero.sum())
        if n_zero:
            found.append(f"{n_zero:,} of {len(corpus):,} {role} pairs have a side without any known term and take no part.")
    if allocation.shortfall:
        found.append(
            f"The budget of {allocation.budget:,} cannot be met: the clusters that hold validation pairs have only {allocation.size:,} pool pairs "
            f"(shortfall {allocation.shortfall:,})."
        )
    if allocation.uncovered > 0:
        found.append(
            f"{allocation.uncovered:.1%} of validation lies in clusters without any pool pair, so KL(validation || selected) is infinite; "
            "collect data like those sentences or use fewer clusters."
        )
    n_starved = int(allocation.starved.sum())
    if n_starved:
        found.append(f"{n_starved:,} of {len(allocation.counts):,} clusters have less supply than their quota.")
    if diagnostics.energy is None:
        found.append("Too few pairs to measure a distance to held-out data.")
    return tuple(found)


def _folds(
    problem: Problem,
    selection: Selection,
    test: EncodedPairs | None,
    selector: Selector,
    budget: int,
    seed: int,
    rng: np.random.Generator,
) -> tuple[list[tuple[IntVector, EncodedPairs]], str]:
    """Return (chosen positions, held-out pairs) couples and what they are, in words."""
    if test is not None:
        held = np.flatnonzero(~test.zero)
        return [(selection.indices, test.take(held))], f"the test set ({len(held):,} pairs)"
    usable = rng.permutation(np.flatnonzero(problem.clustering.validation_labels >= 0))
    halves = usable[: len(usable) // 2], usable[len(usable) // 2 :]
    words = f"held-out halves of validation ({len(usable):,} pairs), selecting anew with the other half"
    if min(map(len, halves)) < 4:
        return [(selection.indices, problem.validation.take(np.array([], dtype=np.int64)))], words
    folds = []
    for kept, held in (halves, halves[::-1]):
        chosen = select(problem.with_validation(kept), selector, budget, seed)
        folds.append((chosen.indices, problem.validation.take(held)))
    return folds, words


def _energies(
    problem: Problem, folds: list[tuple[IntVector, EncodedPairs]], budget: int, rng: np.random.Generator, progress: Progress
) -> tuple[Energy, Anchors]:
    selected, random, pool, halves = [], [], [], []
    for chosen, held in folds:
        progress(0.2, "Measuring the distance to held-out pairs")
        selected.append(energy_distance(sample_pairs(problem.pool, chosen, rng), sample_pairs(held, np.arange(len(held)), rng)))
        for _ in range(_RANDOM_REPEATS):
            drawn = Random().select(problem, max(budget, 2), rng).indices
            random.append(energy_distance(sample_pairs(problem.pool, drawn, rng), held))
        progress(0.7, "Measuring the anchors")
        pool.append(energy_distance(sample_pairs(problem.pool, problem.available, rng), held))
        halves.append(half_against_half(held, rng))
    return mean_energy(selected), Anchors(mean_energy(halves), mean_energy(random), mean_energy(pool))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
