import numpy as np
import pytest
from scipy.spatial.distance import cdist

from craft_core.discrepancy import divergences, fit_projector, gaussian_kl, knn_kl
from craft_core.discrepancy.density import GAUSSIAN_DIMENSIONS, KNN_DIMENSIONS
from craft_core.errors import DataError


def equal(d: int, correlation: float) -> np.ndarray:
    return np.full((d, d), correlation) + (1 - correlation) * np.eye(d)


def true_kl(mean_p: np.ndarray, cov_p: np.ndarray, mean_q: np.ndarray, cov_q: np.ndarray) -> float:
    inverse, gap = np.linalg.inv(cov_q), mean_q - mean_p
    logs = np.log(np.linalg.det(cov_q) / np.linalg.det(cov_p))
    return 0.5 * (np.trace(inverse @ cov_p) + gap @ inverse @ gap - len(gap) + logs)


def normal(n: int, d: int, seed: int, width: float = 1.0) -> np.ndarray:
    return (width * np.random.default_rng(seed).normal(size=(n, d))).astype(np.float32)


# Gaussians: means and covariances of p and of q, and the closed form
PAPER_4 = (np.array([0.1, 0.3, 0.6, 0.9]), equal(4, 0.5), np.zeros(4), equal(4, 0.1), 0.9009)
PAPER_10 = (np.zeros(10), equal(10, 0.9), np.zeros(10), equal(10, 0.1), 6.9990)
SHIFTED = (np.zeros(1), np.eye(1), np.ones(1), np.eye(1), 0.5)
WIDER = (np.zeros(1), np.eye(1), np.zeros(1), 4 * np.eye(1), np.log(2) - 3 / 8)
TILTED = (np.full(2, 0.5), np.array([[0.5, 0.1], [0.1, 0.3]]), np.zeros(2), equal(2, 0.5), 0.4725)
SAME = (np.zeros(6), np.eye(6), np.zeros(6), np.eye(6), 0.0)


def samples(case: tuple, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p, q = rng.multivariate_normal(case[0], case[1], n), rng.multivariate_normal(case[2], case[3], n)
    return p.astype(np.float32), q.astype(np.float32)


# The tolerance is three standard deviations and the bias at 4,000 rows, over five seeds.
@pytest.mark.parametrize(
    ("case", "tolerance"),
    [(SHIFTED, 0.13), (WIDER, 0.05), (TILTED, 0.08), (SAME, 0.04), (PAPER_4, 0.13), (PAPER_10, 0.4)],
    ids=["1-D shifted", "1-D wider", "2-D", "6-D equal", "4-D of the paper", "10-D of the paper"],
)
def test_knn_kl_of_gaussians_is_near_the_closed_form(case: tuple, tolerance: float) -> None:
    assert true_kl(*case[:4]) == pytest.approx(case[4], abs=6e-5)
    assert knn_kl(*samples(case, 4_000, seed=0)) == pytest.approx(case[4], abs=tolerance)


@pytest.mark.parametrize("case", [SHIFTED, WIDER, TILTED, PAPER_4, PAPER_10], ids=["shifted", "wider", "tilted", "4-D", "10-D"])
def test_gaussian_kl_is_near_the_closed_form(case: tuple) -> None:
    assert gaussian_kl(*samples(case, 4_000, seed=0)) == pytest.approx(case[4], rel=0.05, abs=0.02)


def test_knn_kl_of_exponentials_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.exponential(1 / 12, (4_000, 1)), rng.exponential(1, (4_000, 1))
    assert knn_kl(p, q) == pytest.approx(np.log(12) + 1 / 12 - 1, abs=0.1)  # 1.5682 nats


def test_knn_kl_matches_the_formula_row_by_row() -> None:
    p, q = normal(40, 3, 0), normal(30, 3, 1) + 0.5
    own = np.sort(cdist(p, p), axis=1)[:, 4]  # column 0 is the row itself
    across = np.sort(cdist(p, q), axis=1)[:, 3]
    assert knn_kl(p, q, k=4) == pytest.approx(3 / 40 * np.log(across / own).sum() + np.log(30 / 39), abs=1e-9)


@pytest.mark.parametrize("estimate", [gaussian_kl, knn_kl])
def test_both_estimates_do_not_depend_on_the_unit_of_length(estimate) -> None:
    p, q = normal(200, 3, 0), normal(150, 3, 1, width=1.5)
    assert estimate(64 * p, 64 * q) == pytest.approx(estimate(p, q), abs=1e-9)


def test_knn_kl_has_the_wrong_sign_for_a_selection_that_is_narrower() -> None:
    # true KL: 16 / 2 * (1 / 0.7**2 - 1 + 2 ln 0.7) = 2.6 nats, in the first six components 0.98
    held, pool, selected = normal(1_000, 16, 0), normal(1_000, 16, 1), normal(1_000, 16, 2, width=0.7)
    found = divergences(held, selected, fit_projector(np.concatenate([held, pool])))
    assert found.knn < -0.05
    assert found.gaussian == pytest.approx(2.6, abs=0.6)  # of which 0.3 is noise of the fitted numbers
    assert found.dispersion == pytest.approx(0.49, abs=0.02)
    assert found.knn_dispersion == pytest.approx(0.45, abs=0.05)  # the components favour what is wide in the held-out rows


def test_knn_kl_is_negative_where_the_truth_is_infinite() -> None:
    held, pool = normal(1_000, 6, 0), normal(4_000, 6, 1)
    selected = pool[np.argsort((pool**2).sum(axis=1))[:2_000]]  # the half nearest to the mean: nothing of it lies farther out
    assert knn_kl(held, selected) < -0.1
    assert gaussian_kl(held, selected) > 0.5


def test_knn_kl_of_a_very_narrow_selection_is_positive_and_far_too_small() -> None:
    assert 0.1 < knn_kl(normal(1_000, 6, 0), normal(1_000, 6, 1, width=0.5)) < 0.5  # true: 4.84


def test_repeated_rows_give_a_finite_estimate_and_equal_sets_of_them_cancel() -> None:
    few = np.repeat(normal(5, 3, 0), 20, axis=0)
    assert knn_kl(few, few) == pytest.approx(np.log(100 / 99))
    assert np.isfinite(knn_kl(few, normal(50, 3, 1)))
    assert np.isfinite(knn_kl(normal(50, 3, 1), few))
    same = np.ones((20, 3), dtype=np.float32)
    assert knn_kl(same, same) == pytest.approx(np.log(20 / 19))
    assert gaussian_kl(same, same) == 0


def test_gaussian_kl_by_hand_in_one_dimension() -> None:
    p, q = np.float32([[-1], [1]]), np.float32([[0], [4]])  # variances 2 and 8, means 0 and 2
    assert gaussian_kl(p, q) == pytest.approx(0.5 * (2 / 8 + 4 / 8 - 1 + np.log(4)), rel=1e-4)


def test_gaussian_kl_of_one_law_is_the_noise_of_its_fitted_numbers() -> None:
    found = [gaussian_kl(normal(200, 16, seed), normal(300, 16, 1_000 + seed)) for seed in range(20)]
    assert min(found) > 0
    assert np.mean(found) == pytest.approx(16 * 19 / 4 * (1 / 200 + 1 / 300), rel=0.2)


def test_gaussian_kl_of_flat_sets_is_finite() -> None:
    flat = normal(50, 3, 0) * np.float32([1, 1, 0])
    assert gaussian_kl(flat, flat) == 0
    assert gaussian_kl(flat, normal(50, 3, 1)) > 5
    assert np.isfinite(gaussian_kl(flat, flat + np.float32([0, 0, 1])))


def test_the_projector_keeps_the_directions_of_most_variance() -> None:
    widths = np.array([3.0, 0.1, 2.0, 0.1, 0.1])
    rows = normal(4_000, 5, 0) * widths.astype(np.float32) + 7
    projector = fit_projector(rows)
    assert np.abs(projector.directions @ projector.directions.T - np.eye(5)).max() < 1e-6
    assert np.abs(projector.directions[:2]).argmax(axis=1).tolist() == [0, 2]
    assert projector.explained == pytest.approx(1)
    assert projector(rows, 2).shape == (4_000, 2)
    assert projector(rows, 2).std(axis=0) == pytest.approx([3, 2], rel=0.05)
    assert np.abs(projector(rows, 2).mean(axis=0)).max() < 1e-3
    assert projector(rows, 99).shape == (4_000, 5)


def test_the_projector_says_how_much_it_keeps() -> None:
    projector = fit_projector(normal(20_000, 32, 0))
    assert projector.directions.shape == (GAUSSIAN_DIMENSIONS, 32)
    assert projector.explained == pytest.approx(0.5, abs=0.03)
    assert fit_projector(np.ones((10, 4), dtype=np.float32)).explained == 1


def test_divergences_are_of_the_leading_components() -> None:
    held, selected = normal(300, 20, 0), normal(200, 20, 1) * np.float32(1.2)
    projector = fit_projector(held)
    found = divergences(held, selected, projector)
    assert found.gaussian == pytest.approx(gaussian_kl(projector(held, 16), projector(selected, 16)))
    p, q = projector(held, KNN_DIMENSIONS), projector(selected, KNN_DIMENSIONS)
    assert found.knn == pytest.approx(knn_kl(p, q), abs=1e-5)
    assert found.dispersion == pytest.approx(selected.var(axis=0, ddof=1).sum() / held.var(axis=0, ddof=1).sum(), rel=1e-5)
    assert found.knn_dispersion == pytest.approx(q.var(axis=0, ddof=1).sum() / p.var(axis=0, ddof=1).sum(), rel=1e-5)
    assert np.isnan(divergences(np.ones_like(held), selected, projector).dispersion)


@pytest.mark.parametrize(("m", "n"), [(7, 20), (20, 7)])
def test_seven_pairs_are_too_few(m: int, n: int) -> None:
    with pytest.raises(DataError, match="at least 8 pairs on each side. Got 7"):
        divergences(normal(m, 3, 0), normal(n, 3, 1), fit_projector(normal(20, 3, 2)))


def test_neighbours_need_more_rows_than_there_are_neighbours() -> None:
    with pytest.raises(DataError, match="at least 13 pairs on each side. Got 12"):
        knn_kl(normal(12, 2, 0), normal(20, 2, 1), k=12)
