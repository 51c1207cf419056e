"""A run of CRAFT out of core: two passes over the pool, and the report of the run in memory, to the last bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from craft_core.allocate import Allocation
from craft_core.arrays import IntVector
from craft_core.bound import cell_geometry
from craft_core.cluster import Clustering
from craft_core.config import ExperimentConfig
from craft_core.corpus import Corpus, ParallelText, ReadReport
from craft_core.discrepancy import sampled
from craft_core.errors import ParameterError
from craft_core.experiment import LoadedData, Report, check_chosen, warnings_from
from craft_core.files import Files
from craft_core.holdout import hold_out
from craft_core.measure import Diagnostics, Faced, diagnose
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress, part, silent
from craft_core.selectors import Craft
from craft_core.stream.choose import SOURCE, TARGET, VECTORS
from craft_core.stream.engine import open_engine
from craft_core.stream.fit import Fitted, Sample, ShortSampleError, fit, sample_wanted, side_samples
from craft_core.stream.merge import Chosen, Merged, pool_labels
from craft_core.stream.model import encoder_of, save_model
from craft_core.stream.passes import Passes, Scan
from craft_core.stream.prepare import Prepared, prepare
from craft_core.stream.settings import Streaming, worker_count
from craft_core.vectorize.precomputed import Precomputed
from craft_core.vectorize.projection import Projection
from craft_core.vectorize.protocol import EncodedPairs

__all__ = ["can_stream", "stream"]


def can_stream(config: ExperimentConfig, files: Files) -> bool:
    """Return whether a run can be done out of core."""
    return _hindrance(config, files) is None


def _hindrance(config: ExperimentConfig, files: Files) -> str | None:
    """Return why a run cannot be done out of core, None where it can."""
    if not isinstance(config.selector, Craft):
        return f"Only craft works out of core, and the method is {config.selector.name}. Choose craft, or leave out what asks for it."
    if config.stability.is_asked:
        return "Out of core a selection is not made again with other seeds. Leave that out, or give it memory to be held in."
    if any(file.path is None for given in files.pool for file in (vars(given).values() if isinstance(given, ParallelText) else (given,))):
        return "Out of core the pool is read from files on disk. Save it first."
    if isinstance(config.vectorizer, Precomputed) and not config.vectorizer.folder:
        return "Out of core vectors are read from .npy files, not from columns of the data. Give the 'folder' parameter of precomputed."
    return None


def stream(
    config: ExperimentConfig,
    files: Files,
    settings: Streaming,
    work: Path,
    progress: Progress = silent,
    began: Callable[[Path], None] = lambda folder: None,
) -> Report:
    """Run all stages without ever holding the pool.

    The report is that of `experiment.run` with the same config and files, to the last bit, whatever the pieces, the engine and the memory;
    but its `data.pool`, and the pool of its problem, are the chosen pairs alone, and cleaning gives no examples. (Vectors of neural models
    depend on the texts they were computed with in their last digits; nearly all of these are rounded away, see `vectorize.sentence`.)

    Parameters
    ----------
    config : ExperimentConfig
        What decides the result; its method is craft.
    files : Files
        The inputs, on disk.
    settings : Streaming
        How it is done.
    work : Path
        Folder for what is finished on the way. Results of the same run that are there are not made again; those of other runs stay.
    progress : Progress
        Called between pieces and twice a second; raising from it ends the work.
    began : callable
        Called with the folder inside `work` that is this run's own, so that it can be removed once the results are safe.

    Raises
    ------
    ParameterError
        For another method, too little memory, or an engine that cannot be had.
    DataError
        As `experiment.run`.
    """
    hindrance = _hindrance(config, files)
    if hindrance is not None:
        raise ParameterError(hindrance)
    seconds: dict[str, float] = {}
    with open_engine(settings.engine, worker_count(settings.workers), settings.memory) as engine:
        with _timed(seconds, "scan"):
            ready = prepare(config, files, settings, work)
            began(ready.plan.folder)
            passes = Passes(engine, ready)
            scanned = passes.scan(part(progress, 0.0, 0.4))
        with _timed(seconds, "fit"):
            sample = passes.sample(sample_wanted(config), part(progress, 0.4, 0.41))
            fitted, projections = _fitted(config, ready, passes, sample, part(progress, 0.41, 0.55))
            _save(config, ready, fitted, scanned)
        with _timed(seconds, "choose"):
            merged = Merged(
                config.selector.allocation,  # type: ignore[attr-defined]
                config.budget,
                fitted.wanted,
                fitted.lots,
                fitted.problem.clustering.n_clusters,
            )
            passes.choose(merged, part(progress, 0.55, 0.95))
        with _timed(seconds, "measure"):
            return _report(_Found(config, ready, scanned, fitted, projections, merged, passes), seconds, part(progress, 0.95, 1.0))


def _fitted(
    config: ExperimentConfig, ready: Prepared, passes: Passes, sample: Sample, progress: Progress
) -> tuple[Fitted, tuple[Projection, ...]]:
    """Fit, with a larger sample where that is needed and the pool has it."""
    samples = side_samples(config, sample, ready.validation)
    projections: tuple[Projection, ...] = ()
    if samples is not None:
        projections = passes.fit_sides(config, samples, sample.n_pool, part(progress, 0.0, 0.7))
    while True:
        try:
            return fit(config, sample, ready.validation, ready.test, projections, part(progress, 0.7, 1.0)), projections
        except ShortSampleError:
            sample = passes.sample(2 * len(sample) + 1, progress)


def _save(config: ExperimentConfig, ready: Prepared, fitted: Fitted, scanned: Scan) -> None:
    craft = config.selector
    facts = {"distance": craft.distance, "shrinkage": craft.shrinkage}  # type: ignore[attr-defined]
    save_model(ready.plan.folder, fitted.problem.clustering.centers, fitted.wanted, fitted.lots, scanned.types, facts)


@dataclass(frozen=True, eq=False)
class _Found:
    """Hold what the passes found."""

    config: ExperimentConfig
    ready: Prepared
    scanned: Scan
    fitted: Fitted
    projections: tuple[Projection, ...]
    merged: Merged
    passes: Passes


class _Pairs:
    """Hold pairs of the pool that were kept, with vectors, by their rows."""

    def __init__(self, found: _Found, rows: IntVector) -> None:
        self.rows = np.unique(rows)
        self.table = found.passes.kept(self.rows).combine_chunks()
        sources, targets = (self.table.column(name) for name in (SOURCE, TARGET))
        texts = [pa.concat_arrays(one.chunks) if one.num_chunks else pa.array([], pa.large_string()) for one in (sources, targets)]
        if VECTORS[0] in self.table.column_names:
            self.vectors = [_matrix(self.table.column(name)) for name in VECTORS]
        else:
            self.vectors = list(encoder_of(found.config.vectorizer, found.projections)(texts[0], texts[1], self.rows))
        self.texts = texts

    def places(self, rows: IntVector) -> IntVector:
        """Return where pairs of the pool stand here."""
        return np.searchsorted(self.rows, rows)

    def encoded(self, rows: IntVector, corpus: Corpus | None = None) -> EncodedPairs:
        """Return the vectors of pairs of the pool."""
        places = self.places(rows)
        return EncodedPairs(self.vectors[0][places], self.vectors[1][places], corpus)


def _matrix(column: pa.ChunkedArray) -> Any:
    width = column.type.list_size
    return column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)


def _report(found: _Found, seconds: dict[str, float], progress: Progress) -> Report:
    config, fitted = found.config, found.fitted
    own, *folds = found.merged.chosen()
    selection = Selection(np.arange(len(own.rows)), own.scores, np.ones(len(own.rows), np.float32))
    check_chosen(selection)
    rng = np.random.default_rng([config.seed, 2])
    hold_out(fitted.problem, fitted.test, rng)  # as `measure` does, whose further draws follow those of the halves
    chosen = [own] if fitted.held.from_test else folds
    measured = fitted.held.is_enough and all(len(one.rows) >= 2 for one in chosen)
    couples = _couples(fitted, chosen, rng) if measured else []
    drawn = found.merged.drawn() if measured else []
    pairs = _Pairs(found, np.concatenate([own.rows, *(one for one, _ in couples), *drawn]))
    corpus = _corpus(found, pairs, own.rows)
    counts = np.bincount(own.clusters, minlength=fitted.problem.clustering.n_clusters).astype(np.int64)
    allocation = Allocation(config.budget, counts, own.allocation.supply, own.allocation.validation_counts)
    problem = Problem(pairs.encoded(own.rows, corpus), fitted.problem.validation, _clustering(fitted, own))
    diagnostics = _diagnostics(found, pairs, problem, allocation, [len(one.rows) for one in chosen], couples, drawn, progress)
    cleanings = {**found.ready.cleanings, "pool": found.scanned.cleaning}
    n_zero = {"pool": found.merged.n_zero, "validation": int(fitted.problem.validation.zero.sum())}
    warnings = warnings_from(cleanings, n_zero, allocation, diagnostics)
    reads: dict[str, ReadReport] = {**found.ready.reads, "pool": found.scanned.read}
    data = LoadedData(corpus, found.ready.validation, found.ready.test, reads, cleanings)
    names = [one.name for one in found.scanned.types if pa.types.is_large_string(one.type) and one.name in corpus.columns.column_names]
    labels = pool_labels(found.merged.labels, names, found.scanned.cleaning.n_out)
    return Report(config, data, problem, selection, allocation, diagnostics, seconds, warnings, None, fitted.words, labels)


def _couples(fitted: Fitted, chosen: list[Chosen], rng: np.random.Generator) -> list[tuple[IntVector, EncodedPairs]]:
    """Return a sample of what was chosen, as rows of the pool, and one of what it is measured on, drawn as `measure` draws them."""
    couples = []
    for one, fold in zip(chosen, fitted.held.folds, strict=True):
        held = fold.held.take(sampled(np.arange(len(fold.held)), rng))
        couples.append((sampled(one.rows, rng), held))
    return couples


def _diagnostics(
    found: _Found,
    pairs: _Pairs,
    problem: Problem,
    allocation: Allocation,
    sizes: list[int],
    couples: list[tuple[IntVector, EncodedPairs]],
    drawn: list[IntVector],
    progress: Progress,
) -> Diagnostics:
    faced = Faced()
    if couples:
        size = max(2, *sizes)
        random = tuple(pairs.encoded(one[:size]) for one in drawn[:-1])
        selected, held = (tuple(one) for one in zip(*((pairs.encoded(rows), held) for rows, held in couples), strict=True))
        faced = Faced(selected, held, random, pairs.encoded(drawn[-1]))
    labels, clustering = found.fitted.problem.clustering.validation_labels, problem.clustering
    cells = cell_geometry(problem.validation.sources, labels, problem.pool.sources, clustering.pool_labels, clustering.n_clusters)
    return diagnose(allocation, cells, found.fitted.held.words, faced, found.config.seed, progress)


def _clustering(fitted: Fitted, own: Chosen) -> Clustering:
    return Clustering(fitted.problem.clustering.centers, own.clusters.astype(np.int32), fitted.problem.clustering.validation_labels)


def _corpus(found: _Found, pairs: _Pairs, rows: IntVector) -> Corpus:
    """Return the chosen pairs with their columns, as the pool in memory would give them."""
    index, columns = pa.array(pairs.places(rows)), found.config.columns
    id_column = found.scanned.id_column
    if id_column is None:
        ids = pa.array(rows).cast(pa.large_string())
    else:
        ids = pairs.table.column(id_column).take(index).combine_chunks().cast(pa.large_string())
    further = {
        name: pairs.table.column(name).take(index)
        for name in found.scanned.types.names
        if name not in (columns.source, columns.target, id_column)
    }
    sides = [texts.take(index) for texts in pairs.texts]
    return Corpus(sides[0], sides[1], ids, rows.copy(), pa.table(further), "pool", columns.source, columns.target, id_column)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
