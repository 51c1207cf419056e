"""What each step takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from craft_core.bound import EXACT_POINTS
from craft_core.bound.transport import W1_LIMIT
from craft_core.cluster import LEAST_SAMPLE
from craft_core.compare import Plan
from craft_core.config import ExperimentConfig
from craft_core.describe import PAIRS_LIMIT
from craft_core.errors import ParameterError
from craft_core.estimate.job import BLOCKS, MULTIPLY, NOTHING, Job
from craft_core.estimate.methods import chosen, selection
from craft_core.estimate.sizes import Estimate, Sizes, scaled
from craft_core.sweep import sweep_grid
from craft_core.vectorize import Hashing, Precomputed, Tfidf

__all__ = ["STEPS", "estimate_comparison", "estimate_of", "estimate_run", "estimate_sweep"]

_MODEL_TEXT = 1 / 150  # a text in a neural model. Cautious: small ones do several hundred a second on two cores, large ones tens
_CHARACTERS = 2.5  # runs of characters to words, to count


def estimate_of(step: str, config: ExperimentConfig, sizes: Sizes) -> Estimate:
    """Return what one of `STEPS` is going to take with these choices and sizes.

    Raises
    ------
    ParameterError
        For an unknown step.
    """
    if step not in _STEPS:
        raise ParameterError(f"There is no step {step!r} to estimate. There are: {', '.join(STEPS)}.")
    return _STEPS[step](Job(config, sizes))


def estimate_run(config: ExperimentConfig, sizes: Sizes) -> Estimate:
    """Return what a run takes once the data are loaded; the vectors stay while the rest is done."""
    steps = ["clusters", "selection", "measuring"]
    steps += ["clustering again", "choosing again"] if config.stability.is_asked else []
    job, vectors = Job(config, sizes), estimate_of("vectors", config, sizes)
    later = [_STEPS[step](job) for step in steps]
    return Estimate(
        vectors.seconds + sum(one.seconds for one in later), max(vectors.bytes, job.vector_bytes + max(one.bytes for one in later))
    )


def estimate_comparison(plan: Plan, config: ExperimentConfig, sizes: Sizes) -> Estimate:
    """Return what a comparison takes: every method at every budget and seed, on every fold, and its marks."""
    job = Job(config, sizes)
    clusters = Estimate((len(plan.seeds) - 1) * _clusters(job).seconds, _clusters(job).bytes)
    found = clusters
    for selector in plan.selectors:
        times = len(plan.seeds_of(selector)) * job.n_folds
        for budget in plan.budgets:
            one = replace(job.fold, config=replace(config, selector=selector, budget=budget))
            each = chosen(one) + _marks(one)
            found += scaled(each, times)
    return found


def estimate_sweep(grid: tuple[int, ...], config: ExperimentConfig, sizes: Sizes) -> Estimate:
    """Return what the points of a sweep take, one for each number of clusters."""
    found = NOTHING
    for n_clusters in grid:
        job = Job(config, sizes).with_clusters(n_clusters)
        held_out = scaled(chosen(job.fold) + Estimate(0.05, BLOCKS), job.n_folds)
        found += _clusters(job) + chosen(job) + _diameters(job) + held_out
    return found


def _load(job: Job) -> Estimate:
    return Estimate(0.15 + 8e-7 * job.sizes.pairs + 2.5e-9 * job.texts, 150_000_000 + round(3.2 * job.texts))


def _vectors(job: Job) -> Estimate:
    model, numbers = job.config.vectorizer, 2 * job.sizes.pairs * job.dimensions
    held = job.vector_bytes + BLOCKS + 150 * job.sizes.pairs
    factor = _CHARACTERS if getattr(model, "analyzer", "word") == "char_wb" else 1.0
    if isinstance(model, Tfidf):
        rows = min(job.sizes.pool, model.sample_rows) + min(job.sizes.validation, model.sample_rows)
        directions = 2 * 1.1e-4 * (rows + 12_000) * ((model.dimensions + 32) / 288) ** 2
        seconds = directions + factor * 8e-9 * job.texts + 7e-9 * numbers
        return Estimate(seconds, held + 40 * (rows + 10_000) * (model.dimensions + 32))
    if isinstance(model, Hashing):
        return Estimate(0.25 + factor * 4e-9 * job.texts + 9e-9 * numbers, held + 250 * 2**model.n_bits)
    if isinstance(model, Precomputed):
        return Estimate(0.1 + 4e-9 * numbers, held)
    return Estimate(5.0 + 2 * job.sizes.pairs * _MODEL_TEXT, held + 1_500_000_000)


def _clusters(job: Job) -> Estimate:
    kmeans, d = job.config.clustering, job.dimensions
    sampled = min(job.sizes.pool, max(LEAST_SAMPLE, kmeans.points_per_center * kmeans.n_clusters)) if kmeans.fit_on != "validation" else 0
    rows = sampled + (job.sizes.validation if kmeans.fit_on != "pool" else 0)
    products = kmeans.n_iterations * rows + 0.6 * job.sizes.pairs  # the last are done by two threads
    seconds = 0.15 + products * kmeans.n_clusters * d * MULTIPLY + 8e-7 * job.sizes.pool
    return Estimate(seconds, BLOCKS + 8 * rows * d + 20 * job.sizes.pool)


def _measuring(job: Job) -> Estimate:
    again = scaled(chosen(job.fold), job.n_folds) if job.n_folds > 1 else NOTHING
    return again + scaled(_ENERGIES, job.n_folds) + Estimate(2e-8 * job.budget * job.dimensions, 16 * job.budget * job.dimensions)


def _marks(job: Job) -> Estimate:
    """Return what the marks of one selection in a comparison take."""
    return Estimate(0.08 + 7e-5 * min(job.budget, 4_096) + 2e-6 * job.budget, BLOCKS + 8 * job.budget * job.dimensions)


def _diameters(job: Job) -> Estimate:
    rows = job.budget + job.sizes.validation
    each = min(rows / job.n_clusters, EXACT_POINTS)
    return Estimate(0.02 + rows * (4e-8 * job.dimensions + each * job.dimensions * 2 * MULTIPLY), BLOCKS + 16 * rows * job.dimensions)


def _words(job: Job) -> Estimate:
    read = 2 * (min(job.sizes.pool, PAIRS_LIMIT) + min(job.sizes.validation, PAIRS_LIMIT))
    return Estimate(0.05 + read * (2e-6 + 2.2e-8 * min(job.sizes.text_bytes, 4_000.0)), BLOCKS + job.texts)


def _isolated(job: Job) -> Estimate:
    return Estimate(0.02 + job.couples * (job.dimensions * MULTIPLY + 5e-9), BLOCKS)


def _prefixes(job: Job) -> Estimate:
    words = 1e-8 * job.texts if job.sizes.test else 0.0
    return Estimate(0.02 + job.sizes.pool * (1e-6 + 6e-9 * job.dimensions) + words, BLOCKS + 150 * job.sizes.pool)


def _curves(job: Job) -> Estimate:
    words = NOTHING if job.sizes.test else Estimate(1.1e-8 * job.texts, 600 * job.sizes.pool)
    return scaled(selection(job.fold) + words + Estimate(2.6, BLOCKS), job.n_folds)


def _shares_of_runs(job: Job) -> Estimate:
    cells = Estimate(0.02 + 1.4e-9 * job.sizes.pool * job.dimensions, BLOCKS + 60 * job.sizes.pool)
    return scaled(selection(job) + cells, job.n_runs)


def _energies_of_runs(job: Job) -> Estimate:
    return scaled(selection(job.fold) + Estimate(0.4, BLOCKS), job.n_runs * job.n_folds)


def _divergences(job: Job) -> Estimate:
    again = scaled(chosen(job.fold), job.n_folds) if job.n_folds > 1 else NOTHING
    return again + scaled(Estimate(0.2, BLOCKS), job.n_folds)


def _transport(job: Job) -> Estimate:
    rows = job.budget + job.sizes.validation
    small = max(job.budget, job.sizes.validation) <= W1_LIMIT
    solved = 0.3 + 3e-7 * job.budget * job.sizes.validation if small else 0.0
    return Estimate(0.05 + solved + 2e-8 * rows * job.dimensions, BLOCKS + 16 * rows * job.dimensions)


def _sweep(job: Job) -> Estimate:
    n_pool, n_validation = job.sizes.pool, job.sizes.validation
    fit_on = job.config.clustering.fit_on
    return estimate_sweep(
        sweep_grid(n_validation, {"pool": n_pool, "validation": n_validation}.get(fit_on, n_pool + n_validation)), job.config, job.sizes
    )


def _clustering_again(job: Job) -> Estimate:
    repeats, own = job.config.stability, job.n_clusters
    found = scaled(_clusters(job), repeats.n_seeds)
    for other in (round(2 * own / 3), round(3 * own / 2)) if repeats.vary_clusters else ():
        found += _clusters(job.with_clusters(max(other, 1)))
    return found + Estimate(job.n_runs * 4e-7 * job.sizes.pool, 4 * job.n_runs * job.sizes.pool)


def _choosing_again(job: Job) -> Estimate:
    return scaled(chosen(job), job.n_runs)


def _pca_map(job: Job) -> Estimate:
    return Estimate(0.02 + 4e-9 * job.drawn * job.dimensions, BLOCKS + 20 * job.drawn * job.dimensions)


def _umap_map(job: Job) -> Estimate:
    """Return what a layout takes, with some seconds of compiling that only the first in a process costs."""
    seconds = 4.0 + 4e-4 * job.drawn + job.drawn**2 * job.dimensions * 2 * MULTIPLY
    return Estimate(seconds, 2 * BLOCKS + 20 * job.drawn * job.dimensions)


def _places(job: Job) -> Estimate:
    """Return what placing takes on the slower map, UMAP's."""
    return Estimate(0.01 + 2.6e-5 * job.sizes.pool, BLOCKS + 30 * job.sizes.pool)


def _trust(job: Job) -> Estimate:
    return Estimate(0.1 + job.drawn**2 * 7e-9, BLOCKS)


def _export(job: Job) -> Estimate:
    texts, written = 2 * job.budget * job.sizes.text_bytes, job.config.export.format
    rate = 1.2e-8 if written == "parquet" else 4e-8 if written.endswith(".gz") else 6.5e-8
    return _words(job) + Estimate(0.1 + rate * texts, BLOCKS + round(4 * texts))


_ENERGIES = Estimate(0.45, BLOCKS)  # of a selection, its anchors and halves, on at most 4,096 pairs of each


_STEPS: Mapping[str, Callable[[Job], Estimate]] = {
    "load": _load,
    "vectors": _vectors,
    "clusters": _clusters,
    "selection": selection,
    "measuring": _measuring,
    "words": _words,
    "isolated": _isolated,
    "prefixes": _prefixes,
    "curves": _curves,
    "shares of runs": _shares_of_runs,
    "energies of runs": _energies_of_runs,
    "diameters": _diameters,
    "divergences": _divergences,
    "transport": _transport,
    "sweep": _sweep,
    "clustering again": _clustering_again,
    "choosing again": _choosing_again,
    "pca map": _pca_map,
    "umap map": _umap_map,
    "places": _places,
    "trust": _trust,
    "export": _export,
}

STEPS = tuple(_STEPS)
"""The steps `estimate_of` knows."""
