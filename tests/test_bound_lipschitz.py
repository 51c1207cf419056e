import numpy as np
import pytest

from craft_core.bound import Lipschitz, estimate_lipschitz
from craft_core.errors import DataError


def gaussians(shift: float, m: int, n: int, dimensions: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw from two Gaussians with covariance I: log(dP/dQ) is linear, its weights are the difference of the means."""
    rng = np.random.default_rng(seed)
    means = np.full(dimensions, shift / np.sqrt(dimensions))
    return (rng.normal(size=(m, dimensions)) + means).astype(np.float32), rng.normal(size=(n, dimensions)).astype(np.float32)


def estimate(validation: np.ndarray, selected: np.ndarray, limit: int = 2_000) -> Lipschitz:
    return estimate_lipschitz(validation, selected, np.random.default_rng(1), limit)


@pytest.mark.parametrize("shift", [0.7, 2.0])
@pytest.mark.parametrize(("m", "n"), [(2_000, 2_000), (400, 2_000)])
def test_the_known_weights_of_two_gaussians(shift: float, m: int, n: int) -> None:
    found = estimate(*gaussians(shift, m, n))
    assert found.value == pytest.approx(shift, rel=0.15)
    assert found.rows == 2_000


def test_accuracy_is_that_of_the_best_rule() -> None:
    # the best rule cuts half way: its accuracy is the normal distribution function at shift / 2 = 1
    assert estimate(*gaussians(2.0, 300, 2_000)).accuracy == pytest.approx(0.841, abs=0.03)


def test_equal_laws_cannot_be_told_apart() -> None:
    found = estimate(*gaussians(0.0, 1_500, 1_500, dimensions=30))
    assert found.value < 0.15
    assert found.accuracy == pytest.approx(0.5, abs=0.04)


def test_the_estimate_follows_the_units() -> None:
    validation, selected = gaussians(1.0, 300, 300)
    one, other = estimate(validation, selected), estimate(validation * 10 + 3, selected * 10 + 3)
    assert other.value == pytest.approx(one.value / 10, rel=1e-2)
    assert other.inverse_penalty == pytest.approx(one.inverse_penalty, rel=1e-3)


def test_the_same_seed_gives_the_same_estimate() -> None:
    sides = gaussians(1.0, 300, 400)
    assert estimate(*sides, limit=200) == estimate(*sides, limit=200)


def test_each_side_is_sampled_down_to_the_limit() -> None:
    assert estimate(*gaussians(1.0, 300, 50), limit=100).rows == 100


def test_sets_that_a_line_separates_give_a_finite_number_and_say_so() -> None:
    found = estimate(*gaussians(40.0, 50, 70))
    assert np.isfinite(found.value)
    assert found.accuracy == 1


def test_rows_that_are_all_the_same_have_no_slope() -> None:
    found = estimate(np.ones((8, 3), np.float32), np.ones((9, 3), np.float32))
    assert found.value == 0


def test_few_rows_are_enough_and_fewer_are_refused() -> None:
    validation, selected = gaussians(1.0, 5, 5)
    assert np.isfinite(estimate(validation, selected).value)
    with pytest.raises(DataError, match=r"at least 5 validation and 5 selected pairs\. Got 4 and 5\."):
        estimate(validation[:4], selected)


def test_an_estimate_that_is_only_the_penalty_is_known_as_one() -> None:
    rng = np.random.default_rng(3)
    same = estimate(rng.normal(size=(300, 8)).astype(np.float32), rng.normal(size=(300, 8)).astype(np.float32))
    assert not same.is_told
    assert estimate(*gaussians(1.0, 300, 300)).is_told


def test_few_rows_on_one_side_are_told_apart_by_chance_more_often() -> None:
    assert Lipschitz(1.0, 0.55, 1.0, rows=2_000, fewest=2_000).is_told
    assert not Lipschitz(1.0, 0.55, 1.0, rows=2_000, fewest=60).is_told
    assert estimate(*gaussians(1.0, 300, 50)).fewest == 50
