from itertools import pairwise

import numpy as np
import pytest
from conftest import random_pairs

from craft_core.cluster import KMeans, cluster
from craft_core.errors import ParameterError
from craft_core.measure import realised_allocation, select
from craft_core.problem import Problem
from craft_core.selectors import SELECTORS, Craft, Random
from craft_core.stability import Repeats, Stability, chosen_again, clustered_again, stability
from craft_core.vectorize import Vectors
from craft_core.vectorize.protocol import EncodedPairs, unit_rows


def keys(n: int):
    return lambda seed: np.random.default_rng([seed, n]).integers(0, 2**63, n).astype(np.uint64)


def random_vectors(n: int = 400, m: int = 60, zeros: int = 0, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    pool, validation = random_pairs(n, 8, rng), random_pairs(m, 8, rng)
    sources = pool.sources.copy()
    sources[:zeros] = 0
    return Vectors(EncodedPairs(sources, pool.targets.copy(), pool.texts), validation, None, None, None)


def two_blobs(n: int, m: int) -> Vectors:
    """Sources of two kinds, far apart; the targets of each have one direction, some nearer to it than others."""
    rng = np.random.default_rng(0)

    def pairs(count: int) -> EncodedPairs:
        kind = np.arange(count) % 2
        sources, targets = (0.05 * rng.normal(size=(count, 8)).astype(np.float32) for _ in range(2))
        sources[np.arange(count), kind] += 1
        targets[np.arange(count), 4 + kind] += 1
        return EncodedPairs(unit_rows(sources), unit_rows(targets))

    return Vectors(pairs(n), pairs(m), None, None, None)


def again(vectors: Vectors, repeats: Repeats, selector=None, budget: int = 50, kmeans=None, seed: int = 3, **more) -> Stability:
    kmeans = KMeans(n_clusters=6) if kmeans is None else kmeans
    own = keys(len(vectors.pool))
    problem = Problem(vectors.pool, vectors.validation, cluster(vectors, own(seed), kmeans, seed))
    return stability(problem, vectors, own, kmeans, selector or Craft(), budget, seed, repeats, **more)


def test_what_is_clear_is_chosen_every_time() -> None:
    found = again(two_blobs(300, 40), Repeats(6), kmeans=KMeans(n_clusters=2))
    assert set(found.frequency) == {0.0, 1.0}
    assert found.frequency.sum() == 50
    assert found.rand == pytest.approx(1)
    assert found.jaccard == pytest.approx(1)
    assert (found.counts == 25).all()
    labels = {tuple(one.clustering.pool_labels[:2]) for one in found.problems}
    assert labels == {(0, 1), (1, 0)}  # the numbers of the clusters change from seed to seed, and that makes no difference


def test_a_random_choice_comes_again_as_often_as_chance_says() -> None:
    found = again(random_vectors(600), Repeats(20), Random(), budget=120)
    assert found.frequency.mean() == pytest.approx(120 / 600)
    first = select(found.problems[0], Random(), 120, 3).indices
    chosen_again = (found.frequency[first].mean() * 21 - 1) / 20
    assert chosen_again == pytest.approx(0.2, abs=0.04)  # standard error 0.008
    assert found.jaccard[1:].mean() == pytest.approx(0.2 / 1.8, abs=0.03)


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_numbers_are_those_of_the_runs(selector: str) -> None:
    from sklearn.metrics import adjusted_rand_score

    method = SELECTORS[selector]()
    found = again(random_vectors(zeros=30), Repeats(3, vary_clusters=True), method)
    chosen = [select(one, method, 50, seed).indices for one, (seed, _) in zip(found.problems, found.runs, strict=True)]
    sets = [set(indices.tolist()) for indices in chosen]
    times = [sum(position in one for one in sets) for position in range(400)]
    assert found.frequency == pytest.approx(np.array(times) / 6)
    assert found.frequency.dtype == np.float32
    assert found.jaccard.tolist() == [len(one & sets[0]) / len(one | sets[0]) for one in sets]
    assert found.counts.tolist() == [
        realised_allocation(found.problems[0], select(found.problems[0], method, 50, 3), 50).counts.tolist()
    ] + [np.bincount(found.problems[0].clustering.pool_labels[one], minlength=6).tolist() for one in chosen[1:]]
    assert found.counts.sum(axis=1).tolist() == [len(one) for one in chosen]
    labels = [one.clustering.pool_labels[30:] for one in found.problems]  # the first 30 have no vectors
    assert found.rand == pytest.approx([adjusted_rand_score(labels[0], one) for one in labels])
    assert (found.rand[0], found.jaccard[0]) == (1, 1)
    assert found.rand[1:].max() < 1


def test_vectors_stay_and_only_clusters_change() -> None:
    vectors = random_vectors()
    found = again(vectors, Repeats(2))
    assert all(one.pool is vectors.pool and one.validation is vectors.validation for one in found.problems)
    own = keys(400)
    for one, (seed, n_clusters) in zip(found.problems, found.runs, strict=True):
        expected = cluster(vectors, own(seed), KMeans(n_clusters=n_clusters), seed)
        assert (one.clustering.pool_labels == expected.pool_labels).all()


def test_the_same_again_gives_the_same() -> None:
    one, other = (again(random_vectors(), Repeats(2, vary_clusters=True), Random()) for _ in range(2))
    for name in ("frequency", "counts", "rand", "jaccard"):
        assert (getattr(one, name) == getattr(other, name)).all(), name
        assert not getattr(one, name).flags.writeable
    assert one.runs == other.runs


@pytest.mark.parametrize(
    ("kmeans", "expected"),
    [
        (KMeans(n_clusters=100), [(3, 100), (4, 100), (3, 67), (3, 150)]),
        (KMeans(n_clusters=1), [(3, 1), (4, 1), (3, 2)]),  # two thirds of one is one
        (KMeans(n_clusters=40, fit_on="validation"), [(3, 40), (4, 40), (3, 27), (3, 60)]),
        (KMeans(n_clusters=42, fit_on="validation"), [(3, 42), (4, 42), (3, 28)]),  # 63 clusters of 60 rows cannot be
        (KMeans(n_clusters=254, fit_on="pool", n_iterations=1), [(3, 254), (4, 254), (3, 169)]),  # 381 of 380
        (KMeans(n_clusters=254, n_iterations=1), [(3, 254), (4, 254), (3, 169), (3, 381)]),
    ],
)
def test_other_numbers_of_clusters_are_tried_where_they_can_be(kmeans: KMeans, expected: list[tuple[int, int]]) -> None:
    found = again(random_vectors(zeros=20), Repeats(1, vary_clusters=True), kmeans=kmeans)
    assert list(found.runs) == expected
    assert [one.clustering.n_clusters for one in found.problems] == [n_clusters for _, n_clusters in expected]
    assert found.counts.shape == (len(expected), kmeans.n_clusters)


def test_the_clusters_of_the_runs_serve_every_budget() -> None:
    vectors, own, kmeans = random_vectors(), keys(400), KMeans(n_clusters=6)
    problem = Problem(vectors.pool, vectors.validation, cluster(vectors, own(3), kmeans, 3))
    runs = clustered_again(problem, vectors, own, kmeans, 3, Repeats(2))
    for budget in (20, 50):
        one, whole = chosen_again(runs, Random(), budget), again(vectors, Repeats(2), Random(), budget)
        assert one.problems is runs.problems
        for name in ("frequency", "counts", "rand", "jaccard"):
            assert (getattr(one, name) == getattr(whole, name)).all(), name


def test_no_further_run_is_refused() -> None:
    with pytest.raises(ParameterError, match="needs a further run: set 'n_seeds' to at least 1, or 'vary_clusters'"):
        again(random_vectors(), Repeats())
    assert not Repeats().is_asked
    assert Repeats(1).is_asked
    assert Repeats(vary_clusters=True).is_asked


def test_progress_rises_and_can_cancel() -> None:
    seen: list[tuple[float, str]] = []
    again(random_vectors(), Repeats(2, vary_clusters=True), progress=lambda share, text: seen.append((share, text)))
    shares = [share for share, _ in seen]
    assert all(later >= earlier for earlier, later in pairwise(shares))
    assert shares[0] == 0
    assert 0.9 < shares[-1] <= 1
    assert "Choosing again, 4 of 4" in {text for _, text in seen}

    def stop(share: float, text: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(random_vectors(), Repeats(2), progress=stop)
