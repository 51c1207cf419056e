import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.bound import covered_kl, kl_divergence, total_variation


def test_divergences_by_hand() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert kl_divergence(p, q) == pytest.approx(np.log(2))
    assert kl_divergence(q, p) == np.inf
    assert total_variation(p, q) == 0.5
    # q reaches only the cluster where p has half its mass
    assert covered_kl(p, np.array([1.0, 0.0, 0.0])) == 0
    assert np.isnan(covered_kl(p, np.array([0.0, 0.0, 1.0])))


def test_the_covered_part_is_scaled_to_sum_1() -> None:
    p, q = np.array([0.3, 0.1, 0.6]), np.array([0.5, 0.5, 0.0])
    assert covered_kl(p, q) == pytest.approx(0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5))


def test_a_share_next_to_nothing_is_not_an_overflow() -> None:
    p = np.array([0.5, 0.5])
    assert kl_divergence(p, np.array([1.0, 1e-320])) == pytest.approx(0.5 * np.log(0.5) + 0.5 * (np.log(0.5) + 320 * np.log(10)), rel=1e-4)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8))
def test_pinsker_and_the_sign_of_kl(shares: list[tuple[int, int]]) -> None:
    p, q = (np.array(side, float) for side in zip(*shares, strict=True))
    if p.sum() == 0:
        return
    p, q = p / p.sum(), q / q.sum()
    assert kl_divergence(p, q) >= 2 * total_variation(p, q) ** 2 - 1e-12
    assert kl_divergence(p, p) == 0
    assert covered_kl(p, q) == pytest.approx(kl_divergence(p, q), abs=1e-12)
