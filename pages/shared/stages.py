"""The stages of a run as the pages ask for them: each computed once, keyed by the part of the choices it depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from craft_core import experiment
from craft_core.allocate import Allocation
from craft_core.bound import CellGeometry
from craft_core.corpus.sample import content_keys
from craft_core.describe import cluster_words
from craft_core.experiment import Diagnostics, LoadedData, Report
from craft_core.ledger import Isolated, isolated_validation
from craft_core.measure import cells_of
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress
from craft_core.project import DRAW_LIMIT, Projection, project, sample_rows
from craft_core.stability import Runs, Stability, chosen_again, clustered_again
from craft_core.vectorize import Vectors
from craft_core.whatif import Ranking, take
from pages.shared.session import check_server_paths, current_config, current_given
from pages.shared.work import compute, is_ready, is_running, key_of, seconds_of

T = TypeVar("T")

LOAD, VECTORIZE, CLUSTER = "Reading and cleaning", "Vectors", "Clusters"
RANK, SELECT, MEASURE = "Ranking", "Selection", "Measuring"
REPEATED, STABILITY = "Clustering again", "Choosing again"
_MANIFEST_NAMES = {LOAD: "load", VECTORIZE: "vectorize", CLUSTER: "cluster", RANK: "select", SELECT: "select", MEASURE: "measure"}


def data() -> LoadedData:
    """Return the corpora after cleaning."""
    given, config = current_given(), current_config()
    assert given is not None  # noqa: S101 -- pages that need data stop before
    return compute(
        LOAD,
        data_key(),
        lambda progress: experiment.load(given.files, config.columns, config.limits, config.cleaning, progress),
    )


def vectors() -> Vectors:
    """Return the vectors of both sides."""
    loaded, config = data(), current_config()
    check_server_paths(config)
    return compute(VECTORIZE, vector_key(), lambda progress: experiment.encode(loaded, config.vectorizer, config.seed, progress))


def problem() -> Problem:
    """Return vectors and clusters."""
    loaded, rows, config = data(), vectors(), current_config()

    def work(progress: Progress) -> Problem:
        return Problem(rows.pool, rows.validation, experiment.clusters(loaded, rows, config.clustering, config.seed, progress))

    return compute(CLUSTER, problem_key(), work)


def ranking() -> Ranking | None:
    """Return the pool ordered inside each cluster, or None for a method that does not rank."""
    task, selector = problem(), current_config().selector
    ranks: Callable[..., Ranking] | None = getattr(selector, "rank", None)
    return None if ranks is None else compute(RANK, key_of(problem_key(), selector), lambda progress: ranks(task, progress))


def selection() -> tuple[Selection, Allocation]:
    """Return the chosen pairs and what each cluster gave; where a method ranks once, a new budget costs milliseconds."""
    task, config, ranked = problem(), current_config(), ranking()
    if ranked is not None:
        chosen = take(ranked, config.selector.allocate(task, config.budget))  # type: ignore[attr-defined]
    else:
        chosen = compute(
            SELECT, selection_key(), lambda progress: experiment.select(task, config.selector, config.budget, config.seed, progress)
        )
    experiment.check_chosen(chosen)
    return chosen, experiment.realised_allocation(task, chosen, config.budget)


def diagnostics() -> Diagnostics:
    """Return the first numbers about the selection."""
    task, (chosen, _), config = problem(), selection(), current_config()

    def work(progress: Progress) -> Diagnostics:
        return experiment.measure(task, chosen, vectors_test, config.selector, config.budget, config.seed, progress)

    vectors_test = vectors().test
    return compute(MEASURE, selection_key(), work)


def diagnostics_if_ready() -> Diagnostics | None:
    """Return the first numbers about the selection if they are there for the present choices."""
    return diagnostics() if is_ready(MEASURE, selection_key()) else None


def report() -> Report:
    """Return the finished run."""
    loaded, rows, task, (chosen, allocation), found = data(), vectors(), problem(), selection(), diagnostics()
    config = current_config()
    seconds = {_MANIFEST_NAMES[stage]: seconds_of(stage, key) for stage, key in _stage_keys().items()}
    warnings = (*experiment.warnings_of(loaded, rows, allocation, found), *chosen.notes)
    repeated = stability() if config.stability.is_asked else None
    if repeated is not None:
        seconds["stability"] = round(seconds_of(REPEATED, repeated_key()) + seconds_of(STABILITY, stability_key()), 3)
    return Report(config, loaded, task, chosen, allocation, found, seconds, warnings, repeated)


def repeated_clusters() -> Runs:
    """Return the clusters of the run and of its repetitions: they are the same for every budget and every method of choosing."""
    loaded, rows, task, config = data(), vectors(), problem(), current_config()

    def work(progress: Progress) -> Runs:
        own = (config.clustering, config.seed, config.stability)
        return clustered_again(task, rows, lambda seed: content_keys(loaded.pool, seed), *own, progress)

    return compute(REPEATED, repeated_key(), work)


def stability() -> Stability:
    """Return what of the selection is chance, as the choices ask for it."""
    runs, config = repeated_clusters(), current_config()
    return compute(STABILITY, stability_key(), lambda progress: chosen_again(runs, config.selector, config.budget, progress))


def is_repeated() -> tuple[bool, bool]:
    """Return whether the clusters of the repetitions are there for the present choices, and whether they are being made."""
    return is_ready(REPEATED, repeated_key()), is_running(REPEATED, repeated_key())


def cells() -> CellGeometry:
    """Return the size of every cluster, over its validation and selected pairs."""
    task, (chosen, _) = problem(), selection()
    return compute("Sizes of the clusters", selection_key(), lambda _: cells_of(task, chosen))


def isolated() -> Isolated:
    """Return the validation pairs least like any pool pair."""
    task = problem()
    return compute("Nearest pool pairs", problem_key(), lambda progress: isolated_validation(task, progress=progress))


def warnings() -> tuple[str, ...]:
    """Return what the user should know before trusting the selection; needs no measuring."""
    chosen, allocation = selection()
    return (*experiment.warnings_of(data(), vectors(), allocation), *chosen.notes)


def words() -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return label words of every cluster, of the source side and of the target side."""
    loaded, task, seed = data(), problem(), current_config().seed

    def work(progress: Progress) -> Any:
        labels = np.concatenate([task.clustering.pool_labels, task.clustering.validation_labels])
        sides = ((loaded.pool.sources, loaded.validation.sources), (loaded.pool.targets, loaded.validation.targets))
        return tuple(cluster_words(pa.concat_arrays(side), labels, task.clustering.n_clusters, seed=seed) for side in sides)

    return compute("Words of the clusters", problem_key(), work)


def projection(method: str) -> Projection:
    """Return the coordinates of a pool sample and the validation set."""
    task, seed = problem(), current_config().seed
    drawn = sample_rows(task.clustering.pool_labels, DRAW_LIMIT, seed)
    return compute(
        f"Map ({method.upper()})",
        map_key(method),
        lambda progress: project(method, task.pool.sources, task.validation.sources, drawn, seed, progress),
    )


def map_key(method: str) -> str:
    """Return the key of a map; it changes with the vectors, not with the clusters or the budget."""
    return key_of(vector_key(), "map", method)


def ranking_key() -> str:
    """Return the key of what holds for every budget."""
    return key_of(problem_key(), current_config().selector)


def repeated_key() -> str:
    """Return the key of the clusters of the repetitions."""
    return key_of(problem_key(), current_config().stability)


def stability_key() -> str:
    """Return the key of the repeated selections."""
    return key_of(selection_key(), current_config().stability)


def selection_key() -> str:
    """Return the key of the selection."""
    config = current_config()
    return key_of(problem_key(), config.selector, config.budget)


def progress_of_run() -> list[tuple[str, bool]]:
    """Return the stages of a run and whether each is computed for the present choices."""
    return [(stage, is_ready(stage, key)) for stage, key in _stage_keys().items()]


def _stage_keys() -> dict[str, str]:
    config = current_config()
    is_ranked = hasattr(config.selector, "rank")
    return {
        LOAD: data_key(),
        VECTORIZE: vector_key(),
        CLUSTER: problem_key(),
        RANK if is_ranked else SELECT: key_of(problem_key(), config.selector) if is_ranked else selection_key(),
        MEASURE: selection_key(),
    }


def data_key() -> str:
    """Return the key of the cleaned corpora."""
    given, config = current_given(), current_config()
    return key_of(given.key if given else None, config.columns, config.limits, config.cleaning)


def vector_key() -> str:
    """Return the key of the vectors."""
    config = current_config()
    return key_of(data_key(), config.vectorizer, config.seed)


def sweep_key() -> str:
    """Return the key of what is the same for every n_clusters."""
    config = current_config()
    return key_of(vector_key(), replace(config.clustering, n_clusters=1), config.selector, config.budget)


def problem_key() -> str:
    """Return the key of vectors and clusters."""
    return key_of(vector_key(), current_config().clustering)
