import numpy as np
import pytest

from craft_core.bound import covered_kl, kl_divergence, share_noise
from craft_core.errors import DataError


def test_the_floor_is_the_mean_kl_of_shares_drawn_from_the_same_law() -> None:
    rng = np.random.default_rng(0)
    p, drawn = rng.dirichlet(np.full(40, 5.0)), 4_000
    counts = rng.multinomial(drawn, p, size=400)
    mean = np.mean([kl_divergence(one / drawn, p) for one in counts])
    floor = share_noise(counts[0], p, rng).floor
    assert floor == 39 / 8_000
    assert mean == pytest.approx(floor, rel=0.05)


def test_with_few_pairs_for_many_clusters_the_floor_reads_too_high() -> None:
    rng = np.random.default_rng(1)
    p, drawn = np.full(1_000, 1e-3), 200
    counts = rng.multinomial(drawn, p, size=50)
    mean = np.mean([kl_divergence(one / drawn, p) for one in counts])
    assert mean <= np.log(1 + 999 / drawn) < share_noise(counts[0], p, rng).floor


def test_resamples_around_the_selected_shares_lie_at_the_floor() -> None:
    counts = np.array([400, 300, 200, 100, 0])
    noise = share_noise(counts, counts / 1_000, np.random.default_rng(2), 4_000)
    # four clusters can be drawn, the floor counts all five
    assert noise.resamples.mean() == pytest.approx(3 / 2_000, rel=0.05)
    assert noise.floor == 4 / 2_000
    assert 0 <= noise.low < noise.resamples.mean() < noise.high


def test_the_band_covers_the_divergence_of_the_law_nine_times_of_ten() -> None:
    rng = np.random.default_rng(3)
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    bands = [share_noise(rng.multinomial(1_000, p), q, rng, 100) for _ in range(300)]
    covered = np.mean([band.low <= kl_divergence(p, q) <= band.high for band in bands])
    assert 0.84 <= covered <= 0.94


def test_resamples_are_sorted_and_the_band_is_their_central_90_percent() -> None:
    noise = share_noise(np.array([5, 3, 2]), np.array([0.2, 0.3, 0.5]), np.random.default_rng(4), 101)
    assert len(noise.resamples) == 101
    assert (np.diff(noise.resamples) >= 0).all()
    assert (noise.low, noise.high) == (noise.resamples[5], noise.resamples[95])
    with pytest.raises(ValueError, match="read-only"):
        noise.resamples[0] = 1


def test_every_resample_is_the_kl_of_its_covered_part() -> None:
    counts, q = np.array([6, 0, 3, 1]), np.array([0.5, 0.25, 0.0, 0.25])
    noise = share_noise(counts, q, np.random.default_rng(5), 50)
    drawn = np.random.default_rng(5).multinomial(10, counts[counts > 0] / 10, size=50)
    rows = np.zeros((50, 4))
    rows[:, counts > 0] = drawn / 10
    assert noise.resamples == pytest.approx(sorted(covered_kl(row, q) for row in rows))


def test_what_q_does_not_reach() -> None:
    rng = np.random.default_rng(6)
    nothing = share_noise(np.array([3, 0]), np.array([0.0, 1.0]), rng)
    assert np.isnan([nothing.low, nothing.high]).all()
    assert len(nothing.resamples) == 0
    # q reaches one pair of two: a quarter of the resamples has none of it
    half = share_noise(np.array([1, 1]), np.array([1.0, 0.0]), rng, 1_000)
    assert 700 < len(half.resamples) < 800
    assert half.high == 0


def test_the_same_seed_gives_the_same_band() -> None:
    counts, q = np.array([5, 3, 2]), np.array([0.2, 0.3, 0.5])
    one, other = (share_noise(counts, q, np.random.default_rng(7)) for _ in range(2))
    assert (one.resamples == other.resamples).all()


def test_no_validation_pair_is_refused() -> None:
    with pytest.raises(DataError, match="at least 1 validation pair"):
        share_noise(np.zeros(3, np.int64), np.full(3, 1 / 3), np.random.default_rng(0))
