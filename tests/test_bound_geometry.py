import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from craft_core.bound import EXACT_POINTS, CellGeometry, cell_geometry, geometry, law_variance


def points_of(c: int, *sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.concatenate([rows[labels == c] for rows, labels in sides]).astype(float)


def brute_diameter(points: np.ndarray) -> float:
    return pdist(points).max() if len(points) > 1 else 0.0


def brute_variance(points: np.ndarray) -> float:
    return ((points - points.mean(axis=0)) ** 2).sum(axis=1).mean() if len(points) else 0.0


def random_sides(seed: int, m: int, n: int, dimensions: int, n_clusters: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(size, dimensions)).astype(np.float32) for size in (m, n)]
    return [(side, rng.integers(-1, n_clusters, len(side)).astype(np.int32)) for side in rows]


def geometry_of(sides: list[tuple[np.ndarray, np.ndarray]], n_clusters: int, exact_points: int = 0) -> CellGeometry:
    return cell_geometry(*sides[0], *sides[1], n_clusters, exact_points)


@given(seed=st.integers(0, 2**16), n=st.integers(0, 40), m=st.integers(1, 20), dimensions=st.integers(1, 6))
def test_bounds_and_exact_diameters_against_brute_force(seed: int, n: int, m: int, dimensions: int) -> None:
    sides = random_sides(seed, m, n, dimensions)
    cells, exact_cells = geometry_of(sides, 5), geometry_of(sides, 5, EXACT_POINTS)
    for c in range(5):
        points = points_of(c, *sides)
        exact = brute_diameter(points)
        assert cells.points[c] == len(points)
        assert cells.diameter_low[c] <= exact * (1 + 1e-14)
        assert cells.diameter_high[c] >= exact * (1 - 1e-14)
        assert cells.diameter_high[c] <= 2 * cells.diameter_low[c] * (1 + 1e-14)
        assert exact_cells.diameter_low[c] == exact_cells.diameter_high[c]
        assert exact_cells.diameter_low[c] == pytest.approx(exact, rel=1e-14)
        assert cells.variance[c] == pytest.approx(brute_variance(points_of(c, sides[0])), abs=1e-5)
        assert cells.selected_variance[c] == pytest.approx(brute_variance(points_of(c, sides[1])), abs=1e-5)


@pytest.mark.parametrize("dimensions", [2, 60])
def test_exact_diameters_blockwise(dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # in 2 dimensions few rows can be ends of the diameter, in 60 nearly all have about the same radius
    monkeypatch.setattr(geometry, "_BLOCK_POINTS", 7)
    for seed in range(20):
        sides = random_sides(seed, 60, 90, dimensions, n_clusters=2)
        cells = geometry_of(sides, 2, EXACT_POINTS)
        expected = [brute_diameter(points_of(c, *sides)) for c in range(2)]
        assert cells.diameter_high == pytest.approx(expected, rel=1e-14)


def test_the_sweeps_alone_do_not_find_every_diameter() -> None:
    """Without this, exact diameters that are only the sweeps' lower bounds would pass."""
    missed = 0
    for seed in range(20):
        sides = random_sides(seed, 60, 90, 60, n_clusters=2)
        bounds, exact = geometry_of(sides, 2), geometry_of(sides, 2, EXACT_POINTS)
        missed += int((bounds.diameter_low < exact.diameter_low * (1 - 1e-9)).sum())
        assert (bounds.diameter_low <= exact.diameter_low).all()
        assert (exact.diameter_high <= bounds.diameter_high).all()
    assert missed >= 10


def test_only_cells_of_at_most_exact_points_are_exact() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(23, 30)).astype(np.float32)
    labels = np.repeat([0, 1], [11, 12]).astype(np.int32)
    cells = cell_geometry(rows[:0], labels[:0], rows, labels, 2, 11)
    assert cells.diameter_low[0] == cells.diameter_high[0]
    assert cells.diameter_low[1] < cells.diameter_high[1]
    assert cells.variance.tolist() == [0, 0]


def test_far_from_the_origin_the_diameter_keeps_its_digits() -> None:
    """Products of rows that lie far off would drown it in rounding."""
    rng = np.random.default_rng(0)
    rows = (1_000 + rng.uniform(size=(200, 8))).astype(np.float32)
    labels = np.zeros(200, np.int32)
    cells = cell_geometry(rows[:50], labels[:50], rows[50:], labels[50:], 1, 200)
    assert cells.diameter_high[0] == pytest.approx(brute_diameter(rows.astype(float)), rel=1e-12)


def test_unit_vectors_without_a_common_term_are_all_equally_far() -> None:
    rows, labels = np.eye(40, dtype=np.float32), np.zeros(40, np.int32)
    cells = cell_geometry(rows[:20], labels[:20], rows[20:], labels[20:], 1, 40)
    assert cells.diameter_low[0] == cells.diameter_high[0] == np.sqrt(2)


def test_two_points_have_their_distance_as_diameter() -> None:
    one, other = np.array([[0, 0]], np.float32), np.array([[3, 4]], np.float32)
    cells = cell_geometry(one, np.zeros(1, np.int32), other, np.zeros(1, np.int32), 1)
    assert cells.diameter_low[0] == cells.diameter_high[0] == 5
    assert cells.variance[0] == cells.selected_variance[0] == 0


def test_each_side_has_its_own_variance() -> None:
    validation, selected = np.array([[0.0], [2.0]], np.float32), np.array([[0.0], [6.0], [6.0]], np.float32)
    cells = cell_geometry(validation, np.zeros(2, np.int32), selected, np.array([0, 0, -1], np.int32), 1)
    assert cells.variance[0] == 1
    assert cells.selected_variance[0] == 9
    assert cells.points[0] == 4


def test_a_result_is_read_only() -> None:
    cells = geometry_of(random_sides(0, 5, 5, 2), 4, 10)
    for array in (cells.diameter_low, cells.diameter_high, cells.variance, cells.selected_variance, cells.points):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_ends_on_both_sides_of_the_mean_are_within_reach() -> None:
    """Of couples opposite each other the radii sum to no more than the distance: the narrowest case of leaving rows out."""
    axes = np.diag(np.linspace(1, 1.3, 30)).astype(np.float32)
    rows = np.concatenate([axes, -axes])
    assert geometry._diameter(rows, 2.6 * (1 - 1e-6)) == pytest.approx(2.6, rel=1e-7)
    assert geometry._diameter(rows, 2.6 * (1 + 1e-6)) > 2.6


def test_the_variance_of_a_law_is_estimated_without_bias_and_bounded_where_nothing_is_known() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((20_000, 3, 2))  # three points of the unit square at a time: its variance is 1/6
    own = ((points - points.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)
    assert own.mean() == pytest.approx(1 / 9, rel=0.02)
    assert law_variance(own, np.full(len(own), 3), np.full(len(own), 2**0.5)).mean() == pytest.approx(1 / 6, rel=0.02)
    assert law_variance(np.array([0.0, 0.0, 0.5]), np.array([0, 1, 2]), np.array([2.0, 2.0, 2.0])).tolist() == [2.0, 2.0, 1.0]
