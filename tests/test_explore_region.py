from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import Clustering
from craft_core.errors import DataError
from craft_core.explore.region import HOW, Region, box, count, counts_table, difference, inside, intersection, region_of, union

CORNER = st.tuples(st.integers(-6, 6), st.integers(-6, 6))  # few places, so that points often lie on edges and corners
POLYGON = st.lists(CORNER, min_size=3, max_size=9)
POINTS = st.lists(CORNER, max_size=25)
FLOATS = st.floats(-4, 4, width=32)
POSITIONS = st.sets(st.integers(0, 40)).map(lambda found: np.array(sorted(found), dtype=np.int64))
BOW_TIE = np.array([[0, 0], [4, 4], [4, 0], [0, 4]], dtype=np.float64)


def crossings(polygon: list[tuple[float, float]], x: float, y: float) -> int:
    """The rule for one point, in numbers that do not round."""
    found = 0
    for one, other in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        (ax, ay), (bx, by) = sorted(([Fraction(v) for v in one], [Fraction(v) for v in other]), key=lambda end: end[1])
        if ay <= y < by:
            found += Fraction(x) < ax + (Fraction(y) - ay) * (bx - ax) / (by - ay)
    return found


def at(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=np.float32).reshape(-1, 2)


@given(POLYGON, POINTS)
def test_every_point_is_as_the_rule_says_even_on_edges(polygon: list[tuple[int, int]], points: list[tuple[int, int]]) -> None:
    expected = [crossings(polygon, x, y) % 2 == 1 for x, y in points]
    assert inside(np.array(polygon), at(*points)).tolist() == expected


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=3, max_size=9), st.lists(st.tuples(FLOATS, FLOATS), max_size=25))
def test_fractions_of_numbers_too(polygon: list[tuple[float, float]], points: list[tuple[float, float]]) -> None:
    found = inside(np.array(polygon, dtype=np.float64), at(*points))
    for is_inside, (x, y) in zip(found, points, strict=True):
        if is_inside != (crossings(polygon, x, y) % 2 == 1):  # only where double precision cannot tell on which side of an edge it lies
            assert _nearest_edge(polygon, x, y) < 1e-12


def _nearest_edge(polygon: list[tuple[float, float]], x: float, y: float) -> float:
    found = []
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        found.append(abs((x - ax) * (by - ay) - (y - ay) * (bx - ax)))
    return min(found)


@given(POLYGON, POINTS, st.integers(0, 8))
def test_where_it_begins_and_which_way_it_runs_does_not_matter(
    polygon: list[tuple[int, int]], points: list[tuple[int, int]], turn: int
) -> None:
    first = inside(np.array(polygon), at(*points)).tolist()
    assert inside(np.roll(np.array(polygon), turn, axis=0), at(*points)).tolist() == first
    assert inside(np.array(polygon)[::-1], at(*points)).tolist() == first
    assert inside(np.array([*polygon, polygon[0]]), at(*points)).tolist() == first  # already closed


@given(POLYGON, POINTS, CORNER)
def test_parts_that_share_edges_share_no_point_and_lose_none(
    polygon: list[tuple[int, int]], points: list[tuple[int, int]], middle: tuple[int, int]
) -> None:
    odd = np.zeros(len(points), dtype=bool)
    for one, other in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        odd ^= inside(np.array([middle, one, other]), at(*points))
    assert inside(np.array(polygon), at(*points)).tolist() == odd.tolist()


def test_a_bow_tie_holds_its_two_wings() -> None:
    left, right, above, below = (1, 2), (3, 2), (2, 3.5), (2, 0.5)
    assert inside(BOW_TIE, at(left, right, above, below)).tolist() == [True, True, False, False]


def test_what_is_drawn_twice_around_is_outside() -> None:
    square = [[0, 0], [2, 0], [2, 2], [0, 2]]
    assert not inside(np.array(square * 2), at((1, 1))).any()


def test_of_a_box_the_lower_and_left_edges_belong_to_it() -> None:
    edges = at((0, 1), (1, 0), (0, 0), (2, 1), (1, 2), (2, 2), (1, 1))
    assert inside(box(0, 2, 0, 2), edges).tolist() == [True, True, True, False, False, False, True]
    assert inside(box(2, 0, 2, 0), edges).tolist() == inside(box(0, 2, 0, 2), edges).tolist()
    assert box(0, 2, 5, 7).tolist() == [[0, 5], [2, 5], [2, 7], [0, 7]]


def test_points_on_a_level_edge() -> None:
    step = np.array([[0, 0], [4, 0], [4, 2], [2, 2], [2, 1], [0, 1]])  # a step at height 1 on the left, at height 2 on the right
    assert inside(step, at((1, 0), (1, 1), (3, 1), (3, 2), (2, 1))).tolist() == [True, False, True, False, True]


def test_double_precision_tells_what_single_does_not() -> None:
    point = at((0.5, 0.5))
    assert inside(np.array([[0, 0], [0.5 + 1e-12, 0], [0.5 + 1e-12, 1], [0, 1]]), point)[0]
    assert not inside(np.array([[0, 0], [0.5 - 1e-12, 0], [0.5 - 1e-12, 1], [0, 1]]), point)[0]


def test_a_point_on_a_slope_is_on_it() -> None:
    assert 7 / 25 * 25 > 7  # what a division makes of it
    assert not inside(np.array([[0, 0], [25, 25], [0, 25]]), at((7, 7)))[0]
    assert inside(np.array([[0, 0], [25, 0], [25, 25]]), at((7, 7)))[0]


def test_a_line_holds_nothing() -> None:
    assert not inside(np.array([[0, 0], [2, 2], [1, 1]]), at((1, 1), (0, 0), (0.5, 0.5))).any()
    assert not inside(np.array([[0, 1], [2, 1], [1, 1]]), at((1, 1), (0, 1))).any()


def test_no_points() -> None:
    assert inside(BOW_TIE, np.zeros((0, 2), np.float32)).shape == (0,)


@pytest.mark.parametrize("corners", [np.zeros((0, 2)), np.zeros((2, 2)), np.zeros(6)])
def test_a_region_has_three_corners(corners: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"at least 3 corners\. Got"):
        inside(corners, at((0, 0)))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(DataError, match="finite"):
        inside(np.array([[0, 0], [1, wrong], [1, 1]]), at((0, 0)))
    with pytest.raises(DataError, match="finite"):
        inside(BOW_TIE, at((0, 0), (wrong, 1)))


def test_a_region_knows_its_map_and_is_fixed() -> None:
    polygon = box(0, 2, 0, 2)
    found = region_of("mine", "box", polygon, "pca", at((1, 1), (3, 3), (0.5, 1)), at((5, 5), (1, 1)))
    assert (found.name, found.how, found.map) == ("mine", "box", "pca")
    assert (found.pool.tolist(), found.validation.tolist()) == ([0, 2], [1])
    polygon[0] = 9  # the caller's own stays the caller's
    assert found.polygon is not None
    assert found.polygon.tolist() == [[0, 0], [2, 0], [2, 2], [0, 2]]
    for array in (found.pool, found.validation, found.polygon):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_way_that_there_is_not() -> None:
    with pytest.raises(DataError, match=r"no way 'guess' .* lasso, box, search, cluster, neighbours"):
        Region("x", "guess", np.arange(2), np.arange(2))
    assert [Region("x", how, np.arange(2), np.arange(2)).how for how in HOW] == [*HOW]


@given(POSITIONS, POSITIONS, POSITIONS, POSITIONS)
def test_regions_combine_as_sets_do(pool: np.ndarray, validation: np.ndarray, other_pool: np.ndarray, other_validation: np.ndarray) -> None:
    one, other = Region("A", "lasso", pool, validation), Region("B", "search", other_pool, other_validation)
    for combine, name, sets in (
        (union, "A or B", set.union),
        (intersection, "A and B", set.intersection),
        (difference, "A without B", set.difference),
    ):
        found = combine(one, other)
        assert found.pool.tolist() == sorted(sets(set(pool.tolist()), set(other_pool.tolist())))
        assert found.validation.tolist() == sorted(sets(set(validation.tolist()), set(other_validation.tolist())))
        assert (found.name, found.how, found.polygon, found.map) == (name, "lasso", None, None)
        assert found.pool.dtype == np.int64


def a_clustering() -> Clustering:
    pool = np.array([0, 0, 0, 1, 1, 2, -1, 2], dtype=np.int32)
    return Clustering(np.zeros((4, 2), np.float32), pool, np.array([0, 2, 2, -1, 3], dtype=np.int32))


def test_counts_by_eye() -> None:
    region = Region("x", "search", np.array([1, 2, 5, 6]), np.array([1, 3, 4]))
    found = count(region, a_clustering(), np.array([7, 5, 0, 2]))
    # position 6 of the pool and 3 of the validation set are in no cluster
    assert (found.pool, found.validation, found.selected) == ((3, 7), (2, 4), (2, 4))
    by_cluster = {layer: (some.tolist(), total.tolist()) for layer, (some, total) in found.by_cluster.items()}
    assert by_cluster == {
        "pool": ([2, 0, 1, 0], [3, 2, 2, 0]),
        "validation": ([0, 0, 1, 1], [1, 0, 2, 1]),
        "selected": ([1, 0, 1, 0], [2, 0, 2, 0]),
    }


def test_the_table_of_counts() -> None:
    region = Region("x", "search", np.array([1, 2, 5, 6]), np.array([1, 3, 4]))
    table = counts_table(count(region, a_clustering(), np.array([7, 5, 0, 2])), ["zero", "one", "two", "three"])
    assert table.columns.tolist() == ["cluster", "pool", "validation", "chosen", "pool pairs in the region"]
    assert table.to_numpy().tolist() == [
        ["zero", "2 of 3", "0 of 1", "1 of 2", 2],
        ["two", "1 of 2", "1 of 2", "1 of 2", 1],
        ["three", "0 of 0", "1 of 1", "0 of 0", 0],
    ]


def test_clusters_that_hold_as_many_stand_in_their_order() -> None:
    clustering = Clustering(np.zeros((3, 2), np.float32), np.array([2, 1, 0], dtype=np.int32), np.array([1], dtype=np.int32))
    region = Region("x", "search", np.arange(3), np.arange(1))
    table = counts_table(count(region, clustering, np.arange(0)), ["zero", "one", "two"])
    assert table["cluster"].tolist() == ["one", "zero", "two"]  # first the one with a validation pair


def test_thousands_are_set_apart() -> None:
    clustering = Clustering(np.zeros((1, 2), np.float32), np.zeros(3_000, np.int32), np.zeros(1, np.int32))
    table = counts_table(count(Region("x", "search", np.arange(1_234), np.arange(0)), clustering, np.arange(10)), ["zero"])
    assert table["pool"][0] == "1,234 of 3,000"


def test_an_empty_region() -> None:
    found = count(Region("x", "search", np.arange(0), np.arange(0)), a_clustering(), np.arange(0))
    assert (found.pool, found.validation, found.selected) == ((0, 7), (0, 4), (0, 0))
    assert len(counts_table(found, ["", "", "", ""])) == 0
