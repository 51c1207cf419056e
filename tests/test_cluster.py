import numpy as np
import pytest
from conftest import random_pairs

from craft_core.cluster import Clustering, KMeans, assign, cluster
from craft_core.errors import DataError, ParameterError
from craft_core.vectorize.protocol import EncodedPairs, Vectors


def world(n: int = 600, m: int = 80, seed: int = 0) -> tuple[Vectors, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = Vectors(random_pairs(n, 6, rng), random_pairs(m, 6, rng), None, None, None)
    return vectors, rng.permutation(n).astype(np.uint64)


@pytest.mark.parametrize("fit_on", ["joint", "validation", "pool"])
def test_every_row_goes_to_its_nearest_center(fit_on: str) -> None:
    vectors, keys = world()
    found = cluster(vectors, keys, KMeans(n_clusters=5, fit_on=fit_on), seed=0)
    for rows, labels in ((vectors.pool.sources, found.pool_labels), (vectors.validation.sources, found.validation_labels)):
        plain = np.linalg.norm(rows[:, None] - found.centers[None], axis=2).argmin(axis=1)
        assert labels.tolist() == plain.tolist()
    assert found.n_clusters == 5
    assert found.supply.sum() == 600
    assert found.validation_counts.sum() == 80
    assert found.validation_share.sum() == pytest.approx(1)


def test_the_three_ways_to_fit_see_different_rows() -> None:
    vectors, keys = world()
    made = [cluster(vectors, keys, KMeans(n_clusters=4, fit_on=fit_on), seed=0).centers for fit_on in ("joint", "validation", "pool")]
    assert not np.allclose(made[0], made[1])
    assert not np.allclose(made[0], made[2])
    changed = Vectors(vectors.pool, random_pairs(80, 6, np.random.default_rng(9)), None, None, None)
    np.testing.assert_array_equal(cluster(changed, keys, KMeans(n_clusters=4, fit_on="pool"), seed=0).centers, made[2])


def test_permuting_the_pool_permutes_the_labels() -> None:
    vectors, keys = world()
    order = np.random.default_rng(1).permutation(600)
    shuffled = Vectors(vectors.pool.take(order), vectors.validation, None, None, None)
    one = cluster(vectors, keys, KMeans(n_clusters=6), seed=3)
    two = cluster(shuffled, keys[order], KMeans(n_clusters=6), seed=3)
    np.testing.assert_array_equal(one.centers, two.centers)
    np.testing.assert_array_equal(one.pool_labels[order], two.pool_labels)


def test_the_seed_decides_the_first_centers() -> None:
    vectors, keys = world()
    one, two, three = (cluster(vectors, keys, KMeans(n_clusters=6), seed=seed).centers for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_a_pair_with_a_zero_side_is_in_no_cluster() -> None:
    vectors, keys = world()
    sources, targets = vectors.pool.sources.copy(), vectors.pool.targets.copy()
    sources[3] = 0
    targets[5] = 0
    found = cluster(Vectors(EncodedPairs(sources, targets), vectors.validation, None, None, None), keys, KMeans(n_clusters=4), seed=0)
    assert np.flatnonzero(found.pool_labels < 0).tolist() == [3, 5]
    assert found.supply.sum() == 598


def test_more_clusters_than_rows_is_refused_with_the_number() -> None:
    vectors, keys = world(m=8)
    with pytest.raises(ParameterError, match=r"at most 8, the number of rows it is fitted on \(validation\). Got 9"):
        cluster(vectors, keys, KMeans(n_clusters=9, fit_on="validation"), seed=0)


@pytest.mark.parametrize("side", ["pool", "validation"])
def test_nothing_to_cluster_is_said(side: str) -> None:
    vectors, keys = world()
    empty = EncodedPairs(np.zeros((len(getattr(vectors, side)), 6), np.float32), np.zeros((len(getattr(vectors, side)), 6), np.float32))
    parts = {"pool": vectors.pool, "validation": vectors.validation, side: empty}
    with pytest.raises(DataError, match=f"No pair of the {side}"):
        cluster(Vectors(parts["pool"], parts["validation"], None, None, None), keys, KMeans(n_clusters=4), seed=0)


def test_assign_is_the_same_in_blocks_and_ties_go_to_the_lower_center() -> None:
    rows = random_pairs(70_000, 3, np.random.default_rng(0)).sources
    centers = rows[:4].copy()
    np.testing.assert_array_equal(assign(rows, centers)[66_000:], assign(rows[66_000:], centers))
    assert assign(np.zeros((1, 2), np.float32), np.array([[1, 0], [0, 1]], np.float32)).tolist() == [0]


@pytest.mark.parametrize(("dimensions", "n_centers"), [(8, 3), (33, 100), (5, 20_000)])
def test_a_label_depends_on_its_row_alone(dimensions: int, n_centers: int) -> None:
    """All rows lie halfway between centers, so that the last bit of a product decides."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_centers, dimensions)).astype(np.float32)
    rows = 0.5 * (centers[rng.integers(n_centers, size=500)] + centers[rng.integers(n_centers, size=500)])
    whole = assign(rows, centers)
    for size in (1, 30, 257):
        some = rng.permutation(500)[:size]
        assert assign(rows[some], centers).tolist() == whole[some].tolist()
    assert assign(rows[:0], centers).shape == (0,)


def test_results_are_read_only() -> None:
    clustering = Clustering(np.zeros((1, 2), np.float32), np.zeros(3, np.int32), np.zeros(2, np.int32))
    with pytest.raises(ValueError, match="read-only"):
        clustering.pool_labels[0] = 1
