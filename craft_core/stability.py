"""How much of a selection is chance: the same choice made again with other seeds, and with other numbers of clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from craft_core.arrays import FloatVector, IntVector, frozen
from craft_core.cluster import KMeans, cluster
from craft_core.errors import ParameterError
from craft_core.measure import select
from craft_core.params import check, param, parameters
from craft_core.problem import Problem, Selector
from craft_core.progress import Progress, part, silent
from craft_core.vectorize.protocol import Vectors

__all__ = ["Repeats", "Runs", "Stability", "chosen_again", "clustered_again", "stability"]


@dataclass(frozen=True)
class Repeats:
    """Choose how often a selection is made again, to see what of it is chance."""

    name: ClassVar[str] = "stability"

    n_seeds: int = param(
        0, low=0, high=50, help="Further seeds the clusters and the selection are made again with; 0 leaves the measurement out."
    )
    vary_clusters: bool = param(
        False, help="Besides, make the selection again with two thirds and with one and a half times the number of clusters."
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def is_asked(self) -> bool:
        """Whether any further run is asked for."""
        return self.n_seeds > 0 or self.vary_clusters


@dataclass(frozen=True, eq=False)
class Stability:
    """Hold what stayed the same over the runs. Vectors are kept; only the clusters and what follows from them are made again.

    Attributes
    ----------
    runs : tuple of (int, int)
        Seed and n_clusters of each run, the run itself first.
    frequency : FloatVector
        Shape (N,), float32, in [0, 1]: the share of runs that choose a pool pair.
    counts : IntVector
        Shape (n runs, n_clusters): pairs each run takes from each cluster of the first run.
    rand : FloatVector
        Shape (n runs,): adjusted Rand index of each run's pool labels with the first run's, 1 for equal partitions, about 0 by chance.
    jaccard : FloatVector
        Shape (n runs,): overlap of each run's selection with the first run's, in [0, 1].
    problems : tuple of Problem
        The problem of each run, for curves over budgets; labels only differ, vectors are shared.
    """

    runs: tuple[tuple[int, int], ...]
    frequency: FloatVector
    counts: IntVector
    rand: FloatVector
    jaccard: FloatVector
    problems: tuple[Problem, ...]

    def __post_init__(self) -> None:
        for array in (self.frequency, self.counts, self.rand, self.jaccard):
            frozen(array)


@dataclass(frozen=True, eq=False)
class Runs:
    """Hold the clusters of every run; they serve every budget and every method of choosing.

    Attributes
    ----------
    runs, rand, problems
        As in `Stability`.
    """

    runs: tuple[tuple[int, int], ...]
    rand: FloatVector
    problems: tuple[Problem, ...]

    def __post_init__(self) -> None:
        frozen(self.rand)


def stability(
    problem: Problem,
    vectors: Vectors,
    pool_keys_of: Callable[[int], npt.NDArray[np.uint64]],
    kmeans: KMeans,
    selector: Selector,
    budget: int,
    seed: int,
    repeats: Repeats,
    progress: Progress = silent,
) -> Stability:
    """Make a selection again with seeds seed + 1, seed + 2, ... and, if wanted, with other numbers of clusters.

    It is `clustered_again` and then `chosen_again`; for several budgets, make the clusters once. `selector` and `budget` are those of the
    run itself; the other arguments and errors are those of `clustered_again`.
    """
    runs = clustered_again(problem, vectors, pool_keys_of, kmeans, seed, repeats, part(progress, 0.0, 0.8))
    return chosen_again(runs, selector, budget, part(progress, 0.8, 1.0))


def clustered_again(
    problem: Problem,
    vectors: Vectors,
    pool_keys_of: Callable[[int], npt.NDArray[np.uint64]],
    kmeans: KMeans,
    seed: int,
    repeats: Repeats,
    progress: Progress = silent,
) -> Runs:
    """Make the clusters of a run again with seeds seed + 1, seed + 2, ... and, if wanted, with other numbers of clusters.

    The first run is the run itself. The others fit k-means anew on the same vectors, with their own sample of the pool and their own
    first centers. With `vary_clusters`, two runs at the run's own seed have round(2 k / 3) and round(3 k / 2) clusters; one that equals
    k, or that k-means cannot place on so few rows, is left out of `runs`.

    Parameters
    ----------
    problem : Problem
        Of the run itself.
    vectors : Vectors
        Kept as they are.
    pool_keys_of : callable
        Content keys of the pool for a seed, as `content_keys` gives them.
    kmeans, seed
        Of the run itself.
    repeats : Repeats
        How often; at least one further run.
    progress : Progress
        Called between the runs and inside k-means; raising from it cancels.

    Raises
    ------
    ParameterError
        If `repeats` asks for no further run.

    Notes
    -----
    Memory: 4 N bytes of labels a run, 40 MB for a million pairs and ten runs. Time: k-means, once a run.
    """
    if not repeats.is_asked:
        raise ParameterError("Stability needs a further run: set 'n_seeds' to at least 1, or 'vary_clusters'.")
    runs = [(seed, problem.clustering.n_clusters), *_further(vectors, kmeans, seed, repeats)]
    problems = [problem]
    for number, (one_seed, n_clusters) in enumerate(runs[1:], 1):
        now = part(progress, (number - 1) / (len(runs) - 1), number / (len(runs) - 1))
        now(0.0, f"Clustering again, {number} of {len(runs) - 1}")
        clustering = cluster(vectors, pool_keys_of(one_seed), replace(kmeans, n_clusters=n_clusters), one_seed, now)
        problems.append(Problem(problem.pool, problem.validation, clustering))
    rand = [_rand(one, problem) for one in _told(problems, progress)]
    return Runs(tuple(runs), np.array(rand), tuple(problems))


def chosen_again(runs: Runs, selector: Selector, budget: int, progress: Progress = silent) -> Stability:
    """Choose in the clusters of every run, each with the random numbers of its own seed, and compare every run with the first.

    Parameters
    ----------
    runs : Runs
        From `clustered_again`.
    selector, budget
        Of the run itself.
    progress : Progress
        Called before and within each selection; raising from it cancels.
    """
    chosen = []
    for number, (problem, (seed, _)) in enumerate(zip(runs.problems, runs.runs, strict=True)):
        now = part(progress, number / len(runs.runs), (number + 1) / len(runs.runs))
        now(0.0, f"Choosing again, {max(number, 1)} of {len(runs.runs) - 1}")
        chosen.append(select(problem, selector, budget, seed, now).indices)
    return _compared(runs, chosen)


def _told(problems: list[Problem], progress: Progress) -> Iterator[Problem]:
    for problem in problems:
        progress(1.0, "Comparing the clusters")
        yield problem


def _further(vectors: Vectors, kmeans: KMeans, seed: int, repeats: Repeats) -> list[tuple[int, int]]:
    """Return seed and number of clusters of the further runs."""
    own = kmeans.n_clusters
    further = [(seed + number, own) for number in range(1, repeats.n_seeds + 1)]
    if repeats.vary_clusters:
        other = (max(1, round(2 * own / 3)), round(3 * own / 2))
        further += [(seed, one) for one in other if one != own and one <= _most_clusters(vectors, kmeans)]
    return further


def _most_clusters(vectors: Vectors, kmeans: KMeans) -> int:
    """Return how many clusters k-means can place: as many as there are rows to sample, since its sample has at least a row a center."""
    seen = [vectors.validation] if kmeans.fit_on != "pool" else []
    seen += [vectors.pool] if kmeans.fit_on != "validation" else []
    n_rows = sum(int((~pairs.zero).sum()) for pairs in seen)
    most = next(one.high for one in parameters(KMeans) if one.name == "n_clusters")
    return n_rows if most is None else min(n_rows, int(most))


def _compared(runs: Runs, chosen: list[IntVector]) -> Stability:
    """Compare every run with the first one."""
    first, n_runs = runs.problems[0].clustering, len(chosen)
    times = np.zeros(len(first.pool_labels), dtype=np.int32)
    for indices in chosen:
        times[indices] += 1  # the indices of a run are distinct
    counts = [np.bincount(first.pool_labels[indices], minlength=first.n_clusters) for indices in chosen]
    return Stability(
        runs.runs,
        (times / np.float32(n_runs)).astype(np.float32),
        np.array(counts, dtype=np.int64),
        runs.rand,
        np.array([_jaccard(indices, chosen[0]) for indices in chosen]),
        runs.problems,
    )


def _rand(one: Problem, other: Problem) -> float:
    from sklearn.metrics import adjusted_rand_score

    if one is other:
        return 1.0
    usable = other.available
    return float(adjusted_rand_score(other.clustering.pool_labels[usable], one.clustering.pool_labels[usable]))


def _jaccard(one: IntVector, other: IntVector) -> float:
    """Return shared over all; two empty selections are equal."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(len(one) + len(other) - shared, 1) if len(one) or len(other) else 1.0
