"""The stages of a run as the pages ask for them: each computed once, keyed by the part of the choices it depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from craft_core import experiment
from craft_core.allocate import Allocation
from craft_core.bound import CellGeometry
from craft_core.corpus import ParallelText
from craft_core.corpus.sample import content_keys
from craft_core.describe import ClusterNames, Words, labels_of, words_of
from craft_core.estimate import Sizes, sizes_of, sizes_of_files
from craft_core.experiment import Diagnostics, Files, LoadedData, Report
from craft_core.ledger import Isolated, isolated_validation
from craft_core.measure import cells_of
from craft_core.problem import Problem, Selection
from craft_core.progress import Progress
from craft_core.stability import Runs, Stability, chosen_again, clustered_again
from craft_core.vectorize import Vectors
from craft_core.whatif import Ranking, take
from pages.shared.expected import Wait, expected
from pages.shared.keeping import PLAIN, Keep
from pages.shared.session import check_server_paths, current_config, current_given
from pages.shared.work import compute, digest_of, is_ready, is_running, key_of, seconds_of

T = TypeVar("T")

NAMES = "cluster_names"
"""In the session state: the names of clusters, by the digest of the key of their problem; other clusters have other names."""

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
        load_key(),
        lambda progress: experiment.load(given.files, config.columns, config.limits, config.cleaning, progress),
        PLAIN,
        lambda: expected("load", config, _size_of_files(given.files)),
    )


def _size_of_files(files: Files) -> Sizes:
    """Return about how many pairs the pool's files hold, by their bytes."""
    parts = [part for one in files.pool for part in ((one.source, one.target) if isinstance(one, ParallelText) else (one,))]
    n_bytes = sum(part.path.stat().st_size if part.path is not None else len(part.data or b"") for part in parts)
    return sizes_of_files(n_bytes, any(part.gzipped or part.suffix == ".parquet" for part in parts))


def wait_for(step: str) -> Wait:
    """Return what says how long one of `craft_core.estimate.STEPS` will take with the present data and choices."""
    loaded, config = data(), current_config()
    return lambda: expected(step, config, sizes_of(loaded))


def vectors() -> Vectors:
    """Return the vectors of both sides."""
    loaded, config = data(), current_config()
    check_server_paths(config)

    def work(progress: Progress) -> Vectors:
        return experiment.encode(loaded, config.vectorizer, config.seed, progress)

    return compute(VECTORIZE, vector_key(), work, Keep(_without_texts, lambda kept: _with_texts(kept, loaded)), wait_for("vectors"))


def _without_texts(found: Vectors) -> Vectors:
    """Return vectors without the texts they were made of, which are kept once, as data."""
    test = None if found.test is None else replace(found.test, texts=None)
    return replace(found, pool=replace(found.pool, texts=None), validation=replace(found.validation, texts=None), test=test)


def _with_texts(found: Vectors, loaded: LoadedData) -> Vectors:
    test = None if found.test is None else replace(found.test, texts=loaded.test)
    return replace(
        found, pool=replace(found.pool, texts=loaded.pool), validation=replace(found.validation, texts=loaded.validation), test=test
    )


def problem() -> Problem:
    """Return vectors and clusters."""
    loaded, rows, config = data(), vectors(), current_config()

    def work(progress: Progress) -> Problem:
        return Problem(rows.pool, rows.validation, experiment.clusters(loaded, rows, config.clustering, config.seed, progress))

    return compute(CLUSTER, problem_key(), work, _clusters_of(rows), wait_for("clusters"))


def _clusters_of(rows: Vectors) -> Keep:
    """Return how a problem is kept: its clusters alone."""
    return Keep(lambda task: task.clustering, lambda clustering: Problem(rows.pool, rows.validation, clustering))


def ranking() -> Ranking | None:
    """Return the pool ordered inside each cluster, or None for a method that does not rank."""
    task, selector = problem(), current_config().selector
    ranks: Callable[..., Ranking] | None = getattr(selector, "rank", None)
    if ranks is None:
        return None
    return compute(RANK, ranking_key(), lambda progress: ranks(task, progress), PLAIN, wait_for("selection"))


def selection() -> tuple[Selection, Allocation]:
    """Return the chosen pairs and what each cluster gave; where a method ranks once, a new budget costs milliseconds."""
    task, config, ranked = problem(), current_config(), ranking()
    if ranked is not None:
        chosen = take(ranked, config.selector.allocate(task, config.budget))  # type: ignore[attr-defined]
    else:

        def work(progress: Progress) -> Selection:
            return experiment.select(task, config.selector, config.budget, config.seed, progress)

        chosen = compute(SELECT, selection_key(), work, PLAIN, wait_for("selection"))
    experiment.check_chosen(chosen)
    return chosen, experiment.realised_allocation(task, chosen, config.budget)


def diagnostics() -> Diagnostics:
    """Return the first numbers about the selection."""
    task, (chosen, _), config = problem(), selection(), current_config()

    def work(progress: Progress) -> Diagnostics:
        return experiment.measure(task, chosen, vectors_test, config.selector, config.budget, config.seed, progress)

    vectors_test = vectors().test
    return compute(MEASURE, selection_key(), work, PLAIN, wait_for("measuring"))


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
    named = replace(config, cluster_names=cluster_names())
    return Report(named, loaded, task, chosen, allocation, found, seconds, warnings, repeated, words())


def repeated_clusters() -> Runs:
    """Return the clusters of the run and of its repetitions: they are the same for every budget and every method of choosing."""
    loaded, rows, task, config = data(), vectors(), problem(), current_config()

    def work(progress: Progress) -> Runs:
        own = (config.clustering, config.seed, config.stability)
        return clustered_again(task, rows, lambda seed: content_keys(loaded.pool, seed), *own, progress)

    one = _clusters_of(rows)
    keep = Keep(
        lambda runs: (runs.runs, runs.rand, tuple(map(one.pack, runs.problems))),
        lambda kept: Runs(kept[0], kept[1], tuple(map(one.unpack, kept[2]))),
    )
    return compute(REPEATED, repeated_key(), work, keep, wait_for("clustering again"))


def stability() -> Stability:
    """Return what of the selection is chance, as the choices ask for it."""
    runs, config = repeated_clusters(), current_config()
    keep = Keep(lambda found: replace(found, problems=()), lambda kept: replace(kept, problems=runs.problems))

    def work(progress: Progress) -> Stability:
        return chosen_again(runs, config.selector, config.budget, progress)

    return compute(STABILITY, stability_key(), work, keep, wait_for("choosing again"))


def is_repeated() -> tuple[bool, bool]:
    """Return whether the clusters of the repetitions are there for the present choices, and whether they are being made."""
    return is_ready(REPEATED, repeated_key()), is_running(REPEATED, repeated_key())


def cells() -> CellGeometry:
    """Return the size of every cluster, over its validation and selected pairs."""
    task, (chosen, _) = problem(), selection()
    return compute("Sizes of the clusters", selection_key(), lambda progress: cells_of(task, chosen, progress=progress), PLAIN)


def isolated() -> Isolated:
    """Return the validation pairs least like any pool pair."""
    task = problem()
    return compute(
        "Nearest pool pairs", problem_key(), lambda progress: isolated_validation(task, progress=progress), PLAIN, wait_for("isolated")
    )


def warnings() -> tuple[str, ...]:
    """Return what the user should know before trusting the selection; needs no measuring."""
    chosen, allocation = selection()
    return (*experiment.warnings_of(data(), vectors(), allocation), *chosen.notes)


def words() -> tuple[Words, Words]:
    """Return the words of every cluster, of the source side and of the target side."""
    loaded, task, seed = data(), problem(), current_config().seed

    def work(progress: Progress) -> tuple[Words, Words]:
        return words_of(loaded.pool, loaded.validation, task.clustering, seed, progress)

    return compute("Words of the clusters", problem_key(), work, PLAIN, wait_for("words"))


def labels() -> tuple[Words, Words]:
    """Return what clusters are called in charts: the name a person gave, or their words; of the source side and of the target side."""
    names = cluster_names()
    return labels_of(words()[0], names), labels_of(words()[1], names)


def cluster_names() -> ClusterNames:
    """Return the names people gave to the present clusters."""
    found: dict[str, ClusterNames] = st.session_state.get(NAMES, {})
    return found.get(digest_of(problem_key()), ClusterNames())


def name_cluster(cluster: int, name: str) -> None:
    """Give one of the present clusters a name, or take it back with a blank one."""
    adopt_names(cluster_names().renamed(cluster, name))


def adopt_names(names: ClusterNames) -> None:
    """Take these as the names of the present clusters."""
    st.session_state[NAMES] = {**st.session_state.get(NAMES, {}), digest_of(problem_key()): names}


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
        LOAD: load_key(),
        VECTORIZE: vector_key(),
        CLUSTER: problem_key(),
        RANK if is_ranked else SELECT: key_of(problem_key(), config.selector) if is_ranked else selection_key(),
        MEASURE: selection_key(),
    }


def data_key() -> str:
    """Return the key of the cleaned corpora."""
    given, config = current_given(), current_config()
    return key_of(given.key if given else None, config.columns, config.limits, config.cleaning)


def load_key() -> str:
    """Return the key of the cleaned corpora with what was read of each file: the same bytes can have another file name."""
    return key_of(data_key(), current_config().data)


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
