import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from craft_core.bound import cell_geometry, covered_kl, kl_divergence, total_variation


def test_divergences_by_hand() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert kl_divergence(p, q) == pytest.approx(np.log(2))
    assert kl_divergence(q, p) == np.inf
    assert total_variation(p, q) == 0.5
    # q reaches only the cluster where p has half its mass
    assert covered_kl(p, np.array([1.0, 0.0, 0.0])) == 0
    assert np.isnan(covered_kl(p, np.array([0.0, 0.0, 1.0])))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8))
def test_pinsker_and_the_sign_of_kl(shares: list[tuple[int, int]]) -> None:
    p, q = (np.array(side, float) for side in zip(*shares, strict=True))
    if p.sum() == 0:
        return
    p, q = p / p.sum(), q / q.sum()
    assert kl_divergence(p, q) >= 2 * total_variation(p, q) ** 2 - 1e-12
    assert kl_divergence(p, p) == 0


@given(seed=st.integers(0, 2**16), n=st.integers(0, 40), m=st.integers(1, 20), dimensions=st.integers(1, 6))
def test_diameter_bounds_hold_against_brute_force(seed: int, n: int, m: int, dimensions: int) -> None:
    rng = np.random.default_rng(seed)
    selected, validation = (rng.normal(size=(size, dimensions)).astype(np.float32) for size in (n, m))
    selected_labels, validation_labels = (rng.integers(-1, 4, size).astype(np.int32) for size in (n, m))
    cells = cell_geometry(validation, validation_labels, selected, selected_labels, 5)
    for c in range(5):
        points = np.concatenate([validation[validation_labels == c], selected[selected_labels == c]]).astype(float)
        exact = pdist(points).max() if len(points) > 1 else 0.0
        assert cells.points[c] == len(points)
        assert cells.diameter_low[c] <= exact + 1e-6
        assert cells.diameter_high[c] >= exact - 1e-6
        assert cells.diameter_high[c] <= 2 * cells.diameter_low[c] + 1e-6
        own = validation[validation_labels == c].astype(float)
        variance = ((own - own.mean(axis=0)) ** 2).sum(axis=1).mean() if len(own) else 0.0
        assert cells.variance[c] == pytest.approx(variance, abs=1e-5)


def test_two_points_have_their_distance_as_diameter() -> None:
    one, other = np.array([[0, 0]], np.float32), np.array([[3, 4]], np.float32)
    cells = cell_geometry(one, np.zeros(1, np.int32), other, np.zeros(1, np.int32), 1)
    assert cells.diameter_low[0] == cells.diameter_high[0] == 5
    assert cells.variance[0] == 0
