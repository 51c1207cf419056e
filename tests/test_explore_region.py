import numpy as np
import pytest
from conftest import random_problem
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from craft_core.errors import DataError
from craft_core.explore.region import Region, count, counts_table, inside, region_of

SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])


def by_hand(polygon: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Even-odd rule, point by point and edge by edge."""
    found = np.zeros(len(xy), dtype=bool)
    for number, (x, y) in enumerate(xy.astype(np.float64)):
        for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                found[number] = not found[number]
    return found


def test_a_square() -> None:
    xy = np.array([[1, 1], [3, 1], [-1, 1], [1, 3], [1, -1]], dtype=np.float32)
    assert inside(SQUARE, xy).tolist() == [True, False, False, False, False]


def test_a_lower_edge_belongs_to_the_region_and_an_upper_one_does_not() -> None:
    xy = np.array([[1, 0], [1, 2], [0, 1], [2, 1]], dtype=np.float32)
    assert inside(SQUARE, xy).tolist() == [True, False, True, False]


def test_where_a_lasso_crosses_itself_twice_around_is_outside() -> None:
    bow = np.array([[0, 0], [2, 2], [2, 0], [0, 2]], dtype=np.float64)
    assert inside(bow, np.array([[0.2, 1.0], [1.8, 1.0], [1.0, 0.2], [1.0, 1.8]])).tolist() == [True, True, False, False]
    twice = np.vstack([SQUARE, SQUARE])
    assert not inside(twice, np.array([[1.0, 1.0]])).any()


coordinates = st.integers(-6, 6).map(lambda one: one / 2)


@given(
    arrays(np.float64, st.tuples(st.integers(3, 9), st.just(2)), elements=coordinates), arrays(np.float32, (40, 2), elements=coordinates)
)
def test_every_point_is_where_the_loop_over_edges_says(polygon: np.ndarray, xy: np.ndarray) -> None:
    assert np.array_equal(inside(polygon, xy), by_hand(polygon, xy))


@given(st.integers(0, 1_000))
def test_crooked_lassos_agree_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    polygon, xy = rng.normal(size=(rng.integers(3, 60), 2)), rng.normal(size=(200, 2)).astype(np.float32)
    assert np.array_equal(inside(polygon, xy), by_hand(polygon, xy))


@pytest.mark.parametrize("polygon", [SQUARE[:2], np.array([[0, 0], [1, np.nan], [1, 1]])])
def test_what_is_no_polygon_is_refused(polygon: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"corners|finite"):
        inside(polygon, np.zeros((1, 2)))


def test_places_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="finite"):
        inside(SQUARE, np.array([[np.nan, 0.0]]))


def test_a_region_has_the_pairs_inside_and_cannot_be_changed() -> None:
    found = region_of("mine", "lasso", SQUARE, "map", np.array([[1, 1], [5, 5], [1.5, 1]]), np.array([[9, 9]]))
    assert found.pool.tolist() == [0, 2]
    assert not len(found.validation)
    assert found.map == "map"
    with pytest.raises(ValueError, match="read-only"):
        found.pool[0] = 7
    with pytest.raises(DataError, match="'guess'"):
        Region("x", "guess", found.pool, found.validation)


def test_counts_are_those_of_the_layers_by_cluster() -> None:
    problem = random_problem()
    clustering = problem.clustering
    region = Region("some", "search", np.arange(0, 300, 3), np.arange(10))
    selected = np.array([0, 1, 2, 3, 6])
    found = count(region, clustering, selected)
    assert found.pool == (100, 300)
    assert found.validation == (10, 60)
    assert found.selected == (3, 5)
    for layer, positions, labels in (
        ("pool", region.pool, clustering.pool_labels),
        ("validation", region.validation, clustering.validation_labels),
    ):
        for c in range(clustering.n_clusters):
            assert found.by_cluster[layer][0][c] == (labels[positions] == c).sum()
            assert found.by_cluster[layer][1][c] == (labels == c).sum()


def test_the_table_has_a_row_a_cluster_with_the_most_pairs_first() -> None:
    problem = random_problem()
    labels = problem.clustering.pool_labels
    region = Region(
        "one cluster and a pair",
        "cluster",
        np.sort(np.append(np.flatnonzero(labels == 2), np.flatnonzero(labels == 5)[0])),
        np.zeros(0, np.int64),
    )
    table = counts_table(count(region, problem.clustering, np.zeros(0, np.int64)), [f"c{i}" for i in range(7)])
    n = int((labels == 2).sum())
    assert table["cluster"].tolist() == ["c2", "c5"]
    assert table["pool"].tolist() == [f"{n} of {n}", f"1 of {(labels == 5).sum()}"]


def test_pairs_in_no_cluster_do_not_count() -> None:
    problem = random_problem()
    labels = problem.clustering.pool_labels.copy()
    labels[:5] = -1
    clustering = type(problem.clustering)(problem.clustering.centers, labels, problem.clustering.validation_labels)
    found = count(Region("first ten", "search", np.arange(10), np.zeros(0, np.int64)), clustering, np.arange(0))
    assert found.pool == (5, 295)
