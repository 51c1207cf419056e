"""Every long step tells how far it is, and ends where it is stopped: at the first report, at the second, and at any other."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import random_problem

from craft_core import cluster as clusters
from craft_core import experiment
from craft_core.bound import estimate_lipschitz, transport_bound
from craft_core.budgets import budget_curve, energy_anchors, looked_up_curve, prefixes, share_curve
from craft_core.cluster import Clustering, KMeans, assign, cluster
from craft_core.compare import Plan, compare, exchanged_targets
from craft_core.corpus import Cleaning, Corpus, sample
from craft_core.corpus.sample import content_keys
from craft_core.describe import words_of
from craft_core.experiment import LoadedData
from craft_core.holdout import hold_out
from craft_core.ledger import isolated_validation
from craft_core.measure import cells_of, held_out_energy, measure, select
from craft_core.problem import Problem
from craft_core.progress import Progress, part, silent
from craft_core.project import place_all, project
from craft_core.selectors import SELECTORS, Craft, Herding, Nearest
from craft_core.stability import Repeats, chosen_again, clustered_again
from craft_core.sweep import point_of, sweep_point
from craft_core.vectorize import Hashing, Tfidf, Vectors
from craft_core.yardsticks import measure_yardsticks

Work = Callable[[Progress], Any]

BUDGET = 40


class StoppedError(Exception):
    """What a report raises to stop the work."""


def fresh(task: Problem) -> Problem:
    """The same pairs with nothing kept of them: texts of their own, so that content keys are made anew."""
    pool = task.pool
    texts = pool.texts
    assert texts is not None
    return replace(task, pool=type(pool)(pool.sources, pool.targets, replace(texts)))


def works() -> Mapping[str, Work]:
    """All long work, on pairs of which nothing is kept yet."""
    task = random_problem()
    vectors = Vectors(task.pool, task.validation, None, None, None)
    texts, held = task.pool.texts, task.validation.texts
    assert texts is not None
    assert held is not None
    data = LoadedData(texts, held, None, {}, {})
    chosen = select(task, Craft(), BUDGET, 0)
    ranking, budgets = Craft().rank(task), np.array([10, 40])
    halves = hold_out(task, None, np.random.default_rng(0))
    ready, keys, twice = prefixes(task, ranking, texts, held), content_keys(texts, 0), Repeats(2)
    sides = task.validation.sources, task.clustering.validation_labels, task.pool.sources[chosen.indices]
    labels = task.clustering.pool_labels[chosen.indices]
    runs = clustered_again(task, vectors, lambda seed: content_keys(texts, seed), KMeans(7), 0, twice)
    drawn = np.arange(0, 300, 2)
    layout = project("pca", task.pool.sources, task.validation.sources, drawn, 0)
    again = (task, chosen, None, Craft(), BUDGET, 0)

    def curve(progress: Progress) -> Any:
        return budget_curve(halves, Craft(), texts, held, None, budgets, 3.0, np.random.default_rng(0), None, progress)

    def comparison(progress: Progress) -> Any:
        return compare(Plan((Craft(), Herding()), (10, 40)), vectors, lambda seed: task.clustering, {}, None, progress)

    return {
        "cleaning": lambda progress: experiment.clean({"pool": texts, "validation": held}, {}, Cleaning(), progress),
        "content keys": lambda progress: content_keys(replace(texts), 0, progress),
        "tfidf": lambda progress: Tfidf(dimensions=8, sample_rows=100).vectorize(replace(texts), held, None, 0, progress),
        "hashing": lambda progress: Hashing(dimensions=8, n_bits=10).vectorize(replace(texts), held, None, 0, progress),
        "clusters": lambda progress: cluster(vectors, keys, KMeans(7), 0, progress),
        "clusters of a run": lambda progress: experiment.clusters(data, vectors, KMeans(7), 0, progress),
        "nearest centers": lambda progress: assign(task.pool.sources, task.clustering.centers, progress),
        "measuring": lambda progress: measure(*again, progress),
        "held-out distance": lambda progress: held_out_energy(*again, progress),
        "divergences": lambda progress: measure_yardsticks(*again, progress),
        "sizes of the clusters": lambda progress: cells_of(task, chosen, 5_000, progress),
        "diameters": lambda progress: point_of(task, chosen, BUDGET, progress),
        "sweep": lambda progress: sweep_point(vectors, keys, KMeans(5), Craft(), BUDGET, 0, progress),
        "clustering again": lambda progress: clustered_again(task, vectors, lambda seed: keys, KMeans(7), 0, twice, progress),
        "choosing again": lambda progress: chosen_again(runs, Craft(), BUDGET, progress),
        "words": lambda progress: words_of(texts, held, task.clustering, 0, progress),
        "isolated": lambda progress: isolated_validation(task, progress=progress),
        "estimate of L": lambda progress: estimate_lipschitz(sides[0], sides[2], np.random.default_rng(0), progress=progress),
        "transport": lambda progress: transport_bound(*sides, labels, 7, progress),
        "prefixes": lambda progress: prefixes(task, ranking, texts, held, progress),
        "looked-up curves": lambda progress: looked_up_curve(ready, Craft(), task, budgets, 3.0, "", progress),
        "curves of shares": lambda progress: share_curve(task, Craft(), budgets, 3.0, progress),
        "measured curves": curve,
        "anchors": lambda progress: energy_anchors(halves, np.random.default_rng(0), progress),
        "comparison": comparison,
        "mispairing": lambda progress: exchanged_targets(replace(texts), 0.2, None, 0, progress),
        "map": lambda progress: project("pca", task.pool.sources, task.validation.sources, drawn, 0, progress),
        "places": lambda progress: place_all(layout, task.pool.sources, progress),
    }


STEPS = works()
METHODS: dict[str, Work] = {
    name: lambda progress, method=method: select(fresh(random_problem()), method(), BUDGET, 0, progress)  # type: ignore[misc]
    for name, method in SELECTORS.items()
    if name not in ("random", "stage-one")  # they draw, which takes 0.1 s in a million pairs
}
METHODS["nearest, to the last pair"] = lambda progress: select(fresh(random_problem()), Nearest(), 299, 0, progress)
ALL = {**STEPS, **METHODS}


def calls_of(work: Work) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    work(lambda share, text: found.append((share, text)))
    return found


@pytest.mark.parametrize("name", ALL)
def test_it_tells_how_far_it_is(name: str) -> None:
    calls = calls_of(ALL[name])
    assert calls
    assert all(-1e-9 <= share <= 1 + 1e-9 for share, _ in calls)
    assert all(text for _, text in calls)


@pytest.mark.parametrize("name", ALL)
def test_it_ends_wherever_it_is_stopped(name: str) -> None:
    n_calls = len(calls_of(ALL[name]))
    numbers = {*range(1, 6), *np.linspace(1, n_calls, 6).astype(int).tolist()}
    for number in sorted(one for one in numbers if one <= n_calls):
        calls = 0

        def stop(share: float, text: str, number: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls >= number:
                raise StoppedError

        before = set(threading.enumerate())
        with pytest.raises(StoppedError):
            ALL[name](stop)
        assert calls == number, "the work went on and asked again"
        assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    "name", ["measuring", "held-out distance", "divergences", "sweep", "choosing again"], ids=lambda one: one.replace(" ", "_")
)
def test_a_slow_method_can_be_stopped_inside_a_step_that_chooses_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the progress of the method, a step that lets it choose again would be silent for as long as it takes."""
    seen = []
    rank = Craft.rank

    def slow(self: Craft, problem: Problem, progress: Progress = silent) -> Any:
        seen.append(progress)
        progress(0.5, "slowly")
        return rank(self, problem, progress)

    monkeypatch.setattr(Craft, "rank", slow)
    texts = [text for _, text in calls_of(STEPS[name])]
    assert texts.count("slowly") == len(seen) > 0


def test_reports_do_not_become_rarer_with_more_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One a block: ten times the blocks, ten times the reports."""
    task = random_problem(n=300)
    monkeypatch.setattr(clusters, "_MOST_ROWS", 256)
    rows = np.tile(task.pool.sources, (100, 1))
    counts = [len(calls_of(lambda progress, n=n: assign(rows[:n], task.clustering.centers, progress))) for n in (2_560, 25_600)]
    assert counts == [10, 100]
    monkeypatch.setattr(sample, "_BLOCK", 10)
    assert len(calls_of(lambda progress: content_keys(corpus(1_000), 0, progress))) == 200  # both sides


def test_searching_deeper_is_reported() -> None:
    """The few neighbours of each validation pair found at first are used up, so there is more than one search."""
    texts = [text for _, text in calls_of(METHODS["nearest, to the last pair"])]
    assert texts.count("Finding the nearest pool pairs") > 1


def test_known_keys_need_no_report() -> None:
    pairs = corpus(50)
    assert calls_of(lambda progress: content_keys(pairs, 0, progress))
    assert not calls_of(lambda progress: content_keys(pairs, 0, progress))


def test_a_stopped_sample_is_not_kept() -> None:
    def stop(share: float, text: str) -> None:
        if share >= 0.5:
            raise StoppedError

    pairs = corpus(50)
    with pytest.raises(StoppedError):
        content_keys(pairs, 0, stop)
    assert np.array_equal(content_keys(pairs, 0), content_keys(corpus(50), 0))


def test_parts_add_up() -> None:
    shares: list[float] = []
    now = part(part(lambda share, text: shares.append(share), 0.5, 1.0), 0.0, 0.5)
    now(0.0, "")
    now(1.0, "")
    assert shares == [0.5, 0.75]


def test_stopping_the_nearest_centers_leaves_the_other_blocks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_MOST_ROWS", 256)
    rows = np.ones((256 * 2_000, 8), dtype=np.float32)
    done: list[int] = []

    def stop(share: float, text: str) -> None:
        done.append(1)
        raise StoppedError

    before = threading.active_count()
    with pytest.raises(StoppedError):
        assign(rows, np.eye(8, dtype=np.float32), stop)
    assert done == [1]
    assert threading.active_count() == before


def test_an_empty_matrix_has_no_labels() -> None:
    labels = assign(np.zeros((0, 3), dtype=np.float32), np.eye(3, dtype=np.float32))
    assert Clustering(np.eye(3, dtype=np.float32), labels, labels).supply.tolist() == [0, 0, 0]


def corpus(n: int) -> Corpus:
    texts = pa.array([f"text {number}" for number in range(n)], pa.large_string())
    return Corpus(texts, texts, texts, np.arange(n), pa.table({}), "pool")
